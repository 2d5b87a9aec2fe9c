"""The page beside a dataset."""

from typing import Any

import pytest

from tuner import config
from tuner.config.settings import Settings
from tuner.dataset.card import card
from tuner.dataset.contents import Contents
from tuner.progress import Tally
from tuner.snowflake import first_id, moment

ANN, BEN = 101, 102


def settings(**dataset: Any) -> Settings:
    return config.load({"dataset": dataset}, [], "The test")


def counts(channel: str = "garden", valid: int = 1, samples: int = 12) -> dict[str, Any]:
    tally, contents = Tally(run_id=7, samples=samples), Contents()
    tally.came("refine", 20)
    tally.went("refine", samples)
    tally.dropped("refine", "rejected: trivial", 20 - samples)
    tally.learned.add(BEN, "Ben", 15)
    tally.languages["en"] = samples
    tally.sample_tokens = 4000
    start = first_id(moment(0))
    contents.add(5, [ANN, BEN], [start + (1 << 40), start + (2 << 40)], 1000)
    return {
        "run": 7,
        **tally.final_counts(),
        "split": {"train": samples - valid, "valid": valid, "kept_back": 0},
        "files": [
            {"path": "data/records.jsonl"},
            {"path": "data/records.openai.train.jsonl"},
            {"path": "data/records.openai.valid.jsonl"},
        ],
        "contents": contents.report({5: channel}),
        "learned": tally.learned.report(named=False),
    }


def test_what_is_in_it_and_what_is_not() -> None:
    page = card(counts(), settings(output_path="data/records.jsonl"))
    assert page.startswith("# records.jsonl\n")
    for line in (
        "- 12 samples of 2015-01-01 to 2015-01-01, by 2 people",
        "- 15 answers that are learned; 0 tool calls, made afterwards, which return what was really said",
        "- 4,000 tokens, of which 25 % are learned",
        "| garden | 1 |",
        "| refine | 20 | 12 | rejected: trivial (8) |",
        "- OpenAI, Azure, Nebius, Fireworks: `records.openai.train.jsonl` and `records.openai.valid.jsonl`",
    ):
        assert line in page.splitlines()
    assert "11 samples for training, 1 held out" in page


def test_it_says_whether_people_agreed() -> None:
    assert "it names nobody who agreed" in card(counts(), settings())
    assert "- 2 people are listed in dataset.allowed_users" in card(
        counts(), settings(allowed_users=[ANN, BEN])
    )


def test_nothing_is_held_out() -> None:
    assert "12 samples for training, none held out." in card(counts(valid=0), settings())


@pytest.mark.parametrize("name", ["a|b", "[x](https://evil.example)", "# big", "`rm`", "one\ntwo", "<img>"])
def test_names_mean_nothing_in_markdown(name: str) -> None:
    [row] = [line for line in card(counts(name), settings()).splitlines() if line.endswith(" | 1 |")]
    for sign in "|[]()#`<>":
        assert row.count(sign) - (3 if sign == "|" else 0) == row.count(f"\\{sign}")
