"""Raw messages, as Discord's history call returns them, into values. Lenient: one bad item spoils no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, BeforeValidator, Field, ValidationError

from tuner.adapters.discord_door import as_id
from tuner.adapters.lenient import Id, Objects, Text, well_formed
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


def _flag(value: object) -> object:
    return value is True


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


def _id_or_none(value: object) -> object:
    return value if as_id(value) else None


Flag = Annotated[bool, BeforeValidator(_flag)]
"""true, and everything else is false."""

OptionalId = Annotated[Id | None, BeforeValidator(_id_or_none)]
"""A Discord id, or none where there is no such thing."""


class _User(BaseModel):
    id: Id
    username: Text = ""
    global_name: Text = ""
    bot: Flag = False

    def value(self) -> User:
        return User(self.id, self.global_name or self.username, self.bot)


class _Reference(BaseModel):
    type: Any = 0
    message_id: OptionalId = None


class _Message(BaseModel):
    id: Id
    type: int
    author: _User
    content: Text = ""
    webhook_id: Any = None
    mentions: Objects = Field(default_factory=list)
    attachments: Objects = Field(default_factory=list)
    sticker_items: Objects = Field(default_factory=list)
    message_reference: Annotated[_Reference | None, BeforeValidator(_object)] = None
    poll_question: Any = Field(default=None, validation_alias=AliasPath("poll", "question", "text"))


def _incoming(message: _Message, edited_ms: int) -> Incoming:
    reference = message.message_reference
    forwarded = reference is not None and reference.type == FORWARD
    return Incoming(
        id=message.id,
        author=message.author.value(),
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
