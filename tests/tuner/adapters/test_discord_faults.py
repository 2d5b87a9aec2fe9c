"""Faults between Tuner and Discord in the middle of a run: how it ends, and that nothing is lost by them."""

import json
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from tests.support.building import Workplace, ids
from tests.support.discord_faults import (
    CLOUDFLARE_BAN,
    GARBAGE,
    Answer,
    Changed,
    Fault,
    Wire,
    http_error,
    rate_limited,
)
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_gateway import PATIENCE
from tests.support.threaded import in_thread
from tuner.adapters.discord_check import check_with_token
from tuner.adapters.discord_history import rest_client
from tuner.adapters.discord_search import count_messages
from tuner.errors import FatalError, TunerError, UsageError
from tuner.pipeline import RunStats
from tuner.progress import Tally

HOUR = rate_limited(3600)


@pytest.fixture
def channels(world: World) -> list[int]:
    made = [world.add_channel(name) for name in ("general", "games", "music")]
    for channel, count in zip(made, (450, 250, 120), strict=True):
        for i, message in enumerate(world.fill(channel, count)):
            message["content"] = f"I would say yes to number {i} of the things we talked about yesterday"
    return made


def name_of(value: object) -> str:
    """A short name of a fault for the test's id."""
    if isinstance(value, Answer):
        return f"{value.status} {json.dumps(value.body)[:24]}"
    return value.name if isinstance(value, Wire) else ""


def history_of(channel: int) -> str:
    return rf"^/channels/{channel}/messages$"


def is_complete(work: Workplace, world: World, channels: list[int]) -> bool:
    """Each channel is stored to its end, and one range says so."""
    return all(
        work.stored(channel) == ids(world, channel) and work.ranges(channel) == [(0, ids(world, channel)[-1])]
        for channel in channels
    )


def stored_as_claimed(work: Workplace, world: World, channels: list[int]) -> bool:
    """What the ranges say is stored is stored, and beside it only the message whose millisecond is shown again."""
    for channel in channels:
        stored = work.stored(channel)
        claimed = [
            i for i in ids(world, channel) for first, last in work.ranges(channel) if first <= i <= last
        ]
        if stored[: len(claimed)] != claimed or len(stored) > len(claimed) + 1:
            return False
    return True


def channel_notes(stats: RunStats) -> list[str]:
    return [note for note in stats.counts["notes"] if "#" in note]


# Faults that pass


@pytest.mark.parametrize(
    "fault",
    [
        *map(http_error, (503, 520, 521)),
        Wire.RESET,
        Wire.CUT_BODY,
        GARBAGE,
        Answer(200, {"message": "JSON, but no page"}),
        Answer(200, [{"no": "id"}]),
        Answer(200, "null"),
        CLOUDFLARE_BAN,
        rate_limited(0.05),
        rate_limited(0.05, everywhere=True),
    ],
    ids=name_of,
)
async def test_a_fault_that_passes_costs_only_another_request(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int], fault: Fault
) -> None:
    """Twice in a row in the longest channel after two of its pages, once elsewhere."""
    server.fail(history_of(channels[0]), fault, times=2, after=2)
    server.fail(history_of(channels[1]), fault, after=1)
    stats = await work.build(server, channels)
    assert is_complete(work, world, channels)
    assert channel_notes(stats) == []
    asked = [one.query["after"] for one in server.history_requests(channels[0])]
    assert asked[2] == asked[3] == asked[4] == str(ids(world, channels[0])[198] - 1)
    assert len(asked) == len(set(asked)) + 2 == 7
    assert len(server.history_requests()) == 7 + 4 + 2


