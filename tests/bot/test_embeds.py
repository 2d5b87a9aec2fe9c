"""Embeds stay within Discord's limits and ping nobody, whatever people, channels and reasons are called."""

import re
import unicodedata
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import embeds
from bot.builds import describe
from bot.wording import fit, plain
from tuner import snowflake
from tuner.adapters.sqlite_history import Reach
from tuner.adapters.sqlite_runs import Run
from tuner.models import Channel
from tuner.progress import ChannelState, ChannelTally, Tally
from tuner.ranges import Range

USER = 123456789012345678
NASTY = [
    "@everyone",
    "@here @everyone",
    f"<@{USER}>",
    f"<@!{USER}>",
    f"<@&{USER}>",
    f"<#{USER}>",
    "</tuner build:123456789012345678>",
    "<a:wave:123456789012345678>",
    "**bold** __under__ ~~struck~~ ||spoiler|| `code`",
    "```py\ncode\n```",
    "[click](https://example.org)",
    "# Heading",
    "> quote\n>>> more",
    "- list",
    "\u202eevil\u202c",
    "שלום עולם",
    "مرحبا",
    "\u2067\u2067\u2067nested",
    "🏳️‍🌈" * 8,
    "👩‍👩‍👧‍👦" * 32,
    "a" * 5000,
    "*" * 5000,
    "\\" * 300,
    "\x00\x07\x1b[31m\x7f\x85\x9b",
    "line\u2028separator\u2029paragraph",
    "",
    " ",
    "\u200b",
    "\u061c",
]
MENTION = re.compile(r"@(everyone|here)|<@[!&]?\d+>|<#\d+>|</[^>]*:\d+>|<a?:\w+:\d+>")

names = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=120), st.text("@<>#&*_`|~\\[]()everyonehere:/1", max_size=80)
)
counts_ = st.integers(0, 10**12)
large = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    tally = Tally(run_id=draw(counts_), max_samples=draw(st.none() | st.integers(1, 10**6)))
    states = ("waiting", "reading", "up to date", "read", "stopped", "failed")
    for number, name in enumerate(draw(st.lists(names, max_size=100)), 1):
        channel = ChannelTally(name, draw(st.sampled_from(states)), draw(counts_), draw(st.floats(0, 1)))
        tally.channels[number] = channel
    for stage in tally.stages.values():
        stage.came, stage.went = draw(counts_), draw(counts_)
        stage.dropped.update(draw(st.dictionaries(names, counts_, max_size=20)))
    tally.notes.extend(draw(st.lists(names, max_size=30)))
    tally.spending.calls = tally.spending.prompt_tokens = tally.samples = draw(counts_)
    tally.spending.cost = draw(st.none() | st.floats(0, 10**6))
    return tally


def runs(draw: st.DrawFn) -> list[Run]:
    return [
        Run(number, draw(st.sampled_from(["finished", "failed", "interrupted"])), "2026-01-02T03:04:05+00:00",
            None, draw(names), {"dry_run": draw(st.booleans())}, draw(st.just({}) | tallies().map(Tally.snapshot)),
            draw(names))
        for number in range(draw(st.integers(0, 10)))
    ]  # fmt: skip


def texts(embed: discord.Embed) -> list[str]:
    fields = [text or "" for field in embed.fields for text in (field.name, field.value)]
    return [embed.title or "", embed.description or "", *fields]


def check(embed: discord.Embed) -> None:
    assert len(embed) <= 6000
    assert len(embed.title or "") <= 256
    assert len(embed.description or "") <= 4096
    assert len(embed.fields) <= 25
    for field in embed.fields:
        assert 0 < len(field.name or "") <= 256
        assert 0 < len((field.value or "").strip()) <= 1024
    for text in texts(embed):
        check_text(text)


def check_text(text: str) -> None:
    assert not MENTION.search(text)
    odd = {c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c != "\n"}
    assert not odd
    # Nothing but the isolates that embeds.plain itself puts around a name turns the direction of a text.
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"}
    assert not {c for c in text if unicodedata.bidirectional(c) in turning}


@large
@given(tallies(), st.sampled_from(sorted(embeds.COLOURS)), names)
def test_a_run(tally: Tally, state: str, message: str) -> None:
    check(embeds.run_embed(tally.run_id, state, tally.snapshot(), plain(message)))


@large
@given(tallies(), st.lists(st.text("abc/_-.", max_size=200), max_size=3))
def test_a_result(tally: Tally, paths: list[str]) -> None:
    counts = tally.snapshot()
    files = [{"path": path, "lines": 10**9, "size": 10**12, "sha256": "0" * 64} for path in paths]
    estimate = {"segments": 10**9, "calls": 10**9, "prompt_tokens": 10**12, "completion_tokens": 10**12,
                "tokens_exact": False, "cost": None}  # fmt: skip
    embed = embeds.run_embed(tally.run_id, "finished", counts)
    check(embeds.add_result(embed, counts | {"files": files, "estimate": estimate}))


