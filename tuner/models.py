"""The values that flow from stage to stage. They are frozen and know nothing of storage or services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner import snowflake

DIRECT_MESSAGES = "Direct Messages"
"""What exports call the server that a direct message is not of."""

ChatMessage = dict[str, Any]
"""One entry of a sample's `messages`, in the fine-tuning format (role, content, …)."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A place that holds messages: a text channel, a thread, a forum post."""

    id: int
    name: str
    guild_id: int = 0
    guild_name: str = ""
    parent_id: int | None = None
    topic: str = ""
    last_message_id: int | None = None  # Discord's hint; may name a deleted message, or be behind
    archived_ms: int = 0  # when a thread was archived, unix milliseconds; 0 for what is open
    author: int | None = None  # who gave a thread its title, as a speaker; None when that is not known

    @property
    def is_direct(self) -> bool:
        """Whether this is a conversation of a few people outside any server."""
        return self.guild_id == 0 and self.guild_name == DIRECT_MESSAGES


@dataclass(frozen=True, slots=True)
class Extras:
    """What a message carries besides its text."""

    mentions: tuple[tuple[int, str], ...] = ()  # speaker, display name ("" for people outside)
    attachments: tuple[str, ...] = ()  # file names
    stickers: tuple[str, ...] = ()  # sticker names
    poll: str = ""  # the question
    forwarded: bool = False  # somebody else's words, which are not kept


@dataclass(frozen=True, slots=True)
class Message:
    """One Discord message.

    `speaker` is the author's user id, or a negative opaque number for somebody whose words may not be
    used. `text` is None for a stub: such a message holds its place and nothing else.
    """

    id: int
    channel_id: int
    speaker: int
    name: str = ""
    text: str | None = None
    reply_to: int | None = None
    edited_ms: int = 0  # unix milliseconds, 0 when never edited
    extras: Extras = Extras()
    last_reply: int = 0  # id of the newest stored native reply to this message, 0 for none

    @property
    def at(self) -> float:
        """Unix time in seconds."""
        return snowflake.at_ms(self.id) / 1000

    @property
    def is_stub(self) -> bool:
        return self.text is None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages of one channel that answer one another, oldest first.

    `confidences` says of each message how sure its link is, 0 to 1: 1 for a native reply; for a message that
    starts something, the probability of that. `targets` are the ids of what each answers, None for a start; empty
    where links are not known.
    """

    channel_id: int
    messages: tuple[Message, ...]
    confidences: tuple[float, ...]
    targets: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one conversation that can become a sample: whole, no stub in it, oldest first.

    `confidence` is the mean of the links that hold it together: those of every message but its first. Of each
    message, `links` and `targets` are as in its conversation; empty where that is not known.
    """

    channel_id: int
    messages: tuple[Message, ...]
    confidence: float = 1.0
    links: tuple[float, ...] = ()
    targets: tuple[int | None, ...] = ()
    conversation: int = 0  # id of the first message of the conversation it was cut from


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was approved of a segment: the messages kept, and whom the model learns to be."""

    channel_id: int
    messages: tuple[Message, ...]
    persona: int
    conversation: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says before another does, or before a pause. `message_ids` are its sources.

    `pause` is the silence before it, in seconds. The persona's turns that are no answers are not `learned`.
    """

    speaker: int
    name: str
    text: str
    message_ids: tuple[int, ...]
    pause: float = 0.0
    learned: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A synthetic call of the production tool, placed before turn number `before`."""

    before: int
    query: str
    result: str
    found: tuple[Message, ...] = field(default=(), compare=False, repr=False)  # what the result quotes


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in order, the last one the persona's."""

    channel_id: int
    persona: int
    turns: tuple[Turn, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    conversation: int = 0
    messages: tuple[Message, ...] = field(default=(), compare=False, repr=False)  # what the turns are made of

    @property
    def message_ids(self) -> tuple[int, ...]:
        return tuple(i for turn in self.turns for i in turn.message_ids)


@dataclass(frozen=True, slots=True)
class Talk:
    """A production prompt and the turns after it, as Tuner keeps them. `persona` is the assistant's name."""

    header: tuple[ChatMessage, ...]
    turns: tuple[ChatMessage, ...]
    tools: tuple[dict[str, Any], ...] = ()
    persona: str = ""

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        return self.header + self.turns


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose and which words a sample holds: enough to find it again when any of them are withdrawn.

    `messages` says of each message when it was last edited, `people` who speaks or is named, `titles` how the threads
    are called that it names.
    """

    messages: Mapping[int, int] = field(default_factory=dict)
    people: frozenset[int] = frozenset()
    titles: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the dataset, before it is written, and where it comes from."""

    talk: Talk
    metadata: dict[str, Any] = field(default_factory=dict)
    conversation: int = 0  # what is cut from one conversation is trained on, or held out, together
    people: tuple[int, ...] = ()  # whose turns are in it
    origin: Origin = Origin()
