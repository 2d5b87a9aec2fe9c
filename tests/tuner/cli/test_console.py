"""How a run looks: bars on a terminal, lines elsewhere, a summary at the end."""

import io
import json
import logging
import re
from dataclasses import asdict
from typing import Any

import pytest
from rich.console import Console

from tuner.amounts import duration, money
from tuner.cli import console
from tuner.cli.console import MOST_BARS, Bars, Lines, heartbeat_lines, shown, summary
from tuner.cli.printing import printable_json
from tuner.progress import (
    Advanced,
    CalibrationTally,
    ChannelState,
    ChannelTally,
    Ended,
    Noted,
    Outcome,
    Tally,
)

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_with(*channels: ChannelTally) -> Tally:
    run = Tally(channels=dict(enumerate(channels, 1)))
    run.came("segment", 10)
    run.went("segment", 6)
    run.dropped("segment", "only one speaker", 2)
    run.went("refine", 5)
    run.samples = 4
    return run


def channel(name: str = "general", state: ChannelState = "reading", messages: int = 1200) -> ChannelTally:
    return ChannelTally(name, state, messages, share=0.25)


# -- lines -------------------------------------------------------------------------


def test_elsewhere_than_on_a_terminal_there_are_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tuner")
    run = run_with(channel("100% [odd] name"), channel("quiet", "waiting"))
    run.channels[1].share, run.channels[2].share = 0.01, 0  # too little to foretell the end by
    with shown(Console(file=io.StringIO()), heartbeat=0) as listener:
        assert isinstance(listener, Lines)
        listener(Advanced(run))
        listener(Noted("an idle channel"))
        listener(Noted("a channel is gone", warning=True))
    assert caplog.messages == [
        "#100% [odd] name: 1,200 messages, 1 % of the time window",
        "segment: 10 in, 6 out, left out: only one speaker (2)",
        "0 % done, reading history · 4 samples · 6 segments, 5 approved",
        "an idle channel",
        "a channel is gone",
    ]
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "INFO", "INFO", "WARNING"]


def test_lines_come_no_more_often_than_the_heartbeat(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "tuner")
    now = 1000.0
    run = run_with()
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    listener = Lines(10.0)
    for now in (1001.0, 1009.9, 1010.0, 1011.0, 1019.9, 1020.0):  # noqa: B007 - the clock above shows it
        listener(Advanced(run))
    assert len(caplog.messages) == 2 * len(heartbeat_lines(run))


def test_a_line_says_what_models_cost_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with()
    run.spending.calls, run.spending.cost = 7, 0.0123
    run.max_samples, run.samples = 16, 4
    monkeypatch.setattr(console.time, "monotonic", lambda: run.started + 30)
    assert heartbeat_lines(run) == [
        "segment: 10 in, 6 out, left out: only one speaker (2)",
        "25 % done, looking at the channels · 4 samples · 6 segments, 5 approved, 7 model calls, $0.0123 · about "
        "1 min 30 s left",
    ]


# -- bars --------------------------------------------------------------------------


def drawn(run: Tally, *notes: Noted, ended: Outcome = "finished", width: int = 100) -> str:
    """The last picture that a terminal shows of a run, and the notes."""
    file = io.StringIO()
    with shown(Console(file=file, force_terminal=True, width=width, _environ={})) as listener:
        for note in notes:
            listener(note)
        listener(Ended(ended, run, ""))
    return CONTROL.sub("", file.getvalue())


def test_on_a_terminal_there_are_bars() -> None:
    run = run_with(channel(), channel("quiet", "waiting"))
    run.max_samples = 8
    text = drawn(run, Noted("a [channel] is gone", warning=True))
    assert re.search(r"samples +━+ 100 % 4 of 8\b", text) and "6 segments, 5 approved" in text
    assert re.search(r"#general +━+.*1,200 messages, reading", text)
    assert "quiet" not in text
    assert "a [channel] is gone\n" in text


