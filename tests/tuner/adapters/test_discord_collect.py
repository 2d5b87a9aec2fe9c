"""Reading a Discord server: what is asked for, what is stored of it, and that nothing is asked for twice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.building import Workplace, ids, large_server
from tests.support.discord_faults import Answer
from tests.support.discord_world import (
    ANNOUNCEMENT,
    FORUM,
    MEDIA,
    STAGE,
    VOICE,
    JsonObject,
    Permission,
    World,
    id_of,
    snowflake,
)
from tests.support.loopback_discord import LoopbackDiscord
from tuner.progress import Tally

START = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def general(world: World) -> int:
    return world.add_channel("general")


def pages(server: LoopbackDiscord, channel_id: int | None = None, since: int = 0) -> list[tuple[int, int]]:
    """The limit and the id after which each page was asked for, of those after the first `since` requests."""
    asked = [one for one in server.history_requests(channel_id) if one in server.requests[since:]]
    return [(int(one.query["limit"]), int(one.query["after"])) for one in asked]


# A whole server


async def test_a_large_server_is_read_once_and_then_only_what_is_new(work: Workplace) -> None:
    world, channels = large_server()
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, channels)
        everywhere = sorted(id_of(m) for channel in world.channels.values() for m in channel.messages)
        assert [i for (i,) in work.rows("SELECT id FROM messages ORDER BY id")] == everywhere
        assert len(everywhere) == stats.counts["stages"]["collect"]["out"] == 12_000
        asked = [(one.path, one.query["after"]) for one in server.history_requests()]
        # A full page is never an end, and shows 99 messages that the one before did not.
        assert len(asked) == len(set(asked)) == 31 + 26 + 21 + 16 + 2 * 30

        before, first_bytes = len(server.requests), work.records.read_bytes()
        await work.build(server, channels)
        assert pages(server, since=before) == []
        assert work.records.read_bytes() == first_bytes

        general, *_, forum = channels
        last_of_general = ids(world, general)[-1]
        world.fill(general, 140)
        post = world.threads(parent=forum)[3]
        last_of_post = id_of(post.messages[-1])
        world.fill(id_of(post.data), 10)
        before = len(server.requests)
        stats = await work.build(server, channels)
        assert pages(server, general, before) == [(100, last_of_general), (100, ids(world, general)[-41] - 1)]
        assert pages(server, id_of(post.data), before) == [(100, last_of_post)]
        assert len(pages(server, since=before)) == 3
        assert stats.counts["stages"]["collect"]["out"] == 150


# Pages and ranges


@pytest.mark.parametrize("count", [200, 201])
async def test_pages_are_asked_for_in_order_and_none_more_than_needed(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, count: int
) -> None:
    """A full page is never an end, and the next one shows its last millisecond once more."""
    world.fill(general, count)
    there = ids(world, general)
    await work.build(server, [general])
    assert pages(server, general) == [(100, 0), (100, there[99] - 1), (100, there[198] - 1)]
    assert work.stored(general) == there
    assert work.ranges(general) == [(0, there[-1])]


async def test_a_page_in_any_order_leads_to_the_message_after_its_largest_id(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 150)
    swapped = [dict(m) for m in world.channels[general].messages[:100]]
    server.fail(r"/messages$", Answer(200, [*swapped[50:], *swapped[:50]]))
    await work.build(server, [general])
    assert pages(server, general) == [(100, 0), (100, ids(world, general)[99] - 1)]
    assert work.stored(general) == ids(world, general)


async def test_reading_starts_at_earliest_and_moving_it_back_reads_only_what_is_missing(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 1000, start=START, step=timedelta(hours=1))
    there = ids(world, general)
    late, early = START + timedelta(hours=700), START + timedelta(hours=450)
    await work.build(server, [general], {"dataset.earliest": late.isoformat()})
    assert work.stored(general) == there[700:]
    start = snowflake(int(late.timestamp() * 1000))
    assert pages(server, general) == [(100, start - 1), *((100, there[i] - 1) for i in (799, 898, 997))]
    assert work.ranges(general) == [(start, there[-1])]

    before = len(server.requests)
    await work.build(server, [general], {"dataset.earliest": early.isoformat()})
    back = snowflake(int(early.timestamp() * 1000))
    assert pages(server, general, before) == [(100, back - 1), (100, there[549] - 1), (100, there[648] - 1)]
    assert work.stored(general) == there[450:]
    assert work.ranges(general) == [(back, there[-1])]

    before = len(server.requests)
    await work.build(server, [general], {"dataset.earliest": late.isoformat()})
    assert pages(server, general, before) == []


async def test_a_gap_between_two_ranges_is_closed(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    """Read from the beginning until the limit, then from a later moment to the end, then whole."""
    world.fill(general, 600, start=START, step=timedelta(hours=1))
    there = ids(world, general)
    await work.build(server, [general], {"dataset.max_messages": 150})
    await work.build(server, [general], {"dataset.earliest": (START + timedelta(hours=400)).isoformat()})
    assert work.stored(general) == there[:150] + there[400:]
    assert len(work.ranges(general)) == 2
    before = len(server.requests)
    await work.build(server, [general])
    assert pages(server, general, before) == [(100, there[i] - 1) for i in (149, 248, 347)]
    assert work.stored(general) == there
    assert len(work.ranges(general)) == 1


async def test_max_messages_reads_the_oldest_and_the_next_run_goes_on(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    other = world.add_channel("other")
    world.fill(general, 400)
    world.fill(other, 30)
    for stored in (150, 300, 400):
        stats = await work.build(server, [general, other], {"dataset.max_messages": 150})
        assert work.stored(general) == ids(world, general)[:stored]
        stopped = [note for note in stats.counts["notes"] if "dataset.max_messages" in note]
        assert len(stopped) == (stored < 400)
        assert all(
            "#general: stopped at 2024-01-01" in note and "next run goes on" in note for note in stopped
        )
    assert work.stored(other) == ids(world, other)
    assert [limit for limit, _ in pages(server, general)] == [100, 51, 100, 52, 100, 52]


async def test_max_messages_says_where_it_stopped_whatever_the_pages_held(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    """Messages that are no talk, or that are stored already, don't hide that there is more to read."""
    ada, bo = world.add_user("ada"), world.add_user("bo")
    for i in range(120):
        world.add_message(general, (ada, bo)[i % 2], f"line {i}", type=7 if i % 10 == 9 else 0)
    limit = {"dataset.max_messages": 60}
    first = await work.build(server, [general], {**limit, "dataset.allowed_users": [ada["id"]]})
    assert any("#general: stopped at" in note for note in first.counts["notes"])
    assert first.counts["channels"][str(general)]["state"] == "stopped"
    both = {**limit, "dataset.allowed_users": [ada["id"], bo["id"]]}
    again = await work.build(server, [general], both)
    assert any("#general: stopped at" in note for note in again.counts["notes"])
    assert again.counts["channels"][str(general)]["state"] == "stopped"
    last = await work.build(server, [general], both)
    assert not any("stopped at" in note for note in last.counts["notes"])
    assert [text for text in work.contents(general) if text is None] == []
    assert len(work.contents(general)) == 108


