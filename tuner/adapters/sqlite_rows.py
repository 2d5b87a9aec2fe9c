"""Messages as rows of the archive, and rows as messages: also such as a bad disk or another program has spoilt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tuner.adapters.sqlite_store import Row
from tuner.errors import FatalError
from tuner.models import Extras, Message

NO_EXTRAS = Extras()
_KINDS = {"mentions": int, "attachments": str, "stickers": str}  # of what these lists hold


def as_row(message: Message) -> Row:
    extras = message.extras
    kept = {
        "mentions": [speaker for speaker, _ in extras.mentions],
        "attachments": extras.attachments,
        "stickers": extras.stickers,
        "poll": extras.poll,
        "forwarded": extras.forwarded,
    }
    return (
        message.id,
        message.channel_id,
        message.speaker,
        message.edited_ms,
        message.reply_to,
        message.text,
        json.dumps({k: v for k, v in kept.items() if v}, ensure_ascii=False, separators=(",", ":")),
    )


def extras_of(row: Row) -> dict[str, Any]:
    """What a message carries besides its text. Raises FatalError, without a word of it, when that is damaged."""
    try:
        extra = json.loads(row[7])
        if isinstance(extra, dict) and _is_sound(extra):
            return extra
    except (ValueError, TypeError, RecursionError):
        pass
    raise FatalError(
        f"Message {row[0]} in the archive is damaged: what it carries besides its text is not what was stored. "
        "Put back a copy of the archive, or move it away and build again: then everything is read again."
    )


def _is_sound(extra: Mapping[str, Any]) -> bool:
    lists = ((extra.get(name, []), kind) for name, kind in _KINDS.items())
    return isinstance(extra.get("poll", ""), str) and all(
        isinstance(held, list) and all(isinstance(one, kind) for one in held) for held, kind in lists
    )


def as_extras(extra: Mapping[str, Any], names: Mapping[int, str]) -> Extras:
    return Extras(
        mentions=tuple((i, _text(names.get(i, ""))) for i in extra.get("mentions", ())),
        attachments=tuple(extra.get("attachments", ())),
        stickers=tuple(extra.get("stickers", ())),
        poll=extra.get("poll", ""),
        forwarded=bool(extra.get("forwarded", False)),
    )


def as_message(row: Row, extras: Extras) -> Message:
    identity, channel_id, speaker, name, text, reply_to, edited_ms, _, last_reply = row
    said = None if text is None else _text(text)
    return Message(
        identity, channel_id, speaker, _text(name or ""), said, reply_to, edited_ms, extras, last_reply or 0
    )


def _text(stored: str | bytes) -> str:
    """Text, also where another program stored it as bytes."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "replace")
