"""A Discord server's history over REST, through discord.py's own session, token and rate limiter.

Works on any logged-in `discord.Client`, with or without a gateway connection. Every channel object is
fetched, not taken from a cache, so that both ways see the same.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp
import discord
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.adapters.discord_page import read_page
from tuner.asking.backoff import backoff
from tuner.config import NO_CHANNELS
from tuner.config.settings import Collect
from tuner.errors import FatalError, RetryError, SkipError, TunerError, UsageError
from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.intake import Page, admit_page
from tuner.progress import Tally
from tuner.ranges import Range, merge, resume_after
from tuner.stages.collect import Batch, Wanted

Result = TypeVar("Result")

PAGE = 100
PORTAL = "https://discord.com/developers/applications"
BROKEN = (TimeoutError, aiohttp.ClientError, OSError, json.JSONDecodeError)
HOLDS_MESSAGES = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
)
HOLDS_POSTS = (discord.ChannelType.forum, discord.ChannelType.media)
HOLDS_THREADS = (discord.ChannelType.text, discord.ChannelType.news, *HOLDS_POSTS)


@asynccontextmanager
async def rest_client(token: str) -> AsyncIterator[discord.Client]:
    """A client that is logged in over REST only: no gateway, no presence, nothing cached."""
    # Without a gateway intents mean nothing, but the client warns when guilds are not among them.
    client = discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=60)
    try:
        await _log_in(client, token)
        yield client
    finally:
        await client.close()


async def _log_in(client: discord.Client, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise UsageError(
            f"Discord refused the bot token. Copy a fresh one from {PORTAL} → your application → Bot → "
            "Reset Token, and put it into the environment."
        ) from None
    except (discord.HTTPException, discord.RateLimited, *BROKEN) as error:
        raise FatalError(f"Discord could not be reached: {_words(error)}. Try again later.") from error


class DiscordSource:
    """A Discord server as a source of history."""

    def __init__(self, client: discord.Client, audience: Audience, settings: Collect, tally: Tally) -> None:
        self._client = client
        self._audience = audience
        self._settings = settings
        self._tally = tally
        self._refused: list[str] = []
        self._pace = AsyncLimiter(1, 1 / settings.requests_per_second)

    # -- what there is to read -------------------------------------------------

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The wanted channels that can be read, each followed by its threads or posts.

        Raises UsageError when nothing can be read as configured; says which permission is missing where.
        """
        if not wanted:
            raise UsageError(NO_CHANNELS)
        self._check_message_content()
        wanted = list(dict.fromkeys(wanted))
        found: list[Channel] = []
        try:
            homes = await self._homes(wanted)
            for guild_id in dict.fromkeys(homes.values()):
                found += await self._in_guild(guild_id, [i for i in wanted if homes.get(i) == guild_id])
        except (SkipError, discord.Forbidden, discord.NotFound) as error:
            raise FatalError(f"The server's channels could not be listed: {_words(error)}") from error
        if not found:
            raise UsageError(
                "None of the channels in dataset.channels can be read:\n"
                + "\n".join(f"  - {why}" for why in self._refused)
            )
        return list(
            {channel.id: channel for channel in found}.values()
        )  # a thread may be named beside its parent

    def _check_message_content(self) -> None:
        flags = self._client.application_flags
        if not (flags.gateway_message_content or flags.gateway_message_content_limited):
            raise UsageError(
                "The Message Content intent is off: Discord would hand out every message empty. Turn it on at "
                f"{PORTAL} → your application → Bot → Privileged Gateway Intents → Message Content Intent."
            )

    async def _homes(self, wanted: Sequence[int]) -> dict[int, int]:
        """Channel id → guild id, for the channels the bot can see."""
        homes: dict[int, int] = {}
        for channel_id in wanted:
            try:
                raw = await self._raw_channel(channel_id)
            except discord.NotFound:
                raise UsageError(
                    f"dataset.channels: there is no channel {channel_id}, or it was deleted. Right-click the "
                    "channel in Discord → Copy Channel ID."
                ) from None
            except discord.Forbidden:
                self._refuse(
                    f"Channel {channel_id}: the bot may not see it. Give its role View Channel and Read "
                    "Message History there (Edit Channel → Permissions)."
                )
                continue
            if "guild_id" not in raw:
                raise UsageError(f"dataset.channels: {channel_id} is no server channel but a direct message.")
            homes[channel_id] = int(raw["guild_id"])
        return homes

    async def _raw_channel(self, channel_id: int) -> dict[str, Any]:
        return dict(await self._asked(lambda: self._client.http.get_channel(channel_id)))

    async def _in_guild(self, guild_id: int, wanted: Sequence[int]) -> list[Channel]:
        guild = await self._asked(lambda: self._client.fetch_guild(guild_id))
        assert self._client.user is not None  # logged in
        user_id = self._client.user.id
        me = await self._asked(lambda: guild.fetch_member(user_id))
        listed = {c.id: c for c in await self._asked(guild.fetch_channels)}
        active = (await self._asked(lambda: self._client.http.get_active_threads(guild_id)))["threads"]
        found: list[Channel] = []
        for channel_id in wanted:
            channel = listed.get(channel_id)
            if channel is None:  # a thread, named itself
                raw = await self._raw_channel(channel_id)
                parent = listed.get(int(raw.get("parent_id") or 0))
                if self._readable(str(raw.get("name")), parent, me):
                    found.append(_thread(raw, guild, parent))
                continue
            if not self._readable(channel.name, channel, me):
                continue
            if channel.type in HOLDS_MESSAGES:
                found.append(_channel(channel, guild))
            if channel.type in HOLDS_THREADS:
                threads = {int(t["id"]): t for t in active if int(t["parent_id"]) == channel.id}
                await self._add_archived(threads, channel, channel.permissions_for(me).manage_threads)
                found += [_thread(raw, guild, channel) for _, raw in sorted(threads.items())]
            elif channel.type not in HOLDS_MESSAGES:
                self._refuse(
                    f"#{channel.name} ({channel.id}) is a {channel.type.name}: it holds no messages."
                )
        return found

    def _readable(self, name: str, channel: Any, me: discord.Member) -> bool:
        """Whether the bot may read there; Discord answers an empty page, not an error, when it may not."""
        if channel is None:
            self._refuse(f"#{name}: its parent channel cannot be seen by the bot. Grant View Channel there.")
            return False
        may = channel.permissions_for(me)
        missing = [
            label
            for label, granted in (
                ("View Channel", may.view_channel),
                ("Read Message History", may.read_message_history),
                (
                    "Connect",
                    may.connect
                    or channel.type not in (discord.ChannelType.voice, discord.ChannelType.stage_voice),
                ),
            )
            if not granted
        ]
        if missing:
            self._refuse(
                f"#{name} ({channel.id}): the bot lacks {' and '.join(missing)}. Grant it to the bot's role in "
                "Edit Channel → Permissions."
            )
        return not missing

    def _refuse(self, why: str) -> None:
        self._refused.append(why)
        self._tally.dropped("collect", "channel not readable")
        self._tally.note(why, warning=True)

    async def _add_archived(self, threads: dict[int, Any], channel: Any, manages: bool) -> None:
        try:
            async for raw in self._archived(channel, manages):
                threads.setdefault(int(raw["id"]), raw)
        except (discord.Forbidden, discord.NotFound) as error:
            self._tally.note(
                f"#{channel.name} ({channel.id}): its archived threads could not be listed: {_words(error)}. Check "
                "that the channel still exists and that the bot may read it; the next run asks again.",
                warning=True,
            )

    async def _archived(self, channel: Any, manages: bool) -> AsyncIterator[dict[str, Any]]:
        """Archived threads below a channel, public ones and the private ones the bot may list."""
        http = self._client.http
        listings: list[tuple[Callable[..., Awaitable[Any]], bool]] = [
            (http.get_public_archived_threads, True)
        ]
        if channel.type is discord.ChannelType.text:
            if manages:
                listings.append((http.get_private_archived_threads, True))
            else:
                listings.append((http.get_joined_private_archived_threads, False))
        for listing, by_time in listings:
            before: Any = None
            while True:
                page = await self._asked(
                    lambda to=before, ask=listing: ask(channel.id, before=to, limit=PAGE)  # type: ignore[misc]
                )
                for raw in page["threads"]:
                    yield raw
                if not page.get("has_more") or not page["threads"]:
                    break
                last = page["threads"][-1]
                before = last["thread_metadata"]["archive_timestamp"] if by_time else last["id"]

    # -- pages -----------------------------------------------------------------

    async def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """Pages of what is not stored yet. A channel with nothing new costs no request."""
        ranges, taken = list(wanted.ranges), 0
        newest = channel.last_message_id or 0
        start = max(wanted.start, 0)
        while True:
            after = resume_after(ranges, start)
            if newest <= max(after, 0):
                return
            limit = PAGE if wanted.limit is None else min(PAGE, wanted.limit - taken)
            raw = await self._page(channel, limit, max(after, 0))
            if not raw:
                if await self._ends_at(channel, after, known=bool(ranges)):
                    yield Batch(Page((), {}), Range(after + 1, newest), 1.0)
                return
            last = max(int(item["id"]) for item in raw)
            ended = len(raw) < limit
            covered = Range(after + 1, max(last, newest) if ended else last)
            page = admit_page(channel.id, read_page(raw, self._tally), self._audience)
            page = replace(page, unread=frozenset(int(i["id"]) for i in raw) - {m.id for m in page.messages})
            taken += len(page.messages)
            full = taken == wanted.limit
            more = full and covered.last < newest
            yield Batch(page, covered, _share(channel, start, last), more)
            if ended or full:
                return
            ranges = merge([*ranges, covered])

    async def _ends_at(self, channel: Channel, after: int, *, known: bool) -> bool:
        """Whether an empty page means that nothing is left after this id, and not that permission was lost.

        Raises SkipError when messages of the channel are `known` but none is shown any more.
        """
        newest = await self._page(channel, 1)
        if known and not newest:
            raise SkipError(
                f"#{channel.name} ({channel.id}) shows no messages any more: the bot lost Read Message History "
                "there, or all were deleted. What was read is kept; grant it, and the next run goes on."
            )
        return bool(newest) and int(newest[0]["id"]) <= after

    async def _page(self, channel: Channel, limit: int, after: int | None = None) -> list[Any]:
        where = f"#{channel.name}"

        async def ask() -> list[Any]:
            page: object = await self._client.http.logs_from(channel.id, limit, after=after)
            if not isinstance(page, list) or not all(
                isinstance(item, dict) and str(item.get("id")).isdecimal() for item in page
            ):
                raise RetryError("an answer that is no page of messages")
            return page

        try:
            return await self._asked(ask, where)
        except discord.Forbidden as error:
            raise SkipError(
                f"{where} ({channel.id}) is forbidden to the bot since this run began: {_words(error)}. What was "
                "read is kept; grant View Channel and Read Message History, and the next run goes on."
            ) from error
        except discord.NotFound as error:
            raise SkipError(
                f"{where} ({channel.id}) is gone: {_words(error)}. What was read is kept; take it out of "
                "dataset.channels."
            ) from error

    # -- faults ----------------------------------------------------------------

    async def _asked(self, ask: Callable[[], Awaitable[Result]], where: str = "Discord") -> Result:
        """Ask in turn, back off from passing faults, give up in words.

        Raises discord.Forbidden and discord.NotFound as they are, SkipError after too many passing faults,
        FatalError when the token was revoked.
        """

        attempts = AsyncRetrying(
            retry=retry_if_exception_type(RetryError),
            stop=stop_after_attempt(self._settings.attempts),
            wait=backoff(self._settings.backoff_seconds),
            before_sleep=lambda state: self._tally.changed(),
            reraise=True,
        )
        try:
            return await attempts(self._once, ask, where)
        except RetryError as error:
            raise SkipError(
                f"{where}: given up after {self._settings.attempts} tries ({error}). What was read is kept; "
                "the next run goes on from there."
            ) from error

    async def _once(self, ask: Callable[[], Awaitable[Result]], where: str) -> Result:
        async with self._pace:
            self._tally.requests += 1
            try:
                return await ask()
            except (discord.Forbidden, discord.NotFound):
                raise
            except discord.RateLimited as error:
                if error.retry_after > self._settings.longest_wait_seconds:
                    raise SkipError(
                        f"{where}: Discord asks to wait {error.retry_after:.0f} s before the next request. What was "
                        "read is kept; run again later."
                    ) from error
                raise RetryError(_words(error), after=error.retry_after) from error
            except discord.HTTPException as error:
                raise _classed(error, where) from error
            except BROKEN as error:
                raise RetryError(_words(error)) from error