async def test_errors_that_the_client_retries_itself(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    """All four at once, each in a channel of its own: the client waits a second before each second try."""
    channels = {status: world.add_channel(f"channel {status}") for status in (500, 502, 504, 524)}
    for status, channel in channels.items():
        world.fill(channel, 250)
        server.fail(history_of(channel), http_error(status), after=1)
    stats = await work.build(server, list(channels.values()))
    assert is_complete(work, world, list(channels.values()))
    assert channel_notes(stats) == []
    for status, channel in channels.items():
        assert [one.status for one in server.history_requests(channel)] == [200, status, 200, 200]
    assert stats.counts["requests"] + 2 + 4 == len(
        server.requests
    )  # login's two; nobody but the client retried


async def test_a_stalled_connection_ends_with_the_clients_time_limit(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    channels: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit is aiohttp's default of 300 seconds, which nobody wants to wait for here."""
    monkeypatch.setattr("aiohttp.client.DEFAULT_TIMEOUT", aiohttp.ClientTimeout(total=1))
    server.fail(history_of(channels[0]), Wire.STALL, after=2)
    stats = await work.build(server, channels)
    assert 0 in [one.status for one in server.history_requests(channels[0])]
    assert is_complete(work, world, channels)
    assert channel_notes(stats) == []


async def test_faults_while_channels_are_listed_pass_too(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    thread = world.add_thread(channels[0], archived=True)
    world.fill(thread, 5)
    for path in (
        r"^/channels/\d+$",
        r"^/guilds/\d+$",
        "/members/",
        "/guilds/.*/channels",
        "/active",
        "/public",
    ):
        server.fail(path, http_error(503))
        server.fail(path, Wire.RESET)
        server.fail(path, GARBAGE)
    await work.build(server, channels)
    assert is_complete(work, world, [*channels, thread])


# Faults that last


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (http_error(503), "#general: given up after 3 tries (HTTP 503)"),
        (Wire.RESET, "#general: given up after 3 tries"),
        (GARBAGE, "#general: given up after 3 tries (JSONDecodeError)"),
        (CLOUDFLARE_BAN, "#general: given up after 3 tries (HTTP 429)"),
        (HOUR, "#general: Discord asks to wait 3600 s"),
        (http_error(400), "#general: Discord refused a request: HTTP 400"),
        (http_error(403), "is forbidden to the bot since this run began: HTTP 403, code 50001"),
        (http_error(404), "is gone: HTTP 404, code 10003"),
    ],
    ids=name_of,
)
async def test_a_channel_that_stays_broken_is_named_and_the_others_are_read(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int], fault: Fault, sentence: str
) -> None:
    server.fail(history_of(channels[0]), fault, times=None, after=2)
    stats = await work.build(server, channels, {"collect.attempts": 3})
    [note] = channel_notes(stats)
    assert sentence in note and "#general" in note
    assert "What was read is kept" in note
    state = stats.counts["channels"][str(channels[0])]
    assert (state["state"], state["note"], state["messages"]) == ("failed", note, 199)
    assert work.stored(channels[0]) == ids(world, channels[0])[:199]
    assert is_complete(work, world, channels[1:])
    assert stored_as_claimed(work, world, channels)
    assert stats.counts["samples"] > 0
    lasting = isinstance(fault, Answer) and (fault.status in (400, 403, 404) or fault is HOUR)
    # aiohttp by itself repeats a GET whose kept-alive connection was reset.
    tries = 1 if lasting else 6 if fault is Wire.RESET else 3
    assert len(server.history_requests(channels[0])) == 2 + tries

    server.heal()
    before = len(server.history_requests())
    stats = await work.build(server, channels)
    assert channel_notes(stats) == []
    assert is_complete(work, world, channels)
    assert len(server.history_requests()) == before + 3


