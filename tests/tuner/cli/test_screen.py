"""`screen`: what the rules find, masked."""

import json
from pathlib import Path

import pytest

from tests.support.export_files import at, person, said, write
from tuner.cli.main import main

TOKEN = "sk-proj-abcd1234efgh5678ijkl"
ANN = person(101, "Ann")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["screen", *arguments]) == code
    told = capsys.readouterr()
    return told.out if code == 0 else told.err


def test_examples_are_masked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"the key is {TOKEN} ok", "write to jane.doe@example.com", "hi"]
    lines += ["call +49 170 1234567 or jane.doe@example.com"]
    (folder / "chat.txt").write_text("\n".join(lines))
    out = shown(capsys, "chat.txt")
    assert "e-mail: 2 times" in out and "secret: 1 time\n" in out and "phone: 1 time\n" in out
    assert "write to ja••••••••••••om" in out
    assert not any(value in out for value in (TOKEN, "jane.doe", "1234567"))
    assert out.endswith("4 texts looked through, 4 finds.\n")


def test_exports_are_looked_through(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        folder / "in.json", [said(at(n), ANN, text) for n, text in enumerate(("hello", "jane@example.com"))]
    )
    out = shown(capsys, "--from-export", "in.json")
    assert "e-mail: 1 time\n" in out and out.endswith("2 texts looked through, 1 find.\n")


def test_every_text_of_a_dataset_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"messages": [{"role": "user", "content": "at 203.0.113.77\nsays Ann"}], "n": 1}
    (folder / "records.jsonl").write_text(json.dumps(line) + "\n{broken 203.0.113.78\n")
    assert "IP address: 2 times" in shown(capsys, "records.jsonl")


def test_the_configuration_says_what_is_looked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "chat.txt").write_text(f"{TOKEN} jane@example.com")
    assert "e-mail" not in shown(capsys, "chat.txt", "--set", "screen.details=[]")
    off = ("--set", "screen.details=[]", "--set", "screen.secrets=false")
    assert "every rule off" in shown(capsys, "chat.txt", *off, code=2)


@pytest.mark.parametrize("arguments", [(), ("a.txt", "--from-export", "b.json")])
def test_one_of_the_two_is_named(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "one of them" in shown(capsys, *arguments, code=2)


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.txt cannot be used" in shown(capsys, "nowhere.txt", code=1)
