"""How many messages there are, from Discord's message search, before any is read.

Bots may use it since March 2026, discord.py has no call for it, and a server may still be indexing, or be compatible
and have none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import discord
from discord.http import Route

from tuner.adapters.discord_door import Door, RefusedError, an_object, as_id, objects
from tuner.config.settings import Collect
from tuner.errors import RetryError, SkipError
from tuner.progress import Tally

MOST_CHANNELS, MOST_AUTHORS = 500, 100  # in one search
TRIES = 3  # while the server is indexing
LONGEST_INDEXING = 15.0  # seconds; an index that takes longer is not waited for


async def count_messages(
    client: discord.Client, channel_ids: Sequence[int], authors: Sequence[int], start: int, settings: Collect
) -> int | None:
    """How many messages the channels and their threads hold from id `start` on; None where nobody tells.

    `authors`: only theirs, empty for everybody's.
    """
    total, door = 0, Door(settings, Tally())
    try:
        for guild_id, ids in (await _by_guild(client, door, channel_ids)).items():
            for channels in _portions(ids, MOST_CHANNELS):
                for people in _portions(authors, MOST_AUTHORS) if authors else [()]:
                    total += await _total(client, door, guild_id, channels, people, start)
    except SkipError:
        return None
    return total


async def _by_guild(
    client: discord.Client, door: Door, channel_ids: Sequence[int]
) -> Mapping[int, list[int]]:
    """The channels that can be seen, by server, together with their threads that are active."""
    guilds: dict[int, list[int]] = {}
    for channel_id in dict.fromkeys(channel_ids):
        try:
            raw = await door.asked(lambda i=channel_id: client.http.get_channel(i), f"Channel {channel_id}")  # type: ignore[misc] # bound now
        except RefusedError:
            continue
        if guild_id := as_id((raw if isinstance(raw, dict) else {}).get("guild_id")):
            guilds.setdefault(guild_id, []).append(channel_id)
    for guild_id, ids in guilds.items():
        ids += [i for i in await _active_below(client, door, guild_id, ids) if i not in ids]
    return guilds


async def _active_below(
    client: discord.Client, door: Door, guild_id: int, parents: Collection[int]
) -> list[int]:
    async def ask() -> list[dict[str, Any]]:
        return objects(an_object(await client.http.get_active_threads(guild_id)).get("threads"))

    threads = await door.asked(ask, f"Server {guild_id}, its active threads")
    return [i for t in threads if as_id(t.get("parent_id")) in parents and (i := as_id(t.get("id")))]


async def _total(
    client: discord.Client,
    door: Door,
    guild_id: int,
    channels: Sequence[int],
    authors: Sequence[int],
    start: int,
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

    return await door.asked(search, f"Message search in server {guild_id}", TRIES)


def _portions(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[i : i + size] for i in range(0, len(ids), size)]
