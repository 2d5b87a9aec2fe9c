"""Training the link model: the command, and that the same files give the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.annotated_chat import annotated
from tests.support.chat import OLDER_PROCESSOR
from tuner.linking.linker import Linker, Weights
from tuner.linking.network import Network
from tuner.linking.training.train import main
from tuner.models import Message


def trained(data: Path, out: Path, processor: dict[str, str]) -> bytes:
    environment = {**os.environ, **processor}
    command = [
        sys.executable,
        "-m",
        "tuner.linking.training",
        "--data",
        str(data),
        "--out",
        str(out),
        "--epochs",
        "3",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "written" in done.stderr
    return out.read_bytes()


def test_the_same_files_give_the_same_weights_on_an_older_processor(tmp_path: Path) -> None:
    data = annotated(tmp_path)
    one = trained(data, tmp_path / "one.json", {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"})
    two = trained(data, tmp_path / "two.json", {**OLDER_PROCESSOR, "PYTHONHASHSEED": "2"})
    assert one == two
    stored = json.loads(one)
    weights = Weights(
        *(Network.from_integers(stored[name]) for name in ("first", "second")),
        stored["caution"],
        stored["usual_start"],
    )
    assert 0 < weights.usual_start < 1
    linker = Linker(weights)
    assert linker.add(Message(1 << 40, 7, 1, "Ann", "hello")) == []
    assert [link.target for link in linker.finish()] == [None]


def test_a_folder_without_annotated_channels_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path) in error
    assert "Traceback" not in error
    assert not [*tmp_path.iterdir()]
