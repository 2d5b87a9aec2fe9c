"""All files of a build take their places at once: written beside, noted in a journal, then renamed.

The rename of the journal is the act that decides. A process that dies before it leaves the old files, one that
dies after it has them finished by the next that opens, reads or checks the output: never a pair of different age.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tuner.adapters.places import LockFileError, create, is_own_file, locked, make_folder
from tuner.errors import FatalError, UsageError

SQLITE = b"SQLite format 3\0"  # how an archive begins
LOCK_PATIENCE = 0.2  # seconds
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO)  # whatever place is named
ALL = "transcripts"  # stands for every file of a folder
TRANSCRIPT = r"[\w-]+-\d+\.txt"  # how these files are called


class File:
    """A file that is being written. Its faults are in words that name `path`, the place it is meant for."""

    def __init__(self, path: Path, part: Path, stream: IO[bytes]) -> None:
        self.path = path
        self.part = part
        self._stream = stream

    def write(self, data: bytes) -> None:
        with in_words(self.path):
            self._stream.write(data)

    async def end(self) -> None:
        """All is written: it has to be on the disk before it may take its place."""
        if not self._stream.closed:
            with in_words(self.path):
                await asyncio.to_thread(_to_disk, self._stream)
                self._stream.close()

    def discard(self) -> None:
        """Close it; where it still lies beside its place, it vanishes."""
        with suppress(OSError):  # what cannot be flushed is not wanted any more
            self._stream.close()
        with suppress(OSError):
            self.part.unlink()


@dataclass(frozen=True, slots=True)
class Move:
    """A file takes its place; what was there before is kept under another name, or gone (None)."""

    part: Path
    place: Path
    keep: Path | None = None


class Switch:
    """Files to write that take their places together. `reads` are files that no output may overwrite."""

    def __init__(self, reads: Iterable[Path], locks: ExitStack) -> None:
        self._reads = identities(reads)
        self._locks = locks
        self._token = secrets.token_hex(4)
        self._files: dict[Path, File] = {}
        self._claimed: list[Path] = []
        self._gone: list[Path] = []

    def open(self, path: Path) -> File:
        """A file to write for this place. Raises FatalError where nothing may or can be written."""
        if path in self._files:
            raise UsageError(f"{path} is meant for two files of the same run. Choose two places.")
        self.claim(path)
        with in_words(path, opening=True):
            part = path.with_name(f".{path.name}.{self._token}.part")
            file = self._files[path] = File(path, part, create(part))
            return file

    def open_in(self, folder: Path, name: str) -> File:
        """A file of a folder that is claimed as a whole: it may get a thousand of them."""
        self.claim(folder / ALL)
        self._claimed.append(folder / name)
        return self.open(folder / name)

    def claim(self, path: Path) -> None:
        """Keep others from writing here until this ends, and finish or clear what a killed run left."""
        named = path.parent if path.name == ALL else path
        with in_words(named, opening=True):
            if path.name != ALL:
                refuse(path, self._reads)
            if path in self._claimed:
                return
            make_folder(path.parent)
            if path.parent not in {claimed.parent for claimed in self._claimed}:
                _take_over(path.parent)
            if not self._locks.enter_context(_claimed(path)):
                raise FatalError(
                    f"{named} is being written by another run. Wait until that is done, or choose another place."
                )
            self._claimed.append(path)
            _complete(_beside(path, "switch"))
            _clear(path)

    def drop(self, path: Path) -> None:
        """This file is not wanted: what is at its place stays."""
        self._files.pop(path).discard()

    def remove(self, path: Path) -> None:
        """This file goes when the others take their places."""
        self._gone.append(path)

    async def commit(self, keep: Mapping[Path, Path] | None = None, gone: Sequence[Path] = ()) -> None:
        """Have all files take their places. `keep` names where what is replaced goes, `gone` what is removed."""
        going = [*gone, *self._gone]
        if not self._files and not going:
            return
        for file in self._files.values():
            await file.end()
        moves = [Move(file.part, path, (keep or {}).get(path)) for path, file in self._files.items()]
        first = self._claimed[0]
        with in_words(next(iter(self._files), first)):
            await asyncio.to_thread(_switch, _beside(first, "switch"), moves, going)

    def close(self) -> None:
        for file in self._files.values():
            file.discard()


@asynccontextmanager
async def switching(reads: Iterable[Path] = ()) -> AsyncIterator[Switch]:
    """Files to write together; those that were not committed when the block ends vanish."""
    with ExitStack() as locks:
        switch = Switch(reads, locks)
        try:
            yield switch
        finally:
            switch.close()


@asynccontextmanager
async def replacing(path: Path, reads: Iterable[Path] = ()) -> AsyncIterator[File]:
    """A file to write; it takes the place of `path` when the block ends well, and vanishes otherwise."""
    async with switching(reads) as switch:
        yield switch.open(path)
        await switch.commit()


def finish_switches(folder: Path) -> None:
    """Before files there are read: finish what killed runs left half done, where nobody is at it."""
    with suppress(OSError):  # who may only read leaves it to the next run
        for journal in [path for path in folder.iterdir() if path.name.endswith(".switch")]:
            with locked(journal.with_suffix(".lock"), LOCK_PATIENCE, remove=True) as free:
                if free:
                    _complete(journal)


def refuse(path: Path, reads: Iterable[tuple[int, int]] = ()) -> None:
    """Raise where writing would destroy what is no output: a link, a device, an archive, something that is read."""
    if path.name in ("", "..") or path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise UsageError(
            f"{path} is a link, which is not followed. Name the file itself, or remove the link."
        )
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is no ordinary file, so nothing is written there. Choose another place.")
    if (found.st_dev, found.st_ino) in reads:
        raise UsageError(f"{path} is read by this command and would be overwritten. Choose another place.")
    if _begins_like_an_archive(path):
        raise UsageError(
            f"{path} is an archive or another database, which would be lost. Choose another place."
        )


@contextmanager
def in_words(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Faults of writing for this place, in a sentence. `opening`: nothing is written yet, the place may be wrong."""
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError: no file has such a name
        why = (error.strerror if isinstance(error, OSError) else None) or error
        kind = UsageError if opening and getattr(error, "errno", None) not in NO_ROOM else FatalError
        raise kind(
            f"{path} could not be written: {why}. What was there before is untouched, and the "
            "archive keeps what was read and decided; make room or choose another place, and run again."
        ) from error


