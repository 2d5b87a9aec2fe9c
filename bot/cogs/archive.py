"""Keeps stored messages as they are in Discord: edits change them, deletions erase them.

Events never add messages and never move a cursor: ids are only roughly ordered, and older history may be
missing. Of messages that are not stored it is remembered that they were deleted or edited, for their page may be
on the way. What a lost connection may have hidden is read again by the next build (`collect.lookback`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import discord
from discord.ext import commands

from tuner.adapters.discord_page import edited_at, read_page
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import FatalError
from tuner.people.intake import admit_page
from tuner.progress import Tally
from tuner.runs.audiences import audience_for

log = logging.getLogger("tuner.bot")

PURGE_DELAY = 2.0  # seconds after which the traces of erased text are cleared from the file
LAST_PURGE = 3.0  # seconds that clearing them may take when the process ends


class ArchiveCog(commands.Cog):
    """Applies live changes to rows that are already stored."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._history = History(store)
        self._purge: asyncio.Task[None] | None = None
        self._has_traces = False
        self._listening = False

    async def cog_load(self) -> None:
        self._purge_soon()  # a bot that was killed may have left traces

    async def cog_unload(self) -> None:
        if self._purge:
            self._purge.cancel()
            await asyncio.gather(self._purge, return_exceptions=True)
            with contextlib.suppress(FatalError, TimeoutError):  # else the next start does it
                await asyncio.wait_for(self._history.purge(), LAST_PURGE)
        await self._stop_listening()

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        if event.data.get("edited_timestamp") is None:  # a link unfurling, not an edit
            return
        incoming = read_page([event.data], Tally())
        edited_ms = incoming[0].edited_ms if incoming else edited_at(event.data)
        if not await self._history.await_edit(event.message_id, edited_ms):
            return
        audience = await audience_for(self._store, self._settings)
        page = admit_page(event.channel_id, incoming, audience)
        await self._history.store_page(event.channel_id, page, None)
        self._purge_soon()

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._erase([event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._erase(sorted(event.message_ids))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._erase_channel(channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._erase_channel(event.thread_id)

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """A new session: at the first start, or when Discord did not let the old one be resumed."""
        self._listening = True
        await self._history.look_back(self._settings.collect.lookback, time.time())

    @commands.Cog.listener()
    async def on_shard_resumed(self, shard_id: int) -> None:
        self._listening = True  # and what was missed has been told

    @commands.Cog.listener()
    async def on_shard_disconnect(self, shard_id: int) -> None:
        await self._stop_listening()

    async def _stop_listening(self) -> None:
        """Remember until when changes were seen; tries to connect that fail do not count."""
        if self._listening:
            self._listening = False
            await self._history.attend(time.time())

    async def _erase(self, message_ids: list[int]) -> None:
        if await self._history.erase(message_ids):
            self._purge_soon()

    async def _erase_channel(self, channel_id: int) -> None:
        if await self._history.erase_channel(channel_id):
            self._purge_soon()

    def _purge_soon(self) -> None:
        """Clear the traces once for a burst of changes, and at intervals while changes go on."""
        self._has_traces = True
        if self._purge is None or self._purge.done():
            self._purge = asyncio.create_task(self._purge_later(), name="tuner purge")

    async def _purge_later(self) -> None:
        while self._has_traces:
            await asyncio.sleep(PURGE_DELAY)
            self._has_traces = False
            try:
                await self._history.purge()
            except FatalError:  # another program reads the archive: tried again until it ends
                self._has_traces = True
