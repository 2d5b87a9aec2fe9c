"""The two small networks that score links, and arithmetic that gives the same result on every machine.

Inputs are multiples of 1/GRID and weights of 1/WEIGHT_GRID, small enough that every sum of products is exact
in 32-bit floats, in whatever order a machine adds. Exponentials come from a table of integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from tuner.linking.arrays import Floats, Ints
from tuner.linking.features import GRID

WEIGHT_GRID = 256
TOP = 64.0  # an activation is no larger
_AT_ONCE = 128  # messages whose hidden units fit into a processor's cache
_PARTS = np.float32(
    GRID
)  # in parts of the grid: hidden units are counted so, which spares scaling them twice
_EXACT = 2.0**24 / (GRID * WEIGHT_GRID)  # sums stay below this
ONE = 1024  # probabilities are counted in these parts
STEPS = 64  # parts of a score that the exponential's table tells apart
_WEIGHTS_OF_GAP = np.array([round(math.exp(-k / STEPS) * 2**20) for k in range(16 * STEPS)], dtype=np.float64)
_LOGS = np.array(
    [round(math.log(p / ONE + 1e-3) / 3 * GRID) / GRID for p in range(ONE + 1)], dtype=np.float32
)


@dataclass(frozen=True, slots=True)
class Network:
    """Scores of pairs and of "starts something new".

    A pair's score is `direct·xp + output · relu(query·xq + candidate·xc + pair·xp + bias)`, a start's
    `start_output · relu(start·xq + start_bias)`. H hidden units for pairs, N for starts.
    """

    query: Floats  # [features of the message that answers, H]
    candidate: Floats  # [features of the message answered, H]
    pair: Floats  # [features of the pair, H]
    bias: Floats  # [H]
    output: Floats  # [H]
    direct: Floats  # [features of the pair]
    start: Floats  # [features of the message, N]
    start_bias: Floats  # [N]
    start_output: Floats  # [N]

    @classmethod
    def from_integers(cls, stored: Mapping[str, object]) -> Network:
        """From the integers of a weights file: multiples of 1/WEIGHT_GRID."""
        network = cls(
            *(np.array(stored[f.name], dtype=np.float32) / np.float32(WEIGHT_GRID) for f in fields(cls))
        )
        network.check()
        return network

    @classmethod
    def silent(cls, messages: int, candidates: int, pairs: int) -> Network:
        """Every score is 0, for so many features of each kind."""
        zeros = [
            np.zeros(shape, np.float32) for shape in ((messages, 1), (candidates, 1), (pairs, 1), 1, 1, pairs)
        ]
        return cls(*zeros, *(np.zeros(shape, np.float32) for shape in ((messages, 1), 1, 1)))

    def to_integers(self) -> dict[str, object]:
        return {
            f.name: np.rint(getattr(self, f.name) * WEIGHT_GRID).astype(int).tolist() for f in fields(self)
        }

    def check(self) -> None:
        """Raise ValueError where a sum could leave what 32-bit floats hold exactly."""
        largest = 4.0  # of an input
        inside = (
            np.abs(self.query).sum(0) + np.abs(self.candidate).sum(0) + np.abs(self.pair).sum(0)
        ) * largest
        sums = [inside + np.abs(self.bias), np.abs(self.start).sum(0) * largest + np.abs(self.start_bias)]
        sums += [np.abs(self.output).sum() * TOP + np.abs(self.direct).sum() * largest]
        sums += [np.abs(self.start_output).sum() * TOP]
        if max(float(np.max(s)) for s in sums) >= _EXACT:
            raise ValueError("the link model's weights are too large for exact sums")

    def pairs(self, query: Floats, candidate: Floats, index: Ints, pair: Floats) -> Floats:
        """Scores of pairs, [queries, candidates of each].

        `query` and `candidate`: halves made by `halves`; `index`: rows of `candidate`, [queries, candidates of
        each]; `pair`: [features, pairs].
        """
        count, wide = index.shape
        weights, output = self.pair * _PARTS, self.output / _PARTS
        scores = np.empty(count * wide, dtype=np.float32)
        for start in range(0, count, _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            part = slice(start * wide, (start + _AT_ONCE) * wide)
            hidden = pair[:, part].T @ weights
            hidden += candidate.take(index[rows].ravel(), axis=0)
            by_query = hidden.reshape(-1, wide, hidden.shape[1])
            by_query += query[rows, None]
            scores[part] = activated(hidden) @ output
        scores += self.direct @ pair
        return scores.reshape(count, wide)

    def halves(self, messages: Floats, candidates: Floats) -> tuple[Floats, Floats]:
        """What a message brings into its pairs, as the one that answers and as the one answered: [messages, H].

        In parts of the grid.
        """
        query, bias, candidate = (weights * _PARTS for weights in (self.query, self.bias, self.candidate))
        return messages @ query + bias, candidates @ candidate

    def starts(self, messages: Floats) -> Floats:
        """Scores of starting something new, [messages]."""
        hidden = messages @ (self.start * _PARTS) + self.start_bias * _PARTS
        return activated(hidden) @ (self.start_output / _PARTS)


def activated(hidden: Floats) -> Floats:
    """Rectified, bounded and put back on the grid, in place; all in parts of the grid."""
    np.clip(hidden, 0, TOP * GRID, out=hidden)
    return np.floor(hidden, out=hidden)


def probabilities(scores: Floats) -> Ints:
    """Softmax along the last axis, in parts of ONE, rounded down."""
    gaps = (scores.max(-1, keepdims=True) - scores) * STEPS
    weights = _WEIGHTS_OF_GAP[np.minimum(gaps, len(_WEIGHTS_OF_GAP) - 1).astype(np.int64)]
    return np.asarray(np.floor(weights / weights.sum(-1, keepdims=True) * ONE), dtype=np.int64)


def logs(parts: Ints) -> Floats:
    """A third of the natural logarithm of probabilities in parts of ONE, on the grid."""
    return _LOGS[np.clip(parts, 0, ONE)]