async def test_a_channel_that_is_deleted_meanwhile_keeps_what_was_read_of_it(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    there, tally = ids(world, channels[0]), Tally()

    def delete_when_half_read(event: object) -> None:
        if channels[0] in world.channels and len(server.history_requests(channels[0])) == 2:
            world.delete_channel(channels[0])

    tally.listeners = (delete_when_half_read,)
    stats = await work.build(server, channels, tally=tally)
    [note] = channel_notes(stats)
    assert "#general" in note and "take it out of dataset.channels" in note
    assert work.stored(channels[0]) == there[:199]
    assert is_complete(work, world, channels[1:])


async def test_a_lost_permission_to_read_claims_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    """Discord answers with empty pages then, not with an error."""
    server.fail(history_of(channels[0]), Answer(200, []), times=None, after=2)
    stats = await work.build(server, channels)
    [note] = channel_notes(stats)
    assert "#general" in note and "Read Message History" in note
    assert work.stored(channels[0]) == ids(world, channels[0])[:199]
    assert work.ranges(channels[0]) == [(0, ids(world, channels[0])[198] - 1)]
    assert is_complete(work, world, channels[1:])
    server.heal()
    await work.build(server, channels)
    assert is_complete(work, world, channels)


async def test_a_single_empty_page_ends_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    server.fail(history_of(channels[0]), Answer(200, []), after=2)
    stats = await work.build(server, channels)
    assert is_complete(work, world, channels)
    assert channel_notes(stats) == []


async def test_an_unreadable_list_of_archived_threads_stops_nothing(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    thread = world.add_thread(channels[0], archived=True)
    world.fill(thread, 5)
    server.fail(f"/channels/{channels[0]}/threads/archived/public", http_error(403), times=None)
    stats = await work.build(server, channels)
    [note] = channel_notes(stats)
    assert "#general" in note and "archived threads could not be listed: HTTP 403" in note
    assert is_complete(work, world, channels)
    server.heal()
    assert channel_notes(await work.build(server, channels)) == []
    assert is_complete(work, world, [*channels, thread])


async def test_listing_that_stays_broken_ends_the_run_in_words(
    server: LoopbackDiscord, work: Workplace, channels: list[int]
) -> None:
    server.fail(r"^/guilds/\d+/channels$", http_error(503), times=None)
    with pytest.raises(FatalError, match=r"channels could not be listed.*HTTP 503") as caught:
        await work.build(server, channels, {"collect.attempts": 3})
    assert caught.value.exit_code == 1


# The token


async def test_a_revoked_token_stops_the_run_with_all_that_was_read_stored(
    server: LoopbackDiscord, work: Workplace, world: World, channels: list[int]
) -> None:
    await work.build(server, [channels[2]])
    old_dataset = work.records.read_bytes()
    server.fail(history_of(channels[0]), http_error(401), times=None, after=2)
    with pytest.raises(FatalError, match="no longer accepts the bot token") as caught:
        await work.build(server, channels)
    assert caught.value.exit_code == 1
    assert "Everything read so far is stored" in str(caught.value)
    assert work.stored(channels[0]) == ids(world, channels[0])[:199]
    assert stored_as_claimed(work, world, channels)
    assert work.records.read_bytes() == old_dataset
    assert sum(one.status == 401 for one in server.requests) == 1
    assert work.rows("SELECT state, message FROM runs ORDER BY id")[1:] == [("failed", str(caught.value))]
    server.heal()
    await work.build(server, channels)
    assert is_complete(work, world, channels)


@pytest.mark.parametrize("fault", [http_error(503), GARBAGE, HOUR, Wire.RESET, Wire.CUT_BODY], ids=name_of)
async def test_a_login_that_fails_says_to_try_later(
    server: LoopbackDiscord, work: Workplace, channels: list[int], fault: Fault
) -> None:
    server.fail("^/users/@me$", fault, times=None)
    with pytest.raises(FatalError, match=r"could not be reached.*[Tt]ry again later") as caught:
        await work.build(server, channels)
    assert caught.value.exit_code == 1


ODD_BODIES: list[Any] = [
    {},
    [],
    [1],
    "null",
    "5",
    '"text"',
    "",
    "no JSON",
    {"id": None},
    {"id": "x"},
    {"id": {}},
]


@pytest.mark.parametrize("path", ["^/users/@me$", "^/oauth2/applications/@me$"])
@pytest.mark.parametrize("body", ODD_BODIES, ids=repr)
async def test_a_login_whose_answer_is_odd_ends_in_words(
    server: LoopbackDiscord, work: Workplace, channels: list[int], path: str, body: Any
) -> None:
    server.fail(path, Answer(200, body), times=None)
    with pytest.raises(
        FatalError, match=r"(could not be reached|has no known shape).*[Tt]ry again later"
    ) as caught:
        await work.build(server, channels)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("flags", [None, "many", [], {}, 1.5], ids=repr)
async def test_an_application_whose_flags_are_odd(
    server: LoopbackDiscord, work: Workplace, channels: list[int], flags: Any
) -> None:
    odd = Changed(lambda body: body | {"flags": flags})
    server.fail("^/oauth2/applications/@me$", odd, times=None)
    with pytest.raises(FatalError, match="has no known shape"):
        await work.build(server, channels)
    settings = work.settings(channels)
    with patched(server):
        findings = await check_with_token("test-token", channels, settings.collect)
    assert "bad" in {finding.state for finding in findings}


@pytest.mark.parametrize(
    "path",
    [
        r"^/channels/\d+$",
        r"^/guilds/\d+$",
        r"^/guilds/\d+/members/\d+$",
        r"^/guilds/\d+/channels$",
        "/threads/active$",
        "/threads/archived/",
        "/threads/search$",
        "/messages$",
    ],
)
@pytest.mark.parametrize(
    "answers",
    [
        [
            Answer(200, body)
            for body in (*ODD_BODIES, {"threads": 5}, {"threads": [None, 5, {}]}, [{"id": []}])
        ],
        [Answer(status, body) for status in (400, 403, 503) for body in ([], "5", {"errors": 5, "code": []})],
        [Answer(429, body, {"Via": "1.1 google"}) for body in ([], {}, "5", {"retry_after": "soon"})],
    ],
    ids=["shapes", "errors", "limits"],
)
async def test_odd_answers_end_in_words_at_worst(
    server: LoopbackDiscord, work: Workplace, world: World, path: str, answers: list[Answer]
) -> None:
    channels = [world.add_channel(name) for name in ("general", "games")]
    for channel in channels:
        world.fill(channel, 3)
    limits = {"collect.attempts": 1, "collect.longest_wait_seconds": 1}
    for answer in answers:
        server.heal()
        server.fail(path, answer, times=None)
        with suppress(TunerError):
            await work.build(server, channels, limits)
        with patched(server):
            await check_with_token("test-token", channels, work.settings(channels, limits).collect)
            async with rest_client("test-token") as client:
                await count_messages(client, channels, [], 0, work.settings(channels, limits).collect)


async def test_a_refused_login_is_a_fault_of_the_setup(
    server: LoopbackDiscord, work: Workplace, channels: list[int]
) -> None:
    server.revoke_token()
    with pytest.raises(UsageError, match=r"refused the bot token.*Reset Token"):
        await work.build(server, channels)
    assert len(server.requests) == 1


# The command line


@pytest.mark.parametrize(
    ("path", "status", "code", "said"),
    [
        ("^/users/@me$", 401, 2, "refused the bot token"),
        ("/messages$", 401, 1, "no longer accepts the bot token"),
        ("/messages$", 404, 0, "#general"),
    ],
)
def test_how_the_command_ends(
    work: Workplace, path: str, status: int, code: int, said: str, world: World, channels: list[int]
) -> None:
    pattern = path if status == 401 else history_of(channels[0])
    with in_thread(LoopbackDiscord(world)) as server:
        server.fail(pattern, http_error(status), times=None, after=0 if code == 2 else 2)
        process = work.start(server, channels)
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said in errors) == (code, True), errors
    assert "Traceback" not in errors
    assert "test-token" not in errors
    assert work.records.exists() == (code == 0)
    if code == 0:
        assert json.loads((work.folder / "stats.json").read_text())["notes"]
