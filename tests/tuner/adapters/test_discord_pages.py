"""Pages that show less than there is: short, empty, swapped, with a hint that is wrong. No word is lost by them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.building import NO_CHANGES, Changes, Workplace, ids
from tests.support.discord_faults import Answer, Changed, http_error
from tests.support.discord_world import JsonObject, World, id_of, snowflake
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE
from tests.support.talks import talk
from tests.support.threaded import in_thread
from tuner.amounts import counted
from tuner.errors import FatalError, TunerError
from tuner.pipeline import RunStats

REREAD: Changes = {"collect.reread": True}


@pytest.fixture
def general(world: World) -> int:
    return world.add_channel("general")


def history_of(channel: int) -> str:
    return rf"^/channels/{channel}/messages$"


def is_whole(work: Workplace, world: World, channel: int) -> bool:
    """Every message is stored with its text, and one range says so."""
    there = world.channels[channel].messages
    return (
        work.stored(channel) == ids(world, channel)
        and work.contents(channel) == [message["content"] for message in there]
        and work.ranges(channel) == [(0, ids(world, channel)[-1])]
    )


def deletion_notes(stats: RunStats) -> list[str]:
    return [note for note in stats.counts["notes"] if "not show" in note or "not shown" in note]


WITHOUT_LAST = Changed(lambda body: body[1:])
WITHOUT_MIDDLE = Changed(lambda body: [*body[:50], *body[51:]])
HALF = Changed(lambda body: body[len(body) // 2 :])
NOTHING = Answer(200, [])


# Pages that are cut short


@pytest.mark.parametrize("fault", [WITHOUT_LAST, WITHOUT_MIDDLE, HALF, NOTHING], ids=range(4))
@pytest.mark.parametrize("place_of_fault", [0, 1, 3])
@pytest.mark.parametrize("again", [False, True])
async def test_a_page_that_is_cut_short_loses_nothing(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    fault: Changed | Answer,
    place_of_fault: int,
    again: bool,
) -> None:
    world.fill(general, 450)
    if again:
        await work.build(server, [general])
    server.fail(history_of(general), fault, after=place_of_fault)
    stats = await work.build(server, [general], REREAD if again else NO_CHANGES)
    assert is_whole(work, world, general)
    assert deletion_notes(stats) == []


@pytest.mark.parametrize("size", [99, 60, 7])
async def test_a_server_whose_pages_are_always_short_is_read_whole(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, size: int
) -> None:
    world.fill(general, 250)
    server.fail(history_of(general), Changed(lambda body: body[-size:]), times=None)
    for changes in (NO_CHANGES, REREAD):
        stats = await work.build(server, [general], changes)
        assert is_whole(work, world, general)
        assert deletion_notes(stats) == []


async def test_empty_pages_in_the_middle_that_stay_are_named_and_end_nothing_for_good(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 350)
    there = ids(world, general)
    middle = set(map(str, there[100:250]))

    def hide_the_middle(body: list[JsonObject]) -> list[JsonObject]:
        return [] if {m["id"] for m in body} & middle else body

    server.fail(history_of(general), Changed(hide_the_middle), times=None)
    stats = await work.build(server, [general])
    assert any("#general" in note and "newer messages" in note for note in stats.counts["notes"])
    assert work.ranges(general) == [(0, there[99] - 1)]
    server.heal()
    await work.build(server, [general])
    assert is_whole(work, world, general)


async def test_a_server_that_shows_one_page_for_ever_is_not_asked_for_ever(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 250)
    first = [dict(m) for m in world.channels[general].messages[:100]]
    server.fail(history_of(general), Answer(200, first), times=None)
    stats = await work.build(server, [general])
    assert any("same page again" in note for note in stats.counts["notes"])
    assert len(server.history_requests()) == 3


# Hints


@pytest.mark.parametrize("count", [12, 100, 250, 300])
async def test_a_null_hint_costs_a_second_look_and_no_message(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, count: int
) -> None:
    world.fill(general, count)
    world.channels[general].data["last_message_id"] = None
    await work.build(server, [general])
    assert is_whole(work, world, general)
    assert len(server.history_requests()) == count // 100 + 2
    await work.build(server, [general])
    assert len(server.history_requests()) == count // 100 + 4


@pytest.mark.parametrize("hint", [None, 40], ids=["null", "stale"])
@pytest.mark.parametrize("fault", [WITHOUT_LAST, HALF, NOTHING], ids=range(3))
@pytest.mark.parametrize("place_of_fault", [0, 1, 4])
async def test_a_page_cut_short_ends_nothing_where_the_hint_tells_nothing(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    hint: int | None,
    fault: Changed | Answer,
    place_of_fault: int,
) -> None:
    world.fill(general, 450)
    newest = world.channels[general].messages[hint]["id"] if hint else None
    world.channels[general].data["last_message_id"] = newest
    server.fail(history_of(general), fault, after=place_of_fault)
    await work.build(server, [general])
    # A hint that is believed while nothing was shown yet is the one thing that ends a channel unseen.
    assert work.stored(general) == ids(world, general)
    assert work.ranges(general) == [(0, ids(world, general)[-1])]


async def test_an_empty_channel_without_a_hint_costs_two_requests(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    other = world.add_channel("other")
    world.fill(other, 3)
    world.channels[general].data["last_message_id"] = None
    for run in (1, 2):
        await work.build(server, [general, other])
        assert len(server.history_requests(general)) == 2 * run


async def test_an_empty_second_look_is_taken_once_more(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 30)
    world.channels[general].data["last_message_id"] = None
    server.fail(history_of(general), NOTHING, after=1)
    await work.build(server, [general])
    assert is_whole(work, world, general)


@pytest.mark.parametrize("stale", [0, 40, 99, 100, 199])
async def test_a_stale_hint_ends_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, stale: int
) -> None:
    world.fill(general, 250)
    world.channels[general].data["last_message_id"] = world.channels[general].messages[stale]["id"]
    await work.build(server, [general])
    assert is_whole(work, world, general)


async def test_a_hint_that_moves_back_hides_no_new_messages(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 30)
    await work.build(server, [general])
    world.fill(general, 6)
    world.channels[general].data["last_message_id"] = str(ids(world, general)[10])
    await work.build(server, [general])
    assert is_whole(work, world, general)


@pytest.mark.parametrize("hint", ["", "none", 5.5, [], str(1 << 70)], ids=str)
async def test_a_hint_that_is_no_id_is_none(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, hint: object
) -> None:
    world.fill(general, 12)
    world.channels[general].data["last_message_id"] = hint
    await work.build(server, [general])
    assert is_whole(work, world, general)


async def test_what_was_archived_before_the_time_window_costs_no_request(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    early, late = datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    threads = [world.add_thread(general, archived=True, at=early, archived_at=early) for _ in range(9)]
    for thread in threads:
        world.fill(thread, 3, start=early)
    world.fill(general, 3, start=late)
    await work.build(server, [general], {"dataset.earliest": "2023-01-01"})
    assert len(server.history_requests()) == 1


# Messages of one millisecond


async def test_messages_of_one_millisecond_that_swap_at_a_pages_edge_stay(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada, ms = world.add_user("ada"), world.clock_ms + 10_000
    world.fill(general, 99)
    twins = [world.add_message(general, ada, f"twin {i}", id=snowflake(ms, i)) for i in range(2)]
    world.fill(general, 130, start=ms + 5000)
    await work.build(server, [general])
    assert is_whole(work, world, general)
    messages = world.channels[general].messages
    at = messages.index(twins[0])
    messages[at], messages[at + 1] = messages[at + 1], messages[at]
    stats = await work.build(server, [general], REREAD)
    assert sorted(filter(None, work.contents(general))) == sorted(m["content"] for m in messages)
    assert deletion_notes(stats) == []


def unordered_within_milliseconds(world: World, channel: int) -> Callable[[JsonObject], None]:
    """Swaps the channel's twins each time that a page was shown."""

    def swap(_: JsonObject) -> None:
        messages = world.channels[channel].messages
        for i in range(len(messages) - 1):
            if id_of(messages[i]) >> 22 == id_of(messages[i + 1]) >> 22:
                messages[i], messages[i + 1] = messages[i + 1], messages[i]
                return

    return swap


