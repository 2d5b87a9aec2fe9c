"""How well conversations are told apart, on annotated chat. Runs where $SEGBENCH_DATA names the benchmark."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tuner.cli import main

BENCHMARK = os.environ.get("SEGBENCH_DATA", "")
needs_benchmark = pytest.mark.skipif(
    not BENCHMARK or find_spec("numpy") is None or find_spec("scipy") is None,
    reason="needs $SEGBENCH_DATA, numpy and scipy",
)


def segbench(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "segbench", *arguments],
        cwd=BENCHMARK,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@needs_benchmark
def test_conversations_of_the_dev_split(tmp_path: Path) -> None:
    exports, out = tmp_path / "exports", tmp_path / "conversations.jsonl"
    segbench("export", str(exports), "--split", "dev")
    assert main(["segment", "--from-export", str(exports), "--out", str(out)]) == 0
    head, _, scores = (
        line.split("|")[1:-1] for line in segbench("score", str(out), "--split", "dev").splitlines()
    )
    of = {name.strip(): value for name, value in zip(head, scores, strict=True)}
    assert float(of["purity"]) >= 50
    assert float(of["parent*"]) >= 85
