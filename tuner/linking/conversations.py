"""Interleaved talk into conversations: linked messages belong together. Pure and streaming.

Every message is linked to the one it answers, or to none, by the link model. A native reply is a hard link
across any silence and any distance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tuner.linking.calibration import UNCHANGED, Calibration
from tuner.linking.linker import Link, Linker, Weights
from tuner.linking.window import REACH
from tuner.models import Channel, Conversation, Message

IN_THREADS = 0.5
"""Is taken from the score of starting something there: of talks put into threads 81 % stay whole, not 73."""
LONGEST = 2000  # messages after which a conversation that never rests loses its older half, to bound memory


@dataclass(frozen=True, slots=True)
class Linking:
    """How messages are linked: by which model, fitted to which server, and how sure it has to be (0 to 1)."""

    weights: Weights
    calibration: Calibration = UNCHANGED
    min_confidence: float = 0.0

    def within(self, channel: Channel) -> Linking:
        """The same for a channel's messages: a thread or a forum post was opened for one conversation."""
        if channel.parent_id is None:
            return self
        fitted = self.calibration
        return replace(self, calibration=replace(fitted, start=fitted.start - IN_THREADS))


def conversations(messages: Iterable[Message], linking: Linking) -> Iterator[Conversation]:
    """The conversations of one channel, from its messages oldest first; each as soon as it can't grow.

    A conversation can grow while its last message is one of the last `REACH`, or while a native reply to it
    is known to come (`Message.last_reply`).
    """
    stream = ConversationStream(linking)
    for message in messages:
        yield from stream.add(message)
    yield from stream.finish()


@dataclass(slots=True, eq=False)
class _Open:
    messages: list[Message] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    targets: list[int | None] = field(default_factory=list)
    last: int = 0  # number of its last message, counted from the channel's first
    last_reply: int = 0  # id of the newest native reply that is known to come


class Joining:
    """Links into conversations. Holds what is open and nothing else."""

    def __init__(self) -> None:
        self.decided = 0  # messages linked so far
        self._home: dict[int, _Open] = {}  # message id → its conversation
        self._near: deque[_Open] = deque()  # the conversations of the last `REACH` messages, one a message

    def rest(self) -> list[Conversation]:
        """No link will follow: everything that is still open, by its first message."""
        rest = sorted(set(self._home.values()), key=lambda opened: opened.messages[0].id)
        self._near.clear()
        return [self._close(opened.messages, opened.confidences, opened.targets) for opened in rest]

    def join(self, links: Iterable[Link]) -> list[Conversation]:
        """Take the next links; the conversations that turned out not to grow any more."""
        home, near = self._home, self._near
        ended = []
        for link in links:
            message = link.message
            opened = home.get(link.target or 0) or _Open()
            opened.messages.append(message)
            opened.confidences.append(link.confidence)
            opened.targets.append(link.target)
            opened.last = self.decided
            if message.last_reply > opened.last_reply:
                opened.last_reply = message.last_reply
            home[message.id] = opened
            near.append(opened)
            self.decided += 1
            if len(opened.messages) >= LONGEST:
                ended.append(self._older_half(opened))
            if len(near) > REACH:
                idle = near.popleft()
                if idle.last < self.decided - REACH and idle.last_reply <= message.id:
                    ended.append(self._close(idle.messages, idle.confidences, idle.targets))
        return ended

    def _older_half(self, opened: _Open) -> Conversation:
        """Close what is furthest back; the rest stays open, so that those who talk go on together."""
        half = LONGEST // 2
        older = self._close(opened.messages[:half], opened.confidences[:half], opened.targets[:half])
        del opened.messages[:half], opened.confidences[:half], opened.targets[:half]
        opened.last_reply = max(message.last_reply for message in opened.messages)
        return older

    def _close(
        self, messages: Sequence[Message], confidences: Sequence[float], targets: Sequence[int | None]
    ) -> Conversation:
        for message in messages:
            del self._home[message.id]
        return Conversation(messages[0].channel_id, tuple(messages), tuple(confidences), tuple(targets))


class ConversationStream(Joining):
    """`conversations`, fed by hand. Holds what is undecided or open and nothing else.

    The linker decides about messages in blocks, so most calls of `add` do next to nothing and some take
    milliseconds: those after which `decided` is more than before.
    """

    def __init__(self, linking: Linking) -> None:
        super().__init__()
        self._linker = Linker(linking.weights, linking.calibration, linking.min_confidence)

    def add(self, message: Message) -> list[Conversation]:
        """Take the next message; the conversations that turned out not to grow any more."""
        links = self._linker.add(message)
        return self.join(links) if links else []

    def finish(self) -> list[Conversation]:
        """No message will follow: everything that is still held, what is open by its first message."""
        return self.join(self._linker.finish()) + self.rest()
