"""What is ordered: which files, which model, how it is to be learned. Two of one identity would do the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from tuner.config.settings import Training
from tuner.training.providers import Place


@dataclass(frozen=True, slots=True)
class DataFile:
    """A dataset file as it was checked. `exact` says whether its tokens were counted, and not estimated."""

    path: str
    sha256: str
    size: int  # bytes
    lines: int
    tokens: int
    exact: bool = True

    @property
    def name(self) -> str:
        """What it is called at the provider's: the same content has the same name, so that it is found again."""
        return uploaded_name(self.sha256)


def uploaded_name(sha256: str) -> str:
    return f"tuner-{sha256[:32]}.jsonl"


@dataclass(frozen=True, slots=True)
class Learning:
    """Hyperparameters; None leaves one to the provider."""

    epochs: int | None = None
    multiplier: float | None = None  # of the provider's learning rate
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One job, as it is to be."""

    place: Place
    model: str
    train: DataFile
    valid: DataFile | None
    suffix: str
    learning: Learning
    azure_training_type: str = ""

    @property
    def files(self) -> tuple[DataFile, ...]:
        return (self.train, *([self.valid] if self.valid else ()))

    @property
    def identity(self) -> str:
        """The same for two orders that would train the same model in the same way."""
        what = [
            self.place.provider,
            self.place.base_url,
            self.place.account,
            self.model,
            [file.sha256 for file in self.files],
            self.suffix,
            [self.learning.epochs, self.learning.multiplier, self.learning.rate],
            self.azure_training_type,
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def order_of(training: Training, place: Place, train: DataFile, valid: DataFile | None) -> Order:
    """The order that the settings make of a dataset."""
    return Order(
        place,
        training.model,
        train,
        valid,
        training.suffix,
        Learning(training.epochs, training.learning_rate_multiplier, training.learning_rate),
        training.azure_training_type if training.provider == "azure" else "",
    )


def marked(suffix: str, mark: str) -> str:
    """The suffix that the provider is given: by its mark a job is found again whose number was lost."""
    return f"{suffix}-{mark}"
