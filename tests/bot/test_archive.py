"""The archive follows what happens to stored messages, live and after a lost connection."""

import asyncio
import copy
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import bot.cogs.archive
from tests.support.building import ids
from tests.support.discord_faults import Changed
from tests.support.discord_world import FORUM, JsonObject, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tests.support.talks import talk

SECRET = "zanzibarquartz"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.cogs.archive, "PURGE_DELAY", 0.05)


def tell_secret(world: World, channel: int, *places: int) -> list[JsonObject]:
    """Have these messages of a channel say the secret."""
    messages = [world.channels[channel].messages[place] for place in places]
    for message in messages:
        message["content"] = f"{message['content']} {SECRET}, isn't it?"
    return messages


def is_gone(running: RunningBot, text: str = SECRET) -> Callable[[], bool]:
    return lambda: text.encode() not in running.paths.archive_bytes()


async def purged(running: RunningBot, text: str = SECRET) -> None:
    await until(is_gone(running, text))


async def settled(running: RunningBot, *channels: int) -> None:
    """All events so far have been applied: one more, which is seen to be applied, comes after them."""
    for channel in channels:
        last = running.paths.stored(channel)[-1]
        running.server.edit(channel, last, content="the end of it")
        await until(lambda channel=channel: running.paths.contents(channel)[-1] == "the end of it")  # type: ignore[misc]


def dataset(running: RunningBot) -> str:
    """Records and transcripts."""
    files = [running.paths.records, *(running.paths.folder / "raw").iterdir()]
    return "".join(file.read_text("utf-8") for file in files)


# Deletions


@pytest.mark.parametrize("places", [[10], [9, 10, 30, 31]], ids=["single", "bulk"])
async def test_deleted_messages_leave_the_archive_and_the_dataset(
    places: list[int], running: RunningBot, world: World, tools: int
) -> None:
    told = tell_secret(world, tools, *places)
    await running.build()
    assert SECRET in dataset(running)
    assert not is_gone(running)()
    before = running.paths.ranges(tools)
    running.server.delete(tools, *told)
    await purged(running)
    assert [place for place, text in enumerate(running.paths.contents(tools)) if text is None] == places
    assert running.paths.ranges(tools) == before
    assert running.paths.stored(tools)[places[0]] == id_of(told[0])
    await running.build()
    assert SECRET not in dataset(running)
    assert running.paths.records.read_text()
    assert is_gone(running)()


