"""Talks of other people that one doubtful link has joined: nobody of the one ever speaks in the other. Pure.

Such a talk begins with a question that is no native reply, and nobody in either mentions somebody of the other. What
the links join is rarely so in busy channels, and often in quiet ones, where one talk follows another.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

from tuner.models import Conversation, Message
from tuner.stages.questions import asks

NEAR = (
    24 * 3600
)  # seconds within which those who talk together are compared: later, anybody may come back to a talk


def by_company(conversation: Conversation) -> list[tuple[Message, ...]]:
    """The messages of a conversation, without those that a question of other people begins: these by themselves."""
    messages, targets = conversation.messages, conversation.targets
    places = {message.id: place for place, message in enumerate(messages)}
    below = [[place] for place in range(len(messages))]  # what leads to each message, itself included
    parted: list[list[int]] = []
    gone: set[int] = set()
    for place in range(len(targets) - 1, 0, -1):
        target = places.get(targets[place] or 0, place)
        if target >= place:
            continue
        if _begins(messages[place]) and _is_apart(conversation, place, below[place], gone):
            parted.append(sorted(below[place]))
            gone.update(below[place])
        else:
            below[target] += below[place]
    rest = [place for place in range(len(messages)) if place not in gone]
    return [tuple(messages[place] for place in talk) for talk in (rest, *reversed(parted)) if talk]


def _is_apart(conversation: Conversation, place: int, below: Collection[int], gone: Collection[int]) -> bool:
    """Whether what a message leads to is said by others than what stands within a day of it, and names nobody there."""
    messages, talk = conversation.messages, set(below)
    own: set[int] = set()
    others: set[int] = set()
    start = bisect_right(messages, messages[place].at - NEAR, key=lambda message: message.at)
    end = bisect_left(messages, messages[place].at + NEAR, key=lambda message: message.at)
    for other in range(start, end):
        if other not in gone:
            (own if other in talk else others).add(messages[other].speaker)
    company = len(own) > 1 and len(others) > 1 and not own & others
    return company and not _mention(conversation, below, own, others)


def after_another(stretch: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """A stretch, broken where a talk of other people follows, whatever the links say."""
    last = {message.speaker: place for place, message in enumerate(stretch)}
    ends = list(accumulate((last[message.speaker] for message in stretch), max))  # of whoever spoke by then
    earliest = reach(stretch)
    start = 0
    for place in range(1, len(stretch)):
        if ends[place - 1] < place <= earliest[place] and _is_another(stretch[start:place], stretch[place:]):
            yield stretch[start:place]
            start = place
    yield stretch[start:]


def reach(stretch: Sequence[Message]) -> list[int]:
    """For each message, the earliest that is natively replied to from there on."""
    places = {message.id: place for place, message in enumerate(stretch)}
    replied = [min(place, places.get(m.reply_to or 0, place)) for place, m in enumerate(stretch)]
    return list(accumulate(reversed(replied), min))[::-1]


def _is_another(before: Sequence[Message], after: Sequence[Message]) -> bool:
    people = {message.speaker for message in before}
    company = len(people) > 1 and len({message.speaker for message in after}) > 1
    return company and _begins(after[0]) and not _names(after, people)


def _begins(message: Message) -> bool:
    return message.reply_to is None and asks(message.text or "")


def _mention(
    conversation: Conversation, places: Collection[int], own: Collection[int], others: Collection[int]
) -> bool:
    """Whether those who talk apart and the others mention one another."""
    apart = {conversation.messages[place].id for place in places}
    return any(_names([message], others if message.id in apart else own) for message in conversation.messages)


def _names(messages: Sequence[Message], people: Collection[int]) -> bool:
    """Whether somebody of these people is mentioned."""
    return any(person in people for message in messages for person, _ in message.extras.mentions)
