"""Fits the link model to a server: its native replies say what is answered there, and how.

Half of the replies are hidden and predicted, then the other half. Two things may change. A few weights, where
that finds clearly more targets of replies that they were not fitted to. And how readily something new is said
to start: a hidden reply answers something, so where the model takes too many of them for starts, it would
miss as many unmarked answers; and where there are replies to test it on, it needs less caution.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tuner.linking.arrays import Bools, Doubles, Floats, Ints
from tuner.linking.calibration import ADJUSTED, UNCHANGED, Calibration, adjustable
from tuner.linking.linker import Look, Looker, Weights
from tuner.linking.network import ONE, probabilities
from tuner.linking.structure import SHORTLIST
from tuner.linking.window import AHEAD, NEVER, REACH
from tuner.models import Message

NOT_LISTED = SHORTLIST + 1

FEWEST = 64  # replies; with fewer nothing is changed
MOST = 4096  # and more would tell no more
MOST_MESSAGES = 60_000  # read in search of them
GRID = 64  # what is fitted is rounded to these parts, so that every machine finds the same
_SPREAD = 0.2  # how far a weight is expected to lie from the trained one
_LIFTED = 0.2  # of the caution about starts, with replies beyond number
_HALF_TRUST = 256  # replies at which half of that is lifted
_TOLERATED = 1.5  # times the usual probability of a start for an answer; above, starts are made rarer
_FURTHEST = 4.0  # change of a start's score


@dataclass(frozen=True, slots=True)
class _Replies:
    """Hidden replies as the second look saw them, in the order they were sent in."""

    scores: Floats  # [replies, SHORTLIST + 1]
    values: Floats  # [replies, len(ADJUSTED), SHORTLIST]
    right: Ints  # column of what was answered, or NOT_LISTED
    half: Ints

    def __len__(self) -> int:
        return len(self.right)

    def chosen(self, which: Bools) -> _Replies:
        return _Replies(self.scores[which], self.values[which], self.right[which], self.half[which])


class Calibrator:
    """Feed a server's messages, channel after channel, oldest first; then ask for the `result`."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._messages = 0
        self._replies: list[tuple[int, Floats, Floats, int, int]] = []  # by message id
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
        values = adjustable(look.second.values).reshape(len(ADJUSTED), len(look.rows), SHORTLIST)
        for number, row in enumerate(look.rows.tolist()):
            message = self._waiting[half].popleft()
            if not _hidden(message, half) or look.view.start + row > unless_after:
                continue
            target = rows.get(message.reply_to or 0, -REACH)
            if row - target <= REACH:
                found = look.second.open[number] & (look.second.candidates[number] == target)
                right = int(found.argmax()) if found.any() else NOT_LISTED
                scored = look.scores[number].copy()  # copies: a view would keep the whole look
                self._replies.append((message.id, scored, values[:, number].copy(), right, half))

    def result(self) -> Calibration:
        """What the oldest replies change: so many that a quarter more are not there.

        So a later run, with a few more replies, finds the same, and old conversations stay as they were.
        """
        seen = sorted(self._replies, key=lambda reply: reply[0])[:MOST]
        if len(seen) < FEWEST:
            return UNCHANGED
        enough = FEWEST
        while enough + enough // 4 <= len(seen):
            enough += enough // 4
        _, scores, values, right, half = zip(*seen[:enough], strict=True)
        replies = _Replies(np.array(scores), np.array(values), np.array(right), np.array(half))
        return calibrated(replies, self.weights.usual_start)


def calibrated(replies: _Replies, usual_start: float) -> Calibration:
    """What these replies change, and how much better hidden ones are then found; nothing if they are not."""
    halves = [(replies.half == n, replies.chosen(replies.half != n)) for n in range(2)]
    before = _found(replies, UNCHANGED)
    weighed, plain = before.copy(), before.copy()
    for tested, others in halves:
        test = replies.chosen(tested)
        plain[tested] = _found(test, _without_weights(others, usual_start))
        weighed[tested] = _found(test, _with_weights(others, usual_start))
    gained, lost = int((weighed & ~plain).sum()), int((plain & ~weighed).sum())
    clearly = gained - lost > 2 * math.sqrt(gained + lost)
    make, after = (_with_weights, weighed) if clearly else (_without_weights, plain)
    better = after.sum() > before.sum()
    return replace(
        make(replies, usual_start) if better else UNCHANGED,
        replies=len(replies),
        before=float(before.mean()),
        after=float((after if better else before).mean()),
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


def _found(replies: _Replies, calibration: Calibration) -> Bools:
    """Of which replies the model finds the target."""
    found: Bools = _applied(replies, calibration).argmax(1) == replies.right
    return found


def _applied(replies: _Replies, calibration: Calibration) -> Floats:
    return calibration.applied(replies.scores, replies.values.transpose(1, 0, 2).reshape(len(ADJUSTED), -1))


def _without_weights(replies: _Replies, usual_start: float) -> Calibration:
    return Calibration(start=_start(replies.scores, usual_start))


def _with_weights(replies: _Replies, usual_start: float) -> Calibration:
    """The weights reorder the candidates; a start is as likely after them as before."""
    weights = Calibration(tuple(_adjustments(replies).tolist()))
    scores, level = _applied(replies, weights), 0.0
    while level < _FURTHEST and _mean_start(scores, level) < _mean_start(replies.scores, 0.0):
        level += 1 / GRID
    scores[:, SHORTLIST] += level
    return replace(weights, start=level + _start(scores, usual_start))


def _adjustments(replies: _Replies) -> Doubles:
    """Changes of the weights: the likeliest, where each is expected to be small (Newton's method)."""
    known = replies.chosen(replies.right < SHORTLIST)
    rows, right = np.arange(len(known)), known.right
    values = known.values.astype(np.float64)
    scores = known.scores[:, :SHORTLIST].astype(np.float64)
    weights = np.zeros(len(ADJUSTED))
    for _ in range(30):
        likely = np.exp(scores + np.einsum("a,rac->rc", weights, values) - scores.max(1, keepdims=True))
        likely /= likely.sum(1, keepdims=True)
        mean = np.einsum("rc,rac->ra", likely, values)
        gradient = (values[rows, :, right] - mean).sum(0) - weights / _SPREAD**2
        curvature = np.einsum("rc,rac,rbc->ab", likely, values, values) - mean.T @ mean
        change = np.linalg.solve(curvature + np.eye(len(weights)) / _SPREAD**2, gradient)
        weights += np.clip(change, -1, 1)
        if np.abs(change).max() < 1e-9:
            break
    return np.rint(weights * GRID) / GRID


def _start(scores: Floats, usual: float) -> float:
    """What the scores of hidden replies take from a start's score; at most 0."""
    change = -_LIFTED * len(scores) / (len(scores) + _HALF_TRUST)
    change = math.floor(change * GRID) / GRID
    while change > -_FURTHEST and _mean_start(scores, change) > usual * _TOLERATED:
        change -= 1 / GRID
    return change


def _mean_start(scores: Floats, change: float) -> float:
    """The mean probability of a start that these scores give."""
    changed = scores.copy()
    changed[:, SHORTLIST] += change
    return float(probabilities(changed)[:, SHORTLIST].mean()) / ONE
