"""Choose: where only so many samples are wanted, the best stretches of talk come first. Pure but for the reading.

Good are stretches whose links are sure, the last one's above all, and whose last words tell something; and those that
are unlike what was chosen before: other people, another channel, other words, another length.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from math import log2

from tuner.models import Segment
from tuner.progress import Tally
from tuner.stages.substance import substance
from tuner.text import render
from tuner.text.terms import words

POOL = 12  # stretches that are kept to choose from, for each sample that is wanted
SMALLEST_POOL = 300
NEAR = 200  # of them, compared with what was chosen before
LAST_LINK, OTHER_LINKS, TOLD = 1.0, 0.5, 0.6  # what makes a stretch good
SAME_PERSON, SAME_CHANNEL, SAME_LENGTH, SAME_WORDS = 0.5, 0.2, 0.15, 1.0  # and what is had already
ENOUGH_TOLD = 25  # words of an answer, above which more are not better
LEFT = "others are better"


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """A stretch and how good it is by itself. Where two are equally good, the older one is better."""

    good: float
    rank: int  # minus the id of its first message
    segment: Segment = field(compare=False)
    terms: frozenset[str] = field(compare=False)

    @property
    def length(self) -> int:
        """Of two stretches in the same class, none is twice as long as the other."""
        return round(log2(len(self.segment.messages)))


@dataclass(slots=True)
class _Chosen:
    """What was chosen so far, as a stretch is compared with it."""

    people: Counter[int] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def add(self, candidate: _Candidate) -> None:
        self.people[candidate.segment.messages[-1].speaker] += 1
        self.channels[candidate.segment.channel_id] += 1
        self.lengths[candidate.length] += 1
        self.terms.update(candidate.terms)
        self.count += 1

    def worth(self, candidate: _Candidate) -> tuple[float, int]:
        """How good a stretch is beside these; what is rare among them costs nothing."""
        if not self.count:
            return candidate.good, candidate.rank
        segment, terms = candidate.segment, candidate.terms
        known = sum(1 for term in terms if self.terms[term]) / max(1, len(terms))
        had = (
            SAME_PERSON * self.people[segment.messages[-1].speaker] / self.count
            + SAME_CHANNEL * self.channels[segment.channel_id] / self.count
            + SAME_LENGTH * self.lengths[candidate.length] / self.count
            + SAME_WORDS * known
        )
        return candidate.good - had, candidate.rank


async def best_first(
    segments: AsyncGenerator[Segment, None], wanted: int, channel_names: Mapping[int, str], tally: Tally
) -> AsyncGenerator[Segment, None]:
    """All segments are looked at, the best kept, and these come one after another until nobody takes more.

    What is not taken in the end is counted as left out. `wanted` samples decide how many are kept.
    """
    most = max(SMALLEST_POOL, POOL * wanted)
    pool: list[_Candidate] = []
    async with aclosing(segments):
        async for segment in segments:
            heapq.heappush(pool, _candidate(segment, channel_names))
            if len(pool) > most:
                heapq.heappop(pool)
                _leave(tally, 1)
    pool.sort()
    chosen = _Chosen()
    near: list[_Candidate] = []  # among which it matters what was chosen before
    try:
        while pool or near:
            while pool and len(near) < NEAR:
                near.append(pool.pop())
            best = max(near, key=chosen.worth)
            near.remove(best)
            chosen.add(best)
            yield best.segment
    finally:
        _leave(tally, len(pool) + len(near))


def _leave(tally: Tally, count: int) -> None:
    if count:
        tally.came("refine", count)
        tally.dropped("refine", LEFT, count)


def _candidate(segment: Segment, channel_names: Mapping[int, str]) -> _Candidate:
    texts = [render.words(message, channel_names) for message in segment.messages]
    last = segment.messages[-1].speaker
    told = sum(
        substance(text)
        for text, m in zip(texts[-3:], segment.messages[-3:], strict=True)
        if m.speaker == last
    )
    links = segment.links
    good = LAST_LINK * (links[-1] if links else segment.confidence) + OTHER_LINKS * segment.confidence
    good += TOLD * min(told, ENOUGH_TOLD) / ENOUGH_TOLD
    terms = frozenset(term for text in texts for term in words(text) if len(term) > 3)
    return _Candidate(good, -segment.messages[0].id, segment, terms)
