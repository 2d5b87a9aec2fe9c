"""Datasets that are built once for all tests of readers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.readers import made
from tests.readers.reading import Line, lines
from tuner.profiles import ExportProfile

MAKERS = {"sample": made.sample, "two tools": made.two_tools}


@pytest.fixture(scope="session")
def datasets_made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return {name: make(tmp_path_factory.mktemp("made")) for name, make in MAKERS.items()}


@pytest.fixture
def sample_lines(datasets_made: Mapping[str, Path]) -> Callable[[ExportProfile], list[Line]]:
    def of(profile: ExportProfile) -> list[Line]:
        return [line for path in made.files_of(datasets_made["sample"], profile) for _, line in lines(path)]

    return of
