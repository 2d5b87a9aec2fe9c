"""Settings: what the sample file promises, who wins, and what a mistake is told."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli
from pydantic import BaseModel

from tuner import config
from tuner.cli.parser import parser
from tuner.cli.running import settings_of
from tuner.config import loading
from tuner.config.secrets import SECRET_VALUE
from tuner.config.settings import DEFAULT_PRICES, ChannelNotes, Dated, Price, Profile, Settings
from tuner.errors import UsageError

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "config.sample.toml"
COMMENTED = re.compile(r"# (?=\[[\w.\"-]+\]$|\w+ = |    \{ |\]$)")
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA.GabcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"
KEY = "sk-proj-0123456789abcdefghijklmnop"


def load(text: str, *overrides: tuple[str, Any]) -> Settings:
    return config.load(tomli.loads(text), overrides, "config.toml")


def faults(text: str, *overrides: tuple[str, Any]) -> list[str]:
    """What is listed as wrong, one by one."""
    with pytest.raises(UsageError) as refused:
        load(text, *overrides)
    title, *listed = str(refused.value).split("\n  - ")
    count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
    assert title == f"config.toml has {count}:"
    return listed


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested tables as `table.key`."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found


def from_arguments(*argv: str) -> Settings:
    """The settings that `build-dataset` would use."""
    arguments = parser().parse_args(["build-dataset", *argv])
    return settings_of(arguments, needed=False)


# -- the sample file ---------------------------------------------------------------


CHOSEN = {
    "dataset.max_messages": 20000,
    "dataset.max_samples": 50,
    "dataset.raw_dump_dir": "data/finetune",
    "dataset.print_stats": True,
}  # where the sample file sets something else than what holds without it


def test_the_sample_file_sets_every_default() -> None:
    written = flat(tomli.loads(SAMPLE.read_text(encoding="utf-8")))
    defaults = dict(config.defaults())
    assert {key: tuple(v) if isinstance(v, list) else v for key, v in written.items()} == {
        key: value for key, value in defaults.items() if value is not None and not isinstance(value, dict)
    } | CHOSEN


def test_the_sample_file_opens_with_what_people_set_first() -> None:
    document = tomli.loads(SAMPLE.read_text(encoding="utf-8"))
    assert list(document)[:3] == ["dataset", "models", "discord"]
    dataset, defaults = document["dataset"], Settings().dataset
    assert dataset["output_path"] == defaults.output_path == "data/finetune/records.jsonl"
    assert dataset["stats_path"] == defaults.stats_path == "data/finetune/stats.json"
    assert (dataset["segment_concurrency"], dataset["dry_run"]) == (4, False)
    assert document["discord"]["token_env"] == "DISCORD_API_TOKEN"


def test_the_sample_file_runs_once_ids_and_the_acknowledgement_are_filled_in() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    text = text.replace("channels = []", "channels = [5]", 1)
    settings = load(text.replace("acknowledge_policy = false", "acknowledge_policy = true"))
    assert config.missing(settings, {"DISCORD_API_TOKEN": "a.b.c"}) == []
    assert len(config.missing(load(SAMPLE.read_text(encoding="utf-8")), {})) == 3


def test_a_filled_in_configuration_is_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {f"/{name}" for name in loading.SEARCHED} <= set(ignored)


def test_the_sample_file_shows_every_key_and_its_examples_are_valid() -> None:
    text = "\n".join(COMMENTED.sub("", line) for line in SAMPLE.read_text(encoding="utf-8").splitlines())
    document = tomli.loads(text)
    settings = config.load(document, (), "The sample")

    def keys(model: BaseModel) -> set[str]:
        return set(type(model).model_fields)

    assert set(document) == keys(settings)
    for name, table in settings:
        assert set(document[name]) == keys(table), name
    [price] = document["models"]["prices"].values()
    assert set(price) == set(Price.model_fields)
    assert settings.models.prices == DEFAULT_PRICES
    [notes], [profile] = document["prompt"]["channels"].values(), document["prompt"]["profiles"].values()
    assert set(notes) == set(ChannelNotes.model_fields)
    assert set(profile) == set(Profile.model_fields)
    assert set().union(*profile["text"]) == set(Dated.model_fields)


def test_every_key_of_the_sample_file_says_why() -> None:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    settings = [
        (before, line)
        for before, line in pairwise(lines)
        if re.match(r"(# )?\w+ = ", line) and not re.match(r"# (\[|\w+ = )", before)
    ]
    assert len(settings) > 40
    assert [line for before, line in settings if not before.startswith("# ")] == []


def test_the_sample_file_names_no_secret_but_where_secrets_go() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    assert "DISCORD_API_TOKEN" in text and "DISCORD_TOKEN" in text and "OPENAI_API_KEY" in text
    assert not SECRET_VALUE.search(text)


# -- who wins ----------------------------------------------------------------------


def test_flags_win_over_set_and_set_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[dataset]\nmax_samples = 1\nmax_messages = 1\n[store]\npath = "file.db"\n')
    settings = from_arguments(
        *("--config", str(file), "--max-samples", "3"),
        *("--set", "dataset.max_samples=2", "--set", "dataset.max_messages=2"),
    )
    assert settings.dataset.max_samples == 3
    assert settings.dataset.max_messages == 2
    assert settings.store.path == "file.db"
    assert settings.dataset.segment_concurrency == 4


@pytest.mark.parametrize(
    ("flag", "value", "table", "key", "expected"),
    [
        ("--channels", "12,13 14", "dataset", "channels", (12, 13, 14)),
        ("--allowed-users", "5", "dataset", "allowed_users", (5,)),
        ("--earliest", "2024-05-01", "dataset", "earliest", datetime(2024, 5, 1, tzinfo=UTC)),
        ("--max-messages", "7", "dataset", "max_messages", 7),
        ("--max-samples", "8", "dataset", "max_samples", 8),
        ("--segment-concurrency", "9", "dataset", "segment_concurrency", 9),
        ("--output", "out.jsonl", "dataset", "output_path", "out.jsonl"),
        ("--raw-dump-dir", "raw", "dataset", "raw_dump_dir", "raw"),
        ("--stats-file", "s.json", "dataset", "stats_path", "s.json"),
        ("--print-stats", None, "dataset", "print_stats", True),
        ("--dry-run", None, "dataset", "dry_run", True),
        ("--segment-model", "gpt-6-luna", "models", "segment", "gpt-6-luna"),
        ("--tool-trigger-model", "gpt-6-luna", "models", "tool_trigger", "gpt-6-luna"),
        ("--max-calls", "0", "models", "max_calls", 0),
        ("--max-cost", "1.5", "models", "max_cost", 1.5),
    ],
)
def test_every_flag_sets_its_setting(
    flag: str,
    value: str | None,
    table: str,
    key: str,
    expected: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = from_arguments(flag, *([] if value is None else [value]))
    assert getattr(getattr(settings, table), key) == expected
    assert getattr(getattr(Settings(), table), key) != expected


def test_a_switch_can_be_turned_off_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[dataset]\ndry_run = true\n")
    assert from_arguments("--config", str(file)).dataset.dry_run
    assert not from_arguments("--config", str(file), "--no-dry-run").dataset.dry_run


def test_any_setting_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text needs no quotes; lists, numbers and dates are written as in TOML."""
    monkeypatch.chdir(tmp_path)
    settings = from_arguments(
        *("--set", "store.path=other place/my.db", "--set", "export.profiles=[]"),
        *("--set", "dataset.earliest=2024-05-01", "--set", "discord.acknowledge_policy=true"),
        *("--set", "models.timeout_seconds=5", "--set", "prompt.system_file=a=b.md"),
    )
    assert settings.store.path == "other place/my.db"
    assert settings.export.profiles == ()
    assert settings.dataset.earliest == datetime(2024, 5, 1, tzinfo=UTC)
    assert settings.discord.acknowledge_policy
    assert settings.models.timeout_seconds == 5
    assert settings.prompt.system_file == "a=b.md"


