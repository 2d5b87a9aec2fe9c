"""The same talks give the same samples and the same tool calls in any language."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import write_exports
from tests.support.translations import CALLS, TALKS, server_in
from tuner.cli.main import main


def built(folder: Path, language: str) -> list[dict[str, Any]]:
    exports = write_exports(folder / "exports", {"general": server_in(language)})
    out = folder / "records.jsonl"
    options = (
        "--output",
        str(out),
        "--set",
        f"store.path={folder / 'tuner.db'}",
        "--set",
        f"dataset.stats_path={folder / 'stats.json'}",
    )
    assert main(["build-dataset", "--from-export", str(exports), *options]) == 0
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("language", TALKS)
def test_any_language_gives_the_samples_and_the_calls_of_english(tmp_path: Path, language: str) -> None:
    records = built(tmp_path, language)
    answers = [talk[-1] for talk in TALKS[language]]
    assert [record["messages"][-1]["content"] for record in records] == answers
    found = {}
    for number, record in enumerate(records):
        for message in record["messages"]:
            if message["role"] == "tool":
                found[number] = message["content"]
    assert list(found) == [4, 5]
    assert len(found) == CALLS
    assert TALKS[language][0][3] in found[4]
    assert TALKS[language][3][1] in found[5]
    told = json.loads((tmp_path / "stats.json").read_text())["languages"]
    assert told["samples"] == {told_as(language, told["by"]): 8}


def told_as(language: str, by: str) -> str:
    scripts = {
        "zh": "Chinese",
        "ja": "Japanese",
        "ko": "Hangul",
        "th": "Thai",
        "ar": "Arabic",
        "ru": "Cyrillic",
    }
    return language if by == "language" else {**scripts, "hi": "Devanagari"}.get(language, "Latin")