@pytest.mark.parametrize("first", [98, 99, 197, 198])
@pytest.mark.parametrize("again", [False, True])
async def test_twins_that_swap_between_two_pages_are_both_read(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, first: int, again: bool
) -> None:
    ada, ms = world.add_user("ada"), world.clock_ms + 10_000_000
    world.fill(general, first)
    for i in range(2):
        world.add_message(general, ada, f"twin {i}", id=snowflake(ms, i))
    world.fill(general, 130, start=ms + 5000)
    contents = [message["content"] for message in world.channels[general].messages]
    if again:
        await work.build(server, [general])
    swap = unordered_within_milliseconds(world, general)
    swap({})  # the later twin is the last of a page, and the earlier one the first of none

    def shown(body: list[JsonObject]) -> list[JsonObject]:
        swap({})
        return body

    server.fail(history_of(general), Changed(shown), times=None)
    stats = await work.build(server, [general], REREAD if again else NO_CHANGES)
    assert work.contents(general) == contents
    assert work.ranges(general) == [(0, ids(world, general)[-1])]
    assert deletion_notes(stats) == []
    if not again:
        assert stats.counts["stages"]["collect"]["dropped"] == {}
        assert len(server.history_requests()) == (first + 132) // 99 + 1


@pytest.mark.parametrize("crowd", [100, 101, 350])
async def test_more_messages_of_one_millisecond_than_a_page_holds(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, crowd: int
) -> None:
    ada, ms = world.add_user("ada"), world.clock_ms + 10_000_000
    world.fill(general, 60)
    for i in range(crowd):
        world.add_message(general, ada, f"one of many {i}", id=snowflake(ms, i))
    world.fill(general, 60, start=ms + 5000)
    stats = await work.build(server, [general])
    assert is_whole(work, world, general)
    assert stats.counts["stages"]["collect"]["dropped"] == {}


