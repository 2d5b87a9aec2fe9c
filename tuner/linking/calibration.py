"""What a server's native replies change in the link model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.linking.arrays import Floats
from tuner.linking.features import PAIR
from tuner.linking.structure import STRUCTURE

ADJUSTED = (
    "same author", "just before", "distance", "time in the channel's rhythm", "longest silence between",
    "changes of speaker between", "word overlap", "newest of its conversation", "in own last's conversation",
    "speaker is in conversation", "answered", "starts its conversation",
)  # fmt: skip
"""The features whose weights are fitted."""
_ROWS = [(*STRUCTURE, *PAIR).index(name) for name in ADJUSTED]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Changes to the second look's scores. As made, it changes nothing."""

    adjustments: tuple[float, ...] = ()  # added to the weights of ADJUSTED
    start: float = 0.0  # added to the score of starting something new
    replies: int = 0  # native replies that were hidden and predicted
    before: float = 0.0  # share of them whose target was found without calibration,
    after: float = 0.0  # and with one made from the other half

    def applied(self, scores: Floats, values: Floats) -> Floats:
        """Scores as this server has them: of the shortlist and, in the last column, of a start.

        `values`: the features ADJUSTED, [len(ADJUSTED), messages * shortlist].
        """
        if not self.adjustments and not self.start:
            return scores
        adjusted = scores.copy()
        adjusted[:, -1] += self.start
        if self.adjustments:
            weights = np.array(self.adjustments, dtype=np.float32)
            adjusted[:, :-1] += (weights @ values).reshape(len(scores), -1)
        return adjusted


def adjustable(values: Floats) -> Floats:
    """The rows of the second look's features that are ADJUSTED."""
    return values[_ROWS]


UNCHANGED = Calibration()
