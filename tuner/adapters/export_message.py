"""A message of an export into a value. Lenient: an odd field is left out, and the message stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tuner import snowflake
from tuner.adapters.lenient import (
    Flag,
    Id,
    Label,
    MaybeId,
    Moment,
    Object,
    Objects,
    OrNone,
    Text,
    well_formed,
)
from tuner.people.intake import Incoming, User

MALFORMED, SYSTEM, FOREIGN = "malformed message", "system message", "id of another time than its timestamp"
FOREIGN_SECONDS = 366 * 86400  # between the time in an id and the time beside it: no id of Discord's
TALK = ("Default", "Reply")
_KINDS = {"": "Default", "0": "Default", "19": "Reply", "18": "ThreadCreated", "21": "ThreadStarterMessage"}


def _kind(value: object) -> str:
    """A message's type by its name; Discord numbers them, and what has none is talk."""
    name = str(value) if isinstance(value, str | int) else ""
    return _KINDS.get(name, name)


class _Role(BaseModel):
    id: Id
    name: Label = ""


class _User(BaseModel):
    id: Id
    name: Label = ""
    nickname: Label = ""
    isBot: Flag = False
    roles: Any = None  # a list, in most exports; read by `roles_of` where it is needed

    def value(self) -> User:
        return User(self.id, self.nickname or self.name, self.isBot, (self.name,) if self.name else ())


class _Reference(BaseModel):
    type: Label = ""
    messageId: MaybeId = None
    channelId: MaybeId = None


class ExportedMessage(BaseModel):
    """The fields that matter."""

    id: Id
    type: Annotated[str, BeforeValidator(_kind)] = "Default"
    timestamp: Moment = None
    timestampEdited: Moment = None
    content: Text = ""
    author: _User
    attachments: Objects = Field(default_factory=list)
    embeds: Objects = Field(default_factory=list)
    stickers: Objects = Field(default_factory=list)
    mentions: Objects | None = None
    reference: Annotated[_Reference | None, OrNone] = None
    forwardedMessage: Object = None
    poll: Object = None

    @property
    def people(self) -> list[User]:
        """The author, then those who are mentioned."""
        return [self.author.value(), *(user.value() for user in well_formed(_User, self.mentions or ()))]

    @property
    def is_forward(self) -> bool:
        reference = self.reference
        return self.forwardedMessage is not None or (reference is not None and reference.type == "Forward")

    @property
    def is_foreign(self) -> bool:
        if self.timestamp is None:
            return False
        return abs(snowflake.at_ms(self.id) / 1000 - self.timestamp.timestamp()) > FOREIGN_SECONDS

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing in it: so Discord hands out messages without the Message Content intent."""
        holds = (self.content, self.attachments, self.embeds, self.stickers, self.poll, self.is_forward)
        return not any(holds)

    def value(self) -> Incoming:
        author, *mentions = self.people
        reference = self.reference
        question = (self.poll or {}).get("question")
        return Incoming(
            id=self.id,
            author=author,
            text="" if self.is_forward else self.content,
            reply_to=reference.messageId if reference and self.type == "Reply" else None,
            edited_ms=int(self.timestampEdited.timestamp() * 1000) if self.timestampEdited else 0,
            mentions=tuple(mentions),
            attachments=tuple(str(a.get("fileName") or "file") for a in self.attachments),
            stickers=tuple(str(s.get("name") or "sticker") for s in self.stickers),
            poll=str(question.get("text") or "") if isinstance(question, dict) else str(question or ""),
            forwarded=self.is_forward,
            lists_mentions=self.mentions is not None,
        )


def roles_of(raw: Iterable[Any]) -> dict[int, str]:
    """Roles as an export lists an author's: their names by id."""
    roles = well_formed(_Role, (item for item in raw if isinstance(item, dict)))
    return {role.id: role.name for role in roles}


def read_message(raw: object) -> ExportedMessage | None:
    """The message, or None when it cannot be told which one it is or who wrote what."""
    try:
        return ExportedMessage.model_validate(raw)
    except ValidationError:
        return None


def fault(message: ExportedMessage | None) -> str:
    """Why there is no talk in it; empty when there is."""
    if message is None:
        return MALFORMED
    if message.type not in TALK:
        return SYSTEM
    return FOREIGN if message.is_foreign else ""
