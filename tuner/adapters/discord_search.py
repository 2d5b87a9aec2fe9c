"""Small questions to Discord beside the reading of history: asked raw, retried, answered or given up in words.

Among them how many messages there are, from Discord's message search: bots may use it since March 2026,
discord.py has no call for it, and a server may still be indexing, or be compatible and have none.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import Route
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.asking.backoff import backoff
from tuner.config.settings import Collect
from tuner.errors import FatalError, RetryError, SkipError

Result = TypeVar("Result")

MOST_CHANNELS, MOST_AUTHORS = 500, 100  # in one search
LONGEST_INDEXING = 15.0  # seconds; an index that takes longer is not waited for


async def asked(ask: Callable[[], Awaitable[Result]], settings: Collect) -> Result:
    """Ask, and again after passing faults.

    Raises discord.Forbidden and discord.NotFound as they are, SkipError when it was given up, FatalError when
    the token is not taken any more.
    """
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(RetryError),
        stop=stop_after_attempt(settings.attempts),
        wait=backoff(settings.backoff_seconds),
        reraise=True,
    )
    try:
        return await attempts(_once, ask, settings.longest_wait_seconds)
    except RetryError as error:
        raise SkipError(f"Discord gave no answer after {settings.attempts} tries ({error})") from error


async def _once(ask: Callable[[], Awaitable[Result]], longest_wait: float) -> Result:
    try:
        return await ask()
    except (discord.Forbidden, discord.NotFound):
        raise
    except discord.RateLimited as error:
        if error.retry_after > longest_wait:
            raise SkipError(f"Discord asks to wait {error.retry_after:.0f} s") from error
        raise RetryError("a rate limit", after=error.retry_after) from error
    except discord.HTTPException as error:
        words = f"HTTP {error.status}" + (f", code {error.code}" if error.code else "")
        if error.status == 401:
            raise FatalError("Discord does not accept the bot token any more.") from error
        kind = RetryError if error.status == 429 or error.status >= 500 else SkipError
        raise kind(words) from error
    except (TimeoutError, aiohttp.ClientError, OSError, json.JSONDecodeError) as error:
        raise RetryError(type(error).__name__) from error


async def count_messages(
    client: discord.Client, channel_ids: Sequence[int], authors: Sequence[int], start: int, settings: Collect
) -> int | None:
    """How many messages the channels and their threads hold from id `start` on; None where nobody tells.

    `authors`: only theirs, empty for everybody's.
    """
    total = 0
    try:
        for guild_id, ids in (await _by_guild(client, channel_ids, settings)).items():
            for channels in _portions(ids, MOST_CHANNELS):
                for people in _portions(authors, MOST_AUTHORS) if authors else [()]:
                    total += await _total(client, guild_id, channels, people, start, settings)
    except (SkipError, discord.Forbidden, discord.NotFound):
        return None
    return total


async def _by_guild(
    client: discord.Client, channel_ids: Sequence[int], settings: Collect
) -> Mapping[int, list[int]]:
    """The channels that can be seen, by server, together with their threads that are active."""
    guilds: dict[int, list[int]] = {}
    for channel_id in dict.fromkeys(channel_ids):
        try:
            raw = await asked(lambda i=channel_id: client.http.get_channel(i), settings)  # type: ignore[misc] # bound now
        except (discord.Forbidden, discord.NotFound):
            continue
        if guild_id := (raw if isinstance(raw, dict) else {}).get("guild_id"):
            guilds.setdefault(int(str(guild_id)), []).append(channel_id)
    for guild_id, ids in guilds.items():
        listing = await asked(lambda i=guild_id: client.http.get_active_threads(i), settings)  # type: ignore[misc] # bound now
        threads = listing.get("threads") if isinstance(listing, dict) else None
        below = [int(t["id"]) for t in threads or () if t.get("parent_id") and int(t["parent_id"]) in ids]
        ids += [i for i in below if i not in ids]
    return guilds


async def _total(
    client: discord.Client,
    guild_id: int,
    channels: Sequence[int],
    authors: Sequence[int],
    start: int,
    settings: Collect,
) -> int:
    """`total_results` of one search. Raises SkipError where there is none to be had."""
    query = [
        ("limit", "1"),
        *(("channel_id", str(i)) for i in channels),
        *(("author_id", str(i)) for i in authors),
    ]
    if start > 0:
        query.append(("min_id", str(start - 1)))
    route = Route("GET", "/guilds/{guild_id}/messages/search", guild_id=guild_id)

    async def search() -> int:
        answer: Any = await client.http.request(route, params=query)
        total = answer.get("total_results") if isinstance(answer, dict) else None
        if isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            return total
        wait = answer.get("retry_after") if isinstance(answer, dict) else None
        if isinstance(wait, int | float) and 0 <= wait <= LONGEST_INDEXING:
            raise RetryError("the server is still being indexed", after=float(wait))
        raise SkipError("Discord's search gives no total")

    few = settings.model_copy(update={"attempts": min(3, settings.attempts)})
    return await asked(search, few)


def _portions(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[i : i + size] for i in range(0, len(ids), size)]
