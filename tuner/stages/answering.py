"""Who answers in a talk, and how well: whom to learn from when nobody was named, and where a sample ends. Pure.

What counts needs no word list, so that a talk is judged alike in any language: whom a message answers, whether that
was asked, how much the answer tells, and whether its author is somebody other than who began the talk. Questions
and courtesies are also known by words of the most used languages, which makes it surer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuner.models import Message, Segment
from tuner.people.audience import may_be_persona
from tuner.stages.courtesies import thanks, told
from tuner.stages.questions import asks, asks_for_help, begins_asking, only_asks, seems_only_to_ask
from tuner.stages.speech import goes_on
from tuner.stages.substance import LEAST, substance
from tuner.text import render

GOOD = 1.5  # the least score of an answer to learn from
RICH, WORDS_A_POINT = 12, 4  # words that tell something count up to here, so many for a point
ASKED, ADDRESSED, CHOSEN, GUEST = 2.0, 1.0, 0.5, 1.0
CLOSING, BRIEF = 1.5, 6  # taken from what whoever began the talk says last in few words, unasked
REMARK = 4  # words behind thanks that make them no answer
IN_NEED = 4.0  # taken from what whoever began the talk by asking is asked in turn
SHARE_OF_BEST = 0.5  # of the persona's best answer, which the last one has to reach


@dataclass(frozen=True, slots=True)
class Answer:
    """The burst of one speaker that ends with message number `end` (counted from 1), and how good an answer it is.

    `asked` is the message that it answers, where that asks something.
    """

    end: int
    speaker: int
    score: float
    asked: Message | None = None


@dataclass(frozen=True, slots=True)
class _Talk:
    """A segment with what is known of its messages, by their position."""

    messages: tuple[Message, ...]
    texts: tuple[str, ...]
    places: Mapping[int, int]  # message id → position
    links: tuple[float, ...]
    targets: tuple[int | None, ...]
    begun_by_asking: bool


def answers(
    segment: Segment, channel_names: Mapping[int, str], personas: Collection[int] = ()
) -> list[Answer]:
    """The good answers by people who may be learned from, in their order."""
    talk = _talk(segment, channel_names)
    found = [
        _answer(talk, start, end)
        for start, end in _bursts(talk.messages)
        if may_be_persona(talk.messages[start].speaker, personas)
    ]
    return [answer for answer in found if answer and answer.score >= GOOD]


def chosen(found: Sequence[Answer]) -> Answer | None:
    """Where the sample ends: on the last answer, of those nearly as good as the best, of whoever answers most."""
    totals: dict[int, float] = {}
    for answer in found:
        totals[answer.speaker] = totals.get(answer.speaker, 0.0) + answer.score
    if not totals:
        return None
    persona = max(totals, key=lambda speaker: (totals[speaker], -speaker))
    own = [answer for answer in found if answer.speaker == persona]
    best = max(answer.score for answer in own)
    return next(answer for answer in reversed(own) if answer.score >= SHARE_OF_BEST * best)


def is_unanswered(segment: Segment, channel_names: Mapping[int, str]) -> bool:
    """Whether something was asked outright, and nobody else said a word after that."""
    asker: int | None = None
    for message in segment.messages:
        text = render.words(message, channel_names)
        if asker is None:
            asker = message.speaker if only_asks(text) else None
        elif message.speaker != asker and text:
            return False
    return asker is not None


def _talk(segment: Segment, channel_names: Mapping[int, str]) -> _Talk:
    messages = segment.messages
    texts = tuple(render.words(message, channel_names) for message in messages)
    _, end = next(_bursts(messages))
    opening = [text for text in texts[:end] if text]
    return _Talk(
        messages,
        texts,
        {message.id: position for position, message in enumerate(messages)},
        segment.links or (1.0,) * len(messages),
        segment.targets or tuple(message.reply_to for message in messages),
        asks_for_help("\n".join(opening)) or (bool(opening) and only_asks(opening[-1])),
    )


def _bursts(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """Where what one speaker says without a pause begins, and behind which message it ends."""
    start = 0
    for position in range(1, len(messages) + 1):
        if position == len(messages) or not goes_on(messages[position - 1], messages[position]):
            yield start, position
            start = position


def _answer(talk: _Talk, start: int, end: int) -> Answer | None:
    """A burst as the answer that it is, if it is one."""
    text = "\n".join(filter(None, talk.texts[start:end]))
    words = substance(text)
    if words < LEAST or only_asks(text):
        return None
    answered = _answered(talk, start, end)
    if answered is None:
        return None
    target, link = answered
    said = _burst_of(talk, target, start)
    asked = asks(said)
    if not asked and not substance(said):
        return None
    speaker = talk.messages[start].speaker
    is_helped = talk.begun_by_asking and speaker == talk.messages[0].speaker
    if not asked and (is_helped or begins_asking(text) or seems_only_to_ask(text)):
        return None
    if not asked and words <= REMARK and thanks(told(text)):
        return None
    score = _score(talk, start, target, words, asked=asked)
    score += CHOSEN * (talk.messages[link].reply_to == talk.messages[target].id)
    return Answer(end, speaker, score * (1 + talk.links[link]) / 2, talk.messages[target] if asked else None)


def _burst_of(talk: _Talk, place: int, end: int) -> str:
    """What is said around a place, before `end`, by the one who speaks there."""
    first = last = place
    while first and goes_on(talk.messages[first - 1], talk.messages[first]):
        first -= 1
    while last + 1 < end and goes_on(talk.messages[last], talk.messages[last + 1]):
        last += 1
    return "\n".join(filter(None, talk.texts[first : last + 1]))


def _score(talk: _Talk, start: int, target: int, words: int, *, asked: bool) -> float:
    """How good an answer a burst is that tells so many words, were it sure what it answers. The surer, the better."""
    score = min(words, RICH) / WORDS_A_POINT + ASKED * asked
    score += ADDRESSED * _is_addressed(talk, target, talk.messages[start].speaker)
    if talk.messages[start].speaker != talk.messages[0].speaker:
        score += GUEST
    elif talk.begun_by_asking:
        score -= IN_NEED
    elif not asked and words <= BRIEF:
        score -= CLOSING
    return score


def _answered(talk: _Talk, start: int, end: int) -> tuple[int, int] | None:
    """The position of what a burst answers, and of the message in it that does; None where that is not to be seen.

    It answers somebody else's words. Who speaks again, after a pause and before others do, begins something.
    """
    speaker = talk.messages[start].speaker
    if start == 0 or talk.messages[start - 1].speaker == speaker:
        return None
    for position in range(start, end):
        place = _of_others(talk, position)
        if place is None:
            return None
        if place < start:
            return (place, position) if talk.texts[place] else None
    return None


def _of_others(talk: _Talk, position: int) -> int | None:
    """Where somebody else says what a message answers, if only through its author's words before; None if not here.

    Where nothing but its author's words leads to it, what stands before it is taken to be answered.
    """
    speaker, place = talk.messages[position].speaker, position
    while talk.messages[place].speaker == speaker:
        target = talk.targets[place]
        if target is None:
            before = range(position - 1, -1, -1)
            return next((i for i in before if talk.messages[i].speaker != speaker), None)
        if (found := talk.places.get(target)) is None or found >= place:
            return None
        place = found
    return place


def _is_addressed(talk: _Talk, target: int, speaker: int) -> bool:
    """Whether what is answered was said to the one who answers."""
    message = talk.messages[target]
    spoken_to = talk.places.get(message.reply_to or 0)
    return speaker in dict(message.extras.mentions) or (
        spoken_to is not None and talk.messages[spoken_to].speaker == speaker
    )
