"""The loopback Discord, proved with the real discord.py client."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.discord_faults import (
    CLOUDFLARE_BAN,
    GARBAGE,
    Answer,
    RateLimit,
    Wire,
    http_error,
    rate_limited,
)
from tests.support.discord_world import (
    ANNOUNCEMENT,
    CATEGORY,
    DISCORD_EPOCH_MS,
    FORUM,
    MEDIA,
    MESSAGE_CONTENT,
    STAGE,
    VOICE,
    JsonObject,
    Permission,
    World,
    id_of,
    snowflake,
)
from tests.support.loopback_discord import LoggedRequest, LoopbackDiscord, patched
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.threaded import in_thread

HISTORY = r"/messages$"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def general(world: World) -> int:
    return world.add_channel("general")


@pytest.fixture
async def server(world: World) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(world) as server:
        with patched(server):
            yield server


@asynccontextmanager
async def logged_in(token: str = "test-token", **options: Any) -> AsyncIterator[discord.Client]:
    async with discord.Client(intents=discord.Intents.none(), **options) as client:
        await client.login(token)
        yield client


@pytest.fixture
async def client(server: LoopbackDiscord) -> AsyncIterator[discord.Client]:
    async with logged_in() as client:
        yield client


def ids(messages: Any) -> list[int]:
    return [id_of(message) for message in messages]


# Who the bot is


async def test_login_reads_user_and_application(client: discord.Client, world: World) -> None:
    assert client.user is not None
    assert (client.user.id, client.user.bot) == (world.bot_id, True)
    assert client.application_flags.gateway_message_content_limited
    world.application_flags = MESSAGE_CONTENT
    assert (await client.application_info()).flags.gateway_message_content


async def test_the_client_is_pointed_back_afterwards(world: World) -> None:
    before = discord.http.Route.BASE
    async with LoopbackDiscord(world) as server:
        with pytest.raises(ZeroDivisionError), patched(server):
            assert server.url == discord.http.Route.BASE != before
            raise ZeroDivisionError
    assert before == discord.http.Route.BASE


async def test_wrong_and_revoked_tokens(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    with pytest.raises(discord.LoginFailure):
        async with logged_in("another-token"):
            pass
    server.revoke_token()
    with pytest.raises(discord.HTTPException) as caught:
        await client.http.logs_from(general, 100)
    assert (caught.value.status, caught.value.text) == (401, "401: Unauthorized")


async def test_unknown_route_is_404_and_logged(server: LoopbackDiscord, client: discord.Client) -> None:
    with pytest.raises(discord.NotFound):
        await client.fetch_user(5)
    assert (server.requests[-1].path, server.requests[-1].status) == ("/users/5", 404)


# Guilds, channels, permissions


async def test_guild_routes(client: discord.Client, world: World) -> None:
    ada = world.add_user("ada", global_name="Ada")
    other = world.add_guild("Other")
    role = world.add_role(Permission.MANAGE_THREADS, world.bot)
    guild = await client.fetch_guild(world.guild.id)
    assert (guild.name, guild.approximate_member_count) == ("Home", 2)
    assert [found.id async for found in client.fetch_guilds()] == [world.guild.id, other.id]
    assert (await guild.fetch_member(id_of(ada))).display_name == "Ada"
    assert [found.id for found in await guild.fetch_roles()] == [guild.id, role]
    me = await guild.fetch_member(world.bot_id)
    assert me.guild_permissions.manage_threads
    with pytest.raises(discord.NotFound) as unknown_member:
        await guild.fetch_member(5)
    with pytest.raises(discord.NotFound) as unknown_guild:
        await client.fetch_guild(5)
    assert (unknown_member.value.code, unknown_guild.value.code) == (10007, 10004)


@pytest.mark.parametrize("type", [0, VOICE, CATEGORY, ANNOUNCEMENT, STAGE, FORUM, MEDIA])
async def test_channels_of_every_type(client: discord.Client, world: World, type: int) -> None:
    made = world.add_channel("one", type, nsfw=True)
    fetched = await client.fetch_channel(made)
    assert (fetched.id, fetched.type.value, fetched.guild.id) == (made, type, world.guild.id)  # type: ignore[union-attr]
    guild = await client.fetch_guild(world.guild.id)
    assert [channel.id for channel in await guild.fetch_channels()] == [made]


async def test_unknown_and_deleted_channels(client: discord.Client, world: World, general: int) -> None:
    thread = world.add_thread(general)
    world.delete_channel(general)
    for channel_id in (general, thread, 5):
        for call in (client.fetch_channel(channel_id), client.http.logs_from(channel_id, 100)):
            with pytest.raises(discord.NotFound) as caught:
                await call
            assert caught.value.code == 10003


async def test_hidden_channels_are_listed_but_refused(
    client: discord.Client, world: World, general: int
) -> None:
    thread = world.add_thread(general)
    world.deny(general, Permission.VIEW_CHANNEL)
    guild = await client.fetch_guild(world.guild.id)
    assert [channel.id for channel in await guild.fetch_channels()] == [general]
    assert await guild.active_threads() == []
    for channel_id in (general, thread):
        for call in (client.fetch_channel(channel_id), client.http.logs_from(channel_id, 100)):
            with pytest.raises(discord.Forbidden) as caught:
                await call
            assert caught.value.code == 50001
    world.allow(general, Permission.VIEW_CHANNEL)
    assert await client.http.logs_from(thread, 100) == []


@pytest.mark.parametrize("everyone", [0, Permission.VIEW_CHANNEL, Permission.ADMINISTRATOR])
async def test_permissions_agree_with_discord_py(everyone: int) -> None:
    """Overwrites for a role, everyone and the bot in many mixes, against the client's own calculation."""
    world = World(everyone)
    role = world.add_role(Permission.READ_MESSAGE_HISTORY, world.bot)
    view, read = Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY
    bits = [(0, 0), (view, read), (read, view), (0, view), (view | read, 0)]
    for here in bits:
        for there in bits:
            overwrites = [
                {"id": str(target), "type": kind, "allow": str(int(allow)), "deny": str(int(deny))}
                for target, kind, (allow, deny) in (
                    (role, 0, here), (world.guild.id, 0, there), (world.bot_id, 1, there[::-1])
                )
            ]  # fmt: skip
            world.add_channel("mixed", permission_overwrites=overwrites[: 2 + (here > there)])
    async with LoopbackDiscord(world) as server:
        with patched(server):
            async with logged_in() as client:
                guild = await client.fetch_guild(world.guild.id)
                me = await guild.fetch_member(world.bot_id)
                for channel in await guild.fetch_channels():
                    theirs = channel.permissions_for(me)
                    ours = world.permissions_in(world.channels[channel.id])
                    assert theirs.view_channel == bool(ours & view)
                    assert theirs.read_message_history == bool(ours & read)


