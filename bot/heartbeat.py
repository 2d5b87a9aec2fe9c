"""One status message per run, edited while it changes; another when it got old or was deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord

from bot import embeds
from bot.admin_channel import AdminChannel
from bot.faults import (
    ANY,
    ARCHIVED_THREAD,
    EDITED_TOO_OFTEN,
    LOCKED_THREAD,
    ODD,
    PASSING,
    UNKNOWN_MESSAGE,
    ChannelLostError,
    brief,
    is_passing,
)
from tuner.adapters.sqlite_announcements import new_nonce
from tuner.adapters.sqlite_runs import Report

log = logging.getLogger("tuner.bot")

OLD = 3600.0  # seconds after which Discord allows few edits of a message
LAST_BEAT = 3.0  # seconds for an update that is on its way when the build ends
ODD_ROUNDS = 4  # after so many answers that cannot be read, a message is taken to be there
TRIES, STEP = (
    4,
    1.0,
)  # how often a message is tried, and by how many seconds each wait is longer than the last


class StatusMessage:
    """Keeps one message in the admin channel up to date. Trouble with it never reaches the build."""

    def __init__(
        self, channel: AdminChannel, report: Report | None, moved: Callable[[Report], Awaitable[None]]
    ) -> None:
        self._channel = channel
        self._report = report
        self._moved = moved
        self._shown: dict[str, Any] = {}
        self._lost = False
        self._over = asyncio.Event()
        self._nonce = new_nonce()
        self._odd = 0

    @property
    def url(self) -> str:
        return self._report.url if self._report else ""

    @asynccontextmanager
    async def kept(self, render: Callable[[], discord.Embed], seconds: float) -> AsyncIterator[None]:
        """Show what `render` says while this block runs. What is on its way at the end gets a moment to arrive:
        a message that nobody knows of would say for ever that the build runs."""
        beat = asyncio.create_task(self.keep(render, seconds), name="tuner heartbeat")
        try:
            yield
            self._over.set()
            await asyncio.wait({beat}, timeout=LAST_BEAT)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def keep(self, render: Callable[[], discord.Embed], seconds: float) -> None:
        """Show what `render` says, again every so many seconds, until it is over. No fault ends this."""
        while True:
            [fault] = await asyncio.gather(self._render(render), return_exceptions=True)
            if fault is not None:
                log.error("The status message could not be made this time", exc_info=fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), seconds)
                return

    async def _render(self, render: Callable[[], discord.Embed]) -> None:
        await self.show(render())

    async def show(self, embed: discord.Embed) -> None:
        """Show this now, if it is news. Passing faults are left to the next time."""
        content = dict(embed.to_dict())
        if content == self._shown or self._lost:
            return
        try:
            if self._is_old() or not await self._edit(embed):
                await self._post(embed)
        except ChannelLostError:
            self._lost = True
            log.warning("The admin channel is gone or closed: the build goes on without status messages.")
        except ANY as error:
            log.info("The status message could not be updated this time: %s", brief(error))
        else:
            self._shown = content

    async def finish(self, embed: discord.Embed) -> bool:
        """Show how it ended in the message that is there; whether nothing is left to do about it."""
        if self._report is None:
            return True
        try:
            await self._channel.get_partial_message(self._report.message_id).edit(embed=embed)
        except ANY as error:
            log.info("The status message could not be brought to its end: %s", brief(error))
            # A message that is gone, or lies in a closed channel, is left as it is.
            return isinstance(error, discord.HTTPException) and not is_passing(error)
        return True

    def _is_old(self) -> bool:
        return self._report is None or time.time() - self._report.posted_at > OLD

    async def _edit(self, embed: discord.Embed) -> bool:
        """Whether the message could be edited; False asks for a new one."""
        assert self._report is not None
        try:
            await self._channel.get_partial_message(self._report.message_id).edit(embed=embed)
        except discord.RateLimited:  # longer than discord.py is told to wait
            return False
        except discord.HTTPException as error:
            if error.code in (
                UNKNOWN_MESSAGE,
                EDITED_TOO_OFTEN,
                ARCHIVED_THREAD,
            ):  # posting opens a thread again
                return False
            if isinstance(error, discord.NotFound | discord.Forbidden) or error.code == LOCKED_THREAD:
                raise ChannelLostError from error
            raise
        return True

    async def _post(self, embed: discord.Embed) -> None:
        try:
            message = await send(self._channel, lambda: {"embed": embed}, self._nonce)
        except ODD:
            self._odd += 1  # it may be there, and cannot be edited: not one more with every beat
            self._lost = self._odd >= ODD_ROUNDS
            raise
        self._nonce, self._odd = new_nonce(), 0
        before = self._report
        self._report = Report(self._channel.guild.id, self._channel.id, message.id, time.time())
        await self._moved(self._report)
        if before:
            await self._lead_on(before, embeds.goes_on(embed, self.url))

    async def _lead_on(self, before: Report, embed: discord.Embed) -> None:
        """Have the message that was given up say where the run is shown now, so that it does not go on "running"."""
        try:
            await self._channel.get_partial_message(before.message_id).edit(embed=embed)
        except ANY as error:  # it is gone, or may not be edited any more
            log.info("The status message before could not be changed: %s", brief(error))


async def send(
    place: discord.abc.Messageable, content: Callable[[], dict[str, Any]], nonce: str
) -> discord.Message:
    """Send a message once, whatever happens on the way: every try carries the same nonce.

    `content` makes the arguments afresh for every try, because a try uses its files up. Raises ChannelLostError,
    or the fault that was left after the last try; after one of ODD the message may be there all the same.
    """
    for attempt in range(1, TRIES):
        made = content()
        try:
            return await _send_once(place, made, nonce)
        except (*PASSING, *ODD):
            await asyncio.sleep(attempt * STEP)
    return await _send_once(place, content(), nonce)


async def _send_once(place: discord.abc.Messageable, content: dict[str, Any], nonce: str) -> discord.Message:
    try:
        return await place.send(**content, nonce=nonce)
    except discord.HTTPException as error:
        closed = error.code in (LOCKED_THREAD, ARCHIVED_THREAD)
        if closed or isinstance(error, discord.NotFound | discord.Forbidden):
            raise ChannelLostError from error
        raise