@st.composite
def archives(draw: st.DrawFn) -> tuple[list[Run], list[Reach]]:
    reaches = []
    for number, name in enumerate(draw(st.lists(names, max_size=100)), 1):
        first, last = sorted(draw(st.tuples(*[st.integers(1, 1 << 62)] * 2)))
        stored = draw(st.booleans())
        reaches.append(
            Reach(Channel(number, name), draw(counts_), draw(counts_), first if stored else None,
                  last if stored else None, (Range(first, last),) if stored else ())
        )  # fmt: skip
    return runs(draw), reaches


@large
@given(archives(), st.dictionaries(st.integers(1, 100), st.integers(1, 1 << 62)))
def test_the_archive(archive: tuple[list[Run], list[Reach]], new: dict[int, int]) -> None:
    last, reaches = archive
    check(embeds.idle_embed(last, reaches, new, 1 << 50))


@settings(deadline=None)
@given(names, names)
def test_a_name_is_one_line_of_inert_text(name: str, other: str) -> None:
    text = plain(name)
    check_text(text)
    assert "\n" not in text
    assert (text[0], text[-1]) == ("\u2068", "\u2069")
    assert text.count("\u2068") == text.count("\u2069") == 1
    check_text(f"{plain(name)} {plain(other)}")


@pytest.mark.parametrize("name", NASTY)
def test_markdown_in_a_name_is_escaped(name: str) -> None:
    text = plain(name, 10_000).strip("\u2068\u2069")
    unescaped = re.sub(r"\\.", "", text)
    assert not re.search(r"[*_~`|]", unescaped)
    assert not re.match(r"#{1,3} |> |>>> |- ", text)


@settings(deadline=None)
@given(names)
def test_the_words_for_who_comes_second(owner: str) -> None:
    run = Run(1, "running", "2026-01-02T03:04:05+00:00", None, owner, {}, {}, "")
    text = describe(run, Tally().snapshot(), "https://discord.com/channels/1/2/3")
    check_text(text)
    assert len(text) < 2000