def _begins_like_an_archive(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(SQLITE)) == SQLITE


def identities(paths: Iterable[Path]) -> frozenset[tuple[int, int]]:
    """The files there, whatever they are called."""
    return frozenset(found for path in paths if (found := _identity(path)))


def _identity(path: Path) -> tuple[int, int] | None:
    """What is at a path, whatever it is called and whichever links lead there."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f".{path.name}.{what}")


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    lock = _beside(path, "lock")
    try:
        with locked(lock, LOCK_PATIENCE, remove=True) as free:
            yield free
    except LockFileError as error:
        if not os.path.lexists(lock):  # then it is the folder that cannot be written
            raise OSError(error.errno, error.strerror) from error
        raise UsageError(
            f"{path} could not be written: its lock file {lock} cannot be used: {error.strerror}. Remove that file."
        ) from error


def _take_over(folder: Path) -> None:
    """Finish or clear what killed runs left in a folder, also for places that are not wanted this time."""
    for lock in [found for found in folder.iterdir() if re.fullmatch(r"\..+\.lock", found.name)]:
        path = folder / lock.name[1 : -len(".lock")]
        ours = path.name == ALL or _left(path) or _beside(path, "switch").exists()
        if ours and is_own_file(lock):
            with suppress(OSError), locked(lock, 0, remove=True) as free:
                if free:
                    _complete(_beside(path, "switch"))
                    _clear(path)


def _clear(path: Path) -> None:
    """Remove what killed runs left beside a place, or in a folder that is claimed as a whole."""
    for found in _left(path):
        with suppress(OSError):
            found.unlink()


def _left(path: Path) -> list[Path]:
    name = TRANSCRIPT if path.name == ALL else re.escape(path.name)
    left = re.compile(rf"\.{name}\.((switch|[0-9a-f]{{8}})\.)?part")
    return [found for found in path.parent.iterdir() if left.fullmatch(found.name)]


def _to_disk(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _switch(journal: Path, moves: Sequence[Move], gone: Sequence[Path]) -> None:
    def from_here(path: Path) -> str:
        return os.path.relpath(path, journal.parent)

    noted = {
        "moves": [
            {"part": from_here(m.part), "place": from_here(m.place), "keep": m.keep and from_here(m.keep)}
            for m in moves
        ],
        "gone": [from_here(path) for path in gone],
    }
    for move in moves:
        move.part.lstat()  # an OSError when somebody took it away
    draft = journal.with_name(f"{journal.name}.part")
    with suppress(FileNotFoundError):
        draft.unlink()
    with create(draft) as stream:
        stream.write(json.dumps(noted).encode())
        _to_disk(stream)
    draft.replace(journal)
    _folder_to_disk(journal.parent)
    _complete(journal)


def _complete(journal: Path) -> None:
    """Do what a journal says, as far as it is not done; any number of times. A journal of others is no journal."""
    if not is_own_file(journal):
        return
    noted = _noted(journal)
    for item in noted.get("moves", ()):
        keep = journal.parent / item["keep"] if item["keep"] else None
        _move(Move(journal.parent / item["part"], journal.parent / item["place"], keep))
    for folder in {(journal.parent / item["place"]).parent for item in noted.get("moves", ())}:
        _folder_to_disk(folder)
    for name in noted.get("gone", ()):
        with suppress(OSError):
            (journal.parent / name).unlink()
    journal.unlink()


def _noted(journal: Path) -> dict[str, Any]:
    try:
        noted = json.loads(journal.read_bytes())
    except ValueError:  # a disk lost its end: nothing of it was done yet
        return {}
    return noted if isinstance(noted, dict) else {}


def _move(move: Move) -> None:
    if not move.part.exists():
        return  # done before
    if move.keep and not move.keep.exists() and move.place.exists():
        try:
            move.keep.hardlink_to(move.place)  # so that a reader finds one or the other at every moment
        except OSError:
            move.place.replace(move.keep)
    move.part.replace(move.place)


def _folder_to_disk(folder: Path) -> None:
    """Have renames survive a loss of power, where folders can be opened for that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
