"""The archive: schema, what wins when a message comes again, pages, search, who may be used, runs, the lock."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.export_files import at
from tuner.adapters.sqlite_history import AudienceChange, History
from tuner.adapters.sqlite_runs import Decisions, Runs
from tuner.adapters.sqlite_store import Store, builder_lock, migrations, open_store
from tuner.errors import FatalError, UsageError
from tuner.models import Channel, Extras, Message
from tuner.people.audience import Audience
from tuner.people.intake import Page
from tuner.ranges import Range

CHANNEL, OTHER = 7, 8
ANN, BEN, OZ, DICE = 101, 102, 201, 301
NAMES = {ANN: "Ann", BEN: "Ben", OZ: "Oz"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep/er/tuner.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with open_store(path) as store:
        yield store


@pytest.fixture
async def history(store: Store) -> History:
    return History(store)


def message(
    seconds: float, text: str | None = "hello", speaker: int = ANN, channel: int = CHANNEL
) -> Message:
    return Message(at(seconds), channel, speaker, NAMES.get(speaker, ""), text)


def stub(seconds: float) -> Message:
    return Message(at(seconds), CHANNEL, -5)


async def keep(history: History, *messages: Message, covered: Range | None = None) -> int:
    names = {m.speaker: m.name for m in messages if m.speaker > 0}
    return await history.store_page(messages[0].channel_id, Page(messages, names, frozenset({DICE})), covered)


async def stored(history: History, channel: int = CHANNEL, batch: int = 500) -> list[Message]:
    return [m async for found in history.messages(channel, batch=batch) for m in found]


# -- the file ----------------------------------------------------------------------


async def test_a_new_archive_has_every_migration(path: Path) -> None:
    async with open_store(path) as store:
        assert await store.fetch("PRAGMA user_version") == [(migrations()[-1][0],)]
        assert await store.fetch("PRAGMA journal_mode") == [("wal",)]
    async with open_store(path) as store:
        assert await History(store).reach() == []


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


async def test_an_archive_from_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    async with open_store(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")
    before = path.read_bytes()
    with pytest.raises(FatalError, match=r"newer version of Tuner \(its format is 9999") as refused:
        async with open_store(path):
            pass
    assert refused.value.exit_code == 1
    assert path.read_bytes() == before


async def test_other_files_are_refused_and_untouched(tmp_path: Path) -> None:
    text, database, folder = tmp_path / "notes.txt", tmp_path / "other.db", tmp_path / "folder"
    text.write_text("these are no bytes of a database\n" * 50)
    folder.mkdir()
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE other (x)")
    for file, why in (
        (text, "is not a Tuner archive"),
        (database, "of some other program"),
        (folder, "cannot be opened"),
    ):
        before = file.read_bytes() if file.is_file() else b""
        with pytest.raises(UsageError, match=why):
            async with open_store(file):
                pass
        assert (file.read_bytes() if file.is_file() else b"") == before


async def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be opened"):
        async with open_store(tmp_path / "file/tuner.db"):
            pass


async def test_the_reader_does_not_write(store: Store) -> None:
    with pytest.raises(FatalError, match=r"readonly|cannot be opened|failed"):
        await store.fetch("DELETE FROM channels")


# -- messages ----------------------------------------------------------------------


async def test_a_message_comes_back_as_it_was(history: History) -> None:
    extras = Extras(((BEN, "Ben"), (-9, "")), ("cat.png",), ("Wave",), "tea?", forwarded=True)
    kept = replace(message(2, "héllo\0"), reply_to=at(1), edited_ms=77, extras=extras)
    await history.store_page(CHANNEL, Page((kept, stub(1)), {ANN: "Ann", BEN: "Ben"}), None)
    assert await stored(history) == [replace(stub(1), last_reply=at(2)), kept]
    assert await history.by_id([at(2), at(99)]) == [kept]


async def test_batches_do_not_matter(history: History) -> None:
    page = [message(i, str(i)) for i in range(20)]
    await keep(history, *reversed(page))
    await keep(history, message(3.5, channel=OTHER))
    for size in (1, 7, 20, 500):
        assert await stored(history, batch=size) == page
    window = [m async for batch in history.messages(CHANNEL, at(5), at(9), 2) for m in batch]
    assert window == page[5:10]


async def test_a_speaker_has_their_newest_name(history: History) -> None:
    await keep(history, message(1))
    await history.store_page(CHANNEL, Page((), {ANN: "Annie"}), None)
    assert [m.name for m in await stored(history)] == ["Annie"]


async def test_only_new_messages_count(history: History) -> None:
    assert await keep(history, message(1), message(2)) == 2
    assert await keep(history, message(2), message(3), message(3)) == 1
    assert await history.known([at(1), at(3), at(4)]) == {at(1), at(3)}


FIRST = replace(message(1, "first words"), edited_ms=50)


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (replace(FIRST, text="newer", edited_ms=60), "newer"),
        (replace(FIRST, text="same edit", edited_ms=50), "first words"),
        (replace(FIRST, text="older", edited_ms=40), "first words"),
        (replace(FIRST, text="never edited", edited_ms=0), "first words"),
        (stub(1), None),
    ],
)
async def test_what_wins_over_stored_text(history: History, again: Message, expected: str | None) -> None:
    await keep(history, FIRST)
    await keep(history, again)
    assert [m.text for m in await stored(history)] == [expected]
    for word in ("first", "newer", "older"):
        hits = [at(1)] if expected and word in expected else []
        assert await history.search(CHANNEL, word, at(9), 5) == hits


async def test_a_stub_becomes_text_when_its_author_is_admitted(history: History) -> None:
    await keep(history, replace(stub(1), reply_to=at(0)))
    await keep(history, replace(message(1, "mine"), reply_to=at(0)))
    assert [(m.speaker, m.text, m.reply_to) for m in await stored(history)] == [(ANN, "mine", at(0))]
    assert await history.search(CHANNEL, "mine", at(9), 5) == [at(1)]


async def test_erased_text_never_comes_back(history: History) -> None:
    everyone = await history.audience([])
    await keep(history, message(1, "secret"))
    assert await history.forget([ANN], everyone) == 1
    await keep(history, replace(message(1, "secret"), edited_ms=99), covered=Range(0, at(5)))
    [left] = await stored(history)
    assert (left.speaker, left.text, left.name) == (everyone.opaque(ANN), None, "")
    assert await history.search(CHANNEL, "secret", at(9), 5) == []


async def test_last_reply_is_the_newest_one(history: History) -> None:
    replies = [replace(message(s), reply_to=at(0)) for s in (5, 9, 7)]
    await keep(history, message(0), *replies)
    assert [m.last_reply for m in await stored(history)] == [at(9), 0, 0, 0]


# -- pages and ranges --------------------------------------------------------------


async def test_ranges_that_touch_are_merged(history: History) -> None:
    for first, last in ((10, 20), (40, 50), (21, 30), (5, 7)):
        await keep(history, message(first), covered=Range(first, last))
    assert await history.ranges(CHANNEL) == [Range(5, 7), Range(10, 30), Range(40, 50)]
    await keep(history, message(1), covered=Range(8, 45))
    assert await history.ranges(CHANNEL) == [Range(5, 50)]
    assert await history.ranges(OTHER) == []


@pytest.mark.parametrize("table", ["cursors", "messages", "authors"])
async def test_a_page_is_stored_whole_or_not_at_all(
    path: Path, store: Store, history: History, table: str
) -> None:
    await keep(history, message(1), covered=Range(1, at(1)))
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table}) "
            "BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
    before = [await store.fetch(f"SELECT * FROM {t}") for t in ("messages", "cursors", "authors", "words")]
    page, covered = Page((message(2, "x"), message(3, "y", BEN)), NAMES), Range(at(2), at(3))
    with pytest.raises(FatalError, match="no more"):
        await history.store_page(CHANNEL, page, covered)
    after = [await store.fetch(f"SELECT * FROM {t}") for t in ("messages", "cursors", "authors", "words")]
    assert after == before
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER refuse")
    assert await history.store_page(CHANNEL, page, covered) == 2
    assert await history.ranges(CHANNEL) == [Range(1, at(1)), Range(at(2), at(3))]


@pytest.mark.parametrize("steps", range(12))
async def test_broken_off_writing_leaves_all_or_nothing(store: Store, history: History, steps: int) -> None:
    """Cancelled at every point where the writer waits, BEGIN and COMMIT included."""
    page = [message(1, "x"), message(2, "y")]
    task = asyncio.create_task(keep(history, *page, covered=Range(0, at(2))))
    waits = 0
    while waits < steps and not task.done():
        await asyncio.sleep(0.001 if waits % 2 else 0)
        waits += 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() or task.result() == 2
    left = (await stored(history), await history.ranges(CHANNEL))
    assert left in [([], []), ([replace(m, name="Ann") for m in page], [Range(0, at(2))])]
    await keep(history, message(3), covered=Range(at(3), at(3)))
    assert (await stored(history))[-1] == message(3)


async def test_cancelled_while_it_begins_to_write(store: Store) -> None:
    async def write() -> None:
        async with store.transaction() as db:
            await db.execute("INSERT INTO authors VALUES (1, 'half', 0)")

    task = asyncio.create_task(write())
    await asyncio.sleep(0)  # BEGIN is on its way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.transaction() as db:
        await db.execute("INSERT INTO authors VALUES (2, 'whole', 0)")
    assert await store.fetch("SELECT id, name FROM authors") == [(2, "whole")]


# -- search ------------------------------------------------------------------------


async def test_search_is_per_channel_and_older_only_and_newest_first(history: History) -> None:
    await keep(history, *(message(i, f"the kettle leaks {i}") for i in range(6)), stub(9))
    await keep(history, message(2.5, "another kettle", channel=OTHER))
    assert await history.search(CHANNEL, "kettle", at(4), 3) == [at(3), at(2), at(1)]
    assert await history.search(OTHER, "KETTLES", at(4), 3) == [at(2.5)]
    assert await history.search(CHANNEL, "kettle", at(0), 3) == []


@pytest.mark.parametrize("word", ['quo"te', "a AND b", "x*", "col:umn", "(", "-", "", "'", "NEAR(a b)"])
async def test_any_word_can_be_searched_for(history: History, word: str) -> None:
    await keep(history, message(1, f"there: {word} !"))
    assert await history.search(CHANNEL, word, at(2), 3) in ([], [at(1)])


# -- who may be used ---------------------------------------------------------------


async def adopt(
    history: History, allowed: Iterable[int], bots: Iterable[int] = ()
) -> tuple[Audience, AudienceChange]:
    audience = await history.audience(allowed, bots)
    return audience, await history.adopt(audience)


async def filled(history: History, allowed: Iterable[int] = (), bots: Iterable[int] = ()) -> None:
    await adopt(history, allowed, bots)
    page = [message(1, "from ann"), message(2, "from ben", BEN), message(3, "brindlewhort of oz", OZ)]
    await keep(history, *page, covered=Range(0, at(3)))


def disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


async def test_the_salt_stays(path: Path) -> None:
    numbers = []
    for _ in range(2):
        async with open_store(path) as store:
            numbers.append((await History(store).audience([ANN])).opaque(OZ))
    assert numbers[0] == numbers[1]


async def test_narrowing_erases_the_bytes(path: Path, history: History) -> None:
    await filled(history)
    assert b"brindlewhort" in disk(path)
    audience, change = await adopt(history, [ANN, BEN])
    assert change == AudienceChange(people_removed=1, must_reread=False)
    assert b"brindlewhort" not in disk(path)
    last = (await stored(history))[-1]
    assert (last.speaker, last.text, last.name) == (audience.opaque(OZ), None, "")
    assert await history.ranges(CHANNEL) == [Range(0, at(3))]
    assert await history.search(CHANNEL, "brindlewhort", at(9), 5) == []


async def test_widening_reads_history_again(history: History) -> None:
    await filled(history, [ANN, BEN, OZ])
    _, change = await adopt(history, [ANN, BEN, OZ, 999])
    assert change == AudienceChange(0, must_reread=True)
    assert await history.ranges(CHANNEL) == []
    assert [m.text for m in await stored(history)] == ["from ann", "from ben", "brindlewhort of oz"]


async def test_who_comes_back_has_to_be_read_again(history: History) -> None:
    await filled(history, [ANN, BEN, OZ])
    await adopt(history, [ANN, BEN])
    _, change = await adopt(history, [ANN, BEN, OZ])
    assert change.must_reread
    await keep(history, message(3, "oz again", OZ))
    assert [m.text for m in await stored(history)] == ["from ann", "from ben", "oz again"]


async def test_from_everyone_to_people_already_read_needs_no_reading(history: History) -> None:
    await filled(history)
    _, change = await adopt(history, [ANN])
    assert change == AudienceChange(2, must_reread=False)


async def test_from_a_list_to_everyone_reads_again(history: History) -> None:
    await filled(history, [ANN])
    _, change = await adopt(history, [])
    assert change.must_reread
    assert await history.ranges(CHANNEL) == []


async def test_from_a_list_to_everyone_keeps_the_listed_peoples_words(history: History) -> None:
    await filled(history, [ANN, BEN, OZ])
    _, change = await adopt(history, [])
    assert change.people_removed == 0
    assert [m.text for m in await stored(history)] == ["from ann", "from ben", "brindlewhort of oz"]


async def test_a_bot_no_longer_named_is_erased(history: History) -> None:
    await adopt(history, [], [DICE])
    await keep(history, message(1), Message(at(2), CHANNEL, DICE, "Dice", "you rolled 6"))
    _, change = await adopt(history, [], [])
    assert change == AudienceChange(1, must_reread=False)
    assert [m.text for m in await stored(history)] == ["hello", None]


async def test_the_same_audience_changes_nothing(path: Path, history: History) -> None:
    await filled(history, [ANN, BEN, OZ])
    before, log = path.read_bytes(), path.with_name("tuner.db-wal").read_bytes()
    assert log  # not emptied: no purge
    _, change = await adopt(history, [OZ, BEN, ANN])
    assert change == AudienceChange(0, must_reread=False)
    assert (path.read_bytes(), path.with_name("tuner.db-wal").read_bytes()) == (before, log)


async def test_opting_out_is_remembered(history: History) -> None:
    await filled(history, [ANN, BEN, OZ])
    await history.forget([OZ], await history.audience([ANN, BEN, OZ]))
    audience, change = await adopt(history, [ANN, BEN, OZ])
    assert not audience.admits(OZ)
    assert change == AudienceChange(0, must_reread=False)


# -- what is stored ----------------------------------------------------------------


async def test_reach_tells_messages_from_stubs(history: History) -> None:
    channel, empty = Channel(CHANNEL, "general", 1, "Tests", 3, "Talk"), Channel(OTHER, "empty")
    await history.save_channel(empty)
    await history.save_channel(replace(channel, name="old name"))
    await history.save_channel(channel)
    await keep(history, message(1), stub(2), message(3), covered=Range(5, at(3)))
    first, second = await history.reach()
    assert (first.channel, first.messages, first.stubs) == (channel, 2, 1)
    assert (first.first, first.last, first.ranges) == (at(1), at(3), (Range(5, at(3)),))
    assert (second.channel, second.messages, second.first, second.ranges) == (empty, 0, None, ())
    assert await history.channels() == [channel, empty]


# -- decisions and runs ------------------------------------------------------------


async def test_decisions_are_kept_until_somebody_is_erased(store: Store, history: History) -> None:
    decisions = Decisions(store)
    await decisions.keep({"a": {"keep": True}, "b": {"keep": False}}, quotes=False)
    await decisions.keep({"q": {"query": "kettle"}}, quotes=True)
    assert await decisions.find(["a", "q", "none"]) == {"a": {"keep": True}, "q": {"query": "kettle"}}
    await decisions.keep({"a": {"keep": False}}, quotes=False)
    await keep(history, message(1))
    await history.forget([ANN], await history.audience([]))
    assert await decisions.find(["a", "b", "q"]) == {"a": {"keep": False}, "b": {"keep": False}}


async def test_runs_are_recorded(store: Store) -> None:
    runs = Runs(store)
    first = await runs.start("a test", {"dry_run": True})
    await runs.update(first, {"samples": 3})
    [running] = await runs.last(5)
    assert (running.state, running.ended_at, running.owner) == ("running", None, "a test")
    assert (running.options, running.progress) == ({"dry_run": True}, {"samples": 3})
    await runs.end(first, "failed", {"samples": 4}, "why")
    [ended] = await runs.last(5)
    assert (ended.state, ended.progress, ended.message) == ("failed", {"samples": 4}, "why")
    assert ended.ended_at is not None


async def test_a_run_whose_process_died_is_marked_by_the_next(store: Store) -> None:
    runs = Runs(store)
    dead, alive = await runs.start("dead", {}), await runs.start("alive", {})
    assert [(r.id, r.state) for r in await runs.last(2)] == [(alive, "running"), (dead, "interrupted")]
    assert [r.id for r in await runs.last(1)] == [alive]


# -- one builder at a time ---------------------------------------------------------


def test_the_lock_dies_with_its_owner(path: Path) -> None:
    script = (
        "import sys, time, pathlib\nfrom tuner.adapters.sqlite_store import builder_lock\n"
        "with builder_lock(pathlib.Path(sys.argv[1])) as free:\n    print(free, flush=True)\n    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        with owner.stdout:
            assert owner.stdout.readline() == "True\n"
            with builder_lock(path) as free:
                assert not free
    finally:
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    with builder_lock(path) as free:
        assert free
        with builder_lock(path) as twice:
            assert not twice
    with builder_lock(path) as free:
        assert free


async def test_rows_that_are_not_ours_do_not_matter(store: Store, history: History) -> None:
    """Extras that a later version adds are ignored."""
    await keep(history, message(1))
    async with store.transaction() as db:
        await db.execute("UPDATE messages SET extras = ?", (json.dumps({"reactions": [1], "poll": "tea?"}),))
    assert [m.extras for m in await stored(history)] == [Extras(poll="tea?")]
