"""What a build that fails, or is broken off, says it has cost: in a terminal, among log lines, in `status`."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.exports import conversations, joined, write_exports
from tests.support.loopback_openai import INSUFFICIENT_QUOTA, NOT_JSON, LoopbackOpenAI, Misbehave
from tests.support.model_server import approve_all
from tests.support.threaded import in_thread
from tuner.cli.console import shown
from tuner.cli.main import main
from tuner.progress import Outcome, Tally

COST = (
    r"Spent by run 1: model calls: (\d+) \((\d+) failed\), 0 decisions reused, "
    r"[1-9][\d,]+ \+ \d+ tokens, \$0\.00\d+\."
)


@pytest.mark.parametrize(
    ("step", "why"), [(INSUFFICIENT_QUOTA, "no credit left"), (NOT_JSON, "no usable answer")]
)
def test_a_build_that_fails_says_what_it_has_cost(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: Misbehave,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", {"general": joined(conversations(30))})
    good = iter(range(4))
    with in_thread(LoopbackOpenAI(lambda r: step if next(good, None) is None else approve_all(r))) as model:
        monkeypatch.setenv("OPENAI_API_KEY", model.key)
        changes = (
            "models.segment=gpt-6-luna",
            "models.segments_per_request=1",
            "models.most_failures=5",
            "dataset.segment_concurrency=1",
            f"openai.base_url={model.url}",
        )
        options = [part for change in changes for part in ("--set", change)]
        assert main(["build-dataset", "--from-export", "exports", *options]) == 1
        asked = len(model.requests)
    said = capsys.readouterr().err
    assert why in said
    cost = re.search(COST, said)
    assert cost and (int(cost[1]), int(cost[2])) == (asked, asked - 4)
    assert main(["status"]) == 0
    assert re.search(rf" {asked} model calls, \$0\.00\d+, [\d,]+ tokens\n", capsys.readouterr().out)


@pytest.mark.parametrize("outcome", ["failed", "interrupted", "finished"])
def test_a_terminal_says_it_too(outcome: Outcome) -> None:
    screen = StringIO()
    tally = Tally(run_id=1)
    tally.spending.calls, tally.spending.failed = 5, 1
    tally.spending.prompt_tokens, tally.spending.completion_tokens, tally.spending.cost = 1234, 5, 0.0012
    with shown(Console(file=screen, force_terminal=True, width=200)) as listener:
        tally.listeners = (listener,)
        tally.end(outcome, "")
    assert bool(re.search(COST, screen.getvalue())) == (outcome != "finished")


def test_what_asked_nothing_says_nothing() -> None:
    screen = StringIO()
    tally = Tally(run_id=1)
    with shown(Console(file=screen, force_terminal=True, width=200)) as listener:
        tally.listeners = (listener,)
        tally.end("failed", "")
    assert "Spent" not in screen.getvalue()
