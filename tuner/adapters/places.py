"""Files and folders that hold people's words: for their owner only, and each written by one run at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

OWNER_ONLY = 0o600
OWNERS_FOLDER = 0o700

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class LockFileError(OSError):
    """A lock file that cannot be opened: a folder, a link, somebody else's, or on a read-only disk."""


def make_folder(path: Path) -> None:
    """The folder and those above it; what is new is for its owner only."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            with suppress(FileExistsError):  # somebody else made it in this moment
                folder.mkdir(mode=OWNERS_FOLDER)


def create(path: Path) -> IO[bytes]:
    """A new file to write, for its owner only. A FileExistsError where there is one, or a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, OWNER_ONLY), "wb")


def is_own_file(path: Path) -> bool:
    """Whether this is an ordinary file, no link, that belongs to whoever runs this."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and (not hasattr(os, "geteuid") or found.st_uid == os.geteuid())


@contextmanager
def locked(path: Path, patience: float, *, remove: bool = False) -> Iterator[bool]:
    """Hold the lock file at `path`; yields whether it was free. `remove`: it goes with the lock.

    The operating system drops the lock with its owner, however that ends. A LockFileError when it cannot be used.
    """
    lock = FileLock(path, timeout=patience, mode=OWNER_ONLY)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise LockFileError(error.errno, error.strerror or str(error), str(path)) from error
    try:
        yield True
    finally:
        if remove:
            with suppress(OSError):  # whoever opened it meanwhile sees that it is gone, and makes a new one
                path.unlink()
        lock.release()
