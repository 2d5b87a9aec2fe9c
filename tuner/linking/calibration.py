"""What a server's native replies change in the link model.

They say which of the others' messages is answered. They say nothing of messages that answer none: whoever joins
everything finds what every one of them answers. So how likely a message is to start something stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.linking.arrays import Floats, Ints
from tuner.linking.features import PAIR
from tuner.linking.network import ONE, probabilities
from tuner.linking.structure import STRUCTURE

ADJUSTED = (*STRUCTURE, *PAIR)
"""The features whose weights are fitted."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Changes to the second look's scores. As made, it changes nothing."""

    adjustments: tuple[float, ...] = ()  # added to the weights of ADJUSTED
    start: float = 0.0  # added to the score of starting something new; no reply changes it
    replies: int = 0  # native replies that were hidden and predicted
    before: float = 0.0  # share of them whose conversation was found without calibration,
    after: float = 0.0  # and with one made from the other half
    others_before: float = 0.0  # the same two where a start is no answer: found among others' messages,
    others_after: float = 0.0  # which joining ever more messages makes no better

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

    def parts(self, scores: Floats, values: Floats) -> Ints:
        """Probabilities that such scores give, in parts of ONE: adjustments change no start's."""
        adjusted = self.applied(scores, values)
        if not self.adjustments:
            return probabilities(adjusted)
        starts = probabilities(np.concatenate([scores[:, :-1], adjusted[:, -1:]], 1))[:, -1:]
        return np.concatenate([probabilities(adjusted[:, :-1]) * (ONE - starts) // ONE, starts], 1)


UNCHANGED = Calibration()
