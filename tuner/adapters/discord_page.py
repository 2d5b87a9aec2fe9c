"""Raw messages, as Discord's history call returns them, into values. Lenient: one bad item spoils no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, Field, ValidationError

from tuner.adapters.lenient import (
    Flag,
    Id,
    Label,
    MaybeId,
    Object,
    Objects,
    OrNone,
    Text,
    well_formed,
)
from tuner.people.intake import Incoming, User
from tuner.progress import Tally

DEFAULT, REPLY = 0, 19
COMMAND_OUTPUT = (20, 23)  # slash and context-menu command responses
FORWARD = 1  # message_reference.type


def read_page(raw: Sequence[Any], tally: Tally) -> list[Incoming]:
    """The talk in a page, oldest first; system messages and malformed ones are counted and left out."""
    found = []
    for item in raw:
        try:
            message = _Message.model_validate(item)
        except ValidationError:
            tally.dropped("collect", "malformed message")
            continue
        if message.type in (DEFAULT, REPLY, *COMMAND_OUTPUT):
            found.append(_incoming(message, edited_at(item)))
        else:
            tally.dropped("collect", "system message")
    return sorted(found, key=lambda message: message.id)


def edited_at(raw: Mapping[str, Any]) -> int:
    """When a message was last edited, in Unix milliseconds; 0 when it wasn't, or when that can't be read."""
    try:
        moment = datetime.fromisoformat(str(raw.get("edited_timestamp")))
    except ValueError:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class _User(BaseModel):
    id: Id
    username: Label = ""
    global_name: Label = ""
    bot: Flag = False
    member: Object = None  # beside a mention, when it comes with an event

    def value(self, member: dict[str, Any] | None = None) -> User:
        nick = (member or self.member or {}).get("nick")
        other = (self.username, self.global_name, nick if isinstance(nick, str) else "")
        return User(self.id, self.global_name or self.username, self.bot, tuple(filter(None, other)))


class _Reference(BaseModel):
    type: Annotated[int | None, OrNone] = 0
    message_id: MaybeId = None


class _Message(BaseModel):
    id: Id
    type: int
    author: _User
    member: Object = None
    content: Text = ""
    webhook_id: Any = None
    mentions: Objects = Field(default_factory=list)
    attachments: Objects = Field(default_factory=list)
    sticker_items: Objects = Field(default_factory=list)
    message_reference: Annotated[_Reference | None, OrNone] = None
    poll_question: Any = Field(default=None, validation_alias=AliasPath("poll", "question", "text"))


def _incoming(message: _Message, edited_ms: int) -> Incoming:
    reference = message.message_reference
    forwarded = reference is not None and reference.type == FORWARD
    return Incoming(
        id=message.id,
        author=message.author.value(message.member),
        text="" if forwarded else message.content,
        reply_to=reference.message_id if reference and message.type == REPLY else None,
        edited_ms=edited_ms,
        mentions=tuple(user.value() for user in well_formed(_User, message.mentions)),
        attachments=tuple(str(a.get("filename") or "file") for a in message.attachments),
        stickers=tuple(str(s.get("name") or "sticker") for s in message.sticker_items),
        poll=str(message.poll_question or ""),
        forwarded=forwarded,
        is_output=message.webhook_id is not None or message.type in COMMAND_OUTPUT,
    )
