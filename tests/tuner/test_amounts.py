"""One thing is one thing: wherever a number meets a noun or a verb, they agree."""

import ast
import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import discord
import pytest

from bot import embeds, ending
from bot.builds import describe
from tuner import snowflake
from tuner.adapters.sqlite_history import Reach
from tuner.adapters.sqlite_runs import Run
from tuner.amounts import and_others, counted, dry_run, word
from tuner.cli.console import heartbeat_lines, summary
from tuner.cli.estimate import estimate_lines
from tuner.config.settings import Settings
from tuner.dataset.succession import objection
from tuner.dataset.validation import file_faults
from tuner.learned import in_words
from tuner.models import Channel
from tuner.progress import CalibrationTally, ChannelTally, Tally
from tuner.ranges import Range

ROOT = Path(__file__).parents[2]
THINGS = (
    "answer byte call channel conversation day decision fault file gap id item line message model other person "
    "reply request sample segment stub thread time token try word"
).split()
NEVER_ONE = ("tuner/linking/training", "tuner/linking/explaining")  # what is counted there
UNUSUAL = {"person": "people", "reply": "replies", "try": "tries"}
ONE = "|".join(THINGS)
SEVERAL = "|".join(word(2, one, UNUSUAL.get(one, "")) for one in THINGS)
NUMBER = r"(?<![\d.,/#]){} (?:[a-z]+ ){{0,2}}?(?:{})\b(?! calls?\b)"
BARE = re.compile(rf" (?:[a-z]+ )?(?:{SEVERAL})\b(?!/)")


# -- the rule ----------------------------------------------------------------------


def test_what_is_counted_agrees_with_its_number() -> None:
    assert [counted(n, "message") for n in (0, 1, 2, 1234)] == [
        *("0 messages", "1 message", "2 messages", "1,234 messages"),
    ]
    assert [counted(n, "person", "people") for n in (1, 2)] == ["1 person", "2 people"]
    assert [word(n, "is", "are") for n in (0, 1, 2)] == ["are", "is", "are"]
    assert [and_others(n) for n in (-1, 0, 1, 2)] == ["", "", " and 1 other", " and 2 others"]


@pytest.mark.parametrize(
    ("calls", "cost", "spent"),
    [(0, 0.0, "nothing"), (3, 0.0123, "$0.0123"), (3, None, "an unknown sum (no price configured)")],
)
def test_a_dry_run_says_what_it_came_to(calls: int, cost: float | None, spent: str) -> None:
    said = dry_run(calls, cost)
    assert said == f"this dry run spent {spent} on models and wrote no dataset"
    counts = counts_of(2, dry_run=True, models=counts_of(2)["models"] | {"calls": calls, "cost": cost})
    assert f"  {said}" in summary(counts)
    assert ending.text(ending.Ending(7, "finished", counts, ""), 0).endswith(f"; {said}.")


def numbers_before_things() -> Iterator[str]:
    """Where a text puts a value straight before a word for several things."""
    for path in sorted([*(ROOT / "tuner").rglob("*.py"), *(ROOT / "bot").rglob("*.py")]):
        if path.parent.relative_to(ROOT).as_posix() in NEVER_ONE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values = node.values if isinstance(node, ast.JoinedStr) else []
            for value, after in pairwise(values):
                if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                    found = BARE.match(str(after.value))
                    if found and not agrees(value.value):
                        yield f"{path.relative_to(ROOT)}: {ast.unparse(value.value)}{found[0]}"


