"""A message as a person would read it: no markup that only a Discord client understands, nothing but text.

Every rule takes time by the length of a text: a message of 4,000 blanks or brackets is a message too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from tuner.models import Message
from tuner.text.inert import inert, visible
from tuner.text.names import person, title

USER_MENTION = re.compile(r"<@!?(\d{1,20})>")
SOMEONE = "@someone"  # in place of whoever is not of the audience
# Bare, in <>, behind ||, or behind a [label](, which stays.
CDN_LINK = re.compile(
    r"(?:\[([^][\n/<>]*)\]\(|\|\|)?<?https?://(?:cdn|media)\.discord(?:app)?\.(?:com|net)/[!-~]*",
    re.IGNORECASE,
)
CHANNEL_MENTION = re.compile(r"<#(\d{1,20})>")
ROLE_MENTION = re.compile(r"<@&\d{1,20}>")
CUSTOM_EMOJI = re.compile(r"<a?:(\w{2,32}):\d{1,20}>")
TIMESTAMP = re.compile(r"<t:(-?\d{1,13})(?::[tTdDfFsSR])?>")
COMMAND = re.compile(r"</([^:>]{1,100}):\d{1,20}>")
GUIDE = re.compile(r"<id:(\w+)>")
EMPTY_LINES = re.compile(r"(?<=\n\n)\n+")


def words(message: Message, channel_names: Mapping[int, str]) -> str:
    """What the author wrote, without what was attached. Empty for a stub."""
    return _plain_text(message.text or "", message, channel_names)


def _plain_text(text: str, message: Message, channel_names: Mapping[int, str]) -> str:
    names = {speaker: person(name) for speaker, name in message.extras.mentions if name}
    text = visible(text)
    text = USER_MENTION.sub(lambda m: f"@{name}" if (name := names.get(int(m[1]))) else SOMEONE, text)
    text = CHANNEL_MENTION.sub(lambda m: f"#{title(channel_names.get(int(m[1]), 'channel'))}", text)
    text = ROLE_MENTION.sub("@role", text)
    text = CUSTOM_EMOJI.sub(r":\1:", text)
    text = TIMESTAMP.sub(_moment, text)
    text = COMMAND.sub(r"/\1", text)
    text = GUIDE.sub(r"#\1", text)
    text = CDN_LINK.sub(r"\1", text)  # last, when nothing can put another one together
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return inert(EMPTY_LINES.sub("", lines).strip())


def readable(message: Message, channel_names: Mapping[int, str]) -> str:
    """The message with its attachments, stickers, poll or forward named in brackets, one a line."""
    extras = message.extras
    parts = [words(message, channel_names)]
    parts += [f"[attachment: {_plain(name)}]" for name in extras.attachments]
    parts += [f"[sticker: {_plain(name)}]" for name in extras.stickers]
    question = _plain_text(extras.poll, message, channel_names)
    parts += [f"[poll: {_plain(question)}]"] if question else []
    parts += ["[forwarded message]"] if extras.forwarded else []
    return "\n".join(part for part in parts if part)


def _plain(name: str) -> str:
    return inert(" ".join(visible(name).replace("]", ")").replace("[", "(").split()))


def _moment(match: re.Match[str]) -> str:
    try:
        return f"{datetime.fromtimestamp(int(match[1]), UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return match[0]  # no date on any calendar: left as written
