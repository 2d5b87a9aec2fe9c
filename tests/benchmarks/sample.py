"""How well the embedded sample is told apart, against the conversations that a careful reader found in it.

    python -m tests.benchmarks.sample

Exit code 0: every floor is met, 1: one is not.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import chdir
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.report import table
from tests.support.annotated_sample import FLOORS, Annotation, annotations, exports, mixed, score
from tuner import config
from tuner.cli.main import main as tuner

MEASURES = ("purity", "parent*", "clean", "clean per 100 replies")
CONFIGURATION = Path(config.__file__).parents[1] / "sample" / "config.toml"


def built(folder: Path) -> Path:
    """The folder, with the sample's dataset and its conversations in it."""
    with chdir(folder):
        store = ["--config", str(CONFIGURATION), "--set", "store.path=data/sample/tuner.db"]
        for command in (["build-dataset", "--sample"], ["segment", *store, "--out", "conversations.jsonl"]):
            if code := tuner(command):
                raise SystemExit(f"{' '.join(command)} ended with {code}")
    return folder


def scores_of(folder: Path) -> dict[str, float]:
    """Percent: of the conversations as the benchmark counts them, and of the dataset's lines."""
    records = _lines(folder / "data/sample/finetune/records.jsonl")
    truth = usable()
    conversations: dict[str, list[list[str]]] = {name: [] for name in truth}
    for found in _lines(folder / "conversations.jsonl"):
        conversations[found["channel"]].append(found["messages"])
    fitting = len(records) - len(mixed(truth, records))
    return score(truth, conversations) | {"clean samples": 100 * fitting / len(records)}


def silences(seconds: float) -> dict[str, float]:
    """The same for the usual rule: a silence ends a conversation."""
    found: dict[str, list[list[str]]] = {}
    for export in exports():
        messages = export["messages"]
        parts = [[messages[0]["id"]]]
        for before, message in pairwise(messages):
            if (_time(message) - _time(before)).total_seconds() > seconds:
                parts.append([])
            parts[-1].append(message["id"])
        found[export["channel"]["name"]] = parts
    return score(usable(), found)


def usable() -> dict[str, Annotation]:
    """The annotation of what the people on the sample's list wrote."""
    people = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["dataset"]["allowed_users"]
    return {name: annotation.only(people) for name, annotation in annotations().items()}


def _time(message: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(message["timestamp"])


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="tuner-sample-") as name:
        ours = scores_of(built(Path(name)))
    systems = {"ours": ours, **{f"silence > {s} s": silences(s) for s in (60, 180, 600)}}
    rows = [[name, *(f"{scores[m]:.1f}" for m in MEASURES)] for name, scores in systems.items()]
    print(table([["conversations from", *MEASURES], *rows]))
    print(f"\nLines of the dataset that fit: {ours['clean samples']:.1f} %")
    unmet = [f"{name} ≥ {floor:g}" for name, floor in FLOORS.items() if ours[name] < floor]
    print(f"Not met: {', '.join(unmet)}" if unmet else "Every floor is met.")
    return int(bool(unmet))


if __name__ == "__main__":
    sys.exit(main())