# Threads


async def test_active_threads(client: discord.Client, world: World, general: int) -> None:
    news = world.add_channel("news", ANNOUNCEMENT)
    first = world.add_thread(general, "first")
    second = world.add_thread(news, "second")
    joined = world.add_thread(general, private=True, joined=True)
    world.add_thread(general, private=True)
    world.add_thread(general, archived=True)
    world.fill(first, 3)
    guild = await client.fetch_guild(world.guild.id)
    threads = await guild.active_threads()
    assert [thread.id for thread in threads] == [joined, second, first]
    assert [thread.type.value for thread in threads] == [12, 10, 11]
    assert threads[2].message_count == 3
    assert threads[2].last_message_id == id_of(world.channels[first].messages[-1])
    assert [thread.me is not None for thread in threads] == [True, False, False]


@pytest.mark.parametrize("parent_type", [0, FORUM])
async def test_archived_threads_page(
    server: LoopbackDiscord, client: discord.Client, world: World, parent_type: int
) -> None:
    """The client asks for 100 at a time and goes on while there is more, by archive time or by id."""
    parent = world.add_channel("parent", parent_type)
    start = datetime(2024, 5, 1, tzinfo=UTC)
    made = [
        world.add_thread(parent, archived=True, archived_at=start - timedelta(hours=i)) for i in range(205)
    ]
    world.add_thread(parent, "active")
    channel = await client.fetch_channel(parent)
    assert isinstance(channel, discord.TextChannel | discord.ForumChannel)
    assert [thread.id async for thread in channel.archived_threads(limit=None)] == made
    assert [one.status for one in server.requests if one.path.endswith("/archived/public")] == [200] * 3
    older = [thread.id async for thread in channel.archived_threads(before=start - timedelta(hours=203))]
    assert older == made[204:]