async def test_the_threads_of_a_deleted_channel_go_with_it(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    doomed = talk(world, "doomed", 5)
    archived = world.add_thread(doomed, "old", archived=True)
    active = world.add_thread(doomed, "new")
    for place in (archived, active):
        world.fill(place, 6)
        tell_secret(world, place, 1, 5)
    tell_secret(world, doomed, 2, 3)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        assert SECRET in dataset(running)
        running.server.delete_channel(doomed)
        await purged(running)
        for place in (doomed, archived, active):
            assert set(running.paths.contents(place)) == {None}
        assert None not in running.paths.contents(tools)
        await running.build({"channel": str(tools)})
        assert SECRET not in running.paths.records.read_text()
        assert running.paths.records.read_text()


@pytest.mark.parametrize("archived", [False, True])
async def test_a_deleted_thread_is_erased(
    archived: bool, world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    forum = world.add_channel("help", FORUM)
    kept, gone = world.add_thread(forum, "kept"), world.add_thread(forum, "gone", archived=archived)
    for place in (kept, gone):
        world.fill(place, 8, authors=[ada, world.add_user("bo")])
    tell_secret(world, gone, 0, 7)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        assert not is_gone(running)()
        running.server.delete_channel(gone)
        await purged(running)
        assert set(running.paths.contents(gone)) == {None}
        await running.build()
        assert SECRET not in running.paths.records.read_text()
        assert None not in running.paths.contents(kept)


async def test_traces_are_cleared_when_the_bot_closes(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.cogs.archive, "PURGE_DELAY", 3600)
    told = tell_secret(world, tools, 10)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        running.server.delete(tools, *told)
        await until(lambda: running.paths.contents(tools)[10] is None)
        assert not is_gone(running)()
        await running.bot.close()
        assert is_gone(running)()


async def test_traces_a_killed_bot_left_are_cleared_by_the_next(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell_secret(world, tools, 10)
    monkeypatch.setattr(bot.cogs.archive, "PURGE_DELAY", 3600)
    copies = {}
    async with running_bot(world, tmp_path) as running:
        await running.build()
        running.server.delete(tools, *told)
        await until(lambda: running.paths.contents(tools)[10] is None)
        copies = {file: file.read_bytes() for file in tmp_path.glob("tuner.db*")}
    for file, data in copies.items():
        file.write_bytes(data)
    monkeypatch.setattr(bot.cogs.archive, "PURGE_DELAY", 0)
    assert SECRET.encode() in b"".join(copies.values())
    async with running_bot(world, tmp_path) as running:
        await purged(running)


async def test_deletions_that_go_on_do_not_put_the_clearing_off(
    running: RunningBot, world: World, tools: int
) -> None:
    tell_secret(world, tools, 0)
    await running.build()
    running.server.delete(tools, ids(world, tools)[0])
    last = ids(world, tools)[-1]

    async def go_on() -> None:
        for number in itertools.count():  # edits clear as deletions do, and do not run out
            running.server.edit(tools, last, content=f"the {number}th text")
            await asyncio.sleep(0.02)

    going_on = asyncio.create_task(go_on())
    await purged(running)
    going_on.cancel()


# Edits


async def test_an_edit_replaces_the_stored_text(running: RunningBot, world: World, tools: int) -> None:
    [told] = tell_secret(world, tools, 10)
    await running.build()
    running.server.edit(tools, told, content="so how do I mend the piano?")
    await purged(running)
    assert running.paths.contents(tools)[10] == "so how do I mend the piano?"
    await running.build()
    assert SECRET not in dataset(running)
    assert "mend the piano" in running.paths.records.read_text()


async def test_an_older_edit_that_comes_late_changes_nothing(
    running: RunningBot, world: World, tools: int
) -> None:
    await running.build()
    message = ids(world, tools)[10]
    newer, older = (datetime(2030, 1, day, tzinfo=UTC).isoformat() for day in (2, 1))
    running.server.edit(tools, message, content="the newer text", edited_timestamp=newer)
    running.server.edit(tools, message, content="the older text", edited_timestamp=older)
    await settled(running, tools)
    assert running.paths.contents(tools)[10] == "the newer text"


async def test_a_link_that_unfurls_is_no_edit(running: RunningBot, world: World, tools: int) -> None:
    await running.build()
    before = running.paths.everything()[0][:-1]
    message = world.channels[tools].messages[10]
    message["content"] = "nobody edited this"
    running.server.unfurl(tools, message, {"type": "link", "url": "https://example.org"})
    await settled(running, tools)
    assert running.paths.everything()[0][:-1] == before


async def test_what_an_outsider_edits_stays_a_stub(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    authors = [m["author"]["id"] for m in world.channels[tools].messages]
    async with running_bot(world, tmp_path, {"dataset.allowed_users": authors[1::2]}) as running:
        await running.build()
        before = running.paths.rows("SELECT * FROM messages WHERE id = ?", ids(world, tools)[10])
        running.server.edit(tools, ids(world, tools)[10], content=f"{SECRET} was here")
        await settled(running, tools)
        assert running.paths.rows("SELECT * FROM messages WHERE id = ?", ids(world, tools)[10]) == before
        assert running.paths.contents(tools)[10] is None
        assert is_gone(running)()
        assert running.paths.rows("SELECT 1 FROM authors WHERE id = ?", int(authors[10])) == []


async def test_an_erased_message_takes_no_edit(running: RunningBot, world: World, tools: int) -> None:
    await running.build()
    message = dict(world.channels[tools].messages[10])
    running.server.delete(tools, message)
    late = message | {"content": SECRET, "edited_timestamp": datetime.now(UTC).isoformat()}
    running.server.gateway.dispatch(
        "MESSAGE_UPDATE", late | {"guild_id": world.channels[tools].data["guild_id"]}
    )
    await settled(running, tools)
    assert running.paths.contents(tools)[10] is None
    assert is_gone(running)()


async def test_events_add_no_rows_and_move_no_cursors(running: RunningBot, world: World, tools: int) -> None:
    await running.build()
    before = running.paths.stored(tools), running.paths.ranges(tools)
    elsewhere = running.server.create_channel("elsewhere")
    for channel in (tools, elsewhere):
        new = running.server.say(channel, world.add_user("new"), f"{SECRET}?")
        running.server.edit(channel, new, content=f"{SECRET}!")
        other = running.server.say(channel, world.add_user("other"), f"{SECRET}?")
        running.server.delete(channel, other)
    running.server.delete(tools, 1, 2)
    running.server.delete_channel(running.server.create_thread(elsewhere))
    await settled(running, tools)
    assert (running.paths.stored(tools), running.paths.ranges(tools)) == before
    assert running.paths.stored(elsewhere) == []
    assert is_gone(running)()


async def test_events_are_applied_while_a_build_runs(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    told = tell_secret(world, tools, 10)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        world.fill(tools, 10)
        with running.held():
            await running.use("build").answered()
            running.server.delete(tools, *told)
            await purged(running)
        await running.ended()
        assert SECRET not in dataset(running)


# While a page is on the way


@pytest.mark.parametrize("how", ["deleted", "channel deleted", "edited"])
async def test_what_happens_while_a_page_is_on_the_way_counts(
    how: str, world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    """The page holds what was true when Discord made it, and arrives after the event."""
    [told] = tell_secret(world, tools, 10)
    doomed = talk(world, "doomed", 5)
    tell_secret(world, doomed, 3)
    async with running_bot(world, tmp_path) as running:
        server = running.server

        def meanwhile(body: list[JsonObject]) -> list[JsonObject]:
            page = copy.deepcopy(body)
            server.delay = 0.3
            if how == "deleted":
                server.delete(tools, told)
            elif how == "edited":
                server.edit(tools, told, content="how do I mend the piano?")
            return page

        def meanwhile_doomed(body: list[JsonObject]) -> list[JsonObject]:
            page = copy.deepcopy(body)
            server.delay = 0.3
            if how == "channel deleted":
                server.delete_channel(doomed)
            return page

        server.fail(f"^/channels/{tools}/messages$", Changed(meanwhile), method="GET")
        server.fail(f"^/channels/{doomed}/messages$", Changed(meanwhile_doomed), method="GET")
        await running.use("build").answered()
        await until(lambda: len(server.history_requests(tools)) > 0)
        await until(lambda: len(server.history_requests(doomed)) > 0)
        await running.ended()
        if how == "deleted":
            assert running.paths.contents(tools)[10] is None
        elif how == "edited":
            assert running.paths.contents(tools)[10] == "how do I mend the piano?"
            assert len(running.paths.ranges(tools)) == 1
        else:
            assert set(running.paths.contents(doomed)) == {None}


# A connection that was lost


def recent_talk(world: World) -> tuple[int, list[int]]:
    """A channel of 150 old messages and 40 of the last hours; the ids of the latter."""
    channel = talk(world, "recent", 75)
    now = int(datetime.now(UTC).timestamp() * 1000)
    new = world.fill(channel, 40, start=now - 7_200_000)
    return channel, [id_of(message) for message in new]


async def test_what_was_missed_without_a_resume_is_read_again(
    world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    channel, recent = recent_talk(world)
    edited, deleted = tell_secret(world, channel, 160, 170)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        before = running.paths.ranges(channel)
        assert not is_gone(running)()
        running.server.gateway.refusing = True
        running.server.gateway.close(resumable=False)
        await until(lambda: not running.server.gateway.open)
        world.edit_message(channel, id_of(edited), content="how do I mend the piano?")
        world.delete_message(channel, id_of(deleted))
        running.server.gateway.refusing = False
        await until(lambda: len(running.server.gateway.sessions) == 2)
        await until(lambda: running.paths.ranges(channel) != before)
        asked = len(running.server.history_requests(channel))
        await running.build()
        page, second_look = running.server.history_requests(channel)[asked:]
        assert ids(world, channel)[149] <= int(page.query["after"]) < recent[0]
        assert second_look.query["around"] == deleted["id"]
        texts = dict(zip(running.paths.stored(channel), running.paths.contents(channel), strict=True))
        assert texts[id_of(edited)] == "how do I mend the piano?"
        assert texts[id_of(deleted)] is None
        assert SECRET not in dataset(running)
        assert running.paths.ranges(channel) == before
        await purged(running)

        asked = len(running.server.history_requests(channel))
        await running.build()
        assert running.server.history_requests(channel)[asked:] == []


async def test_what_was_missed_comes_with_a_resume(
    world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    channel, _ = recent_talk(world)
    [deleted] = tell_secret(world, channel, 170)
    async with running_bot(world, tmp_path) as running:
        await running.build()
        before = running.paths.ranges(channel)
        running.server.gateway.close()
        running.server.delete(channel, deleted)
        await until(lambda: len(running.server.gateway.resumes) == 1)
        await purged(running)
        assert running.paths.ranges(channel) == before
        asked = len(running.server.history_requests(channel))
        await running.build()
        assert running.server.history_requests(channel)[asked:] == []
        assert len(running.server.gateway.identifies) == 1


async def test_a_restarted_bot_looks_back(world: World, ada: JsonObject, ops: int, tmp_path: Path) -> None:
    channel, recent = recent_talk(world)
    [deleted] = tell_secret(world, channel, 170)
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server) as running:
            await running.build()
        world.delete_message(channel, id_of(deleted))
        async with running_bot(world, tmp_path, server=server) as running:
            await until(lambda: running.paths.ranges(channel)[-1][1] < recent[0])
            await running.build()
            assert SECRET not in dataset(running)
            await purged(running)
