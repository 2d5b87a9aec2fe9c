"""What stands beside a dataset: every line's messages and people, and each file's digest."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.export_files import at, person, said, write
from tuner.adapters.dataset_files import manifest_path, part_path
from tuner.adapters.dataset_sweep import read_manifest
from tuner.cli.main import main
from tuner.dataset.manifest import Manifest, decode, encode

ANN, BEN, OZ = person(101, "Ann"), person(102, "Ben"), person(201, "Oz")
RECORDS = Path("data/finetune/records.jsonl")


def talk(count: int = 30) -> list[dict[str, object]]:
    """Ben answers Ann, and the last answer leans on what Oz once told."""
    told = [said(at(0), OZ, "The zanzibarquartz kettle stands behind the green cupboard, ask the caretaker.")]
    for i in range(1, count):
        start = i * 43200
        told += [
            said(
                at(start),
                ANN,
                f"is the shop open on day {i}{', <@201>' if i == 5 else ''}?",
                mentions=[OZ] if i == 5 else [],
            ),
            said(at(start + 5), BEN, f"it is open on day {i}", reply_to=at(start)),
        ]
    start = count * 43200
    return [
        *told,
        said(at(start), ANN, "Do you remember what Oz said about the zanzibarquartz kettle?"),
        said(
            at(start + 5), BEN, "It stands behind the green cupboard, ask the caretaker.", reply_to=at(start)
        ),
    ]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "export.json", talk())
    return tmp_path


def build(*options: str) -> Manifest:
    assert main(["build-dataset", "--from-export", "export.json", *options]) == 0
    manifest = read_manifest(RECORDS)
    assert manifest
    return manifest


def test_it_names_every_file_with_its_lines() -> None:
    manifest = build()
    assert {part.name for part in manifest.parts} == {
        "records", "openai.train", "openai.valid", "trl.train", "trl.valid",
    }  # fmt: skip
    for part in manifest.parts:
        content = part_path(RECORDS, part.name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (part.sha256, part.size)
        assert content.count(b"\n") == len(part.samples)
    records = manifest.parts[0]
    for number, raw in zip(records.samples, RECORDS.read_text("utf-8").splitlines(), strict=True):
        line, about = manifest.samples[number], json.loads(raw)["metadata"]
        assert set(map(int, about["message_ids"])) <= line.messages.keys()
        assert line.persona == about["assistant_user_id"]
    held = {n for part in manifest.parts if part.name.endswith("valid") for n in part.samples}
    trained = {n for part in manifest.parts if part.name.endswith("train") for n in part.samples}
    assert held | trained == set(records.samples)
    assert not held & trained


def test_who_is_quoted_or_mentioned_is_among_its_people() -> None:
    manifest = build()
    calls = [
        json.loads(raw)["metadata"]["synthetic_tool_calls"] for raw in RECORDS.read_text("utf-8").splitlines()
    ]
    lines = [manifest.samples[number] for number in manifest.parts[0].samples]
    assert sum(calls) == 1
    quoting = lines[calls.index(1)]
    assert at(0) in quoting.messages and 201 in quoting.people
    [mentioning] = [line for line in lines if at(5 * 43200) in line.messages]
    assert 201 in mentioning.people and at(0) not in mentioning.messages
    assert quoting.speakers == mentioning.speakers == {101, 102}


def test_nobodys_words_are_in_it() -> None:
    build("--allowed-users", "101,102,201")
    text = manifest_path(RECORDS).read_text("utf-8")
    assert "open" not in text.replace("openai", "")
    assert "kettle" not in text


def test_it_goes_with_its_dataset_to_another_name(folder: Path) -> None:
    first = build()
    write(folder / "export.json", talk(34))
    second = build()
    assert (first.run, second.run) == (1, 2)
    assert read_manifest(RECORDS.with_name("records.run-1.jsonl")) == first
    assert first.settings == second.settings
    third = build("--max-samples", "20")
    assert third.settings != second.settings


def test_a_dry_run_leaves_none() -> None:
    assert main(["build-dataset", "--from-export", "export.json", "--dry-run"]) == 0
    assert not manifest_path(RECORDS).exists()


def test_somebody_elses_file_of_that_name_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    manifest_path(RECORDS).parent.mkdir(parents=True)
    manifest_path(RECORDS).write_text("mine")
    assert main(["build-dataset", "--from-export", "export.json"]) == 2
    assert "records.manifest.json was not written by a build" in capsys.readouterr().err
    assert manifest_path(RECORDS).read_text() == "mine"


def test_what_is_no_manifest_is_none() -> None:
    manifest = build()
    assert decode(encode(manifest)) == manifest
    for text in (
        b"",
        b"[]",
        b"{}",
        b'{"format": 1}',
        b"\xff",
        encode(manifest).replace(b'"format": 1', b'"format": 2'),
    ):
        assert decode(text) is None