@pytest.mark.parametrize("text", ["store.path", "path=x", "=x", "store.=x", "store path=x", ""])
def test_set_says_how_it_is_written(text: str) -> None:
    with pytest.raises(UsageError, match=r"--set needs table\.key=value"):
        config.parse_assignment(text)


def test_set_cannot_go_below_a_value() -> None:
    with pytest.raises(UsageError, match=r"dataset\.dry_run\.x cannot be set: dry_run is not a table"):
        load("[dataset]\ndry_run = true", ("dataset.dry_run.x", 1))


def test_the_file_is_searched_in_two_places(tmp_path: Path) -> None:
    assert config.find_config(None, tmp_path) is None
    second = tmp_path / "tuner" / "config.toml"
    second.parent.mkdir()
    second.write_text("")
    assert config.find_config(None, tmp_path) == second
    first = tmp_path / "config.toml"
    first.write_text("")
    assert config.find_config(None, tmp_path) == first
    assert config.find_config(str(second), tmp_path) == second


def test_overrides_leave_the_document_as_it_was() -> None:
    document = {"dataset": {"max_samples": 1}}
    config.load(document, [("dataset.max_samples", 2)], "x")
    assert document == {"dataset": {"max_samples": 1}}


# -- values ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ('"2024-05-01"', datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T18:00:00", datetime(2024, 5, 1, 18, tzinfo=UTC)),
        ('"2024-05-01 18:00"', datetime(2024, 5, 1, 18, tzinfo=UTC)),
        ("2024-05-01T18:00:00Z", datetime(2024, 5, 1, 18, tzinfo=UTC)),
        ('"2024-05-01T18:00:00Z"', datetime(2024, 5, 1, 18, tzinfo=UTC)),
        ("2024-05-01T18:00:00+02:00", datetime(2024, 5, 1, 16, tzinfo=UTC)),
        ('" 2024-05-01T18:00:00-03:30 "', datetime(2024, 5, 1, 21, 30, tzinfo=UTC)),
        ('""', None),
    ],
)
def test_a_time_without_a_zone_is_utc(written: str, meant: datetime | None) -> None:
    earliest = load(f"[dataset]\nearliest = {written}").dataset.earliest
    assert earliest == meant
    assert meant is None or (earliest is not None and earliest.tzinfo is not None)