def agrees(value: ast.expr) -> bool:
    """Whether it is a text that agrees already, or a limit of the product's, which is not 1."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("counted", "word", "money", "duration")
    if isinstance(value, ast.IfExp):  # of texts
        return True
    names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    return bool(names) and all(name.isupper() for name in names)


def test_no_text_puts_a_number_before_a_plural_by_itself() -> None:
    assert list(numbers_before_things()) == [
        "tuner/prompt/turns.py: round(hours / 24) days",  # from 48 hours on
    ]


# -- the sentences -----------------------------------------------------------------


def run_of(number: int) -> Tally:
    """A run in which there is so much of everything."""
    run = Tally(run_id=7, max_samples=number)
    run.channels = {
        1: ChannelTally("general", "reading", number, 0.5),
        2: ChannelTally("news", "read", 0, 1.0),
    }
    for name, stage in run.stages.items():
        stage.came, stage.went = number, number
        run.dropped(name, "failed: no answer", number)
    run.conversations = run.segmented = run.samples = run.synthetic_tool_calls = run.requests = number
    run.sample_tokens = number
    spending = run.spending
    spending.calls = spending.failed = spending.reused = number
    spending.prompt_tokens = spending.completion_tokens = number
    run.calibration = CalibrationTally(number, 0.5, 0.6)
    for person in range(5 + number):
        run.learned.add(person, "Ann", number)
    return run


def counts_of(number: int, **changes: Any) -> dict[str, Any]:
    run = run_of(number)
    file = {"path": "records.jsonl", "lines": number, "size": number, "sha256": "0" * 64}
    return {
        "run": 7,
        "dry_run": False,
        **run.final_counts(),
        "seconds": 75.2,
        "files": [file],
        "learned": run.learned.report(named=False),
        **changes,
    }


def estimate_of(number: int) -> dict[str, Any]:
    asked = ("calls", "link_calls", "tool_calls", "prompt_tokens", "completion_tokens")
    names = ("messages", "usable", "to_read", "segments", *asked)
    return dict.fromkeys(names, number) | {"tokens_exact": True, "cost": 0.5, "seconds": 90.0}


def settings_of(number: int) -> Settings:
    ids = tuple(range(10**17, 10**17 + number))
    dataset = {"channels": ids, "allowed_users": ids}
    return Settings.model_validate({"dataset": dataset, "models": {"segment": "m"}})


def shown(embed: discord.Embed) -> str:
    return "\n".join(
        [str(embed.title), str(embed.description), *(f"{f.name}\n{f.value}" for f in embed.fields)]
    )


def sentences(number: int) -> Iterator[str]:
    counts, run = counts_of(number), run_of(number)
    stored = Run(
        7, "finished", "2026-11-25T10:00:00+00:00", "2026-11-25T10:01:00+00:00", "Ann", {}, counts, ""
    )
    first, last = snowflake.first_id(snowflake.moment(10**17)), 10**18
    reach = Reach(
        Channel(9, "general"), number, number, first, last, (Range(first, first), Range(last, last))
    )
    yield from summary(counts)
    yield from summary(counts_of(number, calibration=asdict(CalibrationTally(number, 0.5, 0.5))))
    yield from heartbeat_lines(run)
    yield from estimate_lines({"before_reading": True, "estimate": estimate_of(number)}, settings_of(number))
    yield from estimate_lines(counts | {"estimate": estimate_of(number)}, settings_of(number))
    yield from in_words(counts["learned"])
    yield from file_faults(number, 600 * 1024 * 1024)
    yield objection(run, 0.0, number + 1)
    yield shown(embeds.run_embed(7, "running", run.snapshot()))
    yield shown(
        embeds.add_result(embeds.run_embed(7, "finished", counts), counts | {"estimate": estimate_of(number)})
    )
    yield shown(embeds.run_embed(7, "finished", counts_of(number, messages=0)))
    yield shown(embeds.idle_embed([stored], [reach], {}, 0))
    yield ending.text(ending.Ending(7, "finished", counts, ""), 0)
    yield describe(stored, counts, "")


@pytest.mark.parametrize(
    ("number", "right", "wrong"), [(1, ONE, SEVERAL), (2, SEVERAL, ONE)], ids=["one", "two"]
)
def test_sentences_agree(number: int, right: str, wrong: str) -> None:
    told = "\n".join(sentences(number))
    assert len(re.findall(NUMBER.format(number, right), told)) > 30
    assert re.findall(NUMBER.format(number, wrong), told) == []
