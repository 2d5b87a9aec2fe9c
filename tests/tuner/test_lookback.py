"""What happened to stored messages while nobody listened is found when the end of history is read again."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.building import NO_CHANGES, Changes, Workplace, ids
from tests.support.discord_faults import Answer
from tests.support.discord_world import World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.talks import talk
from tuner import snowflake
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import open_store
from tuner.people.audience import Audience
from tuner.people.intake import Incoming, User, admit_page
from tuner.ranges import Range

CHANNEL, OTHER = 70, 71
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
BACK = snowflake.first_id(NOON)
SECRET = "zanzibarquartz"


def said(message_id: int, text: str, edited_ms: int = 0, speaker: int = 500) -> Incoming:
    return Incoming(message_id, User(speaker, "Ann"), text, edited_ms=edited_ms)


async def store(
    history: History, found: list[Incoming], covered: tuple[int, int] | None, channel: int = CHANNEL
) -> int:
    """What was stored of the range and is not found counts as gone."""
    audience = Audience(allowed=None, bots=frozenset(), opted_out=frozenset(), salt=b"salt")
    page = admit_page(channel, found, audience)
    within = Range(*covered) if covered else Range(1, 0)
    gone = set(await history.kept(channel, within)) - {m.id for m in page.messages}
    new = await history.store_page(channel, page, within if covered else None, frozenset(gone))
    await history.settle(channel, 1)
    return new


# Ranges


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        ([(0, BACK - 5)], [(0, BACK - 5)]),  # nothing was read since
        ([(0, BACK - 1)], [(0, BACK - 1)]),
        ([(0, BACK)], [(0, BACK - 1)]),
        ([(0, BACK + 900)], [(0, BACK - 1)]),
        ([(BACK - 1, BACK + 900)], [(BACK - 1, BACK - 1)]),
        ([(BACK, BACK + 900)], []),
        ([(BACK + 10, BACK + 900)], []),
        ([(5, 9), (20, BACK + 3), (BACK + 10, BACK + 900)], [(5, 9), (20, BACK - 1)]),
        ([(5, 9), (20, BACK - 2), (BACK, BACK)], [(5, 9), (20, BACK - 2)]),
    ],
)
async def test_looking_back_takes_what_is_later_from_the_ranges(
    before: list[tuple[int, int]], after: list[tuple[int, int]], work: Workplace
) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        for channel in (CHANNEL, OTHER):
            for span in before:
                await store(history, [], span, channel)
        for _ in range(2):
            await history.look_back_from(NOON.timestamp())
    assert work.ranges(CHANNEL) == work.ranges(OTHER) == after


async def test_looking_back_to_before_discord_forgets_all_ranges(work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        await store(history, [], (0, BACK))
        await history.look_back_from(0)
    assert work.ranges(CHANNEL) in ([], [(0, -1)])


# What is no longer shown


async def test_only_what_is_missing_within_the_range_is_erased(work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        await store(history, [said(i, f"text {i}") for i in range(10, 20)], (0, 19))
        await store(history, [said(i, f"text {i}") for i in range(30, 34)], None, OTHER)
        new = await store(history, [said(i, f"text {i}") for i in (13, 14, 16)], (12, 16))
    assert new == 0
    gone = {12, 15}
    assert work.contents(CHANNEL) == [None if i in gone else f"text {i}" for i in range(10, 20)]
    assert work.contents(OTHER) == [f"text {i}" for i in range(30, 34)]
    assert work.ranges(CHANNEL) == [(0, 19)]


async def test_a_page_without_a_range_erases_nothing(work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        await store(history, [said(i, f"text {i}") for i in range(10, 13)], (0, 12))
        await store(history, [said(11, "text 11")], None)
    assert work.contents(CHANNEL) == ["text 10", "text 11", "text 12"]


async def test_what_is_erased_does_not_come_back(work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        await store(history, [said(10, SECRET)], (0, 10))
        assert await history.erase([10, 999]) == 1
        assert await history.erase([10]) == 0
        await store(history, [said(10, SECRET, edited_ms=5)], (0, 10))
    assert work.contents(CHANNEL) == [None]


@pytest.mark.parametrize("how", ["erased", "no longer shown"])
async def test_answers_that_may_repeat_erased_text_are_dropped(how: str, work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history, decisions = History(archive), Decisions(archive)
        await store(history, [said(10, SECRET)], (0, 10))
        await decisions.keep({"query": {"query": f"about {SECRET}"}}, quotes=True)
        await decisions.keep({"verdict": {"keep": [1]}}, quotes=False)
        if how == "erased":
            await history.erase([10])
        else:
            await store(history, [], (0, 10))
        assert work.rows("SELECT key FROM decisions") == [("verdict",)]
        await history.purge()
        assert SECRET.encode() not in work.archive_bytes()


# Traces


@pytest.mark.parametrize("how", ["erased", "edited", "no longer shown"])
async def test_traces_are_cleared_by_a_later_process(how: str, work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        await store(history, [said(10, f"{SECRET} ten"), said(11, "eleven")], (0, 11))
        await history.purge()
        assert SECRET.encode() in work.archive_bytes()
        if how == "erased":
            await history.erase([10])
        elif how == "edited":
            await store(history, [said(10, "ten", edited_ms=5)], None)
        else:
            await store(history, [said(11, "eleven")], (0, 11))
        assert SECRET.encode() in work.archive_bytes()
        # Killed here: another process finds the same file.
        async with open_store(work.archive) as later:
            await History(later).purge()
            assert SECRET.encode() not in work.archive_bytes()
            assert work.rows("SELECT 1 FROM meta WHERE key = 'traces'") == []


async def test_storing_what_is_new_or_known_leaves_no_mark(work: Workplace) -> None:
    async with open_store(work.archive) as archive:
        history = History(archive)
        for _ in range(2):
            await store(history, [said(10, "ten"), said(11, "eleven")], (0, 11))
    assert work.rows("SELECT 1 FROM meta WHERE key = 'traces'") == []


# Whole builds


async def look_back(work: Workplace, moment: datetime) -> None:
    async with open_store(work.archive) as archive:
        await History(archive).look_back_from(moment.timestamp())


def moment_of(message_id: int) -> datetime:
    return snowflake.moment(message_id)


async def test_a_message_that_is_shown_malformed_is_not_taken_for_deleted(work: Workplace) -> None:
    world = World()
    channel = world.add_channel("tools")
    ada = world.add_user("ada")
    kept = world.add_message(channel, ada, "still here")
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        world.channels[channel].messages[0]["author"] = None
        async with open_store(work.archive) as archive:
            await History(archive).look_back_from(0)
        await work.build(server, [channel])
        assert len(server.history_requests(channel)) == 2
    assert work.stored(channel) == [id_of(kept)]
    assert work.contents(channel) == ["still here"]


async def test_a_full_reread_changes_nothing(work: Workplace) -> None:
    world = World()
    channels = [talk(world, "tools", 70), talk(world, "lamps", 20)]
    world.add_message(channels[0], world.add_user("late"), "", type=7)  # somebody joined
    async with LoopbackDiscord(world) as server:
        await work.build(server, channels)
        before, records = work.everything(), work.records.read_bytes()
        await look_back(work, datetime(2016, 1, 1, tzinfo=UTC))
        asked = len(server.requests)
        await work.build(server, channels)
        assert any(one.is_history for one in server.requests[asked:])
    assert work.everything() == before
    assert work.records.read_bytes() == records
    assert work.rows("SELECT 1 FROM meta WHERE key = 'traces'") == []


async def test_only_the_pages_of_the_window_are_read_again(work: Workplace) -> None:
    world = World()
    channel = talk(world, "tools", 200)
    there = ids(world, channel)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        await look_back(work, moment_of(there[250]))
        asked = len(server.history_requests(channel))
        await work.build(server, [channel])
        after = [int(one.query["after"]) for one in server.history_requests(channel)[asked:]]
    assert len(after) == 2
    assert there[249] <= after[0] < there[250]
    assert after[1] == there[349] - 1


@pytest.mark.parametrize("changes", [NO_CHANGES, {"dataset.max_messages": 150}])
async def test_changes_of_the_window_are_applied(changes: Changes, work: Workplace) -> None:
    """Also when the next run stops at its limit before the end."""
    world = World()
    channel = talk(world, "tools", 150)
    messages = world.channels[channel].messages
    messages[20]["content"] = messages[290]["content"] = f"so what is {SECRET}?"
    messages[284]["content"] = "what is xylophonemoss?"
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        await look_back(work, moment_of(id_of(messages[280])))
        gone, edited, earlier = id_of(messages[290]), id_of(messages[284]), id_of(messages[20])
        world.delete_message(channel, gone)
        world.edit_message(channel, edited, content="what is a piano?")
        world.fill(channel, 400)
        await work.build(server, [channel], changes)
        texts = dict(zip(work.stored(channel), work.contents(channel), strict=True))
        assert texts[gone] is None
        assert texts[edited] == "what is a piano?"
        assert texts[earlier] == f"so what is {SECRET}?"  # an earlier one keeps its text
        assert b"xylophonemoss" not in work.archive_bytes()
        world.delete_message(channel, earlier)
        await look_back(work, moment_of(earlier))
        await work.build(server, [channel])
    assert SECRET.encode() not in work.archive_bytes()
    assert SECRET not in work.records.read_text()
    assert (work.folder / "raw").is_dir()
    assert not [file for file in (work.folder / "raw").iterdir() if SECRET in file.read_text()]


async def test_a_deletion_at_the_end_of_a_channel_is_found(work: Workplace) -> None:
    world = World()
    channel = talk(world, "tools", 10)
    *_, kept, question, answer = world.channels[channel].messages
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        for message in (question, answer):
            world.delete_message(channel, id_of(message))
        await look_back(work, moment_of(id_of(question)) - timedelta(minutes=1))
        await work.build(server, [channel])
    assert work.contents(channel)[-3:] == [kept["content"], None, None]
    assert str(question["content"]).encode() not in work.archive_bytes()


async def test_lost_permission_is_not_taken_for_deletion(work: Workplace) -> None:
    world = World()
    channel = talk(world, "tools", 10)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        before = work.contents(channel)
        await look_back(work, moment_of(work.stored(channel)[5]))
        server.fail(rf"^/channels/{channel}/messages$", Answer(200, []), times=None)
        await work.build(server, [channel])
        server.heal()
        assert work.contents(channel) == before
        await look_back(work, datetime(2016, 1, 1, tzinfo=UTC))
        server.fail(rf"^/channels/{channel}/messages$", Answer(200, []), times=None)
        await work.build(server, [channel])
    assert work.contents(channel) == before


# Runs of the command, which nobody tells of changes


def recent_talk(world: World, hours: float) -> int:
    """A channel of old messages and some of so many hours ago."""
    channel = talk(world, "recent", 75)
    then = datetime.now(UTC) - timedelta(hours=hours)
    world.fill(channel, 40, start=int(then.timestamp() * 1000), step=timedelta(seconds=1))
    return channel


async def test_edits_and_deletions_between_two_runs_are_noticed(work: Workplace) -> None:
    world = World()
    channel = recent_talk(world, 2)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        there = ids(world, channel)
        edited, deleted = there[155:161], there[170:176]
        for message_id in edited:
            world.edit_message(channel, message_id, content="how do I mend the piano?")
        for message_id in deleted:
            world.delete_message(channel, message_id)
        stats = await work.build(server, [channel])
        texts = dict(zip(work.stored(channel), work.contents(channel), strict=True))
        assert {texts[i] for i in edited} == {"how do I mend the piano?"}
        assert {texts[i] for i in deleted} == {None}
        assert any("Taken for deleted" in note and "6 messages" in note for note in stats.counts["notes"])


@pytest.mark.parametrize(("hours", "lookback", "asked"), [(2, 24, 1), (30, 24, 0), (30, 48, 1), (2, 0, 0)])
async def test_a_channel_that_was_idle_for_longer_costs_no_request(
    hours: float, lookback: float, asked: int, work: Workplace
) -> None:
    world = World()
    channel = recent_talk(world, hours)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel], {"collect.lookback": lookback})
        before = len(server.history_requests())
        await work.build(server, [channel], {"collect.lookback": lookback})
        assert len(server.history_requests()) - before == asked


async def test_everything_is_read_again_on_request(work: Workplace) -> None:
    world = World()
    channel, other = talk(world, "tools", 100), talk(world, "other", 5)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel, other])
        before = work.everything()
        await work.build(server, [channel], {"collect.reread": True})
        assert work.everything() == before
        edited, deleted = (id_of(world.channels[channel].messages[i]) for i in (3, 150))
        world.edit_message(channel, edited, content="how do I mend the piano?")
        world.delete_message(channel, deleted)
        await work.build(server, [channel])
        assert work.everything() == before
        await work.build(server, [channel], {"collect.reread": True})
    texts = dict(zip(work.stored(channel), work.contents(channel), strict=True))
    assert (texts[edited], texts[deleted]) == ("how do I mend the piano?", None)


async def test_old_history_is_read_again_in_small_portions(work: Workplace) -> None:
    world = World()
    channel = talk(world, "tools", 175)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        for i in (20, 120, 320):
            world.delete_message(channel, id_of(world.channels[channel].messages[i]))
        with closing(sqlite3.connect(work.archive)) as archive, archive:
            archive.execute("UPDATE rechecks SET since = since - 31 * 86400")
        gone, asked = [], []
        for _ in range(5):
            before = len(server.history_requests())
            await work.build(server, [channel], {"collect.recheck_pages": 1})
            asked.append([one.query for one in server.history_requests()[before:] if "after" in one.query])
            gone.append(work.contents(channel).count(None))
    assert gone == [1, 2, 2, 3, 3]
    assert [len(queries) for queries in asked] == [1, 1, 1, 1, 0]