async def test_a_limit_counts_no_message_twice(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 400)
    for run in (1, 2, 3):
        await work.build(server, [general], {"dataset.max_messages": 130})
        assert len(work.stored(general)) == min(130 * run, 400)


# Deletions that are inferred


async def rebuilt(
    server: LoopbackDiscord, work: Workplace, general: int, changes: Changes = NO_CHANGES
) -> RunStats:
    return await work.build(server, [general], {**REREAD, **changes})


@pytest.mark.parametrize("places", [[0], [299], [100], [5, 6, 7, 150, 280], [*range(290, 300)]], ids=len)
async def test_what_two_looks_do_not_show_loses_its_text_and_the_run_says_how_much(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, places: list[int]
) -> None:
    world.fill(general, 300)
    there = ids(world, general)
    await work.build(server, [general])
    for i in places:
        world.delete_message(general, there[i])
    [note] = deletion_notes(await rebuilt(server, work, general))
    assert f"{counted(len(places), 'message')} ({len(places)} in #general)" in note
    assert [i for i, text in enumerate(work.contents(general)) if text is None] == places
    assert deletion_notes(await rebuilt(server, work, general)) == []


async def test_what_is_shown_again_gets_its_text_back(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 130)
    await work.build(server, [general])
    hidden = [world.channels[general].messages[i] for i in (20, 21, 125)]
    for message in hidden:
        world.delete_message(general, id_of(message))
    await rebuilt(server, work, general)
    assert work.contents(general).count(None) == 3
    assert hidden[0]["content"].encode() + b"\0" not in work.archive_bytes()
    for message in hidden:
        world.add_message(general, message["author"], message["content"], id=id_of(message))
    await rebuilt(server, work, general)
    assert work.contents(general) == [m["content"] for m in world.channels[general].messages]


@pytest.mark.parametrize(
    ("count", "gone", "changes", "erased"),
    [
        (300, 60, NO_CHANGES, True),
        (300, 61, NO_CHANGES, False),
        (300, 100, {"collect.most_deleted": 0.5}, True),
        (300, 299, {"collect.most_deleted": 1}, True),
        (30, 20, NO_CHANGES, True),
        (30, 21, NO_CHANGES, False),
    ],
)
async def test_more_than_a_share_of_a_channel_is_not_erased_unasked(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    count: int,
    gone: int,
    changes: Changes,
    erased: bool,
) -> None:
    world.fill(general, count)
    await work.build(server, [general])
    for message_id in ids(world, general)[:gone]:
        world.delete_message(general, message_id)
    stats = await rebuilt(server, work, general, changes)
    assert work.contents(general).count(None) == (gone if erased else 0)
    [note] = deletion_notes(stats)
    assert str(gone) in note and "general" in note
    assert ("--set collect.most_deleted=1" in note) == (not erased)


