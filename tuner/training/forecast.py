"""What a job will cost, as far as it is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tuner.config.settings import TrainingPrice
from tuner.training.orders import Order

USUAL_EPOCHS = 3  # what providers often choose by themselves; an example, where nobody said


@dataclass(frozen=True, slots=True)
class Forecast:
    """Dollars; None where that is not known. `tokens` are those of one epoch, evaluations left out.

    `evaluated` are the tokens that a provider bills for looking at the validation file.
    """

    tokens: int
    exact: bool
    epochs: int | None
    evaluated: int = 0
    per_million: float | None = None
    hosting: float | None = None
    read: date | None = None

    @property
    def per_epoch(self) -> float | None:
        return None if self.per_million is None else self._priced(self.tokens)

    @property
    def total(self) -> float | None:
        """None as well where nobody says how many epochs it will be."""
        if self.per_million is None or self.epochs is None:
            return None
        return self.of(self.epochs)

    def of(self, epochs: int) -> float:
        """What so many epochs cost."""
        return self._priced(epochs * (self.tokens + self.evaluated))

    def spent(self, trained: int) -> float | None:
        """What training on so many tokens costs, all epochs counted."""
        return None if self.per_million is None else self._priced(trained)

    def _priced(self, tokens: int) -> float:
        return tokens * (self.per_million or 0.0) / 1_000_000


def forecast(order: Order, price: TrainingPrice | None) -> Forecast:
    """What an order will cost at this price, None for an unknown one."""
    evaluated = order.valid.tokens if order.valid and order.place.provider == "together" else 0
    return Forecast(
        tokens=order.train.tokens,
        exact=order.train.exact,
        epochs=order.learning.epochs,
        evaluated=evaluated,
        per_million=price.tokens if price else None,
        hosting=price.hosting if price else None,
        read=price.read if price else None,
    )