@pytest.mark.parametrize("width", [60, 80, 90, 120])
def test_bars_and_words_have_room(width: int) -> None:
    run = run_with(channel(), channel("a-thread-whose-name-is-longer-than-any-screen", "up to date", 120_000))
    run.max_samples, run.spending.calls, run.spending.cost = 25, 1234, 0.1234
    text = drawn(run, ended="interrupted", width=width)
    assert re.search(r"samples +[━╸╺]{8,} +20 % 4 of 25", text)
    assert re.search(r"#general +[━╸╺]{8,} +25 % 1,200 messages, reading", text)
    assert re.search(r"#a-thread-\S*… [━╸╺]{8,} +25 % 120,000 messages, up to date", text)
    assert "6 segments, 5 approved, 1,234 model calls, $0.1234" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width


def test_while_it_goes_on_the_words_say_what_it_is_at() -> None:
    run = run_with(channel())
    file = io.StringIO()
    with shown(Console(file=file, force_terminal=True, width=90, _environ={})) as listener:
        assert isinstance(listener, Bars)
        listener(Advanced(run))
        listener._progress.refresh()
    text = " ".join(CONTROL.sub("", file.getvalue()).split())
    assert re.search(r"reading history · 6 segments, 5 approved · \d+\.\d s so far", text)


@pytest.mark.parametrize("name", ["[/solved] kettle", "[bold]loud", "{task}", "100%"])
def test_any_name_can_be_shown(name: str) -> None:
    assert f"#{name}" in drawn(run_with(channel(name)))


def test_a_channel_that_is_done_gives_its_bar_to_one_that_is_read() -> None:
    done = [channel(f"done-{i}", "read") for i in range(MOST_BARS)]
    text = drawn(run_with(*done, channel("under-way")))
    assert "#under-way" in text
    assert text.rpartition("samples")[2].count("#") == MOST_BARS


def test_there_are_never_more_bars_than_fit() -> None:
    text = drawn(run_with(*(channel(f"under-way-{i}") for i in range(MOST_BARS + 5))))
    assert text.rpartition("samples")[2].count("#") == MOST_BARS


# -- the summary -------------------------------------------------------------------


def counts(**changes: Any) -> dict[str, Any]:
    run = run_with()
    run.synthetic_tool_calls, run.sample_tokens = 2, 12345
    run.dropped("segment", "only one speaker", 3)
    run.dropped("segment", "too few turns")
    return {"run": 7, "dry_run": False, **run.final_counts(), "seconds": 75.2, "files": [], **changes}


def test_the_summary_says_what_came_out_and_what_was_left_out() -> None:
    first, *rest = summary(counts())
    assert first == "Run 7: 4 samples, 2 synthetic tool calls, 12,345 tokens, in 1 min 15 s."
    assert [line.split()[0] for line in rest] == [
        *("collect", "segment", "screen", "refine", "relabel", "synthesize", "export"),
    ]
    segment = (
        r"  segment +10 in +6 out   stretches of talk, left out: only one speaker \(5\), too few turns \(1\)"
    )
    assert re.fullmatch(segment, rest[1])
    assert re.fullmatch(r"  refine +0 in +5 out", rest[3])


def test_the_summary_says_what_was_screened() -> None:
    lines = summary(counts(screened={"collect": {"secret": 2}, "screen": {"e-mail": 3, "secret": 1}}))
    assert "  taken out of what people wrote: e-mail (3), secret (3)" in lines


def test_the_summary_says_how_sure_the_segments_are() -> None:
    run = run_with()
    for confidence in (0.3, 0.49, 0.5, 0.95, 1.0):
        run.confidences.add(confidence)
    stored = run.snapshot()["segment_confidence"]
    assert stored == {"tenths": [0, 0, 0, 1, 1, 1, 0, 0, 0, 2], "mean": 0.648}
    assert "  segment confidence: 0.65 on average, below 0.5 in 2" in summary(
        counts(segment_confidence=stored)
    )


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("language", "languages of the samples: de 75%, en 25%"),
        ("script", "scripts of the samples: de 75%, en 25% (pip install 'tuner[languages]' tells languages)"),
    ],
)
def test_the_summary_says_the_languages(by: str, said: str) -> None:
    run = run_with()
    run.languages_by = by
    run.languages.update({"en": 1, "de": 3})
    stored = run.final_counts()["languages"]
    assert stored == {"by": by, "samples": {"de": 3, "en": 1}}
    assert f"  {said}" in summary(counts(languages=stored))


