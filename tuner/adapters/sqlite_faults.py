"""What SQLite complains of, in words: what is wrong with the archive, and the way out. Never a word of the chat."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import FatalError, UsageError

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CLOSED_TO_US = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)


class NoRoomError(FatalError):
    """The disk is full, or fails: what is stored can still be read, perhaps."""


class ClosedError(UsageError):
    """The archive, or what SQLite makes beside it, may not be opened for writing."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Faults of the archive at `path`, in a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise _in_words(path, error) from None  # its own words may be a row's
    except (OSError, ValueError) as error:  # a ValueError: no file has such a name
        why = (error.strerror if isinstance(error, OSError) else None) or error
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_room(path, str(why)) from error
        raise UsageError(f"The archive {path} cannot be opened: {why}.") from error


def in_use(path: Path) -> FatalError:
    return FatalError(
        f"The archive {path} is in use by another program. Close what has it open (a database browser, a backup, "
        "another Tuner), and run again."
    )


def _in_words(path: Path, error: sqlite3.Error) -> FatalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more exactly where
    text = str(error)
    if code == sqlite3.SQLITE_NOTADB:
        return UsageError(
            f"{path} is not a Tuner archive: set store.path to another file. Or it is one whose beginning is damaged. "
            f"{way_out(path)}"
        )
    if code == sqlite3.SQLITE_CORRUPT or "UTF-8" in text:
        return _damaged(path)
    if code in _FULL:
        return _no_room(path, text)
    if code in _IN_USE:
        return in_use(path)
    if code in _CLOSED_TO_US:
        return ClosedError(f"The archive {path} cannot be opened for writing: {text}.")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    what = (
        text if code == sqlite3.SQLITE_CONSTRAINT else name
    )  # other texts may quote what was searched for or read
    return FatalError(
        f"The archive {path} failed: {what}. If that happens again, it may be damaged. {way_out(path)}"
    )


def _damaged(path: Path) -> FatalError:
    return FatalError(f"The archive {path} is damaged. {way_out(path)}")


def _no_room(path: Path, why: str) -> FatalError:
    return NoRoomError(
        f"The archive {path} could not be written: {why}. Free some space and run again; "
        "everything stored before is kept."
    )


def way_out(path: Path) -> str:
    """What can be done about a damaged archive."""
    return (
        f"Put back a copy of it, or save what can be read, with SQLite's own program: sqlite3 {path} .recover | "
        "sqlite3 recovered.db, and set store.path to recovered.db. Or move it away and build again: then everything is "
        "read again."
    )