async def test_private_archived_threads(client: discord.Client, world: World, general: int) -> None:
    own = world.add_role(0, world.bot)
    made = [
        world.add_thread(general, archived=True, private=True, joined=i % 2 == 0, archived_at=10**12 - i)
        for i in range(230)
    ]
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    joined = [thread.id async for thread in channel.archived_threads(private=True, joined=True, limit=None)]
    assert joined == made[::2][::-1]
    with pytest.raises(discord.Forbidden) as caught:
        assert [thread async for thread in channel.archived_threads(private=True)]
    assert caught.value.code == 50013
    world.guild.set_role(own, "mods", Permission.MANAGE_THREADS)
    assert [thread.id async for thread in channel.archived_threads(private=True, limit=None)] == made
    assert (await client.fetch_channel(made[1])).id == made[1]


async def test_forum_posts_begin_with_their_own_id(client: discord.Client, world: World) -> None:
    forum = world.add_channel("help", FORUM)
    post = world.add_thread(forum, "How?")
    first = world.add_message(post, world.bot, "Like this?", id=post)
    answer = world.add_message(post, world.bot, "Yes.", reply_to=first)
    assert ids(await client.http.logs_from(post, 100)) == [id_of(answer), post]
    assert (await client.http.get_channel(post))["message_count"] == 1  # type: ignore[typeddict-item]
    assert (await client.http.get_channel(forum))["last_message_id"] == str(post)  # type: ignore[typeddict-item]
    with pytest.raises(discord.HTTPException) as caught:
        await client.http.logs_from(forum, 100)
    assert (caught.value.status, caught.value.code) == (400, 50024)


# History


async def test_history_pages(client: discord.Client, world: World, general: int) -> None:
    made = ids(world.fill(general, 250))
    logs = client.http.logs_from
    assert ids(await logs(general, 100)) == made[:149:-1]
    assert ids(await logs(general, 100, after=0)) == made[99::-1]
    assert ids(await logs(general, 100, after=made[99])) == made[199:99:-1]
    assert ids(await logs(general, 100, after=made[99] + 1)) == made[199:99:-1]  # no message has this id
    assert ids(await logs(general, 100, after=made[199])) == made[:199:-1]
    assert ids(await logs(general, 100, after=made[-1])) == []
    assert ids(await logs(general, 100, before=made[150])) == made[149:49:-1]
    assert ids(await logs(general, 100, before=made[3])) == made[2::-1]
    assert ids(await logs(general, 3, around=made[100])) == made[101:98:-1]
    assert ids(await logs(general, 100, around=made[0])) == made[50::-1]
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    whole = [message.id async for message in channel.history(limit=None, oldest_first=True)]
    assert whole == made
    assert channel.last_message_id == made[-1]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"before": "1", "after": "2"}, {"after": "x"}],
)
async def test_senseless_pages_are_refused(
    server: LoopbackDiscord, client: discord.Client, general: int, query: dict[str, str]
) -> None:
    route = discord.http.Route("GET", "/channels/{channel_id}/messages", channel_id=general)
    with pytest.raises(discord.HTTPException) as caught:
        await client.http.request(route, params=query)
    assert (caught.value.status, caught.value.code) == (400, 50035)
    assert server.requests[-1].query == query


