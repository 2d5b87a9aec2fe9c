"""Segment: interleaved talk into conversations, conversations into segments. Pure and streaming.

Every message is linked to the one it answers, or to none; linked messages form conversations. A native
reply is a hard link across any silence. Everything else follows hand rules over who was named, the same
author, turn-taking, distance and time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, pairwise

from tuner.config import SegmentRules
from tuner.models import Conversation, Message, Segment

OWN_GAP = 180.0  # seconds within which a speaker goes on with what they just said
NEXT_GAP = 60.0  # seconds within which somebody who was silent answers the message before
MEMORY = 1800.0  # seconds after which nobody is answered without a native reply
OWN_MEMORY = 300.0  # seconds after which a speaker no longer goes on where they left off
LONGEST = 2000  # messages after which a conversation that never rests loses its older half, to bound memory
_SWEEP = 1000  # messages between two clearings of what has been forgotten


class Linker:
    """Which earlier message does each message answer? Feed messages oldest first.

    The rules, in order: a native reply; the last message of a person named; one's own message just before;
    the message that named the speaker since they last spoke; one's own last message, or the partner's if
    that is later; for somebody who was silent and asks nothing, the message just before. Otherwise it starts
    something.
    """

    def __init__(self) -> None:
        self._last_of: dict[int, Message] = {}
        self._called_in: dict[int, Message] = {}
        self._partner: dict[int, int] = {}
        self._previous: Message | None = None
        self._seen = 0

    def link(self, message: Message, replied_to: int | None = None) -> int | None:
        """The id of the message answered, None when it starts a conversation.

        `replied_to` is the speaker whom a native reply answers, where that is known.
        """
        named = _named(message)
        if replied_to is not None and replied_to != message.speaker:
            self._partner[message.speaker] = replied_to
            named = [replied_to, *(other for other in named if other != replied_to)]
        target = self._target(message, named)
        self._remember(message, named)
        return message.reply_to if message.reply_to is not None else target.id if target else None

    def _target(self, message: Message, named: Sequence[int]) -> Message | None:
        speaker = message.speaker
        if message.reply_to is not None:
            return None
        for other in named:
            if said := self._recent(self._last_of, other, message):
                self._partner[speaker] = other
                return said
        own = self._recent(self._last_of, speaker, message)
        previous = self._previous
        if own is None:
            self._partner.pop(speaker, None)
        if named:
            return own
        if previous and previous.speaker == speaker and message.at - previous.at <= OWN_GAP:
            return previous
        call = self._recent(self._called_in, speaker, message)
        if call and (own is None or call.id > own.id):
            self._partner[speaker] = call.speaker
            return call
        if own and message.at - own.at <= OWN_MEMORY:
            theirs = self._last_of.get(self._partner.get(speaker, speaker), own)
            return max(own, theirs, key=lambda m: m.id)
        if "?" not in (message.text or "") and previous and message.at - previous.at <= NEXT_GAP:
            return previous
        return None

    @staticmethod
    def _recent(table: dict[int, Message], speaker: int, message: Message) -> Message | None:
        found = table.get(speaker)
        return found if found and message.at - found.at <= MEMORY else None

    def _remember(self, message: Message, named: Sequence[int]) -> None:
        self._last_of[message.speaker] = self._previous = message
        for other in named:
            self._called_in[other] = message
        self._seen += 1
        if self._seen % _SWEEP == 0:
            self._forget(message.at)

    def _forget(self, now: float) -> None:
        for table in (self._last_of, self._called_in):
            for speaker in [s for s, m in table.items() if now - m.at > MEMORY]:
                del table[speaker]
        for speaker in self._partner.keys() - self._last_of.keys():
            del self._partner[speaker]


def _named(message: Message) -> list[int]:
    """Others named in a message, the one addressed first."""
    text = message.text or ""

    def place(mention: tuple[int, str]) -> tuple[int, int]:
        speaker, name = mention
        spots = [text.find(f"<@{speaker}>"), text.find(f"<@!{speaker}>"), text.find(name) if name else -1]
        return min((s for s in spots if s >= 0), default=len(text)), speaker

    others = [m for m in message.extras.mentions if m[0] != message.speaker]
    return [speaker for speaker, _ in sorted(others, key=place)]


@dataclass(slots=True, eq=False)
class _Open:
    messages: list[Message] = field(default_factory=list)
    last_reply: int = 0  # id of the newest native reply that is known to come

    @property
    def last_at(self) -> float:
        return self.messages[-1].at


def conversations(messages: Iterable[Message]) -> Iterator[Conversation]:
    """The conversations of one channel, from its messages oldest first; each as soon as it can't grow.

    A conversation can grow while somebody in it is still remembered, or while a native reply to it is known
    to come (`Message.last_reply`).
    """
    stream = ConversationStream()
    for message in messages:
        yield from stream.add(message)
    yield from stream.finish()


class ConversationStream:
    """`conversations`, fed by hand. Holds what is still open and nothing else."""

    def __init__(self) -> None:
        self._linker = Linker()
        self._live: OrderedDict[int, _Open] = OrderedDict()  # by first id, the longest idle in front
        self._waiting: dict[int, _Open] = {}  # idle, but a native reply is known to come
        self._home: dict[int, tuple[int, int]] = {}  # message id → its conversation's first id, its speaker

    def add(self, message: Message) -> list[Conversation]:
        """Take the next message; the conversations that can't grow any more."""
        ended = self._rest(message)
        _, replied_to = self._home.get(message.reply_to or 0, (0, None))
        target = self._linker.link(message, replied_to)
        first, _ = self._home.get(target or 0, (message.id, 0))
        opened = self._live.get(first) or self._waiting.pop(first, None) or _Open()
        opened.messages.append(message)
        opened.last_reply = max(opened.last_reply, message.last_reply)
        self._home[message.id] = first, message.speaker
        self._live[first] = opened
        self._live.move_to_end(first)
        if len(opened.messages) >= LONGEST:
            ended.append(self._older_half(self._live.pop(first)))
        return ended

    def finish(self) -> list[Conversation]:
        """No message will follow: everything that is open, by its first message."""
        rest = {**self._waiting, **self._live}
        self._waiting.clear()
        self._live.clear()
        return [self._close(rest[first]) for first in sorted(rest)]

    def _rest(self, now: Message) -> list[Conversation]:
        ended = []
        while self._live:
            first, opened = next(iter(self._live.items()))
            if now.at - opened.last_at <= MEMORY:
                break
            del self._live[first]
            if opened.last_reply >= now.id:
                self._waiting[first] = opened
            else:
                ended.append(self._close(opened))
        return ended

    def _older_half(self, opened: _Open) -> Conversation:
        """Close what is furthest back; the rest stays open, so that those who talk go on together."""
        newer = opened.messages[LONGEST // 2 :]
        first = newer[0].id
        for message in newer:
            self._home[message.id] = first, message.speaker
        self._live[first] = _Open(newer, max(m.last_reply for m in newer))
        return self._close(_Open(opened.messages[: LONGEST // 2]))

    def _close(self, opened: _Open) -> Conversation:
        for message in opened.messages:
            del self._home[message.id]
        return Conversation(opened.messages[0].channel_id, tuple(opened.messages))


# -- segments ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """The segments of a conversation, and why its other stretches are none."""

    segments: tuple[Segment, ...]
    dropped: tuple[str, ...]


def cut(conversation: Conversation, rules: SegmentRules, personas: Collection[int] = ()) -> Cut:
    """Cut a conversation into segments.

    A segment holds no stub and starts afresh after one; it is at most `max_messages` long with at most
    `max_participants` speakers, cut at lulls; it has at least `min_turns` turns of two speakers, and ends on
    somebody who may be the persona (`personas`, empty for anyone), who does not answer something missing.
    """
    segments, dropped = [], []
    for stretch in _whole_stretches(conversation.messages):
        # What a long stretch was cut between may have been an answer and its question.
        for piece in chain.from_iterable(map(_whole_stretches, _pieces(stretch, rules))):
            trimmed = _ending_on_persona(piece, personas)
            why = _fault(trimmed, rules)
            if why:
                dropped.append(why)
            else:
                segments.append(Segment(conversation.channel_id, tuple(trimmed)))
    return Cut(tuple(segments), tuple(dropped))


def _whole_stretches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Break at stubs, and before replies to something that is not in the stretch: erased, outside, missing."""
    stretch: list[Message] = []
    ids: set[int] = set()
    for message in messages:
        orphan = message.reply_to is not None and message.reply_to not in ids
        if (message.is_stub or orphan) and stretch:
            yield stretch
            stretch, ids = [], set()
        if not message.is_stub:
            stretch.append(message)
            ids.add(message.id)
    if stretch:
        yield stretch


def _pieces(stretch: Sequence[Message], rules: SegmentRules) -> Iterator[Sequence[Message]]:
    while (limit := _room(stretch, rules)) < len(stretch):
        gaps = [b.at - a.at for a, b in pairwise(stretch[: limit + 1])]
        start = len(gaps) // 2
        place = max(range(start, len(gaps)), key=lambda i: (gaps[i], i)) + 1
        yield stretch[:place]
        stretch = stretch[place:]
    yield stretch


def _room(stretch: Sequence[Message], rules: SegmentRules) -> int:
    """How many messages from the beginning fit into one segment."""
    speakers: set[int] = set()
    for position, message in enumerate(stretch[: rules.max_messages]):
        speakers.add(message.speaker)
        if len(speakers) > rules.max_participants:
            return position
    return min(len(stretch), rules.max_messages)


def _ending_on_persona(piece: Sequence[Message], personas: Collection[int]) -> Sequence[Message]:
    end = len(piece)
    while end and personas and piece[end - 1].speaker not in personas:
        end -= 1
    return piece[:end]


def _fault(piece: Sequence[Message], rules: SegmentRules) -> str:
    if not piece:
        return "nobody in it may be the persona"
    if len({m.speaker for m in piece}) < 2:
        return "only one speaker"
    if sum(1 for _ in groupby(piece, key=lambda m: m.speaker)) < rules.min_turns:
        return "too few turns"
    return ""
