"""Which stretches of a conversation can become samples. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise

from tuner.config.settings import SegmentRules
from tuner.models import Conversation, Message, Segment
from tuner.people.audience import may_be_persona
from tuner.stages.company import after_another, by_company, reach

MOST_TOKENS = 65_536
PER_TURN, BYTES_PER_TOKEN = 10, 3  # on the safe side in most scripts; what is too long in the end is left out
SILENCE = 24 * 3600  # seconds that end a segment, unless a native reply reaches over them


@dataclass(frozen=True, slots=True)
class Cut:
    """The segments of a conversation, and why its other stretches are none."""

    segments: tuple[Segment, ...]
    dropped: tuple[str, ...]


def cut(
    conversation: Conversation,
    rules: SegmentRules,
    personas: Collection[int] = (),
    most_tokens: int = MOST_TOKENS,
) -> Cut:
    """Cut a conversation into segments.

    A segment holds no stub and starts afresh after one, after a silence of a day, where no native reply reaches over
    them, and where a talk of other people begins (`tuner.stages.company`). It is at most `max_messages` long, of about
    `most_tokens`, with at most `max_participants` speakers, cut at lulls; it has at least `min_turns` turns of two
    speakers, and ends on somebody who may be the persona (`personas`, empty for anyone), who does not answer
    something missing.
    """
    segments, dropped = [], []
    links = _links(conversation)
    whole = chain.from_iterable(map(_whole_stretches, by_company(conversation)))
    for stretch in chain.from_iterable(map(after_another, chain.from_iterable(map(_lively, whole)))):
        # What a long stretch was cut between may have been an answer and its question.
        for piece in chain.from_iterable(map(_whole_stretches, _pieces(stretch, rules, most_tokens))):
            trimmed = _ending_on_persona(piece, personas)
            why = _fault(trimmed, rules)
            if why:
                dropped.append(why)
            else:
                segments.append(_segment(conversation, trimmed, links))
    return Cut(tuple(segments), tuple(dropped))


def _links(conversation: Conversation) -> dict[int, tuple[float, int | None]]:
    """How sure each message's link is, and what it answers."""
    messages, sure = conversation.messages, conversation.confidences
    targets = conversation.targets or tuple(message.reply_to for message in messages)
    return {m.id: (c, target) for m, c, target in zip(messages, sure, targets, strict=True)}


def _segment(
    conversation: Conversation, messages: Sequence[Message], links: Mapping[int, tuple[float, int | None]]
) -> Segment:
    confidences, targets = zip(*(links[message.id] for message in messages), strict=True)
    mean = sum(confidences[1:]) / len(confidences[1:])
    first = conversation.messages[0].id
    return Segment(conversation.channel_id, tuple(messages), mean, confidences, targets, first)


def _lively(stretch: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Break at silences of days over which nobody replies natively."""
    earliest = reach(stretch)
    start = 0
    for place in range(1, len(stretch)):
        if stretch[place].at - stretch[place - 1].at >= SILENCE and earliest[place] >= place:
            yield stretch[start:place]
            start = place
    yield stretch[start:]


def _whole_stretches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Break at stubs, and before replies to something that is not in the stretch: erased, outside, missing.

    A stub over which a native reply reaches into the stretch breaks nothing: what is replied to is all there.
    """
    stretch: list[Message] = []
    ids: set[int] = set()
    after_stub = False
    for message in messages:
        if message.is_stub:
            after_stub = True
            continue
        reaches = message.reply_to in ids
        orphan = message.reply_to is not None and not reaches
        if stretch and (orphan or (after_stub and not reaches)):
            yield stretch
            stretch, ids = [], set()
        stretch.append(message)
        ids.add(message.id)
        after_stub = False
    if stretch:
        yield stretch


def _pieces(stretch: Sequence[Message], rules: SegmentRules, most_tokens: int) -> Iterator[Sequence[Message]]:
    while (limit := _room(stretch, rules, most_tokens)) < len(stretch):
        gaps = [b.at - a.at for a, b in pairwise(stretch[: limit + 1])]
        start = len(gaps) // 2
        place = max(range(start, len(gaps)), key=lambda i: (gaps[i], i)) + 1
        yield stretch[:place]
        stretch = stretch[place:]
    yield stretch


def _room(stretch: Sequence[Message], rules: SegmentRules, most_tokens: int) -> int:
    """How many messages from the beginning fit into one segment: two at least."""
    speakers: set[int] = set()
    left = most_tokens
    for position, message in enumerate(stretch[: rules.max_messages]):
        speakers.add(message.speaker)
        left -= PER_TURN + len((message.text or "").encode("utf-8", "replace")) // BYTES_PER_TOKEN
        if len(speakers) > rules.max_participants or (left < 0 and position > 1):
            return position
    return min(len(stretch), rules.max_messages)


def _ending_on_persona(piece: Sequence[Message], personas: Collection[int]) -> Sequence[Message]:
    end = len(piece)
    while end and not may_be_persona(piece[end - 1].speaker, personas):
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