def test_utc_is_meant_wherever_tuner_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        earliest = load("[dataset]\nearliest = 2024-05-01").dataset.earliest
    time.tzset()
    assert earliest == datetime(2024, 5, 1, tzinfo=UTC)


def test_a_zone_is_kept() -> None:
    earliest = load('[dataset]\nearliest = "2024-05-01T18:00:00+02:00"').dataset.earliest
    assert earliest is not None
    assert earliest.tzinfo == timezone(timedelta(hours=2))


@pytest.mark.parametrize("written", ['"yesterday"', '"2024-13-01"', '"2024-05-01T25:00"', '"1714586400"'])
def test_what_is_no_time_gets_an_example(written: str) -> None:
    [fault] = faults(f"[dataset]\nearliest = {written}")
    assert fault.startswith("dataset.earliest: should be a date or ISO 8601 time such as 2024-05-01 or ")
    assert fault.endswith(f"not {written[1:-1]!r}")


def test_a_time_that_no_id_can_hold_is_refused() -> None:
    assert load("[dataset]\nearliest = 2083-12-31").dataset.earliest
    [fault] = faults("[dataset]\nearliest = 9999-12-31")
    assert (
        fault == "dataset.earliest: should lie before the end of 2083, where Discord's ids end, not in 9999"
    )


def test_ids_may_be_quoted() -> None:
    dataset = load('[dataset]\nchannels = [123456789012345678, "223456789012345678", " 3 "]').dataset
    assert dataset.channels == (123456789012345678, 223456789012345678, 3)


@pytest.mark.parametrize(
    "written", ['"general"', "0", "-5", "true", "1.5", "9223372036854775808", '"٣"', '""']
)
def test_what_is_no_id_is_named(written: str) -> None:
    [fault] = faults(f"[dataset]\nchannels = [1, {written}]")
    assert fault.startswith(
        "dataset.channels.1: should be a Discord id, a number such as 123456789012345678, not "
    )
    assert "Copy ID" in fault