async def test_fill_is_always_the_same(general: int) -> None:
    one, two = World(), World()
    assert one.fill(one.add_channel("a"), 20) == two.fill(two.add_channel("a"), 20)
    made = one.channels[one.add_channel("b")]
    one.fill(id_of(made.data), 20, start=datetime(2025, 1, 1, tzinfo=UTC), step=timedelta(0))
    assert len({message["id"] for message in made.messages}) == 20
    assert id_of(made.messages[0]) == snowflake(1_735_689_600_000)
    assert made.messages[0]["timestamp"] == "2025-01-01T00:00:00.000000+00:00"
    assert len({message["author"]["id"] for message in made.messages}) == 3
    assert [i for i, message in enumerate(made.messages) if message["type"] == 19] == [4, 9, 14, 19]
    assert (
        snowflake(DISCORD_EPOCH_MS + 1, 2)
        == discord.utils.time_snowflake(datetime(2015, 1, 1, microsecond=1000, tzinfo=UTC)) + 2
    )


async def test_late_messages_find_their_place(client: discord.Client, world: World, general: int) -> None:
    made = world.fill(general, 3)
    late = world.add_message(general, world.bot, "late", at=datetime(2023, 1, 1, tzinfo=UTC))
    assert ids(await client.http.logs_from(general, 100)) == ids([*reversed(made), late])
    assert world.channels[general].data["last_message_id"] == made[-1]["id"]


async def test_replies_show_what_they_answer(client: discord.Client, world: World, general: int) -> None:
    first, second = world.fill(general, 2)
    world.add_message(general, world.bot, "to one", reply_to=first)
    world.add_message(general, world.bot, "to two", reply_to=second)
    world.delete_message(general, id_of(first))
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    to_two, to_one, _ = [message async for message in channel.history()]
    assert to_two.reference is not None and to_one.reference is not None
    assert isinstance(to_two.reference.resolved, discord.Message)
    assert to_two.reference.resolved.content == second["content"]
    assert isinstance(to_one.reference.resolved, discord.DeletedReferencedMessage)
    assert to_one.type is discord.MessageType.reply


async def test_content_is_hidden_without_the_toggle(
    client: discord.Client, world: World, general: int
) -> None:
    ada = world.add_user("ada")
    file = {"id": "1", "filename": "a.png", "size": 1, "url": "u", "proxy_url": "p"}
    snapshot: JsonObject = {"message": {"content": "forwarded", "type": 0}}
    plain = world.add_message(general, ada, "secret", attachments=[file], embeds=[{"type": "rich"}])
    world.add_message(general, ada, "answer", reply_to=plain)
    world.add_message(general, ada, message_snapshots=[snapshot])
    world.add_message(general, ada, "hello bot", mentions=[world.bot])
    world.add_message(general, world.bot, "mine")
    world.application_flags = 0
    page: list[Any] = await client.http.logs_from(general, 100)
    mine, mention, forward, reply, hidden = page
    assert (hidden["content"], hidden["attachments"], hidden["embeds"]) == ("", [], [])
    assert reply["referenced_message"]["content"] == reply["content"] == ""
    assert forward["message_snapshots"][0]["message"]["content"] == ""
    assert (mention["content"], mine["content"]) == ("hello bot", "mine")
    world.application_flags = MESSAGE_CONTENT
    assert (await client.http.logs_from(general, 100))[4]["attachments"] == [file]


async def test_missing_read_message_history_is_an_empty_page(
    server: LoopbackDiscord, client: discord.Client, world: World, general: int
) -> None:
    world.fill(general, 3)
    world.deny(general, Permission.READ_MESSAGE_HISTORY)
    assert await client.http.logs_from(general, 100) == []
    assert server.requests[-1].status == 200


