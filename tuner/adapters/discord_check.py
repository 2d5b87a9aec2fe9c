"""Whether a build could read from Discord: token, intent, channels, and the permissions in each.

Reads raw objects and reckons permissions itself, so that a kind of channel nobody knows yet spoils nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import discord

from tuner.adapters.discord_history import PORTAL, rest_client
from tuner.adapters.discord_search import asked
from tuner.config.readiness import Finding
from tuner.config.settings import Collect
from tuner.errors import FatalError, SkipError

ADMINISTRATOR, VIEW, HISTORY, CONNECT = 1 << 3, 1 << 10, 1 << 16, 1 << 20
NEEDED = {VIEW: "View Channel", HISTORY: "Read Message History"}
EVERYTHING = (1 << 60) - 1
VOICE, STAGE = 2, 13
THREADS = (10, 11, 12)
READ = (0, VOICE, 5, STAGE, 15, 16, *THREADS)  # text, announcements, forum and media beside them

Raw = Mapping[str, Any]


async def check_with_token(token: str, channel_ids: Sequence[int], settings: Collect) -> list[Finding]:
    """Log in over REST only, and look."""
    try:
        async with rest_client(token) as client:
            name = getattr(client.user, "name", "the bot")
            found = [Finding("token", "good", f"Discord knows it: the bot is {name}.")]
            return found + await check_with_client(client, channel_ids, settings)
    except FatalError as error:  # its text says what to do
        return [Finding("token", "bad", str(error))]


async def check_with_client(
    client: discord.Client, channel_ids: Sequence[int], settings: Collect
) -> list[Finding]:
    """Look with a client that is logged in."""
    channels = [await _channel(client, channel_id, settings) for channel_id in dict.fromkeys(channel_ids)]
    readable = any(finding.state == "good" for finding in channels)
    return [_intent(client), *(_weighed(finding, others=readable) for finding in channels)]


def _intent(client: discord.Client) -> Finding:
    flags = client.application_flags
    if flags.gateway_message_content or flags.gateway_message_content_limited:
        return Finding("intent", "good", "Message Content is on.")
    return Finding(
        "intent",
        "bad",
        "Message Content is off: every message would be handed out empty.",
        f"Turn it on at {PORTAL} → your application → Bot → Privileged Gateway Intents.",
    )


def _weighed(finding: Finding, *, others: bool) -> Finding:
    """A channel that cannot be read is in nobody's way while there are others."""
    if finding.state == "bad" and others:
        return Finding(
            finding.subject, "note", finding.text, f"{finding.todo} A build goes on with the others."
        )
    return finding


async def _channel(client: discord.Client, channel_id: int, settings: Collect) -> Finding:
    subject = f"channel {channel_id}"
    try:
        raw: Any = await asked(lambda: client.http.get_channel(channel_id), settings)
        if not isinstance(raw, dict) or "guild_id" not in raw:
            return Finding(subject, "bad", "is no channel of a server.", "Take it out of dataset.channels.")
        return await _in_guild(client, raw, settings)
    except discord.NotFound:
        return Finding(
            subject,
            "bad",
            "does not exist, or was deleted.",
            "Right-click the channel in Discord → Copy Channel ID, or take it out of dataset.channels.",
        )
    except discord.Forbidden:
        return Finding(
            subject,
            "bad",
            "is closed to the bot.",
            "Give its role View Channel and Read Message History there (Edit Channel → Permissions).",
        )
    except SkipError as error:
        return Finding(subject, "bad", f"could not be looked at: {error}.", "Try again later.")


async def _in_guild(client: discord.Client, raw: Raw, settings: Collect) -> Finding:
    name, guild_id, kind = str(raw.get("name") or raw.get("id")), int(raw["guild_id"]), raw.get("type")
    subject = f"#{name}"
    if kind not in READ:
        return Finding(
            subject, "bad", "is of a kind that holds no messages.", "Take it out of dataset.channels."
        )
    assert client.user is not None  # logged in
    user_id = client.user.id
    guild: Any = await asked(lambda: client.http.get_guild(guild_id, with_counts=False), settings)
    member: Any = await asked(lambda: client.http.get_member(guild_id, user_id), settings)
    place: Any = raw
    if kind in THREADS and (parent := raw.get("parent_id")):
        place = await asked(lambda: client.http.get_channel(int(parent)), settings)
    granted = permissions(guild, member, place, user_id)
    needed = NEEDED | ({CONNECT: "Connect"} if kind in (VOICE, STAGE) else {})
    lacking = [label for bit, label in needed.items() if not granted & bit]
    if lacking:
        return Finding(
            subject,
            "bad",
            f"the bot lacks {' and '.join(lacking)}.",
            "Grant it to the bot's role in Edit Channel → Permissions.",
        )
    return Finding(subject, "good", "can be read.")


def permissions(guild: Raw, member: Raw, channel: Raw, user_id: int) -> int:
    """What a member may do in a channel, as Discord reckons it: roles, then what the channel changes of them."""
    if str(guild.get("owner_id")) == str(user_id):
        return EVERYTHING
    everyone = str(guild["id"])
    held = {everyone, *map(str, member.get("roles") or ())}
    granted = 0
    for role in guild.get("roles") or ():
        if str(role.get("id")) in held:
            granted |= int(role.get("permissions") or 0)
    if granted & ADMINISTRATOR:
        return EVERYTHING
    overwrites = {str(o.get("id")): o for o in channel.get("permission_overwrites") or ()}
    for ids in ([everyone], sorted(held - {everyone}), [str(user_id)]):
        granted = _changed(granted, [overwrites[i] for i in ids if i in overwrites])
    return granted


def _changed(granted: int, overwrites: Iterable[Raw]) -> int:
    """Overwrites of one rank: what any of them denies, and over that what any of them allows."""
    deny = allow = 0
    for overwrite in overwrites:
        deny |= int(overwrite.get("deny") or 0)
        allow |= int(overwrite.get("allow") or 0)
    return granted & ~deny | allow
