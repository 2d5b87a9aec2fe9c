"""What the bot may do in a channel, worked out from raw JSON. Pure.

Discord answers an empty page, not an error, where history may not be read: this is how that is known before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntFlag
from typing import Any

JsonObject = Mapping[str, Any]


class Permission(IntFlag):
    """The bits of a permission set that reading depends on."""

    ADMINISTRATOR = 1 << 3
    VIEW_CHANNEL = 1 << 10
    READ_MESSAGE_HISTORY = 1 << 16
    CONNECT = 1 << 20
    MANAGE_THREADS = 1 << 34


EVERYTHING = ~Permission(0)


def permissions(guild: JsonObject, member: JsonObject, channel: JsonObject) -> Permission | None:
    """What a member may do in a channel that is no thread; None when the objects don't tell.

    Discord's order: roles, then the channel's overwrites for everyone, for roles, for the member. Without View
    Channel there is nothing else.
    """
    guild_id, user = str(guild.get("id")), member.get("user")
    user_id = str(user.get("id") or "") if isinstance(user, Mapping) else ""
    roles = {str(role.get("id")): _bits(role.get("permissions")) for role in _objects(guild.get("roles"))}
    if guild_id not in roles or not user_id:
        return None
    if user_id == str(guild.get("owner_id")):
        return EVERYTHING
    held = _texts(member.get("roles"))
    allowed = roles[guild_id]
    for role in held:
        allowed |= roles.get(role, 0)
    if allowed & Permission.ADMINISTRATOR:
        return EVERYTHING
    for targets in ({guild_id}, held - {guild_id}, {user_id}):
        allowed = _overwritten(allowed, channel, targets)
    return Permission(allowed & _KNOWN) if allowed & Permission.VIEW_CHANNEL else Permission(0)


_KNOWN = sum(Permission)


def _overwritten(allowed: int, channel: JsonObject, targets: set[str]) -> int:
    hits = [o for o in _objects(channel.get("permission_overwrites")) if str(o.get("id")) in targets]
    for hit in hits:
        allowed &= ~_bits(hit.get("deny"))
    for hit in hits:
        allowed |= _bits(hit.get("allow"))
    return allowed


def _bits(value: object) -> int:
    """A permission set, which is written as a number in quotes."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 40 else 0


def _objects(value: object) -> Iterator[JsonObject]:
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, Mapping))


def _texts(value: object) -> set[str]:
    return {str(item) for item in (value if isinstance(value, list) else ())}
