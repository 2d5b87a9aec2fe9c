"""Fits the link model to a server: its native replies say what is answered there, and how.

Half of the replies are hidden and predicted, then the other half. Weights are changed where that finds clearly
more conversations of replies that they were not fitted to.

A hidden reply is found where the likeliest conversation among others' messages is that of what it answers. Its
speaker's own messages are no choice: people hardly press the button for those, which says nothing of how they
go on where they do not press it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from tuner.linking.arrays import Bools, Doubles, Floats, Ints
from tuner.linking.calibration import ADJUSTED, UNCHANGED, Calibration
from tuner.linking.linker import Look, Looker, Weights
from tuner.linking.network import ONE, probabilities
from tuner.linking.structure import SHORTLIST
from tuner.linking.window import AHEAD, NEVER, REACH
from tuner.models import Message

FEWEST = 64  # replies; with fewer nothing is changed
MOST = 4096  # and more would tell no more
MOST_MESSAGES = 60_000  # read in search of them
GRID = 64  # what is fitted is rounded to these parts, so that every machine finds the same
_SPREAD = 0.2  # how far a weight is expected to lie from the trained one
_ENOUGH = 1e-4  # change of a weight that ends the search
_LEAST = 1e-200  # so that nothing is divided by 0
_CLOSED = -(2.0**20)  # the score of no candidate


class _Reply(NamedTuple):
    """A hidden reply as the second look saw it."""

    id: int
    scores: Floats  # of the shortlisted messages of others, [SHORTLIST]
    values: Floats  # [len(ADJUSTED), SHORTLIST]
    roots: Ints  # where their conversations begin; -1 for none, [SHORTLIST]
    right: int  # where that of what was answered begins
    start: int  # parts of ONE: the probability that it answers nothing
    half: int


@dataclass(frozen=True, slots=True)
class _Replies:
    """Hidden replies, in the order they were sent in; arrays of what each holds."""

    scores: Floats
    values: Floats
    roots: Ints
    right: Bools  # of the shortlisted: those in the conversation of what was answered
    start: Ints
    half: Ints

    @classmethod
    def of(cls, replies: Sequence[_Reply]) -> _Replies:
        _, scores, values, roots, right, start, half = map(np.array, zip(*replies, strict=True))
        return cls(scores, values, roots, roots == right[:, None], start, half)

    def __len__(self) -> int:
        return len(self.right)

    def chosen(self, which: Bools) -> _Replies:
        return _Replies(*(getattr(self, f.name)[which] for f in fields(self)))


class Calibrator:
    """Feed a server's messages, channel after channel, oldest first; then ask for the `result`."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._messages = 0
        self._replies: list[_Reply] = []
        self._begin()

    def _begin(self) -> None:
        self._lookers = [Looker(self.weights) for _ in range(2)]
        self._waiting: list[deque[Message]] = [deque(), deque()]

    @property
    def satisfied(self) -> bool:
        """More messages would change nothing."""
        return len(self._replies) >= MOST or self._messages >= MOST_MESSAGES

    def add(self, message: Message) -> None:
        """Take the next message of a channel."""
        self._messages += 1
        for half, looker in enumerate(self._lookers):
            self._waiting[half].append(message)
            if look := looker.add(unmarked(message) if _hidden(message, half) else message):
                self._see(look, half)

    def end_channel(self) -> None:
        """No message of this channel follows."""
        for half, looker in enumerate(self._lookers):
            counted = islice(self._waiting[half], max(0, len(self._waiting[half]) - 2 * AHEAD))
            telling = any(_hidden(message, half) for message in counted)  # most short threads tell nothing
            if telling and (look := looker.finish()):
                self._see(look, half, unless_after=look.view.positions[-1] - 2 * AHEAD)
        self._begin()

    def _see(self, look: Look, half: int, unless_after: int = NEVER) -> None:
        """Keep the hidden replies of a look; not those whose followers may still come, in a later run."""
        rows = {message_id: row for row, message_id in enumerate(look.view.ids)}
        for number, row in enumerate(look.rows.tolist()):
            message = self._waiting[half].popleft()
            if not _hidden(message, half) or look.view.start + row > unless_after:
                continue
            target = rows.get(message.reply_to or 0, -REACH)
            if row - target <= REACH and look.view.speaker[target] != look.view.speaker[row]:
                self._replies.append(_reply(message.id, look, number, target, half))

    def result(self) -> Calibration:
        """What the oldest replies change: so many that a quarter more are not there.

        So a later run, with a few more replies, finds the same, and old conversations stay as they were.
        """
        seen = sorted(self._replies, key=lambda reply: reply.id)[:MOST]
        if len(seen) < FEWEST:
            return UNCHANGED
        enough = FEWEST
        while enough + enough // 4 <= len(seen):
            enough += enough // 4
        return calibrated(_Replies.of(seen[:enough]))


