"""A small ranker of replies: averaged embeddings of hashed words, a bilinear score, trained by Adam; numpy and scipy.

Small enough to train in a minute, so that what it learns from differs by the samples and by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

BUCKETS, WIDTH = 1 << 15, 64
DECAY = 0.8  # how much less a message of the context weighs than the one after it
BATCH, EPOCHS, RATE = 64, 3, 2e-3
SHARPNESS = 8.0  # scores are between -1 and 1 before training

Array = Any
_WORD = re.compile(r"\w+(?:'\w+)?")


@dataclass(frozen=True, slots=True)
class Pair:
    """A reply and what was said before it, oldest first."""

    context: tuple[str, ...]
    reply: str


def tokens(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


class Words:
    """Texts as weighted bags of hashed words: the rarer a word in some texts, the more it weighs."""

    def __init__(self, texts: Sequence[str]) -> None:
        found = np.zeros(BUCKETS)
        for text in texts:
            found[list({_bucket(word) for word in tokens(text)})] += 1
        self._weights = np.log((1 + len(texts)) / (1 + found))

    def contexts(self, pairs: Sequence[Pair]) -> Array:
        return self._rows(
            [[(text, DECAY**age) for age, text in enumerate(reversed(pair.context))] for pair in pairs]
        )

    def replies(self, texts: Sequence[str]) -> Array:
        return self._rows([[(text, 1.0)] for text in texts])

    def _rows(self, bags: Sequence[Sequence[tuple[str, float]]]) -> Array:
        """One sparse row of length 1 for each bag of texts."""
        from scipy.sparse import csr_matrix

        rows, columns, values = [], [], []
        for row, bag in enumerate(bags):
            for text, share in bag:
                for word in tokens(text):
                    bucket = _bucket(word)
                    rows.append(row)
                    columns.append(bucket)
                    values.append(share * self._weights[bucket])
        matrix = csr_matrix((values, (rows, columns)), shape=(len(bags), BUCKETS))
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        return matrix.multiply(1 / np.maximum(lengths, 1e-9)[:, None]).tocsr()


class Ranker:
    """Scores replies to contexts. Untrained, it counts the words that they share."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        words = self._random.normal(0, WIDTH**-0.5, (BUCKETS, WIDTH))
        self._parameters = [words, np.eye(WIDTH)]
        self._means = [np.zeros_like(p) for p in self._parameters]
        self._squares = [np.zeros_like(p) for p in self._parameters]
        self._steps = 0

    def train(self, contexts: Array, replies: Array) -> None:
        """Learn to tell each context's reply from those of the others in its batch."""
        for _ in range(EPOCHS):
            order = self._random.permutation(contexts.shape[0])
            for start in range(0, len(order) - BATCH + 1, BATCH):
                chosen = order[start : start + BATCH]
                self._step(contexts[chosen], replies[chosen])

    def scores(self, contexts: Array, replies: Array) -> Array:
        """Of the reply in each row to the context in the same row."""
        words, bilinear = self._parameters
        return np.sum((contexts @ words) @ bilinear * (replies @ words), axis=1)

    def _step(self, contexts: Array, replies: Array) -> None:
        words, bilinear = self._parameters
        before, after = contexts @ words, replies @ words
        scores = SHARPNESS * (before @ bilinear @ after.T)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        slope = SHARPNESS * (likely - np.eye(len(likely))) / len(likely)
        met = np.unique(np.concatenate([contexts.indices, replies.indices]))
        to_words = contexts[:, met].T @ (slope @ after @ bilinear.T) + replies[:, met].T @ (
            slope.T @ before @ bilinear
        )
        self._steps += 1
        self._adjust(0, met, np.asarray(to_words))
        self._adjust(1, slice(None), before.T @ slope @ after)

    def _adjust(self, which: int, rows: Array, slope: Array) -> None:
        """One step of Adam, of the rows that a batch touches."""
        mean, square = self._means[which], self._squares[which]
        mean[rows] += 0.1 * (slope - mean[rows])
        square[rows] += 0.001 * (slope * slope - square[rows])
        rate = RATE * (1 - 0.999**self._steps) ** 0.5 / (1 - 0.9**self._steps)
        self._parameters[which][rows] -= rate * mean[rows] / (np.sqrt(square[rows]) + 1e-8)


def _bucket(word: str) -> int:
    return crc32(word.encode()) % BUCKETS
