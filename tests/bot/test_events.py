"""Events of odd shape cost themselves, and not the connection; ends of connections are words, or a new one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import connection
from bot.connection import hold
from tests.support.building import Workplace
from tests.support.discord_faults import Answer, http_error
from tests.support.discord_world import VOICE, JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, bot_settings, running_bot
from tuner.adapters.sqlite_store import open_store
from tuner.errors import FatalError, UsageError

ODD_DATA: list[Any] = [{}, {"id": "x"}, [], None, {"id": None, "channel_id": [], "guild_id": {}}]


async def works(running: RunningBot) -> None:
    """Commands are answered, over the first session."""
    used = await running.use("cancel").edited()
    assert used.original is not None and used.original["content"] == "No build is running."
    assert len(running.server.gateway.sessions) == 1


@pytest.mark.parametrize("data", ODD_DATA)
async def test_no_event_ends_the_connection(running: RunningBot, data: Any) -> None:
    [session] = running.server.gateway.sessions
    for name in running.bot._connection.parsers:
        if name not in ("READY", "RESUMED"):
            session.tell(name, data)
    session.tell("AN_EVENT_OF_TOMORROW", data)
    await works(running)


@pytest.mark.parametrize(
    "missing", [("author",), ("author", "attachments", "mentions", "type", "embeds"), ("type",)]
)
async def test_an_edit_that_tells_little_is_applied(
    running: RunningBot, world: World, tools: int, missing: tuple[str, ...]
) -> None:
    await running.build()
    message = world.channels[tools].messages[1]
    world.edit_message(tools, int(message["id"]), content="a new answer")
    told = {key: value for key, value in message.items() if key not in missing}
    running.server.gateway.dispatch("MESSAGE_UPDATE", told | {"guild_id": str(world.guild.id)})
    await until(lambda: running.paths.contents(tools)[1] == "a new answer")
    await works(running)


async def test_a_preview_that_tells_little_is_not_asked_about(
    running: RunningBot, world: World, tools: int
) -> None:
    await running.build()
    message = world.channels[tools].messages[1]
    asked = len(running.server.requests)
    told = {"id": message["id"], "channel_id": str(tools), "guild_id": str(world.guild.id), "embeds": []}
    running.server.gateway.dispatch("MESSAGE_UPDATE", told)
    running.server.gateway.dispatch(
        "MESSAGE_UPDATE", {**told, "id": "4", "edited_timestamp": "2026-01-01T00:00:00+00:00"}
    )
    await works(running)
    assert [one.path for one in running.server.requests[asked:] if "/messages/" in one.path] == []


@pytest.mark.parametrize(
    ("type", "lost"), [(VOICE, "bitrate"), (0, "position"), (0, "name"), (0, "type"), (99, "position")]
)
async def test_a_channel_without_a_key_leaves_the_server_usable(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path, type: int, lost: str
) -> None:
    odd = world.add_channel("odd", type)
    del world.channels[odd].data[lost]
    async with running_bot(world, tmp_path, {"dataset.channels": [str(tools)]}) as running:
        assert running.bot.get_channel(ops) is not None
        assert running.bot.get_channel(tools) is not None
        await works(running)


# Ends of connections


@pytest.fixture
async def held(world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path) -> AsyncIterator[Any]:
    """`hold`, on a loopback Discord; call it with nothing."""
    paths = Workplace(tmp_path)
    async with LoopbackDiscord(world) as server, open_store(paths.archive) as store:
        stop = asyncio.Event()

        def start() -> asyncio.Task[None]:
            return asyncio.create_task(hold(bot_settings(world, paths), store, "test-token", {}, stop))

        with patched(server):
            yield server, start, stop


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LONGEST_PAUSE", 0.01)


@pytest.mark.parametrize("path", ["^/users/@me$", "^/oauth2/applications/@me$", "^/gateway/bot$"])
@pytest.mark.parametrize("body", [{}, [], "null", "5", "", "no JSON"], ids=repr)
async def test_what_is_never_understood_ends_in_a_sentence(held: Any, path: str, body: Any) -> None:
    server, start, _ = held
    server.fail(path, Answer(200, body), times=None)
    with pytest.raises(FatalError, match=r"could not be understood .* 5 times; update discord.py"):
        await start()


@pytest.mark.parametrize("code", [4012, 4013])
async def test_a_version_that_discord_takes_no_more(held: Any, code: int) -> None:
    server, start, _ = held
    life = start()
    await until(lambda: server.gateway.sessions)
    server.gateway.close(code, resumable=False)
    with pytest.raises(FatalError, match=r"Update discord.py"):
        await life


@pytest.mark.parametrize("code", [4010, 4011])
async def test_a_new_connection_where_that_helps(held: Any, code: int) -> None:
    server, start, stop = held
    life = start()
    await until(lambda: server.gateway.sessions)
    server.gateway.close(code, resumable=False)
    await until(lambda: len(server.gateway.sessions) == 2)
    stop.set()
    await life


async def test_a_first_event_that_makes_no_sense(held: Any) -> None:
    server, start, stop = held
    life = start()
    await until(lambda: server.gateway.sessions)
    server.gateway.sessions[0].tell("READY", {"shard": []})
    await until(lambda: len(server.gateway.sessions) == 2)
    stop.set()
    await life


@pytest.mark.parametrize("path", ["/users/@me$", "/oauth2/applications/@me$", "/gateway/bot$", "/commands$"])
async def test_a_token_refused_late(held: Any, path: str) -> None:
    server, start, _ = held
    server.fail(path, http_error(401), times=None)
    with pytest.raises((UsageError, FatalError)) as refused:
        await start()
    assert "Reset Token" in str(refused.value)


async def test_a_stop_while_discord_is_down(held: Any) -> None:
    server, start, stop = held
    server.fail("/users/@me$", http_error(503), times=None)
    life = start()
    await until(lambda: len(server.requests) > 3)
    stop.set()
    await life
