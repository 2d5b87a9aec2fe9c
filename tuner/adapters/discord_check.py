"""Whether a build could read from Discord: token, intent, channels, and the permissions in each.

Reads raw objects and reckons permissions itself, so that a kind of channel nobody knows yet spoils nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from tuner.adapters.discord_door import Door, RefusedError, an_object, as_id, sees_content
from tuner.adapters.discord_history import PORTAL, rest_client
from tuner.adapters.discord_listing import HOLDS_NOTHING, Guild, is_thread, lacking
from tuner.config.readiness import Finding
from tuner.config.settings import Collect
from tuner.errors import FatalError, RetryError, SkipError
from tuner.progress import Tally

Raw = dict[str, Any]


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
    door = Door(settings, Tally())
    channels = [await _channel(client, door, channel_id) for channel_id in dict.fromkeys(channel_ids)]
    readable = any(finding.state == "good" for finding in channels)
    return [_intent(client), *(_weighed(finding, others=readable) for finding in channels)]


def _intent(client: discord.Client) -> Finding:
    try:
        on = sees_content(client)
    except FatalError as error:
        return Finding("intent", "bad", str(error))
    if on:
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


async def _channel(client: discord.Client, door: Door, channel_id: int) -> Finding:
    subject = f"channel {channel_id}"
    try:
        raw = an_object(
            await door.asked(lambda: client.http.get_channel(channel_id), f"Channel {channel_id}")
        )
        if not as_id(raw.get("guild_id")):
            return Finding(subject, "bad", "is no channel of a server.", "Take it out of dataset.channels.")
        return await _in_guild(client, door, raw)
    except RefusedError as error:
        return _refused(subject, error)
    except (SkipError, RetryError) as error:
        return Finding(subject, "bad", f"could not be looked at: {error}.", "Try again later.")


def _refused(subject: str, error: RefusedError) -> Finding:
    if error.gone:
        todo = "Right-click the channel in Discord → Copy Channel ID, or take it out of dataset.channels."
        return Finding(subject, "bad", "does not exist, or was deleted.", todo)
    if error.hidden:
        todo = "Give its role View Channel and Read Message History there (Edit Channel → Permissions)."
        return Finding(subject, "bad", "is closed to the bot.", todo)
    return Finding(subject, "bad", f"could not be looked at: {error.words}.", "Try again later.")


async def _in_guild(client: discord.Client, door: Door, raw: Raw) -> Finding:
    subject = f"#{raw.get('name') or raw.get('id')}"
    if isinstance(raw.get("type"), int) and raw["type"] in HOLDS_NOTHING:
        todo = "Take it out of dataset.channels."
        return Finding(subject, "bad", "is of a kind that holds no messages.", todo)
    assert client.user is not None  # logged in
    user_id, guild_id = client.user.id, as_id(raw["guild_id"])
    guild = an_object(
        await door.asked(lambda: client.http.get_guild(guild_id, with_counts=False), f"Server {guild_id}")
    )
    member = an_object(await door.asked(lambda: client.http.get_member(guild_id, user_id), "The bot there"))
    place: Raw = raw
    if is_thread(raw) and (parent := as_id(raw.get("parent_id"))):
        place = an_object(await door.asked(lambda: client.http.get_channel(parent), f"Channel {parent}"))
    missing = lacking(Guild(guild, member, [], []), place)
    if missing:
        todo = "Grant it to the bot's role in Edit Channel → Permissions."
        return Finding(subject, "bad", f"the bot lacks {' and '.join(missing)}.", todo)
    return Finding(subject, "good", "can be read.")
