"""The loopback Discord's gateway, proved with the real commands.Bot."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.discord_world import FORUM, JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE, Session, until
from tests.support.recording_bot import INTENTS, Bot, ShardedBot, running, text_channel
from tests.support.threaded import in_thread

# Connecting


async def test_ready_with_guilds_channels_threads_and_permissions(
    server: LoopbackDiscord, world: World, general: int
) -> None:
    hidden, forum = world.add_channel("hidden"), world.add_channel("help", FORUM)
    world.deny(hidden, Permission.VIEW_CHANNEL)
    thread, secret = world.add_thread(general), world.add_thread(hidden)
    world.add_thread(general, archived=True)
    other = world.add_guild("Other")
    async with running() as bot:
        guild = bot.get_guild(world.guild.id)
        assert {one.id for one in bot.guilds} == {world.guild.id, other.id}
        assert {one.id for one in guild.channels} == {general, hidden, forum}
        assert [one.id for one in guild.threads] == [thread] != [secret]
        assert guild.me.id == bot.user.id == bot.application_id == world.bot_id
        assert not guild.get_channel(hidden).permissions_for(guild.me).view_channel
        assert guild.get_channel(general).permissions_for(guild.me).embed_links
    (identify,) = server.gateway.identifies
    assert (identify["token"], identify["intents"]) == ("test-token", INTENTS.value)
    assert server.gateway.connections[0].query["compress"] in ("zlib-stream", "zstd-stream")
    await until(lambda: not server.gateway.open)
    assert server.gateway.connections[0].close_code in (1000, 4000)  # it means 1000, its reader may say 4000


@pytest.mark.parametrize("kind", [Bot, ShardedBot])
async def test_a_client_is_ready_when_its_guilds_have_come_however_late(
    server: LoopbackDiscord, general: int, kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Session.tell

    def slowly(self: Session, name: str, data: JsonObject) -> None:
        wait = 0.3 if name == "GUILD_CREATE" else 0
        asyncio.get_running_loop().call_later(wait, tell, self, name, data)

    monkeypatch.setattr(Session, "tell", slowly)
    async with running(kind) as bot:
        assert bot.get_channel(general) is not None


async def test_without_compression(server: LoopbackDiscord, monkeypatch: pytest.MonkeyPatch) -> None:
    original = discord.gateway.DiscordWebSocket.from_client.__func__  # type: ignore[attr-defined]

    def plain(cls: Any, client: Any, /, **more: Any) -> Any:
        return original(cls, client, compress=False, **more)

    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "from_client", classmethod(plain))
    async with running() as bot:
        assert bot.guilds
    assert "compress" not in server.gateway.connections[0].query


async def test_missing_message_content_toggle_closes_4014(server: LoopbackDiscord, world: World) -> None:
    world.application_flags = 0
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running():
            pass
    assert server.gateway.connections[0].close_code == 4014


async def test_a_client_that_is_slow_to_read_its_close_code_reads_it_nevertheless(
    server: LoopbackDiscord, world: World
) -> None:
    """The connection stays until the client has answered, as one does that is busy with something else."""
    world.application_flags = 0
    identify = {"token": "test-token", "intents": INTENTS.value}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway.url, autoclose=False) as client,
    ):
        await client.send_json({"op": 2, "d": identify})
        (connection,) = server.gateway.connections
        await until(lambda: connection.closed)
        told = [await client.receive() for _ in range(2)]
        await asyncio.sleep(0.3)  # as long as the server must not go: an end would overtake the answer
        assert (told[-1].type, told[-1].data) == (aiohttp.WSMsgType.CLOSE, 4014)
        await client.close()
        assert client.close_code == 4014


async def test_token_that_is_revoked_before_identify(server: LoopbackDiscord) -> None:
    class Revoked(Bot):
        async def setup_hook(self) -> None:
            server.revoke_token()

    with pytest.raises(discord.ConnectionClosed) as caught:
        async with running(Revoked):
            pass
    assert caught.value.code == 4004


async def test_token_that_is_revoked_later(server: LoopbackDiscord) -> None:
    async with running() as bot:
        server.revoke_token()
        await until(bot.is_closed)


async def test_shards(server: LoopbackDiscord, world: World) -> None:
    """Every guild of a World has an even number of milliseconds in its id, so three shards, not two."""
    server.gateway.shards = 3
    other = world.add_guild("Other")
    async with running(ShardedBot) as bot:
        assert {one.id for one in bot.guilds} == {world.guild.id, other.id}
        sessions = server.gateway.sessions
        assert [session.shard for session in sessions] == [(0, 3), (1, 3), (2, 3)]
        for guild in (world.guild, other):
            channel = world.add_channel("late", guild=guild)
            server.update_channel(channel)
            owner = (guild.id >> 22) % 3
            for session in sessions:
                assert ("CHANNEL_UPDATE" in session.events[-1]) is (session.shard[0] == owner)
                session.tell("PRESENCE_UPDATE_IGNORED", {})


async def test_sharding_is_required_of_large_bots(server: LoopbackDiscord) -> None:
    server.gateway.sharding_required = 1
    with pytest.raises(discord.ConnectionClosed) as caught:
        async with running():
            pass
    assert caught.value.code == 4011


async def test_gateway_routes_and_start_limit(server: LoopbackDiscord, bot: Bot) -> None:
    shards, url, limit = await bot.http.get_bot_gateway()
    assert (shards, url, limit["remaining"]) == (1, server.gateway.url, 999)


# Events


async def test_messages_as_they_happen(
    server: LoopbackDiscord, bot: Bot, world: World, general: int, ada: JsonObject
) -> None:
    said = server.say(general, ada, "hello", reply_to=world.add_message(general, ada, "first"))
    message = await bot.next("message")
    assert (message.id, message.content, message.author.id) == (id_of(said), "hello", id_of(ada))
    assert isinstance(message.author, discord.Member)
    assert message.reference.resolved.content == "first"
    server.edit(general, said, content="hello!")
    edited = await bot.next("raw_message_edit")
    assert (edited.message.content, edited.guild_id) == ("hello!", world.guild.id)
    assert edited.message.edited_at is not None
    link = server.say(general, ada, "https://example.org")
    server.unfurl(general, link, {"type": "link", "title": "Example"})
    unfurled = await bot.next("raw_message_edit", 2)
    assert unfurled.message.edited_at is None
    assert unfurled.data["embeds"][0]["title"] == "Example"
    server.delete(general, said)
    assert (await bot.next("raw_message_delete")).message_id == id_of(said)
    server.delete(general, link, 7)
    assert (await bot.next("raw_bulk_message_delete")).message_ids == {id_of(link), 7}
    assert world.channels[general].find(id_of(link)) is None


async def test_channels_and_threads_as_they_happen(
    server: LoopbackDiscord, bot: Bot, world: World, general: int
) -> None:
    made = server.create_channel("ops")
    assert (await bot.next("guild_channel_create")).id == made
    world.deny(made, Permission.SEND_MESSAGES)
    server.update_channel(made, topic="progress")
    await bot.next("guild_channel_update")
    channel = text_channel(bot, made)
    assert channel.topic == "progress"
    assert not channel.permissions_for(channel.guild.me).send_messages
    thread = server.create_thread(general)
    assert (await bot.next("thread_create")).id == thread
    server.delete_channel(thread)
    deleted = await bot.next("raw_thread_delete")
    assert (deleted.thread_id, deleted.parent_id) == (thread, general)
    server.delete_channel(general)
    assert (await bot.next("guild_channel_delete")).id == general
    assert set(world.channels) == {made}


async def test_hidden_channels_are_silent(
    server: LoopbackDiscord, bot: Bot, world: World, general: int, ada: JsonObject
) -> None:
    hidden = world.add_channel("hidden")
    world.deny(hidden, Permission.VIEW_CHANNEL)
    server.delete(hidden, server.say(hidden, ada, "secret"))
    server.say(general, ada, "open")
    assert (await bot.next("message")).content == "open"
    assert "raw_message_delete" not in dict(bot.heard)


async def test_content_needs_its_intent(server: LoopbackDiscord, general: int, ada: JsonObject) -> None:
    async with running(intents=discord.Intents(guilds=True, guild_messages=True)) as bot:
        server.say(general, ada, "hidden")
        assert (await bot.next("message")).content == ""
        server.say(general, ada, "for you", mentions=[server.world.bot])
        assert (await bot.next("message", 2)).content == "for you"
    async with running(intents=discord.Intents(guilds=True)) as bot:
        server.say(general, ada, "unheard")
        server.create_channel("heard")
        await bot.next("guild_channel_create")
        assert "message" not in dict(bot.heard)


async def test_any_event_and_a_new_guild(server: LoopbackDiscord, bot: Bot, world: World) -> None:
    guild = world.add_guild("New")
    server.gateway.dispatch_guild(guild)
    assert (await bot.next("guild_join")).id == guild.id
    server.gateway.dispatch("GUILD_DELETE", {"id": str(guild.id)})
    await until(lambda: bot.get_guild(guild.id) is None)


async def test_what_the_bot_writes_comes_back_as_events(
    server: LoopbackDiscord, bot: Bot, general: int
) -> None:
    sent = await text_channel(bot, general).send("mine")
    await sent.edit(content="changed")
    await sent.delete()
    assert (await bot.next("message")).content == "mine"
    assert (await bot.next("raw_message_edit")).message.content == "changed"
    assert (await bot.next("raw_message_delete")).message_id == sent.id
    assert [one.how for one in server.written] == ["send", "edit"]


# Losing the connection


async def test_resume_replays_what_was_missed(
    server: LoopbackDiscord, bot: Bot, general: int, ada: JsonObject
) -> None:
    server.gateway.close(4000)
    server.say(general, ada, "while away")
    await bot.next("resumed")
    assert [name for name, _ in bot.heard] == ["ready", "disconnect", "message", "resumed"]
    server.say(general, ada, "again")
    assert (await bot.next("message", 2)).content == "again"
    assert len(server.gateway.identifies) == 1
    assert server.gateway.resumes[0]["session_id"] == server.gateway.sessions[0].id
    assert [one.path for one in server.gateway.connections] == ["/gateway", "/gateway/resume"]


async def test_lost_socket_is_resumed(
    server: LoopbackDiscord, bot: Bot, general: int, ada: JsonObject
) -> None:
    server.gateway.drop()
    server.say(general, ada, "while away")
    assert (await bot.next("message")).content == "while away"
    await bot.next("resumed")


async def test_close_without_resume_identifies_again(
    server: LoopbackDiscord, bot: Bot, general: int, ada: JsonObject
) -> None:
    server.gateway.close(4009, resumable=False)
    server.say(general, ada, "lost")
    await bot.next("ready", 2)
    server.say(general, ada, "heard")
    assert (await bot.next("message")).content == "heard"
    assert "resumed" not in dict(bot.heard)
    assert (len(server.gateway.resumes), len(server.gateway.identifies)) == (1, 2)


async def test_sharded_bot_identifies_again(server: LoopbackDiscord) -> None:
    async with running(ShardedBot) as bot:
        server.gateway.close(4000)
        await bot.next("resumed")
        server.gateway.close(4000, resumable=False)
        await bot.next("ready", 2)
        assert (len(server.gateway.resumes), len(server.gateway.identifies)) == (2, 2)


async def test_op_7_and_op_9(server: LoopbackDiscord, bot: Bot) -> None:
    server.gateway.reconnect()
    await bot.next("resumed")
    server.gateway.invalidate(resumable=True)
    await bot.next("resumed", 2)
    assert len(server.gateway.identifies) == 1
    server.gateway.invalidate()
    await bot.next("ready", 2)
    assert (len(server.gateway.resumes), len(server.gateway.identifies)) == (2, 2)


async def test_gateway_that_is_down_for_a_while(
    server: LoopbackDiscord, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda self: 0.01)
    server.gateway.refusing = True
    server.gateway.close(1001)
    await until(lambda: server.gateway.refused >= 2)
    server.gateway.refusing = False
    await bot.next("resumed")


# Heartbeats


async def test_heartbeats_are_recorded(server: LoopbackDiscord) -> None:
    server.gateway.heartbeat_interval = 0.1
    async with running():
        connection = server.gateway.connections[0]
        await until(lambda: len(connection.heartbeats) >= 3)
        assert server.gateway.late_heartbeats(PATIENCE / 0.1) == []


async def test_late_heartbeats_are_told(server: LoopbackDiscord) -> None:
    server.gateway.heartbeat_interval = 30
    async with running():
        connection = server.gateway.connections[0]
        await until(lambda: connection.heartbeats)
        connection.heartbeats += [connection.opened + 29, connection.opened + 75]
        connection.closed = connection.opened + 100
        assert [round(gap) for gap in server.gateway.late_heartbeats()] == [46]
        connection.closed = connection.opened + 200
        assert [round(gap) for gap in server.gateway.late_heartbeats()] == [46, 125]
        connection.closed = None


# A test that is not async, and a bot in another process

BOT = """
import asyncio, runpy, signal, sys, types
import discord
from discord.ext import commands