def test_the_summary_names_the_commonest_languages() -> None:
    run = run_with()
    run.languages.update({f"l{n}": 10 - n for n in range(10)})
    [line] = [line for line in summary(counts(languages=run.final_counts()["languages"])) if "l0" in line]
    assert line.count("%") == 7
    assert "others" in line


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        (
            CalibrationTally(1472, 0.5, 0.5, 0.61, 0.64),
            "fitted to 1,472 native replies; of hidden ones 64% are found (61% before)",
        ),
        (
            CalibrationTally(80, 0.5, 0.5, 0.7, 0.7),
            "as trained, they find 70% of 80 hidden native replies; fitting found no more",
        ),
    ],
)
def test_the_summary_says_what_links_were_fitted_to(calibration: CalibrationTally, said: str) -> None:
    assert f"  links: {said}" in summary(counts(calibration=asdict(calibration)))


def test_the_summary_owns_up_to_estimates_and_dry_runs() -> None:
    estimated = counts(dry_run=True, sample_tokens={"count": 10, "exact": False})
    assert summary(estimated)[0].startswith(
        "Run 7: 4 samples (dry run: no dataset written), 2 synthetic tool calls, about 10"
    )


def test_one_of_a_thing_is_no_plural() -> None:
    files = [{"path": "r.jsonl", "lines": 1, "size": 56, "sha256": "ab" * 32}]
    said = summary(counts(samples=1, synthetic_tool_calls=1, files=files))
    assert said[0].startswith("Run 7: 1 sample, 1 synthetic tool call, 12,345 tokens, ")
    assert said[-1] == "  wrote r.jsonl (1 line, 56 bytes, sha256 abababababab…)"


def test_the_summary_names_calls_and_files() -> None:
    models = {
        "calls": 9,
        "failed": 1,
        "reused": 4,
        "prompt_tokens": 10_000,
        "cached_tokens": 0,
        "completion_tokens": 200,
        "cost": None,
    }
    files = [{"path": "data/records.jsonl", "lines": 4, "size": 5678, "sha256": "ab" * 32}]
    assert summary(counts(models=models, files=files))[-2:] == [
        "  model calls: 9 (1 failed), 4 decisions reused, 10,000 + 200 tokens, cost unknown (no price configured)",
        "  wrote data/records.jsonl (4 lines, 5,678 bytes, sha256 abababababab…)",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (4.26, "4.3 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min 0 s"),
        (75, "1 min 15 s"),
        (7290, "2 h 1 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_money() -> None:
    assert money(0.01234) == "$0.0123"
    assert money(None) == "cost unknown (no price configured)"


# -- what chat may hold, and a terminal may not ------------------------------------

STEERING = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202eelpmas \r gone \x08"


def test_no_name_steers_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    file = io.StringIO()
    with shown(Console(file=file, force_terminal=True, width=200, _environ={})) as listener:
        listener(Noted(f"#{STEERING}: a note", warning=True))
        listener(Ended("finished", run_with(channel(STEERING[:12])), ""))
    text = file.getvalue()
    assert (
        "\x1b[2J" not in text and "]0;owned\x07" not in text and "\x9b" not in text and "\u202e" not in text
    )


def test_json_says_the_same_and_steers_nothing() -> None:
    value = {STEERING: [STEERING, "Zoë", "🙂"], "lines": "a\nb"}
    text = printable_json(value)
    assert json.loads(text) == value
    assert "Zoë" in text and "🙂" in text
    assert all(character.isprintable() or character == "\n" for character in text)
