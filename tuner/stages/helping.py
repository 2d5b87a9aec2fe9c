"""Who helps: whose answers to others' questions an archive holds most of. What "helpers" among the personas means.

The rule. An answer counts that the rules would learn from (`tuner.stages.answering`), to a message of somebody else's
that asks something: the links and native replies say which. Each question counts once for whoever answers it. Somebody
helps who answered at least `LEAST_ANSWERED` questions of `LEAST_ASKERS` people, more than others answered of theirs,
and at least a tenth as many as whoever answered most. Of each channel the newest `NEWEST` messages are looked at, one
segment at a time: what is kept is a few numbers a person. The same archive gives the same helpers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from tuner.config.settings import SegmentRules
from tuner.linking.conversations import Linking
from tuner.models import Channel, Segment
from tuner.stages.answering import answers
from tuner.stages.cut import cut
from tuner.stages.segment import Archive, read_conversations

LEAST_ANSWERED, LEAST_ASKERS = 3, 2
PART_OF_MOST = 10
NEWEST = 20_000  # messages of a channel


class Measured(Archive, Protocol):
    """Stored history, of which the newest can be found."""

    async def newest(self, channel_id: int, count: int) -> int:
        """The id from which on a channel has so many messages; 0 when it has not."""


@dataclass(frozen=True, slots=True)
class Helper:
    """How many questions somebody answered, of how many others; and how many of theirs were answered."""

    user_id: int
    name: str
    answered: int
    askers: int
    got: int


@dataclass(slots=True)
class _Person:
    name: str = ""
    answered: int = 0
    got: int = 0
    askers: set[int] = field(default_factory=set)


class Helping:
    """Counts who answers whom."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}

    def add(self, segment: Segment, channel_names: Mapping[int, str]) -> None:
        """Count the questions of a segment that somebody else answered."""
        names = {message.speaker: message.name for message in segment.messages}
        met: set[tuple[int, int]] = set()
        for answer in answers(segment, channel_names):
            asked = answer.asked
            if asked is None or asked.speaker == answer.speaker or (answer.speaker, asked.id) in met:
                continue
            if asked.id not in {question for _, question in met}:
                self._person(asked.speaker, names).got += 1
            met.add((answer.speaker, asked.id))
            helper = self._person(answer.speaker, names)
            helper.answered += 1
            helper.askers.add(asked.speaker)

    def helpers(self) -> list[Helper]:
        """Those who help, whoever answered most first."""
        ranked = self.ranked()
        least = max(LEAST_ANSWERED, -(-ranked[0].answered // PART_OF_MOST)) if ranked else 0
        return [h for h in ranked if h.answered >= least and h.askers >= LEAST_ASKERS and h.answered > h.got]

    def ranked(self) -> list[Helper]:
        """Everybody who answered anything."""
        everybody = (
            Helper(i, person.name, person.answered, len(person.askers), person.got)
            for i, person in self._people.items()
            if person.answered
        )
        return sorted(everybody, key=lambda h: (-h.answered, h.user_id))

    def _person(self, user_id: int, names: Mapping[int, str]) -> _Person:
        person = self._people.setdefault(user_id, _Person())
        person.name = names[user_id] or person.name
        return person


async def who_helps(
    archive: Measured,
    channels: Iterable[Channel],
    linking: Linking,
    rules: SegmentRules,
    channel_names: Mapping[int, str],
    start: int = 0,
) -> Helping:
    """Go through the channels, from id `start` on, and count."""
    helping = Helping()
    for channel in channels:
        first = max(start, await archive.newest(channel.id, NEWEST))
        async with aclosing(read_conversations(archive, channel.id, linking, first)) as found:
            async for conversation in found:
                for segment in cut(conversation, rules).segments:
                    helping.add(segment, channel_names)
                    await asyncio.sleep(0)
    return helping
