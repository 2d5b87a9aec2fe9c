"""The archive file: opening, migrating, transactions, one builder at a time, faults in words."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import aiosqlite

from tuner.adapters.places import OWNER_ONLY, LockFileError, locked, make_folder
from tuner.adapters.sqlite_faults import ClosedError, NoRoomError, in_words
from tuner.errors import FatalError, UsageError

Row = tuple[Any, ...]
Writer = aiosqlite.Connection

LOCK_PATIENCE = 0.2  # seconds; `is_building` holds the lock for a moment to look
BUSY_PATIENCE = 10.0  # seconds that others are waited for who read or write the archive
PURGE_TRIES = 10  # in that time


class Store:
    """An open archive: one connection that writes, in turn, and one that reads beside it (WAL)."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """All or nothing; other writers of this process wait their turn."""
        async with self._turn:
            with in_words(self.path):
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    await self._writer.execute("COMMIT")
                except BaseException:
                    # What was cancelled is still executed by the connection's thread, before this. So there is
                    # something to roll back even if BEGIN was cancelled, and nothing if COMMIT was.
                    with suppress(sqlite3.OperationalError):
                        await self._writer.execute("ROLLBACK")
                    raise

    async def fetch(self, sql: str, parameters: Iterable[Any] = ()) -> list[Row]:
        """Rows of a query on committed data."""
        with in_words(self.path):
            return [tuple(row) for row in await self._reader.execute_fetchall(sql, parameters)]

    async def purge(self) -> None:
        """Leave no trace of erased text: merge the word index, empty the write-ahead log, close the gaps.

        Raises FatalError when another program reads for so long that the log cannot be emptied: then nothing is
        claimed. Others of this process get their turn between the tries.
        """
        async with self._turn:
            with in_words(self.path):
                await self._writer.execute("INSERT INTO words (words) VALUES ('optimize')")
        await self._empty_log()

    async def rewrite(self) -> None:
        """Write the file anew: where SQLite moved rows from one page to another, copies of them stay behind in the
        old one, which `purge` does not reach. Takes as long as copying the file.
        """
        async with self._turn:
            with in_words(self.path):
                await self._writer.execute("VACUUM")
        await self._empty_log()

    async def _empty_log(self) -> None:
        for _ in range(PURGE_TRIES):
            async with self._turn:
                with in_words(self.path):
                    if await self._emptied():
                        return
        raise FatalError(
            f"Erased words are still in the file of the archive {self.path}, or in its log: another program is reading "
            "it. Close what has it open (a database browser, a backup, another Tuner) and run the same command again. "
            "The archive remembers what has to go."
        )

    async def _emptied(self) -> bool:
        """Whether all of the log is in the file and the log is empty; waits for a part of the patience."""
        await self._writer.execute(_busy_timeout(BUSY_PATIENCE / PURGE_TRIES))
        try:
            [(busy, _, _)] = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await self._writer.execute(_busy_timeout(BUSY_PATIENCE))
        return not busy


def _busy_timeout(seconds: float) -> str:
    return f"PRAGMA busy_timeout = {round(seconds * 1000)}"


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[Store]:
    """Open the archive at `path`, made and migrated as needed."""
    async with AsyncExitStack() as stack:
        with in_words(path):
            refuse_what_is_no_file(path)
            make_folder(path.parent)
            _touch(path)
            with closing(sqlite3.connect(path)):
                pass  # what cannot be opened at all fails here: aiosqlite's thread would outlive the event loop
            writer = await stack.enter_async_context(_connected(path))
            await _migrate(writer, path)
            await writer.execute_fetchall("PRAGMA journal_mode = WAL")  # once it is known to be ours
            reader = await stack.enter_async_context(_connected(path))
            await reader.execute("PRAGMA query_only = ON")
        yield Store(path, writer, reader)


@asynccontextmanager
async def open_to_look(path: Path) -> AsyncIterator[Store]:
    """The archive for commands that change nothing: where it cannot be written, a copy of it for as long as that takes.

    A copy, because SQLite wants to write beside an archive even to read it, and because an older one is migrated.
    """
    with in_words(path):
        refuse_what_is_no_file(path)
    if _is_empty(path):
        raise UsageError(
            f"The archive {path} is empty: nothing was stored yet, or a disk has lost it. Put back a copy, if there "
            "was more in it, or run build-dataset."
        )
    async with AsyncExitStack() as stack:
        store: Store | None = None
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            with suppress(ClosedError, NoRoomError):
                store = await stack.enter_async_context(open_store(path))
        if store is None:
            store = await stack.enter_async_context(_copied(path))
        yield store


def refuse_what_is_no_file(path: Path) -> None:
    """Raise UsageError for a pipe or a device: SQLite would wait for it, or lose in it what it writes."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(
            f"{path} is no ordinary file, so it can be no archive. Set store.path to another place."
        )


