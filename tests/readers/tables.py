"""Hugging Face `datasets`, which makes a table of the lines: what comes out must be what went in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.readers.reading import Reader, Refusals, in_short, lines, minor, since


def _same_rows(path: Path) -> Refusals:
    """Versions before 4.7 write out what a message has not got as null; templates are spared those."""
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        try:
            rows = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=cache)
        except datasets.exceptions.DatasetGenerationError as error:
            return {1: in_short(error.__cause__ or error)}
        return {
            number: "comes out changed"
            for (number, line), row in zip(lines(path), rows, strict=True)
            if _stripped(row) != _stripped(line) or row.get("tools") != line.get("tools")
        }


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(item) for key, item in value.items() if item is not None}
    return [*map(_stripped, value)] if isinstance(value, list) else value


READERS = (
    Reader("datasets", "datasets", ("trl", "portable", "plain"), _same_rows, fits=since(4, 7)),
    # Before, a list of tools gave each tool the others' parameters, as null: only a string keeps them apart.
    Reader(
        "datasets, old", "datasets", ("trl", "plain"), _same_rows, fits=lambda found: minor(found) < (4, 7)
    ),
)
