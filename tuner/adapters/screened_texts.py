"""Texts to look through for secrets and details: of an export, of a dataset, of any file of lines, as streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tuner.adapters.bounded_json import BoundedJson
from tuner.adapters.export_message import read_message
from tuner.adapters.export_survey import BATCH, take


def texts_of_exports(paths: Iterable[Path]) -> Iterator[str]:
    """What messages of exports say; what is damaged is left out."""
    for path in paths:
        with closing(BoundedJson(path)) as stream:
            raw = stream.items("messages.item")
            while True:
                chunk, damage = take(raw, BATCH)
                yield from (message.content for message in map(read_message, chunk) if message)
                if damage or len(chunk) < BATCH:
                    break


def texts_of_file(path: Path) -> Iterator[str]:
    """The lines of a file; of a dataset's lines, every text in them."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield from _texts(_parsed(line)) if line.startswith("{") else (line.rstrip("\n"),)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
