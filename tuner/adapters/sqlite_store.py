"""The archive file: opening, migrating, transactions, one builder at a time, faults in words."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import aiosqlite
from filelock import FileLock, Timeout

from tuner.errors import FatalError, UsageError

Row = tuple[Any, ...]
Writer = aiosqlite.Connection

LOCK_PATIENCE = 0.2  # seconds; `is_building` holds the lock for a moment to look


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
            with _in_words(self.path):
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
        with _in_words(self.path):
            return [tuple(row) for row in await self._reader.execute_fetchall(sql, parameters)]

    async def purge(self) -> None:
        """Leave no trace of erased text: merge the word index, empty the write-ahead log, close the gaps."""
        async with self._turn:
            with _in_words(self.path):
                await self._writer.execute("INSERT INTO words (words) VALUES ('optimize')")
                await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[Store]:
    """Open the archive at `path`, made and migrated as needed."""
    async with AsyncExitStack() as stack:
        with _in_words(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path)):
                pass  # what cannot be opened at all fails here: aiosqlite's thread would outlive the event loop
            writer = await stack.enter_async_context(_connected(path))
            await _migrate(writer, path)
            await writer.execute_fetchall("PRAGMA journal_mode = WAL")  # once it is known to be ours
            reader = await stack.enter_async_context(_connected(path))
            await reader.execute("PRAGMA query_only = ON")
        yield Store(path, writer, reader)


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in (
            "synchronous = NORMAL",
            "secure_delete = ON",
            "busy_timeout = 10000",
            "cache_size = -16000",
        ):
            await connection.execute(f"PRAGMA {pragma}")
        yield connection


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
                await connection.execute("ROLLBACK")
                [(now,)] = await connection.execute_fetchall("PRAGMA user_version")
                if now < number:  # otherwise another process took this step at the same moment
                    raise


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "not a database" in text:
            raise UsageError(f"{path} is not a Tuner archive. Set store.path to another file.") from error
        if "full" in text or "disk I/O" in text:
            raise FatalError(
                f"The archive {path} could not be written: {text}. Free some space and run again; "
                "everything stored before is kept."
            ) from error
        if "locked" in text:
            raise FatalError(f"The archive {path} is in use by another program. Try again later.") from error
        if "unable to open" in text or "readonly" in text:
            raise UsageError(f"The archive {path} cannot be opened for writing: {text}.") from error
        raise FatalError(f"The archive {path} failed: {text}.") from error
    except OSError as error:
        raise UsageError(f"The archive {path} cannot be opened: {error.strerror or error}.") from error


def lock_path(path: Path) -> Path:
    """The file whose lock says that somebody builds."""
    return path.with_name(path.name + ".lock")


@contextmanager
def builder_lock(path: Path) -> Iterator[bool]:
    """Hold the right to build from this archive; yields whether it was free.

    The operating system drops the lock with its owner, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_path(path), timeout=LOCK_PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_building(path: Path) -> bool:
    """Whether somebody, in this process or another, holds the right to build from this archive."""
    with builder_lock(path) as free:
        return not free
