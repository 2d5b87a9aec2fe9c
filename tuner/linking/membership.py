"""Which conversation does a message belong to? Decided by conversation, not by message answered.

Candidates of one conversation speak for it together: two that have 30 % each are better than one with 40 %,
whichever of them is answered. How far one speaks for another depends on how sure it is that they belong
together, so every message keeps how sure its own place is.

A message in a wrong conversation spoils the context of whatever answers it; one that is taken for a start by
mistake has no context itself. So whoever is likely to be answered has to be surer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from tuner.linking.arrays import Floats, Ints
from tuner.linking.features import GRID
from tuner.linking.network import ONE
from tuner.linking.structure import SHORTLIST, SITUATION, Second
from tuner.linking.window import REACH, View

LEAST = round(0.25 * ONE)  # parts that a conversation must have to be joined by what nobody will answer;
_DEARER = 7, 20  # this share of what is missing to certainty is asked for besides, for each likely answer
_MOST_ANSWERS = 1.5  # that count
_OF_A_START = 2, 5  # and it has to be this share as likely as a start
_FAINT = round(0.03 * ONE)  # parts; a candidate that is less likely says nothing
_ANSWERS = SITUATION.index("answers to this") - len(SITUATION)  # a situation's columns come last

Candidate = tuple[int, int, int]
"""A message of the shortlist that is likely enough to say something. Plain, as there are several a message:

- parts of ONE: the probability that it is what is answered, or that this is where one belongs
- its column in the shortlist
- its position, counted from the channel's first message
"""
_PARTS = itemgetter(0)


class Question(NamedTuple):
    """What decides where a message belongs."""

    position: int
    candidates: Sequence[Candidate]
    start: int  # parts of ONE: the probability that it answers nothing
    least: int  # parts of ONE that a conversation must have to be joined
    replied: int | None = None  # what it is a native reply to; its own position, where that is out of sight


class Decision(NamedTuple):
    """Where a message belongs, and what is likeliest of the rest: another conversation, or a new one.

    Columns are of what it answers there, in its shortlist; SHORTLIST: it starts something. Parts are of ONE.
    """

    column: int
    parts: int
    other: int = SHORTLIST
    other_parts: int = 0


_REPLIED = Decision(0, ONE)


class Memberships:
    """Decides about one message after another; holds where those in reach of the next belong."""

    def __init__(self) -> None:
        self._start = 0  # position of the first that is held
        self._home: list[int] = []  # position of the first message of its conversation
        self._sure: list[int] = []  # parts of ONE

    def decided(self, questions: Iterable[Question]) -> list[Decision]:
        """Decisions about the messages that follow those decided before."""
        found = [self._decide(*question) for question in questions]
        drop = max(0, len(self._home) - REACH)
        del self._home[:drop], self._sure[:drop]
        self._start += drop
        return found

    def _decide(
        self, position: int, candidates: Sequence[Candidate], start: int, least: int, replied: int | None
    ) -> Decision:
        if replied is not None:
            self._settle(position, replied, ONE)
            return _REPLIED
        if not candidates:
            self._settle(position, position, ONE)
            return Decision(SHORTLIST, start)
        ranked = self._ranked(candidates) if len(candidates) > 1 else candidates
        parts, column, answered = ranked[0]
        if parts < least:
            self._settle(position, position, ONE)
            return Decision(SHORTLIST, start, column, parts)
        self._settle(position, answered, parts)
        if len(ranked) > 1 and ranked[1][0] > start:
            return Decision(column, parts, ranked[1][1], ranked[1][0])
        return Decision(column, parts, SHORTLIST, start)

    def _settle(self, position: int, answered: int, sure: int) -> None:
        """A message belongs where what it answers does; what answers itself starts something."""
        self._home.append(position if answered == position else self._home[answered - self._start])
        self._sure.append(sure)

    def _ranked(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """The likeliest candidate of each conversation, with what all of it have; the likeliest first."""
        found: dict[int, list[Candidate]] = {}
        home, first = self._home, self._start
        for candidate in candidates:
            found.setdefault(home[candidate[2] - first], []).append(candidate)
        ranked = [m[0] if len(m) == 1 else self._together(m) for m in found.values()]
        if len(ranked) > 1:
            ranked.sort(key=_PARTS, reverse=True)
        return ranked

    def _together(self, members: Sequence[Candidate]) -> Candidate:
        """The likeliest member, with what the others say: they speak for it as surely as they belong with it."""
        likeliest = max(members, key=_PARTS)
        parts, column, position = likeliest
        for other in members:
            if other is not likeliest:
                parts += other[0] * self._sure[max(position, other[2]) - self._start] // ONE
        return min(ONE, parts), column, position


def questions(
    view: View, rows: Ints, second: Second, situation: Floats, parts: Ints, min_confidence: float
) -> Iterator[Question]:
    """What is asked about consecutive rows; `parts`: the probabilities of their shortlists and of a start."""
    answered = np.where(view.target[rows] >= 0, view.target[rows], rows) + view.start
    marked = zip(view.is_reply[rows].tolist(), answered.tolist(), strict=True)
    replied = [target if is_reply else None for is_reply, target in marked]
    start = parts[:, SHORTLIST]
    columns = (rows + view.start, start, least_needed(situation, start, min_confidence))
    candidates = _likely(second.candidates + view.start, parts[:, :SHORTLIST])
    asked = zip(*(column.tolist() for column in columns), candidates, replied, strict=True)
    for position, begins, least, listed, target in asked:
        yield Question(position, listed, begins, least, target)


def _likely(positions: Ints, parts: Ints) -> list[list[Candidate]]:
    """Of each message the candidates that say something, as they are listed."""
    telling = parts >= _FAINT
    columns = np.nonzero(telling)[1]
    found = list(zip(*(a.tolist() for a in (parts[telling], columns, positions[telling])), strict=True))
    ends = np.cumsum(telling.sum(1)).tolist()
    return [found[start:end] for start, end in pairwise([0, *ends])]


def least_needed(situation: Floats, start: Ints, min_confidence: float) -> Ints:
    """Parts of ONE that a conversation must have to be joined by each of these messages."""
    lowest = max(LEAST, round(min_confidence * ONE))
    answers = (np.minimum(situation[:, _ANSWERS], _MOST_ANSWERS) * GRID).astype(np.int64)
    (dearer, of), (share, of_start) = _DEARER, _OF_A_START
    needed = lowest + (ONE - lowest) * dearer * answers // (of * GRID)
    return np.maximum(needed, start * share // of_start)
