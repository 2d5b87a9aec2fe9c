"""The one door into the archive: what may be kept of a message that was read.

Sources hand over `Incoming` values as they found them; `admit` leaves out everything that people outside
the audience wrote, and who they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from tuner.models import Extras, Message
from tuner.people.audience import DELETED_USER, Audience
from tuner.people.names import hide_names, plain
from tuner.screening.kinds import SECRET, SECRETS_ONLY
from tuner.screening.placeholders import Placeholders, without_secrets
from tuner.text.render import SOMEONE, USER_MENTION


@dataclass(frozen=True, slots=True)
class User:
    """An author or a mentioned person, as the source names them. `other_names` are those not shown."""

    id: int
    name: str
    is_bot: bool = False
    other_names: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Every name, as names are compared."""
        if self.id == DELETED_USER:
            return set()
        return {plain(name) for name in (self.name, *self.other_names)} - {""}

    @property
    def shown_name(self) -> str:
        return "" if self.id == DELETED_USER else self.name


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as its source shows it, before anybody decided what may be kept.

    `is_output` marks what a program wrote (webhooks, command responses), whoever seems to be its author;
    `lists_mentions` is False where the source does not say whom the text mentions.
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
    lists_mentions: bool = True


Known = frozenset[tuple[int, int]]
"""Who is known by which name: speakers, opaque numbers too, and digests of names."""


@dataclass(frozen=True, slots=True)
class Page:
    """Admitted messages, the names of those in them whose words may be used, and which of them are bots.

    `unread` are ids that the source showed and that gave no message: malformed ones, system messages. `known`
    tells whom the page names, in any way; in the `unlisted` messages anybody may be named, outsiders too. `secrets`
    is how many were left out.
    """

    messages: tuple[Message, ...]
    names: dict[int, str]
    bots: frozenset[int] = frozenset()
    unread: frozenset[int] = frozenset()
    known: Known = frozenset()
    unlisted: frozenset[int] = frozenset()
    secrets: int = 0


def admit_page(channel_id: int, incoming: list[Incoming], audience: Audience) -> Page:
    """What may be kept of messages that were read together."""
    met: dict[User, None] = {}
    for item in incoming:
        # A program under the id of somebody admitted is not that person.
        if not item.is_output or audience.speaker(item.author.id, is_bot=item.author.is_bot) < 0:
            met[item.author] = None
        met.update(dict.fromkeys(item.mentions))
    speakers = {user: audience.speaker(user.id, is_bot=user.is_bot) for user in met}
    door = Placeholders(b"", SECRETS_ONLY)
    screened = door.bare if audience.screened.secrets else str
    names = {user.id: screened(user.shown_name) for user in met if speakers[user] > 0 and user.shown_name}
    unlisted = {item.id for item in incoming if not item.lists_mentions and audience.allowed is not None}
    return Page(
        tuple(admit(channel_id, item, audience, screened) for item in incoming),
        names,
        frozenset(user.id for user in met if user.is_bot and user.id in names),
        known=frozenset((speakers[user], audience.digest(name)) for user in met for name in user.names),
        unlisted=frozenset(unlisted),
        secrets=door.counts[SECRET],
    )


def admit(
    channel_id: int, item: Incoming, audience: Audience, screened: Callable[[str], str] = without_secrets
) -> Message:
    """A message of the audience with its text, without the secrets in it; a stub for everybody else."""
    speaker = audience.speaker(item.author.id, is_bot=item.author.is_bot)
    if item.is_output and speaker > 0:
        speaker = audience.opaque(item.author.id)
    if speaker < 0:
        return Message(item.id, channel_id, speaker, reply_to=item.reply_to)
    outside = {u for u in item.mentions if not audience.admits(u.id, is_bot=u.is_bot)}
    mentions = tuple(
        (audience.speaker(u.id, is_bot=u.is_bot), "" if u in outside else u.shown_name) for u in item.mentions
    )

    def clean(text: str) -> str:
        return screened(_without_outsiders(text, item.mentions, outside, audience))

    return Message(
        id=item.id,
        channel_id=channel_id,
        speaker=speaker,
        name=item.author.shown_name,
        text=clean(item.text),
        reply_to=item.reply_to,
        edited_ms=item.edited_ms,
        extras=Extras(
            mentions,
            tuple(map(clean, item.attachments)),
            tuple(map(clean, item.stickers)),
            clean(item.poll),
            item.forwarded,
        ),
    )


def unmention(message: Message, gone: Mapping[int, int]) -> Message:
    """A stored message that no longer mentions people who left the audience; `gone` maps them to opaque numbers.

    Names written out behind an `@` are for `changed_words`.
    """
    mentions = tuple((gone.get(s, s), "" if s in gone else name) for s, name in message.extras.mentions)
    message = replace(message, extras=replace(message.extras, mentions=mentions))
    return changed_words(
        message,
        lambda text: USER_MENTION.sub(lambda m: SOMEONE if int(m[1]) in gone else m[0], text),
    )


def changed_words(message: Message, change: Callable[[str], str]) -> Message:
    """The message with every text in it changed: what was said, asked in a poll, or called a file."""
    if message.text is None:
        return message
    extras = message.extras
    return replace(
        message,
        text=change(message.text),
        extras=replace(
            extras,
            attachments=tuple(map(change, extras.attachments)),
            stickers=tuple(map(change, extras.stickers)),
            poll=change(extras.poll),
        ),
    )


def words_of(message: Message) -> tuple[str, ...]:
    """Every text in a message."""
    extras = message.extras
    return (message.text or "", extras.poll, *extras.attachments, *extras.stickers)


def _without_outsiders(
    text: str, mentioned: Collection[User], outside: Collection[User], audience: Audience
) -> str:
    bots = {u.id for u in outside if u.is_bot}

    def shown(match: re.Match[str]) -> str:
        user_id = int(match[1])
        return match[0] if audience.admits(user_id, is_bot=user_id in bots) else SOMEONE

    text = USER_MENTION.sub(shown, text)
    if not outside:
        return text
    hidden: set[str] = set().union(*(u.names for u in outside))
    known: set[str] = hidden.union(*(u.names for u in mentioned))
    return hide_names(text, lambda name: name in hidden if name in known else None)
