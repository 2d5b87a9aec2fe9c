"""Who has a role in a Discord server: its roles by name, and its members, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import discord

from tuner.adapters.discord_door import PORTAL, Door, RefusedError, as_id, objects
from tuner.errors import SkipError
from tuner.people.roles import Roles, RoleWish

PAGE = 1000
INTENT_OFF = (
    "the bot may not list the server's members, as its Server Members intent is off. Turn it on at "
    f"{PORTAL} → your application → Bot → Privileged Gateway Intents → Server Members Intent, or name people by their "
    "ids"
)

Raw = dict[str, Any]


class RoleListing:
    """Finds who has the roles that somebody named. Members are listed only where such a role is there."""

    def __init__(self, client: discord.Client, door: Door) -> None:
        self._client = client
        self._door = door

    async def roles(self, guild_ids: Iterable[int], wish: RoleWish) -> Roles:
        """The named roles of these servers, and the people who have them."""
        names: dict[int, str] = {}
        holders: dict[int, set[int]] = {}
        obstacle = ""
        for guild_id in guild_ids:
            try:
                meant = await self._named(guild_id, wish)
                names |= meant
                if meant:
                    await self._meet(
                        guild_id, {role_id: holders.setdefault(role_id, set()) for role_id in meant}
                    )
            except SkipError as error:
                obstacle = _in_words(error)
        return Roles(names, {} if obstacle else holders, frozenset() if obstacle else None, obstacle)

    async def _named(self, guild_id: int, wish: RoleWish) -> dict[int, str]:
        async def ask() -> list[Raw]:
            return objects(await self._client.http.get_roles(guild_id))

        found = await self._door.asked(ask, f"Server {guild_id}, its roles")
        names = {as_id(raw.get("id")): str(raw.get("name") or "") for raw in found}
        return {i: name for i, name in names.items() if i and wish.means(i, name)}

    async def _meet(self, guild_id: int, holders: dict[int, set[int]]) -> None:
        async with aclosing(self._members(guild_id)) as members:
            async for member in members:
                user = member.get("user")
                user_id = as_id(user.get("id")) if isinstance(user, dict) and not user.get("bot") else 0
                held = member.get("roles")
                for role_id in map(as_id, held if user_id and isinstance(held, list) else ()):
                    if role_id in holders:
                        holders[role_id].add(user_id)

    async def _members(self, guild_id: int) -> AsyncGenerator[Raw, None]:
        after = 0
        while True:

            async def ask(last: int = after) -> list[Raw]:
                return objects(await self._client.http.get_members(guild_id, PAGE, last or None))

            page = await self._door.asked(ask, f"Server {guild_id}, its members")
            for member in page:
                yield member
            users = [member["user"] for member in page if isinstance(member.get("user"), dict)]
            newest = max((as_id(user.get("id")) for user in users), default=0)
            if len(page) < PAGE or newest <= after:
                return
            after = newest


def _in_words(error: SkipError) -> str:
    if isinstance(error, RefusedError) and error.hidden:
        return INTENT_OFF
    return f"the server's members could not be listed ({error})"