def _reply(message_id: int, look: Look, number: int, target: int, half: int) -> _Reply:
    """The look's message of that number, which answers the row `target`."""
    listed = look.second.candidates[number]
    open_ = look.second.open[number] & (look.view.speaker[listed] != look.view.speaker[look.rows[number]])
    values = look.second.values.reshape(len(ADJUSTED), -1, SHORTLIST)
    return _Reply(
        message_id,
        np.where(open_, look.scores[number, :SHORTLIST], np.float32(_CLOSED)),
        values[:, number].copy(),  # a view would keep the whole look
        np.where(open_, look.roots[listed], -1),
        int(look.roots[target]),
        int(probabilities(look.scores[number])[SHORTLIST]),
        half,
    )


def calibrated(replies: _Replies) -> Calibration:
    """What these replies change, and how much better hidden ones are then found; nothing if they are not."""
    found = [_Found.by(UNCHANGED, replies)] * 2
    for half in range(2):
        fitted = _fitted(replies.chosen(replies.half != half))
        found[1] = found[1].where(replies.half != half, _Found.by(fitted, replies))
    before, after = found
    gained = int((after.others & ~before.others).sum())
    lost = int((before.others & ~after.others).sum())
    better = gained - lost > 2 * math.sqrt(gained + lost)
    kept = after if better else before
    return replace(
        _fitted(replies) if better else UNCHANGED,
        replies=len(replies),
        before=float(before.all.mean()),
        after=float(kept.all.mean()),
        others_before=float(before.others.mean()),
        others_after=float(kept.others.mean()),
    )


def unmarked(message: Message) -> Message:
    """A reply as if the button had not been used: the ping that comes with it is not there either."""
    text = message.text or ""
    written = tuple(
        (speaker, name)
        for speaker, name in message.extras.mentions
        if f"<@{speaker}>" in text or f"<@!{speaker}>" in text or (name and name in text)
    )
    return replace(message, reply_to=None, extras=replace(message.extras, mentions=written))


def _hidden(message: Message, half: int) -> bool:
    return message.reply_to is not None and _half(message) == half


def _half(message: Message) -> int:
    """A coin toss that every machine makes alike: by the id's milliseconds and counter, mixed."""
    return (message.id * 0x9E3779B97F4A7C15 >> 40) & 1


class _Found(NamedTuple):
    """Of which replies the conversation is found."""

    all: Bools  # although a start is possible too
    others: Bools  # where it is not

    @classmethod
    def by(cls, calibration: Calibration, replies: _Replies) -> _Found:
        parts = probabilities(_adjusted(calibration, replies))
        alike = replies.roots[:, :, None] == replies.roots[:, None, :]
        together = (alike * parts[:, None, :]).sum(2)
        best = together.argmax(1)[:, None]
        others = np.take_along_axis(replies.right, best, 1)[:, 0]
        likely = np.take_along_axis(together, best, 1)[:, 0] * (ONE - replies.start) // ONE
        return cls(others & (likely >= replies.start), others)

    def where(self, kept: Bools, other: _Found) -> _Found:
        """These for some replies, another's for the rest."""
        return _Found(*(np.where(kept, mine, its) for mine, its in zip(self, other, strict=True)))


def _adjusted(calibration: Calibration, replies: _Replies) -> Floats:
    if not calibration.adjustments:
        return replies.scores
    weights = np.array(calibration.adjustments, dtype=np.float32)
    scores: Floats = replies.scores + np.einsum("a,rac->rc", weights, replies.values)
    return scores


def _fitted(replies: _Replies) -> Calibration:
    """Changes of the weights: the likeliest, where each is expected to be small.

    Newton's method; as curvature that of the scores alone is taken, which is no smaller than the true one.
    """
    told = np.asarray(replies.right.any(1))
    known = replies.chosen(told)
    values, scores = known.values.astype(np.float64), known.scores.astype(np.float64)
    weights = np.zeros(len(ADJUSTED))
    for _ in range(30):
        likely = scores + np.einsum("a,rac->rc", weights, values)
        likely = np.exp(likely - likely.max(1, keepdims=True))
        aimed = likely * known.right
        likely, aimed = (
            of / of.sum(1, keepdims=True) for of in (likely, np.maximum(aimed, _LEAST * known.right))
        )
        change = np.linalg.solve(*_slope(likely, aimed, values, weights))
        weights += np.clip(change, -1, 1)
        if np.abs(change).max() < _ENOUGH:
            break
    return Calibration(tuple((np.rint(weights * GRID) / GRID).tolist()))


def _slope(likely: Doubles, aimed: Doubles, values: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Curvature and gradient of how likely the replies are, weights being small as expected."""
    mean = np.einsum("rc,rac->ra", likely, values)
    spread = (values * np.sqrt(likely)[:, None]).transpose(1, 0, 2).reshape(len(weights), -1)
    curvature = spread @ spread.T - mean.T @ mean + np.eye(len(weights)) / _SPREAD**2
    return curvature, np.einsum("rc,rac->a", aimed - likely, values) - weights / _SPREAD**2