async def test_a_channel_that_seems_empty_costs_two_requests(
    server: LoopbackDiscord, work: Workplace, general: int
) -> None:
    """No last message is no proof: a compatible server, or a hiccup, leaves the field out."""
    stats = await work.build(server, [general])
    assert [one.query.get("after") for one in server.history_requests()] == ["0", None]
    assert stats.counts["channels"][str(general)]["state"] == "up to date"


async def test_a_deleted_newest_message_costs_no_request_for_ever(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 100)
    for message_id in ids(world, general)[-2:]:
        world.delete_message(general, message_id)
    await work.build(server, [general])
    world.fill(general, 2)
    for message_id in ids(world, general)[-2:]:
        world.delete_message(general, message_id)
    await work.build(server, [general])
    assert work.stored(general) == ids(world, general)
    before = len(server.requests)
    stats = await work.build(server, [general])
    assert pages(server, general, before) == []
    assert not any("general" in note for note in stats.counts["notes"])


def begun(server: LoopbackDiscord) -> list[int]:
    """The channels whose history was asked for, in the order of their first requests' arrival."""
    return list(dict.fromkeys(int(one.path.split("/")[2]) for one in server.history_requests()))


async def test_channels_are_read_side_by_side_the_longest_first_and_never_too_many_at_once(
    world: World, work: Workplace
) -> None:
    channels = [world.add_channel(f"channel {i}") for i in range(20)]
    for i, channel in enumerate(channels):
        world.fill(channel, 120, start=START, step=timedelta(hours=1 + i))
    async with LoopbackDiscord(world) as server:
        server.held = lambda request: request.is_history and len(begun(server)) < 8
        await work.build(server, channels)
        assert server.max_in_flight == 8
        order = begun(server)
    assert set(order[:8]) == set(channels[-8:])
    assert set(order) == set(channels)
    assert all(work.stored(channel) == ids(world, channel) for channel in channels)


