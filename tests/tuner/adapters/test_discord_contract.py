"""discord.py's raw calls, as the adapter uses them: fails when a new version changes one."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.discord_world import PRIVATE_THREAD, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord, patched
from tuner.adapters.discord_history import rest_client


@pytest.fixture
async def server(world: World) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(world) as server:
        with patched(server):
            yield server


@pytest.fixture
async def client(server: LoopbackDiscord) -> AsyncIterator[discord.Client]:
    async with rest_client("test-token") as client:
        yield client


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("logs_from", ["channel_id", "limit", "before", "after", "around"]),
        ("get_channel", ["channel_id"]),
        ("get_active_threads", ["guild_id"]),
        ("get_public_archived_threads", ["channel_id", "before", "limit"]),
        ("get_private_archived_threads", ["channel_id", "before", "limit"]),
        ("get_joined_private_archived_threads", ["channel_id", "before", "limit"]),
    ],
)
def test_the_raw_calls_take_what_is_given_to_them(call: str, parameters: list[str]) -> None:
    signature = inspect.signature(getattr(discord.http.HTTPClient, call))
    assert list(signature.parameters) == ["self", *parameters]


async def test_history_is_one_request_for_a_page_of_raw_messages(
    server: LoopbackDiscord, client: discord.Client, world: World
) -> None:
    general = world.add_channel("general")
    made = world.fill(general, 250)
    before = len(server.requests)
    page: Any = await client.http.logs_from(general, 100, after=id_of(made[49]))
    [request] = server.requests[before:]
    assert (request.method, request.path) == ("GET", f"/channels/{general}/messages")
    assert request.query == {"limit": "100", "after": made[49]["id"]}
    assert type(page) is list and type(page[0]) is dict
    assert [message["id"] for message in page] == [message["id"] for message in made[149:49:-1]]
    assert page[-1] == made[50]
    [newest] = await client.http.logs_from(general, 1, after=None)
    assert newest["id"] == made[-1]["id"]
    assert server.requests[-1].query == {"limit": "1"}


async def test_a_channel_and_active_threads_are_raw_objects(client: discord.Client, world: World) -> None:
    general = world.add_channel("general")
    thread = world.add_thread(general, "planning")
    last = world.fill(thread, 2)[-1]
    raw: Any = await client.http.get_channel(thread)
    assert (raw["guild_id"], raw["parent_id"]) == (str(world.guild.id), str(general))
    active: Any = await client.http.get_active_threads(world.guild.id)
    [listed] = active["threads"]
    assert (listed["id"], listed["parent_id"], listed["name"]) == (str(thread), str(general), "planning")
    assert listed["last_message_id"] == last["id"]


@pytest.mark.parametrize(
    ("call", "private", "path", "key"),
    [
        ("get_public_archived_threads", False, "threads/archived/public", "time"),
        ("get_private_archived_threads", True, "threads/archived/private", "time"),
        ("get_joined_private_archived_threads", True, "users/@me/threads/archived/private", "id"),
    ],
)
async def test_archived_threads_come_in_pages(
    server: LoopbackDiscord,
    client: discord.Client,
    world: World,
    call: str,
    private: bool,
    path: str,
    key: str,
) -> None:
    world.add_role(Permission.MANAGE_THREADS, world.bot)
    general = world.add_channel("general")
    made = [world.add_thread(general, archived=True, private=private, joined=True) for _ in range(3)]
    listing = getattr(client.http, call)
    first = await listing(general, before=None, limit=2)
    assert [int(thread["id"]) for thread in first["threads"]] == made[:0:-1]
    assert first["has_more"] is True
    assert server.requests[-1].path == f"/channels/{general}/{path}"
    assert server.requests[-1].query == {"limit": "2"}
    end = first["threads"][-1]
    before = end["thread_metadata"]["archive_timestamp"] if key == "time" else end["id"]
    second = await listing(general, before=before, limit=2)
    assert server.requests[-1].query == {"limit": "2", "before": before}
    assert ([int(thread["id"]) for thread in second["threads"]], second["has_more"]) == (made[:1], False)
    assert (second["threads"][0]["type"] == PRIVATE_THREAD) == private


async def test_what_the_preflight_reads_needs_no_gateway(client: discord.Client, world: World) -> None:
    general = world.add_channel("general", topic="all things")
    last = world.fill(general, 1)[0]
    world.deny(general, Permission.READ_MESSAGE_HISTORY)
    assert client.user is not None
    assert client.application_flags.gateway_message_content_limited
    guild = await client.fetch_guild(world.guild.id)
    me = await guild.fetch_member(client.user.id)
    [channel] = await guild.fetch_channels()
    assert isinstance(channel, discord.TextChannel)
    assert (channel.topic, channel.last_message_id) == ("all things", id_of(last))
    may = channel.permissions_for(me)
    assert (may.view_channel, may.read_message_history) == (True, False)


async def test_a_long_wait_is_raised_and_is_no_http_error(client: discord.Client) -> None:
    assert client.http.max_ratelimit_timeout == 60
    assert not issubclass(discord.RateLimited, discord.HTTPException)
    assert issubclass(discord.DiscordServerError, discord.HTTPException)


async def test_the_session_ends_a_connection_that_stalls(client: discord.Client) -> None:
    session: aiohttp.ClientSession = client.http._HTTPClient__session  # type: ignore[attr-defined]
    assert session.timeout.total == 300
