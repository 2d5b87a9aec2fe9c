"""How well conversations are told apart, on annotated chat. Runs where $SEGBENCH_DATA names the benchmark."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tuner.cli.main import main

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
@pytest.mark.parametrize(
    ("how", "floors"),
    [
        pytest.param([], {"purity": 90, "parent*": 90, "clean": 85}, id="names visible"),
        pytest.param(
            ["--hide-names", "--replies", "20", "--seed", "0"],
            {"purity": 72, "parent*": 74, "clean": 54},
            id="names hidden, a fifth are native replies",
        ),
    ],
)
def test_conversations_of_the_dev_split(tmp_path: Path, how: list[str], floors: dict[str, float]) -> None:
    exports, out = tmp_path / "exports", tmp_path / "conversations.jsonl"
    segbench("export", str(exports), "--split", "dev", *how)
    assert main(["segment", "--from-export", str(exports), "--out", str(out)]) == 0
    head, _, scores = (
        line.split("|")[1:-1] for line in segbench("score", str(out), "--split", "dev").splitlines()
    )
    of = {name.strip(): value for name, value in zip(head, scores, strict=True)}
    assert {name: of[name] for name, floor in floors.items() if float(of[name]) < floor} == {}
