"""What is wrong with the set-up is said before anything is read: what to change, and where."""

import re
from contextlib import suppress

import pytest

from tests.support.building import Workplace, ids
from tests.support.discord_faults import RateLimit
from tests.support.discord_world import (
    CATEGORY,
    MESSAGE_CONTENT,
    MESSAGE_CONTENT_LIMITED,
    STAGE,
    VOICE,
    Permission,
    World,
)
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_gateway import PATIENCE
from tests.support.threaded import in_thread
from tuner.cli.build import build
from tuner.errors import UsageError
from tuner.progress import Tally
from tuner.runs.finishing import NothingMadeError

BOTH = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY


@pytest.fixture
def general(world: World) -> int:
    channel = world.add_channel("general")
    world.fill(channel, 5)
    return channel


@pytest.fixture
def games(world: World) -> int:
    channel = world.add_channel("games")
    world.fill(channel, 5)
    return channel


async def refusal(work: Workplace, server: LoopbackDiscord, channels: list[int]) -> str:
    """The sentence with which a run refuses to begin; it has read nothing."""
    with pytest.raises(UsageError) as caught:
        await work.build(server, channels)
    assert caught.value.exit_code == 2
    assert server.history_requests() == []
    assert work.rows("SELECT * FROM messages") == []
    return str(caught.value)


async def test_message_content_is_off(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.application_flags = 0
    text = await refusal(work, server, [general])
    assert "Message Content intent is off" in text
    assert "https://discord.com/developers/applications" in text
    assert "Privileged Gateway Intents" in text


@pytest.mark.parametrize("flags", [MESSAGE_CONTENT, MESSAGE_CONTENT_LIMITED])
async def test_message_content_is_on_in_one_of_two_ways(
    server: LoopbackDiscord, work: Workplace, world: World, general: int, flags: int
) -> None:
    world.application_flags = flags
    await work.build(server, [general])
    assert work.stored(general) == ids(world, general)


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        (Permission.VIEW_CHANNEL, "View Channel"),
        (Permission.READ_MESSAGE_HISTORY, "Read Message History"),
    ],
)
async def test_a_permission_is_missing_in_one_channel(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    games: int,
    denied: Permission,
    named: str,
) -> None:
    world.deny(general, denied)
    stats = await work.build(server, [general, games])
    [note] = [note for note in stats.counts["notes"] if str(general) in note]
    assert named in note and "Edit Channel → Permissions" in note
    assert (work.stored(general), work.stored(games)) == ([], ids(world, games))
    assert stats.counts["stages"]["collect"]["dropped"] == {}  # a channel is no message


@pytest.mark.parametrize("denied", [Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY, BOTH])
async def test_a_permission_is_missing_in_every_channel(
    server: LoopbackDiscord,
    work: Workplace,
    world: World,
    general: int,
    games: int,
    denied: Permission,
) -> None:
    for channel in (general, games):
        world.deny(channel, denied)
    text = await refusal(work, server, [general, games])
    assert "none of these channels can be read" in text
    for channel in (general, games):
        [line] = [line for line in text.splitlines() if str(channel) in line]
        assert "Read Message History" in line
    assert "allowed_users" not in text


async def test_a_permission_is_missing_in_a_channel_of_threads_that_are_named(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    thread = world.add_thread(general, "planning")
    world.fill(thread, 3)
    world.deny(general, Permission.READ_MESSAGE_HISTORY)
    assert re.search(rf"#{thread} .*lacks Read Message History", await refusal(work, server, [thread]))


@pytest.mark.parametrize("type", [VOICE, STAGE])
async def test_a_voice_channel_without_connect(
    server: LoopbackDiscord, work: Workplace, world: World, type: int
) -> None:
    voice = world.add_channel("lounge", type)
    world.fill(voice, 3)
    world.deny(voice, Permission.CONNECT)
    text = await refusal(work, server, [voice])
    assert f"#lounge ({voice}): the bot lacks Connect." in text


async def test_a_text_channel_needs_no_connect(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    world.deny(general, Permission.CONNECT)
    await work.build(server, [general])
    assert work.stored(general) == ids(world, general)


async def test_a_channel_that_does_not_exist_is_named_and_the_others_are_read(
    server: LoopbackDiscord, work: Workplace, world: World, general: int
) -> None:
    stats = await work.build(server, [12345, general])
    [note] = [note for note in stats.counts["notes"] if "12345" in note]
    assert "there is no channel 12345" in note and "Copy Channel ID" in note
    assert work.stored(general) == ids(world, general)


async def test_no_channel_exists_any_more(server: LoopbackDiscord, work: Workplace) -> None:
    with pytest.raises(UsageError, match="there is no channel 12345") as caught:
        await work.build(server, [12345, 67890])
    assert caught.value.exit_code == 1
    assert "there is no channel 67890" in str(caught.value)


async def test_a_category(server: LoopbackDiscord, work: Workplace, world: World, general: int) -> None:
    category = world.add_channel("Everything", CATEGORY)
    text = await refusal(work, server, [category])
    assert f"#Everything ({category}) is a category: it holds no messages" in text
    stats = await work.build(server, [category, general])
    assert any(str(category) in note for note in stats.counts["notes"])
    assert work.stored(general)


async def test_no_channels(server: LoopbackDiscord, work: Workplace) -> None:
    text = await refusal(work, server, [])
    assert "dataset.channels is empty" in text and "Copy Channel ID" in text


async def test_a_wrong_token(server: LoopbackDiscord, work: Workplace, general: int) -> None:
    server.token = "another"
    with pytest.raises(UsageError, match="refused the bot token") as caught:
        await work.build(server, [general])
    assert "test-token" not in str(caught.value)


async def test_without_a_token_or_an_acknowledgement_nothing_is_asked(
    server: LoopbackDiscord, work: Workplace, general: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_API_TOKEN", "test-token")
    monkeypatch.delenv("OTHER_TOKEN", raising=False)
    with patched(server):
        for changes, said in (
            ({"discord.acknowledge_policy": False}, "acknowledge_policy = true"),
            ({"discord.token_env": "OTHER_TOKEN"}, "environment variable OTHER_TOKEN"),
        ):
            settings = work.settings([general], changes)
            with pytest.raises(UsageError) as caught:
                await build(settings, (), lambda event: None)
            assert said in str(caught.value)
        assert server.requests == []
        with suppress(NothingMadeError):  # whatever comes of it, it was read
            await build(work.settings([general]), (), lambda event: None)
    assert work.stored(general)


def test_the_policy_text_is_honest_and_ends_the_command(work: Workplace, world: World, general: int) -> None:
    with in_thread(LoopbackDiscord(world)) as server:
        process = work.start(server, [general], {"discord.acknowledge_policy": False})
        _, errors = process.communicate(timeout=PATIENCE)
        assert server.requests == []
    assert process.returncode == 2
    for words in ("Developer Policy", "forbids", "express permission", "agreed"):
        assert words in errors
    assert "[discord]\nacknowledge_policy = true" in errors
    assert "Traceback" not in errors
    assert not work.archive.exists()


async def test_an_advertised_rate_limit_is_kept(work: Workplace, world: World, general: int) -> None:
    world.fill(general, 600)
    async with LoopbackDiscord(world, rate_limit=RateLimit(limit=3, window=0.3)) as server:
        await work.build(server, [general], tally=Tally())
        assert work.stored(general) == ids(world, general)
        assert [one.status for one in server.history_requests() if one.status != 200] == []
