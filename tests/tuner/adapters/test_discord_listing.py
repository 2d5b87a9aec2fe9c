"""What a server lists: odd objects, threads that its lists leave out, and what is said about one channel only."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.building import Workplace, ids
from tests.support.discord_faults import Answer, Changed, Fault, Wire, http_error
from tests.support.discord_world import (
    ANNOUNCEMENT,
    FORUM,
    PUBLIC_THREAD,
    TEXT,
    VOICE,
    Permission,
    World,
)
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE
from tests.support.talks import talk
from tests.support.threaded import in_thread

START = datetime(2024, 3, 1, tzinfo=UTC)
HIDDEN = Answer(400, {"message": "Missing Permissions", "code": 50013})
TEXT_ANSWER = Answer(200, "no JSON")


@pytest.fixture
def general(world: World) -> int:
    channel = world.add_channel("general")
    world.fill(channel, 5)
    return channel


def are_stored(work: Workplace, world: World, *channels: int) -> bool:
    return all(work.stored(channel) == ids(world, channel) != [] for channel in channels)


# Odd objects


@pytest.mark.parametrize("type", [1, 3, 7, 17, 99, "text", None], ids=str)
async def test_a_channel_of_an_unknown_type_stops_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, type: Any
) -> None:
    unknown = world.add_channel("novelty", type)
    world.fill(unknown, 3)
    await work.build(server, [general])
    assert are_stored(work, world, general)
    await work.build(server, [general, unknown])
    assert are_stored(work, world, general, unknown)


@pytest.mark.parametrize(
    "key", ["bitrate", "permission_overwrites", "position", "topic", "parent_id", "name", "nsfw"]
)
@pytest.mark.parametrize("type", [TEXT, VOICE, FORUM])
async def test_a_channel_without_an_optional_field(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, key: str, type: int
) -> None:
    odd = world.add_channel("odd", type)
    home = world.add_thread(odd, "post") if type == FORUM else odd
    world.fill(home, 3)

    def without(body: Any) -> Any:
        return [{k: v for k, v in c.items() if k != key or c["id"] != str(odd)} for c in body]

    server.fail(r"^/guilds/\d+/channels$", Changed(without), times=None)
    await work.build(server, [odd, general])
    assert are_stored(work, world, home, general)


async def test_a_thread_among_the_channels(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    thread = world.add_thread(general, "planning")
    world.fill(thread, 3)
    data = world.channels[thread].data
    server.fail(r"^/guilds/\d+/channels$", Changed(lambda body: [*body, data]), times=None)
    server.fail("/threads/active$", Changed(lambda body: body | {"threads": []}), times=None)
    await work.build(server, [general])
    assert are_stored(work, world, general, thread)


@pytest.mark.parametrize("parent", [None, "", "5", 0], ids=str)
async def test_an_active_thread_of_no_parent(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, parent: Any
) -> None:
    thread = world.add_thread(general, "orphan")
    world.fill(thread, 3)

    def orphan(body: Any) -> Any:
        return body | {"threads": [t | {"parent_id": parent} for t in body["threads"]]}

    server.fail("/threads/active$", Changed(orphan), times=None)
    server.fail(f"^/channels/{thread}$", Changed(lambda body: body | {"parent_id": parent}), times=None)
    stats = await work.build(server, [general])
    assert are_stored(work, world, general)
    [note] = [note for note in stats.counts["notes"] if "left out, as no channel" in note]
    assert note.startswith("1 active thread of") and str(thread) in note and "orphan" not in note
    stats = await work.build(server, [thread])
    assert are_stored(work, world, thread)
    assert not [note for note in stats.counts["notes"] if "left out, as no channel" in note]


async def test_many_active_threads_of_no_parent_are_counted(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    for _ in range(7):
        world.add_thread(general)

    def orphans(body: Any) -> Any:
        return body | {"threads": [{k: v for k, v in t.items() if k != "parent_id"} for t in body["threads"]]}

    world.fill(general, 3)
    server.fail("/threads/active$", Changed(orphans), times=None)
    stats = await work.build(server, [general])
    [note] = [note for note in stats.counts["notes"] if "left out, as no channel" in note]
    assert note.startswith("7 active threads of") and "and 2 others" in note


async def test_a_line_for_each_request_says_what_was_asked_about(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.fill(general, 3)
    with caplog.at_level("DEBUG", "tuner"):
        await work.build(server, [general])
    asked = [line for line in caplog.messages if "asked, and got" in line]
    guild = world.channels[general].data["guild_id"]
    for about in (
        f"Channel {general}",
        f"Server {guild}",
        f"Archived threads of channel {general}",
        "#general",
    ):
        assert any(line.startswith(about) for line in asked), about
    assert not [line for line in asked if line.startswith("Discord")]


ODD_LISTS: list[Callable[[list[Any]], list[Any]]] = [
    lambda body: [None, "text", 5, *body],
    lambda body: [{}, {"id": None}, {"id": "none", "type": 0}, *body],
    lambda body: [c | {"permission_overwrites": None} for c in body],
    lambda body: [c | {"permission_overwrites": [None, {"id": 5}, "x"]} for c in body],
]


@pytest.mark.parametrize("change", ODD_LISTS, ids=range(len(ODD_LISTS)))
async def test_odd_things_in_the_list_of_channels(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    change: Callable[[list[Any]], list[Any]],
) -> None:
    server.fail(r"^/guilds/\d+/channels$", Changed(change), times=None)
    await work.build(server, [general])
    assert are_stored(work, world, general)


@pytest.mark.parametrize(
    "fault", [TEXT_ANSWER, Answer(200, None), Answer(200, "null"), Answer(200, {})], ids=str
)
@pytest.mark.parametrize(
    "path", [r"^/channels/\d+$", r"^/guilds/\d+$", "/members/", "/channels$", "/active$", "/public$"]
)
async def test_a_list_that_is_none_is_asked_for_again(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, fault: Answer, path: str
) -> None:
    thread = world.add_thread(general, archived=True)
    world.fill(thread, 3)
    server.fail(path, fault, times=2)
    stats = await work.build(server, [general])
    assert are_stored(work, world, general)
    assert stats.counts["channels"][str(general)]["state"] == "read"


# Archived threads


@pytest.mark.parametrize(("count", "groups"), [(250, 1), (130, 2), (205, 3), (130, 130)])
@pytest.mark.parametrize("type", [TEXT, FORUM])
async def test_threads_archived_in_one_moment_are_all_found(
    server: LoopbackDiscord, work: Workplace, world: World, type: int, count: int, groups: int
) -> None:
    parent = world.add_channel("parent", type)
    made = [
        world.add_thread(parent, archived=True, archived_at=START - timedelta(hours=i * groups // count))
        for i in range(count)
    ]
    ada = world.add_user("ada")
    for thread in made:
        world.add_message(thread, ada, "hello")
    await work.build(server, [parent])
    assert are_stored(work, world, *made)


async def test_threads_archived_in_one_moment_without_a_search_are_said_to_be_missing(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    parent, ada = world.add_channel("parent"), world.add_user("ada")
    older = world.add_thread(parent, archived=True, archived_at=START - timedelta(days=1))
    for _ in range(120):
        world.add_message(world.add_thread(parent, archived=True, archived_at=START), ada, "hello")
    world.add_message(older, ada, "hello")
    server.fail("/threads/search$", http_error(404, "404: Not Found"), times=None)
    stats = await work.build(server, [parent])
    assert any("#parent" in note and "archived in one moment" in note for note in stats.counts["notes"])
    assert are_stored(work, world, older)
    assert len(work.rows("SELECT DISTINCT channel_id FROM messages")) == 101


@pytest.mark.parametrize("type", [TEXT, ANNOUNCEMENT])
async def test_threads_from_before_a_channel_changed_its_type(
    server: LoopbackDiscord, work: Workplace, world: World, type: int
) -> None:
    parent = world.add_channel("news", ANNOUNCEMENT if type == TEXT else TEXT)
    before = [world.add_thread(parent, archived=True) for _ in range(60)]
    world.channels[parent].data["type"] = type
    after = [world.add_thread(parent, archived=True) for _ in range(3)]
    for thread in (*before, *after):
        world.fill(thread, 1)
    await work.build(server, [parent])
    assert are_stored(work, world, *before, *after)
    assert {world.channels[t].data["type"] for t in before} != {world.channels[t].data["type"] for t in after}


async def test_a_search_that_shows_nothing_new_is_not_paged(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    for _ in range(80):
        world.add_thread(general, archived=True, type=PUBLIC_THREAD)
    await work.build(server, [general])
    assert sum(one.path.endswith("/threads/search") for one in server.requests) == 1


# What is said about one channel


@pytest.mark.parametrize(
    "fault", [http_error(520), http_error(403), http_error(404), HIDDEN, TEXT_ANSWER, Wire.RESET], ids=str
)
@pytest.mark.parametrize("path", ["$", "/threads/archived/public$", "/messages$"])
async def test_what_is_said_about_one_channel_ends_nothing_for_the_others(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, path: str, fault: Fault
) -> None:
    odd = world.add_channel("odd")
    world.fill(odd, 3)
    server.fail(f"^/channels/{odd}{path}", fault, times=None)
    stats = await work.build(server, [odd, general], {"collect.attempts": 2})
    assert are_stored(work, world, general)
    assert any(str(odd) in note or "#odd" in note for note in stats.counts["notes"])


@pytest.mark.parametrize("path", ["/members/", "/threads/active$"])
@pytest.mark.parametrize("fault", [http_error(403), http_error(404), HIDDEN], ids=str)
async def test_what_is_refused_of_the_server_is_done_without(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, path: str, fault: Answer
) -> None:
    server.fail(path, fault, times=None)
    await work.build(server, [general])
    assert are_stored(work, world, general)


async def test_a_direct_message_is_named_and_the_others_are_read(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    direct = {"id": "77", "type": 1, "last_message_id": None, "recipients": []}
    server.fail("^/channels/77$", Answer(200, direct))
    stats = await work.build(server, [77, general])
    assert any("77 is no server channel" in note for note in stats.counts["notes"])
    assert are_stored(work, world, general)


# What cannot be read this time is built from what is stored


@pytest.mark.parametrize("how", ["denied", "deleted", "refused", "unlisted thread"])
async def test_a_channel_that_cannot_be_read_keeps_its_samples(
    server: LoopbackDiscord, work: Workplace, world: World, how: str
) -> None:
    first, lost, last = (talk(world, name, 20) for name in ("first", "lost", "last"))
    thread = world.add_thread(lost, "planning")
    world.channels[thread].messages.extend(world.channels[talk(world, "elsewhere", 10)].messages)
    await work.build(server, [first, lost, last])
    before = work.records.read_bytes()
    assert str(lost).encode() in before and str(thread).encode() in before
    match how:
        case "denied":
            world.deny(lost, Permission.READ_MESSAGE_HISTORY)
        case "deleted":
            world.delete_channel(lost)
        case "refused":
            server.fail(f"^/channels/{lost}$", HIDDEN, times=None)
        case _:
            server.fail("/threads/active$", http_error(520), times=None)
    stats = await work.build(server, [first, lost, last], {"collect.attempts": 2})
    assert work.records.read_bytes() == before
    assert any("built from what is stored" in note for note in stats.counts["notes"])


async def test_when_no_channel_can_be_read_what_is_stored_is_built(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    lost, other = talk(world, "lost", 20), talk(world, "other", 20)
    await work.build(server, [lost, other])
    world.delete_channel(lost)
    stats = await work.build(server, [lost])
    assert stats.counts["samples"] > 0
    assert str(other) not in work.records.read_text()


def test_the_command_names_a_deleted_channel_and_goes_on(work: Workplace, world: World) -> None:
    channel = talk(world, "tools", 20)
    with in_thread(LoopbackDiscord(world)) as server:
        process = work.start(server, [4242, channel])
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "there is no channel 4242" in errors) == (0, True)
        process = work.start(server, [4242])
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "there is no channel 4242" in errors) == (1, True)
    assert "Traceback" not in errors
