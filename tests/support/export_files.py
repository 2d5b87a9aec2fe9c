"""Writes small DiscordChatExporter exports: a message takes a line, what the tool always writes is filled in."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.snowflake import DISCORD_EPOCH_MS, moment

JsonObject = dict[str, Any]

FIRST_MOMENT_MS = 1_700_000_000_000
GUILD, CHANNEL = 500_000_000_000_000_001, 500_000_000_000_000_002


def at(seconds: float, low: int = 0) -> int:
    """The id of a message that was sent this many seconds after the tests' clock began."""
    return (int(FIRST_MOMENT_MS + seconds * 1000) - DISCORD_EPOCH_MS) << 22 | low


def person(user_id: int, name: str, *, bot: bool = False, nickname: str | None = None) -> JsonObject:
    """An author or a mentioned user."""
    return {
        "id": str(user_id),
        "name": name.lower(),
        "discriminator": "0000",
        "nickname": nickname or name,
        "color": None,
        "isBot": bot,
        "roles": [],
        "avatarUrl": "",
    }


def said(message_id: int, author: JsonObject, content: str | None = "", **fields: Any) -> JsonObject:
    """A message; `reply_to` makes it a native reply, other fields are the format's own."""
    reply_to = fields.pop("reply_to", None)
    reference = {"messageId": str(reply_to), "channelId": str(CHANNEL), "guildId": str(GUILD)}
    return {
        "id": str(message_id),
        "type": "Default" if reply_to is None else "Reply",
        "timestamp": moment(message_id).isoformat(timespec="milliseconds"),
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": content,
        "author": author,
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
        **({} if reply_to is None else {"reference": reference}),
        **fields,
    }


def export(
    messages: Sequence[Any], channel_id: int = CHANNEL, name: str = "general", **channel: Any
) -> JsonObject:
    """A whole export; `channel` overrides what it says of its channel."""
    return {
        "guild": {"id": str(GUILD), "name": "Tests", "iconUrl": ""},
        "channel": {
            "id": str(channel_id),
            "type": "GuildTextChat",
            "categoryId": None,
            "category": None,
            "name": name,
            "topic": None,
            **channel,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": datetime.fromtimestamp(FIRST_MOMENT_MS / 1000, UTC).isoformat(),
        "messages": list(messages),
        "messageCount": len(messages),
    }


def write(
    path: Path, messages: Sequence[Any], channel_id: int = CHANNEL, name: str = "general", **channel: Any
) -> Path:
    """Write an export to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(export(messages, channel_id, name, **channel), indent=1), encoding="utf-8")
    return path