@settings(deadline=None)
@given(st.text(max_size=3000), st.integers(10, 2000))
def test_a_text_that_is_cut_fits(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    assert len(fitted) <= limit
    assert fitted == text or (len(text) > limit and fitted.endswith("\n…"))


def test_a_hundred_channels_of_32_emoji() -> None:
    tally = Tally(run_id=1)
    for number in range(100):
        tally.channels[number] = ChannelTally("🦊" * 32, "reading", 10**9, 0.5)
    embed = embeds.run_embed(1, "running", tally.snapshot())
    check(embed)
    [channels] = [field.value for field in embed.fields if field.name == "Channels"]
    assert channels is not None
    assert channels.splitlines()[0] == f"\u2068{'🦊' * 32}\u2069 1,000,000,000, 50% of the time window"
    assert channels.splitlines()[-1] == "… and 88 more"


def test_the_end_of_a_long_list_still_says_how_much_is_missing() -> None:
    tally = Tally(run_id=1)
    for number in range(100):
        tally.channels[number] = ChannelTally("_*" * 50, "reading", 10**9, 0.5)
    [channels] = [
        field.value
        for field in embeds.run_embed(1, "running", tally.snapshot()).fields
        if field.name == "Channels"
    ]
    assert channels is not None and channels.splitlines()[-1].startswith("…")


def test_the_result_survives_a_crowded_embed() -> None:
    """What somebody waited for is not what is left out when there is too much to say."""
    tally = Tally(run_id=1)
    for number in range(12):
        tally.channels[number] = ChannelTally("x" * 60, "read", 10**9, 1.0)
    tally.notes.extend("n" * 300 for _ in range(9))
    for stage in tally.stages.values():
        stage.dropped.update({f"{'why ' * 20}{number}": 10**9 for number in range(9)})
    files = [{"path": "p" * 100, "lines": 1, "size": 1, "sha256": "0" * 64}] * 4
    counts: dict[str, Any] = tally.snapshot() | {"files": files}
    embed = embeds.run_embed(1, "failed", counts, "m" * 3000)
    assert "Dataset" in [field.name for field in embeds.add_result(embed, counts).fields]
    check(embed)


def value(tally: Tally, name: str) -> str | None:
    """A field of the embed of a finished run."""
    [found] = [
        one.value for one in embeds.run_embed(1, "finished", tally.snapshot()).fields if one.name == name
    ]
    return found


def test_reading_again_is_no_reading_of_nothing() -> None:
    tally = Tally(run_id=1, requests=39)
    assert value(tally, "Messages read") == "nothing new; 39 requests looked for changes"
    tally.channels[1] = ChannelTally("tools", "read", 1200, 1.0)
    assert value(tally, "Messages read") == "1,200 in 39 requests"


@pytest.mark.parametrize("others", [[], ["up to date"], ["stopped"]])
def test_requests_that_failed_looked_for_nothing(others: list[ChannelState]) -> None:
    tally = Tally(run_id=1, requests=25)
    for number, state in enumerate([*others, "failed"]):
        tally.channels[number] = ChannelTally("tools", state)
    assert value(tally, "Messages read") == "0 in 25 requests"


def test_what_came_into_a_stage_went_on_or_was_left_out() -> None:
    tally = Tally(run_id=1)
    tally.came("refine", 92)
    tally.went("refine", 90)
    tally.dropped("refine", "not worth learning", 2)
    assert value(tally, "Stages") == "refine 92 → 90 (2 left out)"
    assert value(tally, "Left out") == "refine: \u2068not worth learning\u2069 (2)"


def test_a_run_that_is_over_has_no_prospects() -> None:
    tally = Tally(run_id=1)
    tally.channels[1] = ChannelTally("tools", "reading", 9, 0.5)
    kept = embeds.without_prospects(tally.snapshot())
    assert not {"doing", "share", "eta_seconds"} & kept.keys()
    for state in embeds.COLOURS:  # such counts are shown like any other
        check(embeds.run_embed(1, state, kept))


def test_what_the_last_runs_were() -> None:
    counts = Tally(run_id=3, samples=1234).snapshot()
    run = Run(3, "finished", "2026-01-02T03:04:05+00:00", None, "ada", {"dry_run": True}, counts, "")
    embed = embeds.idle_embed([run], [], {}, 0)
    assert embed.fields[0].value == "#3 (dry run) finished, 2026-01-02 03:04 UTC, 1,234 samples, $0.0000"
    assert embed.fields[1].value == "nothing stored yet"


MADE = {"Approved", "Samples", "Synthetic tool calls", "Model calls"}


def estimated() -> Tally:
    """An estimate that went through the segments it wanted."""
    tally = Tally(run_id=1, max_samples=50)
    for stage, came, went in (("collect", 900, 890), ("segment", 890, 50), ("refine", 50, 0)):
        tally.came(stage, came)
        tally.went(stage, went)
    tally.dropped("segment", "too short", 3)
    return tally


@pytest.mark.parametrize("state", sorted(embeds.COLOURS))
@pytest.mark.parametrize("done", [True, False])
def test_an_estimate_is_no_build_that_made_nothing(state: str, done: bool) -> None:
    counts = estimated().final_counts() | ({"estimate": {}} if done else {})
    embed = embeds.run_embed(1, state, counts, estimate=not done)
    fields = {field.name: field.value or "" for field in embed.fields}
    assert embed.title == f"Estimate #1: {state}"
    assert not MADE & fields.keys()
    assert "segment 890 → 50" in fields["Stages"] and "refine" not in fields["Stages"]
    assert "too short" in fields["Left out"] and "refine" not in fields["Left out"]
    closed = embeds.closed_embed(1, state, counts, "", estimate=not done)
    assert (closed.title, closed.fields) == (f"Estimate #1: {state}", [])


def test_a_build_says_what_it_made() -> None:
    assert {field.name for field in embeds.run_embed(1, "finished", estimated().snapshot()).fields} >= MADE


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("counts", [{}, estimated().snapshot()])
def test_an_estimate_among_the_last_runs(counts: dict[str, Any], dry: bool) -> None:
    options = {"dry_run": dry, "estimate": True}
    run = Run(1, "failed", "2026-01-02T03:04:05+00:00", None, "ada", options, counts, "no room")
    line = embeds.idle_embed([run], [], {}, 0).fields[0].value
    assert line == "#1 (estimate) failed, 2026-01-02 03:04 UTC: \u2068no room\u2069"


@pytest.mark.parametrize(
    ("new", "start", "said"),
    [
        ({9: 1 << 61}, 0, ", does not reach `earliest` yet, new messages since, up to 2032-06-02 21:56 UTC"),
        ({9: (1 << 60) + 1}, 1 << 60, ", nothing new"),
        ({}, 1 << 60, ""),
    ],
)
def test_what_is_stored_of_a_channel(new: dict[int, int], start: int, said: str) -> None:
    first, last = 1 << 60, (1 << 60) + 1
    reach = Reach(Channel(9, "tools"), 1234, 0, first, last, (Range(first, last),))
    line = embeds.idle_embed([], [reach], new, start).fields[1].value
    day = f"{snowflake.moment(first):%Y-%m-%d}"
    assert line == f"\u2068tools\u2069 1,234 messages, {day} to {day}{said}"
