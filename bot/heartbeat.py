"""One status message per run, edited while it changes; another when it got old or was deleted."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from tuner.adapters.sqlite_runs import Report

log = logging.getLogger("tuner.bot")

OLD = 3600.0  # seconds after which Discord allows few edits of a message
UNKNOWN_MESSAGE, EDITED_TOO_OFTEN = 10008, 30046
TRIES = 4
PASSING = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError)

AdminChannel = discord.TextChannel | discord.Thread


class ChannelLostError(Exception):
    """The admin channel is gone or closed to the bot."""


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

    @property
    def url(self) -> str:
        return self._report.url if self._report else ""

    async def keep(self, render: Callable[[], discord.Embed], seconds: float) -> None:
        """Show what `render` says, again every so many seconds, until cancelled."""
        while True:
            await self.show(render())
            await asyncio.sleep(seconds)

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
        except discord.HTTPException as error:
            log.info("Discord took no status update: HTTP %s, code %s", error.status, error.code)
        except PASSING as error:
            log.info("The status message could not be updated this time: %s", type(error).__name__)
        else:
            self._shown = content

    def _is_old(self) -> bool:
        return self._report is None or time.time() - self._report.posted_at > OLD

    async def _edit(self, embed: discord.Embed) -> bool:
        """Whether the message could be edited; False asks for a new one."""
        assert self._report is not None
        try:
            await self._channel.get_partial_message(self._report.message_id).edit(embed=embed)
        except (discord.NotFound, discord.Forbidden) as error:
            if error.code != UNKNOWN_MESSAGE:
                raise ChannelLostError from error
            return False
        except discord.RateLimited:  # longer than discord.py is told to wait
            return False
        except discord.HTTPException as error:
            if error.code != EDITED_TOO_OFTEN:
                raise
            return False
        return True

    async def _post(self, embed: discord.Embed) -> None:
        message = await send(self._channel, lambda: {"embed": embed})
        self._report = Report(self._channel.guild.id, self._channel.id, message.id, time.time())
        await self._moved(self._report)


async def send(channel: discord.abc.Messageable, content: Callable[[], dict[str, Any]]) -> discord.Message:
    """Send a message once, whatever happens on the way: every try carries the same nonce.

    `content` makes the arguments afresh for every try, because a try uses its files up. Raises
    ChannelLostError, or the passing fault that was left after the last try.
    """
    nonce = secrets.token_hex(12)
    for attempt in range(1, TRIES):
        try:
            return await _send_once(channel, content, nonce)
        except PASSING:
            await asyncio.sleep(attempt)
    return await _send_once(channel, content, nonce)


async def _send_once(
    channel: discord.abc.Messageable, content: Callable[[], dict[str, Any]], nonce: str
) -> discord.Message:
    try:
        return await channel.send(**content(), nonce=nonce)
    except (discord.NotFound, discord.Forbidden) as error:
        raise ChannelLostError from error
