"""The one door into the archive: what may be kept of a message that was read.

Sources hand over `Incoming` values as they found them; `admit` leaves out everything that people outside
the audience wrote, and who they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from tuner.models import Extras, Message
from tuner.people.audience import Audience
from tuner.render import SOMEONE, USER_MENTION


@dataclass(frozen=True, slots=True)
class User:
    """An author or a mentioned person, as the source names them."""

    id: int
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as its source shows it, before anybody decided what may be kept.

    `is_output` marks what a program wrote (webhooks, command responses), whoever seems to be its author.
    """

    id: int
    author: User
    text: str
    reply_to: int | None = None
    edited_ms: int = 0
    mentions: tuple[User, ...] = ()
    attachments: tuple[str, ...] = ()
    stickers: tuple[str, ...] = ()
    poll: str = ""
    forwarded: bool = False
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Admitted messages, the names of those in them whose words may be used, and which of them are bots.

    `unread` are ids that the source showed and that gave no message: malformed ones, system messages.
    """

    messages: tuple[Message, ...]
    names: dict[int, str]
    bots: frozenset[int] = frozenset()
    unread: frozenset[int] = frozenset()


def admit_page(channel_id: int, incoming: list[Incoming], audience: Audience) -> Page:
    """What may be kept of messages that were read together."""
    names: dict[int, str] = {}
    for item in incoming:
        for user in (item.author, *item.mentions):
            if audience.admits(user.id, is_bot=user.is_bot or (item.is_output and user is item.author)):
                names[user.id] = user.name
    bots = {user.id for item in incoming for user in (item.author, *item.mentions) if user.is_bot}
    messages = tuple(admit(channel_id, item, audience) for item in incoming)
    return Page(messages, names, frozenset(bots & names.keys()))


def admit(channel_id: int, item: Incoming, audience: Audience) -> Message:
    """A message of the audience with its text; a stub for everybody else."""
    speaker = audience.speaker(item.author.id, is_bot=item.author.is_bot)
    if item.is_output and speaker > 0:
        speaker = audience.opaque(item.author.id)
    if speaker < 0:
        return Message(item.id, channel_id, speaker, reply_to=item.reply_to)
    outside = {u for u in item.mentions if not audience.admits(u.id, is_bot=u.is_bot)}
    mentions = tuple(
        (audience.speaker(u.id, is_bot=u.is_bot), "" if u in outside else u.name) for u in item.mentions
    )
    return Message(
        id=item.id,
        channel_id=channel_id,
        speaker=speaker,
        name=item.author.name,
        text=_without_outsiders(item.text, item.mentions, outside, audience),
        reply_to=item.reply_to,
        edited_ms=item.edited_ms,
        extras=Extras(
            mentions,
            item.attachments,
            item.stickers,
            _without_outsiders(item.poll, item.mentions, outside, audience),
            item.forwarded,
        ),
    )


def unmention(message: Message, gone: Mapping[int, int]) -> Message:
    """A stored message without the names of people who left the audience; `gone` maps them to opaque numbers."""
    mentions = message.extras.mentions
    names = {name for _, name in mentions}
    hidden = {name for speaker, name in mentions if speaker in gone}

    def clean(text: str) -> str:
        text = USER_MENTION.sub(lambda match: SOMEONE if int(match[1]) in gone else match[0], text)
        return _without_names(text, names, hidden)

    return replace(
        message,
        text=clean(message.text or ""),
        extras=replace(
            message.extras,
            mentions=tuple((gone.get(s, s), "" if s in gone else name) for s, name in mentions),
            poll=clean(message.extras.poll),
        ),
    )


def _without_outsiders(
    text: str, mentioned: Collection[User], outside: Collection[User], audience: Audience
) -> str:
    bots = {u.id for u in outside if u.is_bot}

    def shown(match: re.Match[str]) -> str:
        user_id = int(match[1])
        return match[0] if audience.admits(user_id, is_bot=user_id in bots) else SOMEONE

    text = USER_MENTION.sub(shown, text)
    return _without_names(text, {u.name for u in mentioned}, {u.name for u in outside})


def _without_names(text: str, names: Collection[str], hidden: Collection[str]) -> str:
    """The text with `@` and a hidden name replaced. The longest of the names that fits is the one meant."""
    known = sorted(set(names) - {""}, key=lambda name: (-len(name), name))
    if set(hidden).isdisjoint(known):
        return text
    written = re.compile("@(" + "|".join(map(re.escape, known)) + r")(?!\w)")
    return written.sub(lambda match: SOMEONE if match[1] in hidden else match[0], text)