async def test_voice_channels_need_connect(client: discord.Client, world: World) -> None:
    voice = world.add_channel("voice", VOICE)
    world.fill(voice, 3)
    assert len(await client.http.logs_from(voice, 100)) == 3
    world.deny(voice, Permission.CONNECT)
    with pytest.raises(discord.Forbidden):
        await client.http.logs_from(voice, 100)


async def test_a_malformed_message_ends_history_but_not_raw_pages(
    client: discord.Client, world: World, general: int
) -> None:
    world.add_message(general, world.bot, "broken", attachments=[{"size": "?"}])
    assert len(await client.http.logs_from(general, 100)) == 1
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    with pytest.raises(KeyError):
        assert [message async for message in channel.history()]


async def test_a_server_mistake_is_raised_to_the_test(world: World, general: int) -> None:
    world.channels[general].messages.append({"no": "id"})
    with pytest.raises(KeyError, match="id"):
        async with LoopbackDiscord(world) as server:
            with patched(server):
                async with logged_in() as client:
                    with pytest.raises(discord.HTTPException, match="loopback server failed"):
                        await client.http.logs_from(general, 100, after=1)


# Sending


async def test_send_edit_delete(
    server: LoopbackDiscord, client: discord.Client, world: World, general: int
) -> None:
    (asked,) = world.fill(general, 1)
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    sent = await channel.send(
        "started", embed=discord.Embed(title="Build"), reference=channel.get_partial_message(id_of(asked))
    )
    assert abs(sent.created_at - discord.utils.utcnow()) < timedelta(minutes=1)
    assert sent.reference is not None and sent.reference.message_id == id_of(asked)
    edited = await sent.edit(content="half")
    assert edited.edited_at is not None
    fetched = await channel.fetch_message(sent.id)
    assert (fetched.content, fetched.embeds[0].title) == ("half", "Build")
    await channel.send("file", file=discord.File(__file__))
    await sent.delete()
    assert server.requests[-1].status == 204
    for call in (channel.fetch_message(sent.id), sent.edit(content="late"), sent.delete()):
        with pytest.raises(discord.NotFound) as caught:
            await call
        assert caught.value.code == 10008
    with pytest.raises(discord.Forbidden):
        await channel.get_partial_message(id_of(asked)).edit(content="not mine")
    world.deny(general, Permission.SEND_MESSAGES)
    with pytest.raises(discord.Forbidden):
        await channel.send("no")


async def test_a_retry_with_the_same_nonce_makes_one_message(
    server: LoopbackDiscord, client: discord.Client, world: World, general: int
) -> None:
    """The first answer never arrives whole, but the message was made."""
    channel = await client.fetch_channel(general)
    assert isinstance(channel, discord.TextChannel)
    server.fail(HISTORY, Wire.CUT_BODY, method="POST")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("once", nonce=7)
    await channel.send("once", nonce=7)
    assert [message["content"] for message in world.channels[general].messages] == ["once"]


# Faults, as discord.py shows them


async def test_500_is_retried_after_a_second(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, http_error(500))
    began = time.monotonic()
    assert await client.http.logs_from(general, 100) == []
    assert time.monotonic() - began > 0.9
    assert [one.status for one in server.history_requests()] == [500, 200]


@pytest.mark.parametrize("status", [502, 504, 524])
async def test_other_retried_statuses(
    server: LoopbackDiscord,
    client: discord.Client,
    general: int,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def no_sleep(seconds: float) -> None:
        slept.append(seconds)

    server.fail(HISTORY, http_error(status), times=None)
    monkeypatch.setattr("discord.http.asyncio.sleep", no_sleep)
    with pytest.raises(discord.DiscordServerError):
        await client.http.logs_from(general, 100)
    assert [seconds for seconds in slept if seconds] == [1, 3, 5, 7, 9]
    assert len(server.history_requests()) == 5


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (503, discord.DiscordServerError, 0),
        (520, discord.DiscordServerError, 0),
        (521, discord.DiscordServerError, 0),
        (403, discord.Forbidden, 50001),
        (404, discord.NotFound, 10003),
        (401, discord.HTTPException, 0),
    ],
)
async def test_errors_that_come_at_once(
    server: LoopbackDiscord,
    client: discord.Client,
    general: int,
    status: int,
    error: type[discord.HTTPException],
    code: int,
) -> None:
    server.fail(HISTORY, http_error(status))
    with pytest.raises(error) as caught:
        await client.http.logs_from(general, 100)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(server.history_requests()) == 1