class Bot(commands.Bot):
    async def setup_hook(self):
        @self.tree.command(description="Answers")
        async def ping(interaction: discord.Interaction):
            await interaction.response.send_message("pong")
        await self.tree.sync()
    async def on_message(self, message):
        if message.content == "stop":
            await self.close()

def main(argv=None):
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    bot = Bot("!", intents=intents)
    asyncio.run(bot.start("test-token"))
    return 7 if argv == ["--now"] else 1

sys.modules["bot"] = types.ModuleType("bot")
sys.modules["bot.__main__"] = types.ModuleType("bot.__main__")
sys.modules["bot.__main__"].main = main
sys.argv[1:] = ["--now"]
runpy.run_module("tests.support.run_bot", run_name="__main__")
"""


@pytest.fixture
def hosted(world: World) -> Iterator[LoopbackDiscord]:
    with in_thread(LoopbackDiscord(world)) as server:
        yield server


def test_a_bot_in_another_process(hosted: LoopbackDiscord, general: int, ada: JsonObject) -> None:
    environment = os.environ | {"LOOPBACK_DISCORD": hosted.url}
    command = [sys.executable, "-W", "ignore", "-c", BOT]
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2])
    try:
        asyncio.run(until(lambda: hosted.gateway.sessions))
        used = asyncio.run(hosted.interact("ping", user=ada).answered())
        assert used.content == "pong"
        hosted.gateway.close(resumable=False)
        asyncio.run(until(lambda: len(hosted.gateway.sessions) == 2))
        hosted.say(general, ada, "stop")
        assert process.wait(PATIENCE) == 7
    finally:
        process.kill()
        process.wait()
