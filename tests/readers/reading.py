"""What a reader of dataset files is here: code of somebody else's that says which lines of a file it refuses."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tuner.profiles import ExportProfile

Line = dict[str, Any]
Refusals = dict[int, str]
"""Why, by the number of the line; 1 for the first."""


@dataclass(frozen=True, slots=True)
class Reader:
    """`refusals` runs the package's own code; nothing of it is repeated here."""

    name: str
    package: str  # as pip knows it
    profiles: tuple[ExportProfile, ...]
    refusals: Callable[[Path], Refusals]
    needs: tuple[str, ...] = ()  # modules that the package can be installed without
    fits: Callable[[str], bool] = lambda found: True  # whether this version is meant

    @property
    def version(self) -> str:
        """Empty where it is not installed, or cannot be used."""
        try:
            found = version(self.package)
            for module in self.needs:
                importlib.import_module(module)
        except (PackageNotFoundError, ImportError):
            return ""
        return found if self.fits(found) else ""


def lines(path: Path) -> Iterator[tuple[int, Line]]:
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            yield number, json.loads(text)


def in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def since(*least: int) -> Callable[[str], bool]:
    """Versions from this one on."""
    return lambda found: minor(found) >= least


def minor(found: str) -> tuple[int, ...]:
    return tuple(map(int, found.split(".")[:2]))