async def test_429_sleeps_inside_the_call(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, rate_limited(0.5))
    assert await client.http.logs_from(general, 100) == []
    first, second = server.history_requests()
    assert (first.status, second.status) == (429, 200)
    assert second.time - first.time > 0.45


async def test_429_holds_back_no_other_call_unless_it_is_for_all(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, rate_limited(3600))
    call = asyncio.create_task(client.http.logs_from(general, 100))
    await until(server.history_requests)
    await client.http.get_guild(server.world.guild.id)
    assert not call.done()
    call.cancel()

    server.fail(HISTORY, rate_limited(0.5, everywhere=True))
    channel = server.world.add_channel("another")
    call = asyncio.create_task(client.http.logs_from(channel, 100))
    await until(lambda: not client.http._global_over.is_set())
    await client.http.get_guild(server.world.guild.id)
    [refused, *_] = server.history_requests(channel)
    assert next(one for one in reversed(server.requests) if not one.is_history).time - refused.time > 0.45
    assert await call == []


async def test_long_429_raises_where_a_maximum_is_set(server: LoopbackDiscord, general: int) -> None:
    async with logged_in(max_ratelimit_timeout=30) as client:
        server.fail(HISTORY, rate_limited(3600))
        with pytest.raises(discord.RateLimited) as caught:
            await client.http.logs_from(general, 100)
    assert caught.value.retry_after == 3600


async def test_429_of_cloudflare_raises_at_once(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, CLOUDFLARE_BAN)
    with pytest.raises(discord.HTTPException) as caught:
        await client.http.logs_from(general, 100)
    assert caught.value.status == 429


async def test_one_reset_is_survived_two_are_not(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, Wire.RESET)
    assert await client.http.logs_from(general, 100) == []
    server.fail(HISTORY, Wire.RESET, times=2)
    with pytest.raises(aiohttp.ClientError):
        await client.http.logs_from(general, 100)
    assert [one.status for one in server.history_requests()] == [0, 200, 0, 0]


async def test_cut_body(server: LoopbackDiscord, client: discord.Client, world: World, general: int) -> None:
    world.fill(general, 10)
    server.fail(HISTORY, Wire.CUT_BODY)
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.http.logs_from(general, 100)
    assert len(await client.http.logs_from(general, 100)) == 10


