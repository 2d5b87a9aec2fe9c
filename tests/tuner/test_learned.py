"""Who is learned, and how people are told."""

import json
from pathlib import Path

import pytest

from bot import embeds
from tests.support.exports import Said, user_id, write_exports
from tuner.cli.console import summary
from tuner.cli.main import main
from tuner.learned import Learned, in_words
from tuner.progress import Tally


def learned(*answers: int) -> Learned:
    found = Learned()
    for number, count in enumerate(answers, 1):
        found.add(number, f"Person {number}", count)
    return found


def test_those_of_whom_most_is_learned_come_first() -> None:
    report = learned(1, 5, 2).report(named=True)
    assert (report["people"], report["answers"], report["personas_named"]) == (3, 8, True)
    assert [(one["user_id"], one["answers"], one["share"]) for one in report["most"]] == [
        (2, 5, 0.625),
        (3, 2, 0.25),
        (1, 1, 0.125),
    ]
    assert in_words(report) == [
        "whose answers are learned, of 8 answers: Person 2 62% (5), Person 3 25% (2), Person 1 12% (1)"
    ]


def test_where_nobody_was_named_the_summary_says_what_to_set() -> None:
    first, advice = in_words(learned(*range(1, 8)).report(named=False))
    assert first.endswith("Person 3 11% (3), and 2 others")
    assert 'Person 7 alone, set dataset.personas = ["7"]' in advice
    assert len(in_words(learned(3).report(named=False))) == 1  # there is nobody else to be
    assert in_words(Learned().report(named=False)) == []


def test_names_are_inert_in_discord() -> None:
    found = Learned()
    found.add(5, "[free](https://x.example) @everyone", 2)
    counts = {"run": 1, "dry_run": False, **Tally().final_counts(), "learned": found.report(named=True)}
    [field] = [f for f in embeds.run_embed(1, "finished", counts).fields if f.name == "Learned from"]
    assert "\\[free\\]" in str(field.value)
    assert "@everyone" not in str(field.value)


def test_a_build_says_whose_answers_it_teaches_and_keeps_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    talk = [
        Said("Zora", "where does the spare key hang?", 600),
        Said("Quentinella", "in the shed behind the door", 1, 0),
        Said("Zora", "thank you so much!", 1, 1),
    ]
    write_exports(tmp_path / "e", {"keys": talk})
    build = ["build-dataset", "--from-export", "e", "--output", "r.jsonl", "--stats-file", "s.json"]
    assert main([*build, "--set", "store.path=t.db"]) == 0
    printed = capsys.readouterr().out
    assert "whose answers are learned, of 1 answer: Quentinella 100% (1)" in printed
    counts = json.loads(Path("s.json").read_text("utf-8"))
    assert counts["learned"]["most"][0]["user_id"] == user_id("Quentinella")
    assert any("Quentinella" in line for line in summary(counts))
    assert main(["forget", str(user_id("Quentinella")), "--set", "store.path=t.db"]) == 0
    assert b"Quentinella" not in Path("t.db").read_bytes()
