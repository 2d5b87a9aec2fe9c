"""Every line of every profile, through the code of those who read it. What is not installed is skipped."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.readers.everyone import READERS
from tests.readers.made import DATASETS, files_of
from tests.readers.reading import Reader
from tuner.profiles import ExportProfile

CASES = [(reader, profile) for reader in READERS for profile in reader.profiles]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize(("reader", "profile"), CASES, ids=[f"{r.name}-{p}" for r, p in CASES])
def test_every_line_is_accepted(
    reader: Reader, profile: ExportProfile, dataset: str, datasets_made: Mapping[str, Path]
) -> None:
    if not reader.version:
        pytest.skip(f"{reader.package} is not installed, or another version: pip install '.[trainers]'")
    for path in files_of(datasets_made[dataset], profile):
        assert reader.refusals(path) == {}