async def test_the_answer_to_the_question_needs_no_new_reading(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 100)
    await work.build(server, [general])
    for message_id in ids(world, general)[:50]:
        world.delete_message(general, message_id)
    await rebuilt(server, work, general)
    assert None not in work.contents(general)
    asked = len(server.history_requests())
    stats = await work.build(server, [general], {"collect.most_deleted": 1})
    assert len(server.history_requests()) == asked
    assert work.contents(general).count(None) == 50
    assert "50 messages" in deletion_notes(stats)[0]


async def test_what_was_asked_about_and_is_shown_again_is_not_erased_later(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 100)
    await work.build(server, [general])
    whole = list(world.channels[general].messages)
    del world.channels[general].messages[:50]
    await rebuilt(server, work, general)
    world.channels[general].messages[:] = whole
    await rebuilt(server, work, general, {"collect.most_deleted": 1})
    assert None not in work.contents(general)


async def test_a_server_that_cannot_show_what_lies_around_a_message_erases_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    """It shows its newest messages instead."""
    world.fill(general, 400)
    await work.build(server, [general])
    world.delete_message(general, ids(world, general)[10])
    newest = [dict(m) for m in world.channels[general].messages[-100:]]
    server.fail(history_of(general), Answer(200, newest), after=1)
    await rebuilt(server, work, general)
    assert None not in work.contents(general)


# A Discord that does not answer


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("fault", [http_error(503), http_error(520), Answer(200, "no JSON")], ids=str)
def test_history_that_is_never_answered_ends_the_command_with_a_sentence(
    work: Workplace, world: World, known: bool, fault: Answer
) -> None:
    channels = [talk(world, "busy", 75), talk(world, "idle", 3)]
    with in_thread(LoopbackDiscord(world)) as server:
        if known:
            work.start(server, channels).communicate(timeout=PATIENCE)
            before = work.records.read_bytes()
            world.fill(channels[0], 5)
        server.fail("/messages$", fault, times=None)
        process = work.start(server, channels, {"collect.attempts": 2})
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, errors
    assert "No history could be read" in errors and "Traceback" not in errors
    if known:
        assert work.records.read_bytes() == before
    else:
        assert not work.records.exists()


@pytest.mark.parametrize("path", [r"^/channels/\d+$", r"^/guilds/\d+$", "/channels$"])
async def test_listings_that_are_never_answered_end_the_run(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, path: str
) -> None:
    world.fill(general, 5)
    await work.build(server, [general])
    server.fail(path, http_error(503), times=None)
    with pytest.raises(FatalError, match="could not be") as caught:
        await work.build(server, [general], {"collect.attempts": 2})
    assert caught.value.exit_code == 1


async def test_many_faults_in_a_row_end_the_run_before_every_channel_was_tried(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    channels = [world.add_channel(f"channel {i}") for i in range(30)]
    for channel in channels:
        world.fill(channel, 3)
    server.fail("/messages$", http_error(503), times=None)
    changes = {"collect.attempts": 3, "collect.concurrency": 2}
    with pytest.raises(TunerError, match="failed at 6 requests in a row"):
        await work.build(server, channels, changes)
    assert len(server.history_requests()) < 10


ODD_PAGES: list[Callable[[list[Any]], list[Any]]] = [
    lambda body: [*body, None],
    lambda body: [*body[:3], {"no": "id"}, *body[3:]],
    lambda body: ["text", *body],
    lambda body: [{"id": str(1 << 70), "type": 0}, *body],
]


@pytest.mark.parametrize("change", ODD_PAGES, ids=range(len(ODD_PAGES)))
async def test_an_item_that_is_no_message_spoils_no_page(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    change: Callable[[list[Any]], list[Any]],
) -> None:
    world.fill(general, 30)
    server.fail("/messages$", Changed(change))
    stats = await work.build(server, [general])
    assert is_whole(work, world, general)
    assert stats.counts["stages"]["collect"]["dropped"] == {"malformed message": 1}