# -- mistakes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unknown", "meant"),
    [
        ("[dataset]\nchanels = []", "dataset.chanels", "dataset.channels"),
        ("[dataset]\nmax_sample = 5", "dataset.max_sample", "dataset.max_samples"),
        ("[dataset]\nbase_url = ''", "dataset.base_url", "openai.base_url"),
        ("allowed_users = []", "allowed_users", "dataset.allowed_users"),
        ("[datset]\nchannels = []", "datset", "dataset"),
        ("[collect]\nattemps = 3", "collect.attemps", "collect.attempts"),
        ("[models]\nattemps = 3", "models.attemps", "models.attempts"),
        ("[models]\nsegments = 'rules'", "models.segments", "models.segment"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(text: str, unknown: str, meant: str) -> None:
    assert faults(text) == [f"{unknown}: there is no such setting. Did you mean {meant}?"]


def test_an_unknown_key_like_no_other_is_sent_to_the_sample_file() -> None:
    [fault] = faults("[dataset]\nzzz = 1")
    assert fault == "dataset.zzz: there is no such setting. config.sample.toml lists every key"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[dataset]\nmax_samples = "5"', "dataset.max_samples: should be a whole number, not '5'"),
        ("[dataset]\nmax_samples = 2.5", "dataset.max_samples: should be a whole number, not 2.5"),
        ("[dataset]\nmax_samples = 0", "dataset.max_samples: should be greater than or equal to 1, not 0"),
        (
            "[segment]\nmin_confidence = 1.5",
            "segment.min_confidence: should be less than or equal to 1, not 1.5",
        ),
        ("[segment]\nmin_confidence = 'high'", "segment.min_confidence: should be a number, not 'high'"),
        ("[dataset]\ndry_run = 1", "dataset.dry_run: should be true or false, not 1"),
        ("[dataset]\noutput_path = 5", 'dataset.output_path: should be text in "quotes", not 5'),
        ('[dataset]\nchannels = "5"', "dataset.channels: should be a list in [brackets], not '5'"),
        ("[models]\nmax_cost = 'x'", "models.max_cost: should be a number, not 'x'"),
        ("[models]\non_failure = 'stop'", "models.on_failure: should be 'skip' or 'rules', not 'stop'"),
        ("[export]\nprofiles = ['other']", "export.profiles.0: should be 'openai', not 'other'"),
        ("dataset = 5", "dataset: should be a table, [dataset], not 5"),
        ("[models.prices.x]\ninput = 1\noutput = 1", "models.prices.x.read: is missing"),
        (
            "[models.prices.x]\ninput = 1\noutput = 1\nread = 'today'",
            "models.prices.x.read: should be a date such as 2026-11-01, not 'today'",
        ),
        (
            "[prompt.channels.general]\ntopic = 'x'",
            "prompt: 'general' is not a Discord id; channels and profiles are named by id",
        ),
        (
            "[dataset]\nallowed_users = [1]\npersonas = [2]",
            "dataset.personas: 2 is not in dataset.allowed_users, so nothing by them can be used",
        ),
        (
            "[dataset]\nstats_path = 'data/finetune/x/../records.jsonl'",
            "dataset.stats_path: is the same file as dataset.output_path, which would be overwritten",
        ),
        (
            "[dataset]\noutput_path = './data/tuner.db'",
            "dataset.output_path: is the same file as store.path, which would be overwritten",
        ),
    ],
)
def test_a_wrong_value_is_told_what_it_should_be(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_a_price_is_needed_to_keep_a_budget() -> None:
    [fault] = faults("[models]\nsegment = 'strange-model'\nmax_cost = 1")
    assert "the price of models.segment = 'strange-model' is not known" in fault
    assert '[models.prices."strange-model"]' in fault
    price = "[models.prices.strange-model]\ninput = 1\noutput = 2.5\nread = 2026-11-01"
    assert load(f"[models]\nsegment = 'strange-model'\nmax_cost = 1\n{price}").models.max_cost == 1
    assert load("[models]\nsegment = 'gpt-6-luna'\nmax_cost = 1").models.max_cost == 1


def test_all_faults_are_listed_at_once() -> None:
    found = faults(
        f"[dataset]\nchanels = []\nmax_samples = 'x'\nearliest = 'x'\n[discord]\ntoken = '{TOKEN}'\n",
        ("store.path", 5),
    )
    assert sorted(fault.partition(":")[0] for fault in found) == [
        "dataset.chanels",
        "dataset.earliest",
        "dataset.max_samples",
        "discord.token",
        "store.path",
    ]


@pytest.mark.parametrize(
    ("text", "where", "variable"),
    [
        (f"[discord]\ntoken = '{TOKEN}'", "discord.token", "DISCORD_API_TOKEN"),
        ("[discord]\ntoken = 'short'", "discord.token", "DISCORD_API_TOKEN"),
        (f"[discord]\ntoken_env = '{TOKEN}'", "discord.token_env", "DISCORD_API_TOKEN"),
        (f"[openai]\napi_key = '{KEY}'", "openai.api_key", "OPENAI_API_KEY"),
        (f"[openai]\napi_key_env = '{KEY}'", "openai.api_key_env", "OPENAI_API_KEY"),
        (f"[dataset]\nchannels = ['{TOKEN}']", "dataset.channels", "DISCORD_API_TOKEN"),
        (f"[dataset]\nchannels = {{ a = '{TOKEN}' }}", "dataset.channels.a", "DISCORD_API_TOKEN"),
        (f"[discrod]\ntoken = '{TOKEN}'", "discrod.token", "DISCORD_API_TOKEN"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(text: str, where: str, variable: str) -> None:
    found = faults(text)
    [fault] = [fault for fault in found if fault.startswith(f"{where}: ")]
    assert "looks like a token or key" in fault
    assert f"read from the environment only: remove it and set {variable}" in fault
    assert not any(secret in line for line in found for secret in (TOKEN, KEY, "'short'"))


@pytest.mark.parametrize("setting", ["discord.token", "discord.token_env", "store.path"])
def test_a_secret_on_the_command_line_is_refused_too(setting: str) -> None:
    [fault] = faults("", config.parse_assignment(f"{setting}={TOKEN}"))
    assert fault.startswith(f"{setting}: ") and "looks like a token or key" in fault


def test_the_names_of_variables_and_long_words_are_no_secrets() -> None:
    settings = load(
        "[discord]\ntoken_env = 'MY_BOT_TOKEN'\n[prompt]\nstack = 'mybot.prompts:build_everything'"
    )
    assert settings.discord.token_env == "MY_BOT_TOKEN"


def test_a_secret_is_read_from_the_environment() -> None:
    assert config.secret({"T": " abc \n"}, "T", "Reading") == "abc"
    for empty in ({}, {"T": ""}, {"T": "  "}):
        with pytest.raises(
            UsageError, match=r"^Reading needs the environment variable T, which is empty or not set"
        ):
            config.secret(empty, "T", "Reading")


@pytest.mark.parametrize(
    "value",
    ["sk-a\nsk-b", "sk-a\r\nX: y", "sk-ä", "Bearer sk-a", "sk-a\x00", "\ufeffsk-a", "sk\udcff", "‘sk-a’"],
)
def test_what_no_header_can_hold_is_no_secret_and_not_repeated(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.secret({"T": value}, "T", "Reading")
    assert str(caught.value).startswith(
        "Reading needs the environment variable T to hold a key and nothing else"
    )
    assert "sk" not in str(caught.value)
    assert str(caught.value).count("\n") == 0


# -- files -------------------------------------------------------------------------


def test_broken_toml_is_told_where_it_breaks(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[dataset]\nchannels = [1, 2\nmax_samples = 5\n")
    with pytest.raises(UsageError, match=r"config\.toml is not valid TOML: .*line 3, column 1"):
        config.read_toml(file)


@pytest.mark.parametrize("text", ["a = " + "1" * 5000, "a = " + "[" * 5000, "a = 1\na = 2", "\0"])
def test_whatever_is_wrong_with_toml_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"config\.toml is not valid TOML: "):
        config.read_toml(file)
    key, value = config.parse_assignment(f"store.path={text.removeprefix('a = ')}")
    assert isinstance(value, str) and key == "store.path"


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes("\ufeff[dataset]\r\nmax_samples = 5\r\n".encode())
    assert config.read_toml(file) == {"dataset": {"max_samples": 5}}


def test_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes("[dataset]\noutput_path = 'Küche.jsonl'".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        config.read_toml(file)
    file.write_bytes("[dataset]".encode("utf-16"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        config.read_toml(file)
