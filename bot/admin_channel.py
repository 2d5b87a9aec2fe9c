"""Where the bot reports, and whose server that makes it work for."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import discord

from bot.faults import ODD, PASSING, ChannelLostError
from tuner.adapters.sqlite_runs import Runs
from tuner.config.settings import Discord
from tuner.errors import FatalError

AdminChannel = discord.TextChannel | discord.Thread

LOOK_AGAIN = (
    60.0  # seconds until a channel that was not found is asked for again: anybody can make the bot ask
)
NEEDED = {"view_channel": "View Channel", "embed_links": "Embed Links"}
ATTACHING = {"attach_files": "Attach Files"}
IN_CHANNELS = {"send_messages": "Send Messages"}
IN_THREADS = {"send_messages_in_threads": "Send Messages in Threads"}


class Home:
    """The server that is worked for: the configured one, or else that of the admin channel.

    The latter is remembered, so that the people of that server go on being known when the channel is deleted.
    """

    def __init__(self, client: discord.Client, settings: Discord, runs: Runs) -> None:
        self._client = client
        self._settings = settings
        self._runs = runs
        self._found: int | None = None
        self._looked = -LOOK_AGAIN
        self._looking = asyncio.Lock()

    async def id(self) -> int | None:
        """The server's id; None when it cannot be told, and then nobody may do anything."""
        if self._settings.guild or not self._settings.admin_channel:
            return self._settings.guild
        async with self._looking:  # who comes while Discord is being asked waits for the answer
            if self._found is None:
                await self._look(self._settings.admin_channel)
        return self._found

    async def _look(self, channel_id: int) -> None:
        if guild := getattr(self._client.get_channel(channel_id), "guild", None):
            await self._remember(channel_id, guild.id)
            return
        channel, _, guild_id = (await self._runs.note("home")).partition(" ")
        if channel == str(channel_id):
            self._found = int(guild_id)
        elif time.monotonic() - self._looked >= LOOK_AGAIN:
            self._looked = time.monotonic()
            with suppress(ChannelLostError, *PASSING, discord.HTTPException):
                await self._remember(channel_id, (await find(self._client, channel_id)).guild.id)

    async def _remember(self, channel_id: int, guild_id: int) -> None:
        self._found = guild_id
        with suppress(FatalError):  # on a full disk it is found out again after the next start
            await self._runs.set_note("home", f"{channel_id} {guild_id}")


async def find(client: discord.Client, channel_id: int) -> AdminChannel:
    """The admin channel; archived threads are not cached, so Discord may be asked. Raises ChannelLostError."""
    try:
        channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    except discord.NotFound:
        raise ChannelLostError(f"the admin channel {channel_id} does not exist any more") from None
    except discord.Forbidden:
        raise ChannelLostError(f"the bot may not see the admin channel <#{channel_id}>") from None
    except (discord.InvalidData, *ODD):
        raise ChannelLostError(
            f"the admin channel {channel_id} is of a kind that this version cannot use"
        ) from None
    if not isinstance(channel, AdminChannel):
        raise ChannelLostError(f"`discord.admin_channel` {channel_id} is no text channel")
    return channel


def permissions(channel: AdminChannel) -> discord.Permissions:
    """What the bot may do there; everything where that is not known, and Discord itself has to say no."""
    try:
        return channel.permissions_for(channel.guild.me)
    except (discord.ClientException, *ODD):  # a server or a thread's parent that is not cached
        return discord.Permissions.all()


def obstacle(channel: AdminChannel, *, attach: bool) -> str:
    """What keeps the bot from reporting there, as the rest of a sentence; empty when nothing does."""
    may = permissions(channel)
    thread = isinstance(channel, discord.Thread)
    needed = {**NEEDED, **(IN_THREADS if thread else IN_CHANNELS), **(ATTACHING if attach else {})}
    missing = [label for name, label in needed.items() if not getattr(may, name)]
    if missing:
        return f"in the admin channel <#{channel.id}> the bot lacks {' and '.join(missing)}"
    if isinstance(channel, discord.Thread) and channel.locked and not may.manage_threads:
        return f"the admin channel <#{channel.id}> is a locked thread, and the bot lacks Manage Threads"
    return ""
