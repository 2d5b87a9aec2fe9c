"""The archive file: who may read it, and what is said when it is full, damaged, in use or closed to us."""

import asyncio
import os
import resource
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tuner.adapters import sqlite_store
from tuner.adapters.sqlite_check import check_archive
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import builder_lock, is_building, lock_path, open_store, open_to_look
from tuner.errors import FatalError, UsageError
from tuner.models import Channel, Message
from tuner.people.intake import Page
from tuner.ranges import Range

CHANNEL = Channel(9, "general")
SECRET = "zanzibarquartz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / "tuner.db"


def fill(path: Path, count: int = 20) -> None:
    async def keep() -> None:
        async with open_store(path) as store:
            history = History(store)
            await history.save_channel(CHANNEL)
            messages = tuple(
                Message(i + 1, 9, 101, "Ann", f"{SECRET} {i} " + "x" * 200) for i in range(count)
            )
            await history.store_page(9, Page(messages, {101: "Ann"}), Range(1, count))

    asyncio.run(keep())


async def texts(path: Path) -> list[str | None]:
    async with open_store(path) as store:
        return [m.text async for batch in History(store).messages(9) for m in batch]


async def test_all_files_are_for_their_owner_only(path: Path) -> None:
    async with open_store(path) as store:
        await History(store).save_channel(CHANNEL)
        with builder_lock(path):
            files = list(path.parent.iterdir())
            assert {file.name for file in files} >= {"tuner.db", "tuner.db-wal", "tuner.db.lock"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


# -- erasing ---------------------------------------------------------------------------


@contextmanager
def reader(path: Path) -> Iterator[None]:
    """Another program that has begun to read and does not end."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM messages").fetchone()
        yield
        other.execute("COMMIT")


def on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob("tuner.db*"))


async def test_what_could_not_be_erased_is_not_claimed_and_remembered(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "BUSY_PATIENCE", 0.1)
    await asyncio.to_thread(fill, path)
    async with open_store(path) as store:
        history = History(store)
        audience = await history.audience([])
        with reader(path):
            with pytest.raises(
                FatalError, match=r"still in the file .* another program is reading it\. Close"
            ):
                await history.forget([101], audience)
            assert SECRET.encode() in on_disk(path)
            assert await store.fetch("SELECT 1 FROM meta WHERE key = 'traces'")
        await history.forget([101], audience)
        assert SECRET.encode() not in on_disk(path)
        assert not await store.fetch("SELECT 1 FROM meta WHERE key = 'traces'")


async def test_a_reader_that_ends_in_time_is_waited_for(path: Path) -> None:
    await asyncio.to_thread(fill, path)
    async with open_store(path) as store:
        history = History(store)
        audience = await history.audience([])
        with reader(path):
            forgetting = asyncio.create_task(history.forget([101], audience))
            while not await store.fetch("SELECT 1 FROM meta WHERE key = 'traces'"):
                await asyncio.sleep(0.01)
        assert await forgetting == 20
    assert SECRET.encode() not in on_disk(path)


async def test_others_get_their_turn_while_a_reader_is_waited_for(path: Path) -> None:
    await asyncio.to_thread(fill, path)
    async with open_store(path) as store:
        history = History(store)
        await history.erase([1])
        with reader(path):
            purging = asyncio.create_task(history.purge())
            await history.save_channel(Channel(10, "other"))
            assert not purging.done()
        await purging


# -- faults in words -------------------------------------------------------------------


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 4096, 8192, 20_000, 60_000])
async def test_a_disk_that_is_full_while_the_archive_is_made(path: Path, limit: int) -> None:
    with full_disk(limit), pytest.raises(FatalError) as raised:
        async with open_store(path):
            pytest.fail("there was no room")
    assert "could not be written" in str(raised.value) and "Free some space" in str(raised.value)
    assert await texts(path) == []


async def test_another_program_that_writes_while_the_archive_is_migrated(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "BUSY_PATIENCE", 0.1)
    await asyncio.to_thread(fill, path)
    later = [*sqlite_store.migrations(), (1000, "CREATE TABLE later (id INTEGER);")]
    monkeypatch.setattr(sqlite_store, "migrations", lambda: later)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(FatalError, match="is in use by another program"):
            async with open_store(path):
                pytest.fail("it is written to")
        other.execute("ROLLBACK")
    assert len(await texts(path)) == 20


@pytest.mark.parametrize("page", [2, 3, 5, 8])
async def test_a_damaged_archive_names_the_way_out(path: Path, page: int) -> None:
    await asyncio.to_thread(fill, path, 500)
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with pytest.raises(FatalError) as raised:
        async with open_store(path) as store:
            history = History(store)
            await history.channels()
            await history.reach()
            async for _ in history.messages(9):
                pass
            await history.search(9, SECRET, 1 << 62, 10)
            await history.erase(list(range(500)))
            await store.fetch("PRAGMA integrity_check")
            await store.fetch("SELECT * FROM runs, meta, authors, opt_outs, decisions, cursors")
            pytest.skip("that page is needed for nothing")
    assert f"{path} is damaged" in str(raised.value)
    assert ".recover" in str(raised.value) and "build again" in str(raised.value)


def zeros(start: int, end: int) -> Callable[[bytes], bytes]:
    return lambda held: held[:start] + bytes(end - start) + held[end:]


@pytest.mark.parametrize(
    "damage",
    [
        zeros(0, 16),  # the header's first words
        zeros(0, 100),
        zeros(0, 4096),
        zeros(100, 4096),  # the list of tables
        lambda held: held[:10],
        lambda held: held[:50],
        lambda held: held[:3000],
        lambda held: held[: len(held) // 2],
        lambda held: bytes(len(held)),
        lambda held: held[:16] + b"\x00\x03" + held[18:],  # a size of pages that there is not
        lambda held: held[:44] + b"\x00\x00\x00\x09" + held[48:],  # a format that there is not
    ],
)
async def test_a_damaged_beginning_names_the_way_out_wherever_it_is_opened(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    await asyncio.to_thread(fill, path, 500)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(damaged := damage(path.read_bytes()))
    for opened in (open_store, open_to_look):
        with pytest.raises(FatalError) as raised:
            async with opened(path) as store:
                await store.fetch("SELECT * FROM messages")
        assert f"sqlite3 {path} .recover" in str(raised.value) and "build again" in str(raised.value)
        assert path.read_bytes() == damaged
    found = check_archive(path)
    assert found.state == "bad" and f"sqlite3 {path} .recover" in found.todo
    assert path.read_bytes() == damaged


async def test_where_sqlite_cannot_write_beside_an_archive_a_copy_is_looked_at(path: Path) -> None:
    """As on a full disk: reading takes a file of its own there."""
    await asyncio.to_thread(fill, path, 5)
    path.with_name(path.name + "-wal").mkdir()
    with pytest.raises(FatalError):
        async with open_store(path):
            pytest.fail("it needs that file")
    async with open_to_look(path) as store:
        assert len(await store.fetch("SELECT content FROM messages")) == 5
        assert store.path != path


async def test_a_disk_without_room_for_anything_is_named(path: Path) -> None:
    await asyncio.to_thread(fill, path, 5)
    with full_disk(0), pytest.raises(FatalError, match=r"tuner\.db could not be written: .* Free some space"):
        async with open_to_look(path):
            pytest.fail("there was no room")
    assert len(await texts(path)) == 5


async def test_text_that_is_no_utf_8_costs_its_letters_only(path: Path) -> None:
    await asyncio.to_thread(fill, path, 2)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE messages SET content = CAST(x'41ff42' AS TEXT) WHERE id = 1")
        other.execute("UPDATE authors SET name = CAST(x'ff' AS TEXT)")
        other.execute("UPDATE channels SET name = CAST(x'ff' AS TEXT)")
        other.commit()
    assert (await texts(path))[0] == "A\ufffdB"
    async with open_store(path) as store:
        assert [c.name for c in await History(store).channels()] == ["\ufffd"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "file/below/tuner.db", "."])
async def test_a_path_that_cannot_be_an_archive(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be opened"):
        async with open_store(Path(name)):
            pytest.fail("no such file can be")


async def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    """Nobody waits for somebody to write into it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for opened in (open_store, open_to_look):
        with pytest.raises(UsageError, match="pipe is no ordinary file, so it can be no archive"):
            async with opened(pipe):
                pytest.fail("a pipe")
    assert check_archive(pipe).state == "bad"
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


# -- the lock --------------------------------------------------------------------------


def test_a_lock_goes_with_who_holds_it_and_one_left_by_a_kill_with_the_next(path: Path) -> None:
    lock = lock_path(path)
    assert not is_building(path) and not path.parent.exists()
    lock.parent.mkdir(parents=True)
    lock.touch()
    with builder_lock(path) as free:
        assert free and is_building(path) and lock.exists()
        with builder_lock(path) as twice:
            assert not twice
        assert lock.exists()
    assert not lock.exists() and not is_building(path)
    assert not lock.exists()


def test_a_lock_file_that_cannot_be_used(path: Path) -> None:
    lock_path(path).mkdir(parents=True)
    with (
        pytest.raises(UsageError, match=r"its lock file .*tuner\.db\.lock cannot be used"),
        builder_lock(path),
    ):
        pytest.fail("a folder")
    assert not is_building(path)
    lock_path(path).rmdir()
    lock_path(path).symlink_to(sys.executable)
    with pytest.raises(UsageError, match="cannot be used"), builder_lock(path):
        pytest.fail("a link")