def _classed(error: discord.HTTPException, where: str) -> TunerError:
    if error.status == 401:
        return FatalError(
            "Discord no longer accepts the bot token: it was reset or revoked. Everything read so far is stored. "
            f"Put the new token from {PORTAL} into the environment and run again."
        )
    if error.status == 429 or error.status >= 500:
        return RetryError(_words(error))
    return SkipError(
        f"{where}: Discord refused a request: {_words(error)}. What was read is kept; the next run asks again."
    )


def _words(error: BaseException) -> str:
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}" + (f", code {error.code}" if error.code else "")
    if isinstance(error, discord.RateLimited):
        return f"rate limited for {error.retry_after:.0f} s"
    return str(error) if isinstance(error, TunerError) else type(error).__name__


def _channel(channel: Any, guild: discord.Guild) -> Channel:
    return Channel(
        channel.id,
        channel.name,
        guild.id,
        guild.name,
        None,
        getattr(channel, "topic", None) or "",
        channel.last_message_id,
    )


def _thread(raw: Any, guild: discord.Guild, parent: Any) -> Channel:
    newest = raw.get("last_message_id")
    return Channel(
        int(raw["id"]),
        str(raw.get("name") or raw["id"]),
        guild.id,
        guild.name,
        parent.id,
        getattr(parent, "topic", None) or "",
        int(newest) if newest else None,
    )


def _share(channel: Channel, start: int, position: int) -> float:
    first = max(start, channel.id)
    window = (channel.last_message_id or 0) - first
    return min(1.0, max(0.0, (position - first) / window)) if window > 0 else 1.0
