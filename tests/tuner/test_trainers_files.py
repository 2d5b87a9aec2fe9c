"""The files for trainers, built from the sample in one go: each is taken by its checks, and the same talk is in all."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.main import main
from tuner.profiles import EXPORT_PROFILES, ExportProfile

FOLDER = Path("data/sample/finetune")


def build(folder: Path, *options: str) -> Path:
    """Build the sample's dataset below a folder; where its files are."""
    with chdir(folder):
        assert main(["build-dataset", "--sample", *options]) == 0
    return folder / FOLDER


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8-sig").splitlines()]


def answers(found: list[dict[str, Any]]) -> list[str]:
    """What is learned, in whatever shape."""
    own = [m for line in found for m in line["messages"] if m["role"] == "assistant" and m.get("weight") != 0]
    return sorted(m["content"] for m in own if m["content"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(
        tmp_path_factory.mktemp("profiles"), "--profile", *EXPORT_PROFILES, "--set", "export.bom=true"
    )


@pytest.mark.parametrize("profile", EXPORT_PROFILES)
def test_every_profile_is_valid_and_complete(
    files: Path, profile: ExportProfile, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {part: files / f"records.{profile}.{part}.jsonl" for part in ("train", "valid")}
    for path in parts.values():
        assert main(["validate", str(path)]) == 0
        assert f"valid as {profile}" in capsys.readouterr().out
    found = [line for path in parts.values() for line in lines(path)]
    records = lines(files / "records.jsonl")
    assert len(found) == len(records)
    if profile != "plain":
        assert sum("tool_calls" in m for line in found for m in line["messages"]) == sum(
            r["metadata"]["synthetic_tool_calls"] for r in records
        )
    assert answers(found) == answers(records)


def test_openai_alone_begins_with_a_byte_order_mark_when_that_is_wanted(files: Path) -> None:
    marked = {path.name for path in files.glob("*.jsonl") if path.read_bytes().startswith(b"\xef\xbb\xbf")}
    assert marked == {"records.openai.train.jsonl", "records.openai.valid.jsonl"}


def test_no_conversation_is_on_both_sides_and_the_newest_are_held_out(files: Path) -> None:
    records = lines(files / "records.jsonl")
    held = lines(files / "records.plain.valid.jsonl")
    assert 0 < len(held) <= len(records) / 10
    stats = json.loads((files / "stats.json").read_text("utf-8"))
    assert stats["split"] == {"train": len(records) - len(held), "valid": len(held), "kept_back": 0}


def test_the_page_about_it(files: Path) -> None:
    page = (files / "records.md").read_text("utf-8")
    assert page.startswith("# records.jsonl\n")
    for profile in EXPORT_PROFILES:
        assert f"`records.{profile}.train.jsonl` and `records.{profile}.valid.jsonl`" in page


def test_the_best_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = build(tmp_path, "--max-samples", "12", "--set", "dataset.order=best")
    said = capsys.readouterr().out
    assert "others are better" in said
    channels = {line["metadata"]["channel_id"] for line in lines(best / "records.jsonl")}
    assert len(channels) > 2
    first = (best / "records.jsonl").read_bytes()
    build(tmp_path, "--max-samples", "12", "--set", "dataset.order=best")
    assert (best / "records.jsonl").read_bytes() == first


def test_a_sample_is_no_longer_than_the_trainer_takes(tmp_path: Path) -> None:
    files = build(tmp_path, "--set", "dataset.max_tokens=512", "--profile", "trl")
    stats = json.loads((files / "stats.json").read_text("utf-8"))
    dropped = stats["stages"]["export"]["dropped"]
    assert set(dropped) <= {"longer than dataset.max_tokens"}
    assert sum(dropped.values()) < 3


def test_what_an_older_version_wrote_for_upload_goes_and_anybody_elses_file_stays(tmp_path: Path) -> None:
    files = build(tmp_path, "--profile", "openai,trl")
    train = (files / "records.openai.train.jsonl").read_bytes()
    (files / "records.openai.jsonl").write_bytes(train)  # as a run of this archive made it
    (files / "records.trl.jsonl").write_bytes(b"mine\n")
    build(tmp_path, "--profile", "openai,trl", "--max-samples", "40")
    assert not (files / "records.openai.jsonl").exists()
    assert (files / "records.trl.jsonl").read_bytes() == b"mine\n"
