"""How well conversations are told apart, on annotated chat. Runs where $SEGBENCH_DATA names the benchmark."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks import annotated
from tests.benchmarks.conversation_archive import conversations, store_channels
from tests.support.linked import fitted_at_any_price
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.cli.main import main
from tuner.linking.conversations import Linking
from tuner.linking.linker import Weights

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
        pytest.param([], {"purity": 93, "parent*": 91, "clean": 89}, id="names visible"),
        pytest.param(
            ["--hide-names", "--replies", "20", "--seed", "0"],
            {"purity": 80, "parent*": 77, "clean": 68},
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


@needs_benchmark
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of segbench
async def test_replies_to_fit_to_join_no_more_than_before(tmp_path: Path) -> None:
    """Whatever is made of them: the check that hidden ones are then found is left out."""
    channels = annotated.load("dev", hide_names=True)[:4]
    await store_channels(tmp_path / "tuner.db", channels)
    async with open_store(tmp_path / "tuner.db") as store:
        history = History(store)
        stored = [channel.id for channel in await history.channels()]
        read = [[m async for batch in history.messages(i) for m in batch] for i in stored]
        weights = Weights.shipped()
        plain, fitted = Linking(weights), Linking(weights, fitted_at_any_price(read))
        assert any(fitted.calibration.adjustments)
        before, after = [await sizes(history, stored, linking) for linking in (plain, fitted)]
    assert typical(after) <= 1.15 * typical(before)
    assert sum(size == 1 for size in after) >= 0.85 * sum(size == 1 for size in before)


async def sizes(history: History, channel_ids: Sequence[int], linking: Linking) -> list[int]:
    return [len(c.messages) for i in channel_ids async for c in conversations(history, i, linking)]


def typical(found: Sequence[int]) -> float:
    """How many messages stand in a message's conversation, on average."""
    return sum(size**2 for size in found) / sum(found)