async def test_requests_keep_the_configured_pace(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 1000)
    await work.build(server, [general], {"collect.requests_per_second": 20})
    asked = server.history_requests()
    assert len(asked) == 11
    before = server.requests[
        server.requests.index(asked[0]) - 1
    ]  # so that it doesn't matter if the first was late
    assert asked[-1].time - before.time > 0.44  # 9 / 20 s


# What there is to read


async def test_channels_of_every_kind_that_holds_messages(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    kinds = [world.add_channel(f"kind {type}", type) for type in (0, ANNOUNCEMENT, VOICE, STAGE)]
    threads = [world.add_thread(kind, "thread") for kind in kinds[:2]]
    posts = [world.add_thread(world.add_channel(f"forum {type}", type), "post") for type in (FORUM, MEDIA)]
    for channel in (*kinds, *threads, *posts):
        world.fill(channel, 3)
    homes = [int(world.channels[post].data["parent_id"]) for post in posts]
    await work.build(server, [*kinds, *homes])
    for channel in (*kinds, *threads, *posts):
        assert work.stored(channel) == ids(world, channel) != []


@pytest.mark.parametrize("type", [0, FORUM])
async def test_all_archived_threads_are_found_over_several_pages_of_them(
    server: LoopbackDiscord, work: Workplace, world: World, type: int
) -> None:
    parent = world.add_channel("parent", type)
    made = [
        world.add_thread(parent, f"post {i}", archived=True, archived_at=START - timedelta(hours=i))
        for i in range(205)
    ]
    active = world.add_thread(parent, "active")
    for thread in (made[0], made[99], made[100], made[204], active):
        world.fill(thread, 2)
    await work.build(server, [parent])
    for thread in (made[0], made[99], made[100], made[204], active):
        assert work.stored(thread) == ids(world, thread) != []
    if type != FORUM:  # a thread whose counts agree that it is empty costs nothing
        assert len(server.history_requests()) == 5 + 2  # the parent's hint is null


async def test_a_forum_post_begins_with_the_message_that_has_its_id(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    forum = world.add_channel("help", FORUM)
    post = world.add_thread(forum, "How?", archived=True)
    world.add_message(post, world.add_user("ada"), "Like this?", id=post)
    world.fill(post, 2)
    await work.build(server, [forum])
    assert work.stored(post) == [post, *ids(world, post)[1:]]
    assert work.rows("SELECT name, parent_id FROM channels WHERE id = ?", post) == [("How?", forum)]
    assert server.history_requests(forum) == []


async def test_a_new_thread_on_an_old_message_is_found_by_the_next_run(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 50)
    old = ids(world, general)[5]
    await work.build(server, [general])
    world.add_thread(general, "late question", id=old, archived=True)
    world.fill(old, 20)
    before = len(server.requests)
    await work.build(server, [general])
    assert work.stored(old) == ids(world, old)
    assert pages(server, since=before) == [(100, 0)]


@pytest.mark.parametrize("manages", [True, False])
async def test_private_archived_threads_as_far_as_the_bot_may_see_them(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, manages: bool
) -> None:
    made = [
        world.add_thread(general, f"secret {i}", archived=True, private=True, joined=i != 1)
        for i in range(130)
    ]
    if manages:
        world.add_role(Permission.MANAGE_THREADS, world.bot)
    for thread in (made[0], made[1], made[129]):
        world.fill(thread, 2)
    await work.build(server, [general])
    assert work.stored(made[0]) == ids(world, made[0])
    assert work.stored(made[129]) == ids(world, made[129])
    assert work.stored(made[1]) == (ids(world, made[1]) if manages else [])


async def test_a_thread_can_be_named_itself_and_nothing_is_read_twice(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.fill(general, 30)
    thread = world.add_thread(general, "planning")
    other = world.add_thread(general, "left out")
    world.fill(thread, 30)
    world.fill(other, 30)
    await work.build(server, [thread])
    assert (work.stored(thread), work.stored(general), work.stored(other)) == (ids(world, thread), [], [])
    stats = await work.build(server, [thread, general, thread, general])
    assert sorted(pages(server)) == [(100, 0)] * 3
    lines = [json.loads(line) for line in work.records.read_text().splitlines()]
    used = [i for line in lines for i in line["metadata"]["message_ids"]]
    assert len(used) == len(set(used)) > 0
    assert stats.counts["segmented"] == 90


async def test_channels_of_several_servers(server: LoopbackDiscord, work: Workplace, world: World) -> None:
    away = world.add_guild("Away")
    here, there = world.add_channel("here"), world.add_channel("there", guild=away)
    world.fill(here, 3)
    world.fill(there, 3)
    await work.build(server, [there, here])
    assert (work.stored(here), work.stored(there)) == (ids(world, here), ids(world, there))
    names = work.rows("SELECT name, guild_name FROM channels ORDER BY id")
    assert names == [("here", "Home"), ("there", "Away")]


async def test_the_share_and_the_counts_of_each_channel_are_reported(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    quiet = world.add_channel("quiet")
    world.fill(general, 250)
    tally, shares = Tally(), []
    tally.listeners = (lambda event: shares.append(tally.channels[general].share if tally.channels else 0.0),)
    stats = await work.build(server, [general, quiet], tally=tally)
    assert shares == sorted(shares)
    assert any(0.3 < share < 0.5 for share in shares)
    channels = stats.counts["channels"]
    assert (channels[str(general)]["state"], channels[str(general)]["messages"]) == ("read", 250)
    assert (channels[str(quiet)]["state"], channels[str(quiet)]["messages"]) == ("up to date", 0)
    assert stats.counts["requests"] + 2 == len(server.requests)  # login asks for the user and the application


# What is talk


async def test_only_talk_is_stored(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada = world.add_user("ada", global_name="Ada")
    first = world.add_message(general, ada, "hello")
    for type in (1, 6, 7, 8, 18, 21, 46):
        world.add_message(general, ada, "a system text", type=type)
    answer = world.add_message(general, ada, "hello yourself", reply_to=first)
    stats = await work.build(server, [general])
    assert work.rows("SELECT id, reply_to, content FROM messages ORDER BY id") == [
        (id_of(first), None, "hello"),
        (id_of(answer), id_of(first), "hello yourself"),
    ]
    assert stats.counts["stages"]["collect"]["dropped"] == {"system message": 7}
    assert work.rows("SELECT id, name FROM authors") == [(id_of(ada), "Ada")]


async def test_a_reference_that_is_no_reply_names_no_target(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada = world.add_user("ada")
    first = world.add_message(general, ada, "hello")
    crosspost = {"type": 0, "message_id": first["id"], "channel_id": str(general)}
    world.add_message(general, ada, "an announcement", message_reference=crosspost, flags=2)
    await work.build(server, [general])
    assert work.rows("SELECT reply_to FROM messages") == [(None,), (None,)]


async def test_a_forward_keeps_its_place_but_not_the_words_of_somebody_else(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada = world.add_user("ada")
    snapshot: JsonObject = {
        "content": "forwarded words",
        "type": 0,
        "attachments": [{"id": "1", "filename": "forwarded.png", "size": 1}],
    }
    world.add_message(
        general,
        ada,
        "forwarded words, should Discord ever show them here",
        message_reference={"type": 1, "message_id": "5", "channel_id": "6"},
        message_snapshots=[{"message": snapshot}],
    )
    await work.build(server, [general])
    assert work.rows("SELECT content, reply_to, extras FROM messages") == [("", None, '{"forwarded":true}')]
    assert b"forwarded words" not in work.archive_bytes()
    assert "[forwarded message]" in next((work.folder / "raw").iterdir()).read_text()


async def test_what_programs_write_is_a_stub(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    """Bots, webhooks (whoever they pretend to be) and command responses."""
    ada, robot = world.add_user("ada"), world.add_user("robot", bot=True)
    world.add_message(general, ada, "typed by hand")
    world.add_message(general, robot, "bleep")
    world.add_message(general, ada, "through a webhook", webhook_id="77")
    world.add_message(general, robot, "command output", type=20)
    world.add_message(general, ada, "menu output", type=23)
    await work.build(server, [general])
    assert work.contents(general) == ["typed by hand", None, None, None, None]
    assert all(speaker < 0 for (speaker,) in work.rows("SELECT speaker FROM messages WHERE content IS NULL"))
    await work.build(server, [general], {"dataset.allowed_users": [ada["id"], robot["id"]]})
    assert work.contents(general) == ["typed by hand", "bleep", None, None, None]


async def test_attachments_stickers_polls_and_mentions_are_kept(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada, bo = world.add_user("ada"), world.add_user("bo", global_name="Bo")
    poll = {"question": {"text": "Tea or coffee?"}, "answers": []}
    world.add_message(
        general,
        ada,
        f"look <@{bo['id']}>",
        attachments=[{"id": "1", "filename": "cat.png", "size": 1, "url": "https://cdn.discordapp.com/x"}],
        sticker_items=[{"id": "2", "name": "wave", "format_type": 1}],
        mentions=[bo],
        poll=poll,
    )
    await work.build(server, [general])
    ((extras,),) = work.rows("SELECT extras FROM messages")
    assert json.loads(extras) == {
        "mentions": [id_of(bo)],
        "attachments": ["cat.png"],
        "stickers": ["wave"],
        "poll": "Tea or coffee?",
    }
    assert (id_of(bo), "Bo") in work.rows("SELECT id, name FROM authors")


@pytest.mark.parametrize(
    "malformed",
    [
        {"author": None},
        {"author": {"username": "no id"}},
        {"type": "seven"},
        {"content": 5},
    ],
    ids=str,
)
async def test_a_malformed_message_is_counted_and_the_rest_of_its_page_kept(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, malformed: JsonObject
) -> None:
    world.fill(general, 120)
    broken = id_of(world.channels[general].messages[50])
    world.channels[general].messages[50] |= malformed
    stats = await work.build(server, [general])
    assert work.stored(general) == [i for i in ids(world, general) if i != broken]
    assert stats.counts["stages"]["collect"]["dropped"] == {"malformed message": 1}


@pytest.mark.parametrize(
    "odd",
    [
        {"attachments": [{"size": "?"}, "no object"]},
        {"attachments": None, "sticker_items": "none"},
        {"mentions": [{"username": "no id"}, 5]},
        {"embeds": [{"type": 7}], "components": [[]]},
        {"poll": {"question": None}},
        {"poll": {"question": {"text": ["?"]}}},
        {"author": {"id": "5", "username": None}},
        {"author": {"id": "5", "username": "ada", "bot": None}},
        {"edited_timestamp": "yesterday"},
        {"edited_timestamp": ""},
        {"message_reference": []},
        {"message_reference": {"type": None, "message_id": ""}},
        {"nobody_knows": {"this": "field"}},
    ],
    ids=str,
)
async def test_a_malformed_part_does_not_cost_the_message(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, odd: JsonObject
) -> None:
    world.fill(general, 3)
    world.channels[general].messages[1] |= odd
    stats = await work.build(server, [general])
    assert work.contents(general) == ["general 0", "general 1", "general 2"]
    assert stats.counts["stages"]["collect"]["dropped"] == {}


# Whose words may be used


async def test_words_of_people_outside_appear_nowhere(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, caplog: pytest.LogCaptureFixture
) -> None:
    ada, bo = world.add_user("ada", global_name="Ada"), world.add_user("bo", global_name="Bo")
    eve = world.add_user("xeveusername", global_name="Xevename")
    thread = world.add_thread(general, "planning")
    for channel in (general, thread):
        said = world.add_message(general, ada, "who took the lamp from the hall this morning?")
        theirs = world.add_message(
            channel,
            eve,
            "xcontent planted",
            embeds=[{"type": "rich", "description": "xembed planted"}],
            attachments=[{"id": "1", "filename": "xfile.png", "size": 1, "url": "xlink"}],
            sticker_items=[{"id": "2", "name": "xsticker"}],
            poll={"question": {"text": "xpoll planted"}, "answers": [{"poll_media": {"text": "xanswer"}}]},
            components=[{"type": 17, "components": [{"type": 10, "content": "xcomponent planted"}]}],
            flags=1 << 15,
            reply_to=said,
        )
        # What Discord repeats of it beside other people's words:
        world.add_message(channel, bo, "not me, I was out the whole day", reply_to=theirs)
        world.add_message(
            channel,
            ada,
            message_reference={"type": 1, "message_id": theirs["id"], "channel_id": str(channel)},
            message_snapshots=[{"message": {"content": "xcontent planted", "embeds": theirs["embeds"]}}],
        )
        world.add_message(
            channel,
            bo,
            f"ask <@{eve['id']}> or <@!{eve['id']}> or @Xevename about the missing lamp",
            mentions=[eve],
            embeds=[{"type": "rich", "description": "xembed planted"}],
        )
        world.add_message(channel, ada, f"<@{eve['id']}> was in the hall before everybody else", mentions=[])
        world.add_message(channel, bo, "then the lamp is surely upstairs in the study")
    world.fill(general, 60, authors=[ada, bo])
    stats = await work.build(server, [general], {"dataset.allowed_users": [ada["id"], bo["id"]]})

    assert (work.contents(general) + work.contents(thread)).count(None) == 2
    assert "not me, I was out the whole day" in work.contents(thread)
    assert stats.counts["samples"] > 0
    files = [file for file in work.folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} >= {".db", ".jsonl", ".json", ".txt"}
    everything = b"\n".join(file.read_bytes() for file in files) + caplog.text.encode()
    planted = ["xcontent", "xembed", "xfile", "xlink", "xsticker", "xpoll", "xanswer", "xcomponent"]
    for word in (*planted, "xeveusername", "Xevename", eve["id"]):
        assert word.encode() not in everything, word
    integers = work.rows("SELECT speaker, extras FROM messages")
    assert all(id_of(eve) != speaker and eve["id"] not in extras for speaker, extras in integers)
    assert "Ada: who took the lamp" in next((work.folder / "raw").glob("general*")).read_text()


async def test_a_wider_audience_reads_history_again_for_the_words_that_were_left_out(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    ada, bo = world.add_user("ada"), world.add_user("bo")
    world.fill(general, 150, authors=[ada, bo])
    await work.build(server, [general], {"dataset.allowed_users": [ada["id"]]})
    assert 0 < work.contents(general).count(None) < 150
    before = len(server.requests)
    stats = await work.build(server, [general], {"dataset.allowed_users": [ada["id"], bo["id"]]})
    assert work.contents(general) == [m["content"] for m in world.channels[general].messages]
    assert len(pages(server, since=before)) == 2
    assert any("read again" in note for note in stats.counts["notes"])
    before = len(server.requests)
    await work.build(server, [general], {"dataset.allowed_users": [bo["id"], ada["id"]]})
    assert pages(server, since=before) == []


@pytest.mark.parametrize("everyone_first", [True, False])
async def test_a_narrower_audience_erases_the_words_of_who_left(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, everyone_first: bool
) -> None:
    ada, bo = world.add_user("ada"), world.add_user("xboname")
    for i in range(150):
        author, word = ((ada, "kept"), (bo, f"xplanted{i}"))[i % 2]
        world.add_message(general, author, f"{word} words of a longer message")
    wide: dict[str, Any] = {} if everyone_first else {"dataset.allowed_users": [ada["id"], bo["id"]]}
    await work.build(server, [general], wide)
    assert b"xplanted1" in work.archive_bytes()
    before = len(server.requests)
    stats = await work.build(server, [general], {"dataset.allowed_users": [ada["id"]]}, confirmed=True)
    assert pages(server, since=before) == []
    assert work.contents(general)[:2] == ["kept words of a longer message", None]
    assert any("erased" in note for note in stats.counts["notes"])
    outputs = b"".join(f.read_bytes() for f in (work.folder / "raw").iterdir())
    for word in (b"xplanted", b"xboname"):
        assert word not in work.archive_bytes()
        assert word not in outputs