async def test_stall_lasts_until_the_client_leaves(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.fail(HISTORY, Wire.STALL)
    call = asyncio.create_task(client.http.logs_from(general, 100))
    [stalled] = await until(server.history_requests)
    assert stalled.status == 0
    call.cancel()
    await until(lambda: not server.in_flight)


async def test_stopping_the_server_ends_a_stall(world: World, general: int) -> None:
    async with LoopbackDiscord(world) as server:
        with patched(server):
            async with logged_in() as client:
                server.fail(HISTORY, Wire.STALL, times=None)
                call = asyncio.create_task(client.http.logs_from(general, 100))
                await until(server.history_requests)
                await server.__aexit__(None, None, None)
                with pytest.raises(aiohttp.ClientError):
                    await call


async def test_garbage(server: LoopbackDiscord, client: discord.Client, general: int) -> None:
    server.fail(HISTORY, GARBAGE)
    with pytest.raises(json.JSONDecodeError):
        await client.http.logs_from(general, 100)


async def test_faults_are_counted_by_plan(
    server: LoopbackDiscord, client: discord.Client, world: World, general: int
) -> None:
    other = world.add_channel("other")
    page: list[JsonObject] = [{"id": "1"}]
    server.fail(f"/channels/{general}/messages", Answer(200, page), after=1, times=2)
    assert [len(await client.http.logs_from(general, 100)) for _ in range(4)] == [0, 1, 1, 0]
    assert await client.http.logs_from(other, 100) == []
    server.fail(HISTORY, http_error(404), times=None)
    server.heal()
    assert await client.http.logs_from(other, 100) == []
    assert (len(server.history_requests()), len(server.history_requests(other))) == (6, 2)


# Pace


async def test_rate_limit_headers_pace_the_client(
    server: LoopbackDiscord, client: discord.Client, general: int
) -> None:
    server.rate_limit = RateLimit(limit=2, window=0.3)
    began = time.monotonic()
    for _ in range(5):
        await client.http.logs_from(general, 100)
    assert time.monotonic() - began > 0.55
    assert {one.status for one in server.history_requests()} == {200}


def refusals(server: LoopbackDiscord) -> list[LoggedRequest]:
    return [one for one in server.requests if one.status == 429]


async def test_rate_limit_headers_may_lie(
    server: LoopbackDiscord, client: discord.Client, world: World, general: int
) -> None:
    # The server's clock stands still until it has refused something.
    server.rate_limit = RateLimit(2, 0.2, advertise=1000, clock=lambda: 0.2 * len(refusals(server)))
    for _ in range(3):
        await client.http.logs_from(general, 100)
    await client.http.logs_from(world.add_channel("other"), 100)
    assert [one.status for one in server.history_requests()] == [200, 200, 429, 200, 200]


async def test_delay_and_requests_in_flight(
    server: LoopbackDiscord, client: discord.Client, world: World
) -> None:
    channels = [world.add_channel("one") for _ in range(4)]
    server.delay = 0.1
    server.held = lambda request: server.max_in_flight < 4
    began = time.monotonic()
    await asyncio.gather(*(client.http.logs_from(channel, 100) for channel in channels))
    assert time.monotonic() - began >= 0.1
    assert (server.max_in_flight, server.in_flight) == (4, 0)


# Another process as the client

CLI = """
import asyncio, runpy, sys, types, discord

async def read(channel):
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("test-token")
        after = 0
        while page := await client.http.logs_from(channel, 100, after=after):
            after = max(int(message["id"]) for message in page)

def main(arguments):
    asyncio.run(read(int(arguments[0])))
    return 7

sys.modules["tuner.cli.main"] = types.ModuleType("tuner.cli.main")
sys.modules["tuner.cli.main"].main = main
runpy.run_module("tests.support.run_cli", run_name="__main__")
"""


@pytest.fixture
def hosted(world: World, tmp_path: Path) -> Iterator[LoopbackDiscord]:
    with in_thread(LoopbackDiscord(world, log_path=tmp_path / "requests.jsonl")) as server:
        yield server


def test_requests_are_counted_across_a_killed_client(
    hosted: LoopbackDiscord, world: World, general: int
) -> None:
    world.fill(general, 250)
    hosted.fail(HISTORY, Wire.STALL, after=1)
    environment = os.environ | {"LOOPBACK_DISCORD": hosted.url}
    command = [sys.executable, "-W", "ignore", "-c", CLI, str(general)]
    root = Path(__file__).parents[2]
    first = subprocess.Popen(command, env=environment, cwd=root)
    asyncio.run(until(lambda: len(hosted.history_requests(general)) >= 2))
    first.kill()
    first.wait()
    assert subprocess.run(command, check=False, env=environment, cwd=root, timeout=PATIENCE).returncode == 7
    assert [one.status for one in hosted.history_requests(general)] == [200, 0, 200, 200, 200, 200]
    assert hosted.log_path is not None
    lines = [json.loads(line) for line in hosted.log_path.read_text().splitlines()]
    assert len(lines) == len(hosted.requests)
    assert lines[2]["path"] == f"/channels/{general}/messages"
    assert lines[2]["query"] == {"limit": "100", "after": "0"}
