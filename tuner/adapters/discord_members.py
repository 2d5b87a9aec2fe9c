"""Who of some people is still in the server: asked one by one, because that takes no privileged intent."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import discord

from tuner.adapters.discord_door import BROKEN, ODD

AT_ONCE = 8


async def departed(
    client: discord.Client, guild_ids: Collection[int], user_ids: Collection[int]
) -> frozenset[int]:
    """Those of the people who are in none of the servers any more, or whose account is gone. Whoever Discord says
    nothing of is there."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def is_gone(user_id: int) -> bool:
        async with turn:
            return all([await _is_absent(client, guild_id, user_id) for guild_id in guild_ids])

    people = sorted(user_ids) if guild_ids else []
    gone = await asyncio.gather(*map(is_gone, people))
    return frozenset(user_id for user_id, absent in zip(people, gone, strict=True) if absent)


async def _is_absent(client: discord.Client, guild_id: int, user_id: int) -> bool:
    try:
        await client.http.get_member(guild_id, user_id)
    except discord.NotFound as error:
        return error.code in (10007, 10013)  # unknown member, unknown user
    except (discord.HTTPException, discord.RateLimited, *BROKEN, *ODD):
        return False
    return False