def _is_empty(path: Path) -> bool:
    """Whether there is not even an archive without messages, nor a log of what was to go into it."""
    log = path.with_name(path.name + "-wal")
    return path.is_file() and not path.stat().st_size and not (log.is_file() and log.stat().st_size)


@asynccontextmanager
async def _copied(path: Path) -> AsyncIterator[Store]:
    """A copy of an archive, on the disk for what is needed for a moment only."""
    with tempfile.TemporaryDirectory(prefix="tuner-") as private:
        copy = Path(private) / "tuner.db"
        with in_words(path):
            await asyncio.to_thread(_copy, path, copy)
        async with open_store(copy) as store:
            yield store


def _copy(path: Path, copy: Path) -> None:
    """Copy an archive that can only be read, what its log holds included."""
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.OperationalError:  # its log cannot be read in place: SQLite reads it beside the copy
        copy.unlink(missing_ok=True)
        shutil.copyfile(path, copy)
        log = path.with_name(path.name + "-wal")
        if log.is_file():
            shutil.copyfile(log, copy.with_name(copy.name + "-wal"))


def _touch(path: Path) -> None:
    """A new archive is for its owner only, and so are the files that SQLite makes beside it."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in (
            "synchronous = NORMAL",
            "secure_delete = ON",
            "cache_size = -16000",
        ):
            await connection.execute(f"PRAGMA {pragma}")
        await connection.execute(_busy_timeout(BUSY_PATIENCE))
        connection.text_factory = _text
        yield connection


def _text(stored: bytes) -> str:
    """Text that a bad disk or another program made unreadable costs its letters, not the run."""
    return stored.decode("utf-8", "replace")


def migrations() -> list[tuple[int, str]]:
    """The numbered SQL files, in order."""
    folder = resources.files("tuner.adapters") / "migrations"
    found = ((re.match(r"(\d{4})_\w+\.sql$", item.name), item) for item in folder.iterdir())
    return sorted((int(match[1]), item.read_text(encoding="utf-8")) for match, item in found if match)


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Bring the schema up to date, one transaction a step; refuse what a newer version wrote."""
    steps = migrations()
    newest = steps[-1][0]
    [(version,)] = await connection.execute_fetchall("PRAGMA user_version")
    if version > newest:
        raise FatalError(
            f"The archive {path} was written by a newer version of Tuner (its format is {version}, this "
            f"version knows {newest}). Update Tuner, or set store.path to another file."
        )
    if version == 0 and await connection.execute_fetchall("SELECT 1 FROM sqlite_master LIMIT 1"):
        raise UsageError(f"{path} is a database of some other program. Set store.path to another file.")
    for number, sql in steps:
        if number > version:
            try:
                await connection.executescript(f"BEGIN;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
            except sqlite3.OperationalError:
                with suppress(sqlite3.OperationalError):  # a full disk has rolled back by itself
                    await connection.execute("ROLLBACK")
                [(now,)] = await connection.execute_fetchall("PRAGMA user_version")
                if now < number:  # otherwise another process took this step at the same moment
                    raise


def lock_path(path: Path) -> Path:
    """The file whose lock says that somebody builds."""
    return path.with_name(path.name + ".lock")


@contextmanager
def builder_lock(path: Path) -> Iterator[bool]:
    """Hold the right to build from this archive; yields whether it was free.

    The operating system drops the lock with its owner, however that ends.
    """
    lock = lock_path(path)
    try:
        make_folder(path.parent)
        with locked(lock, LOCK_PATIENCE, remove=True) as free:
            yield free
    except LockFileError as error:
        raise UsageError(
            f"The archive {path} cannot be locked: its lock file {lock} cannot be used ({error.strerror}). "
            "Remove it, or see to it that you may write it."
        ) from error


def is_building(path: Path) -> bool:
    """Whether somebody, in this process or another, holds the right to build from this archive.

    Where that cannot be found out, a lock file that is there counts as held; on a read-only disk nobody builds.
    """
    if not os.path.lexists(lock_path(path)):
        return False
    try:
        with builder_lock(path) as free:
            return not free
    except UsageError as error:
        cause = error.__cause__
        return lock_path(path).is_file() and not (isinstance(cause, OSError) and cause.errno == errno.EROFS)
