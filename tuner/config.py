"""Settings: TOML, then flags, then the environment for secrets; checked as a whole, named when wrong."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomli
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tuner.errors import UsageError

RULES = "rules"  # in place of a model: no key, deterministic
SEARCHED = ("config.toml", "tuner/config.toml")
LAST_YEAR = 2083  # later moments have no id that fits into 63 bits
SECRET_VALUE = re.compile(r"\bsk-[\w-]{16,}|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}")
SECRET_KEY = re.compile(r"(^|_)(token|api_?key|secret|password)$", re.IGNORECASE)


def _as_moment(value: object) -> object:
    """A date or ISO 8601 time; UTC when it names no zone."""
    if value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                f"should be a date or ISO 8601 time such as 2024-05-01 or 2024-05-01T18:00:00+02:00, "
                f"not {value!r}"
            ) from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    if isinstance(value, datetime) and value.year > LAST_YEAR:
        raise ValueError(
            f"should lie before the end of {LAST_YEAR}, where Discord's ids end, not in {value.year}"
        )
    return value


def _as_id(value: object) -> object:
    """A Discord id, written as a number or in quotes."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 63:
        raise ValueError(
            f"should be a Discord id, a number such as 123456789012345678, not {value!r} "
            "(Developer Mode on, then right-click → Copy ID)"
        )
    return value


Snowflake = Annotated[int, BeforeValidator(_as_id)]
Moment = Annotated[datetime | None, BeforeValidator(_as_moment)]


POLICY = """\
Reading from Discord needs your acknowledgement. Discord's Developer Policy (8 July 2024) forbids using message
content obtained through its API to train AI models without Discord's express permission, and the people whose
words you use should have agreed to it. If you have that permission and their consent, add to your configuration:

[discord]
acknowledge_policy = true

Exports that you are entitled to use can be read without it: --from-export PATH."""


NO_CHANNELS = (
    "dataset.channels is empty: name the channels to read by id. In Discord, turn on Developer Mode (Settings → "
    "Advanced), then right-click a channel → Copy Channel ID."
)


class Table(BaseModel):
    """A TOML table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Dataset(Table):
    """What goes in, what comes out."""

    channels: tuple[Snowflake, ...] = ()
    allowed_users: tuple[Snowflake, ...] = ()
    personas: tuple[Snowflake, ...] = ()
    earliest: Moment = None
    max_messages: int | None = Field(default=None, ge=1)
    max_samples: int | None = Field(default=None, ge=1)
    segment_concurrency: int = Field(default=4, ge=1, le=64)
    output_path: str = Field(default="data/records.jsonl", min_length=1)
    raw_dump_dir: str = ""
    dry_run: bool = False
    print_stats: bool = False
    stats_path: str = "data/stats.json"


class Price(Table):
    """US dollars per million tokens, and the day they were read."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    read: date


DEFAULT_PRICES = {"gpt-6-luna": Price(input=0.10, output=0.50, cached_input=0.01, read=date(2026, 11, 1))}


class Models(Table):
    """Who decides, and what that may cost. "rules" needs no model and no key."""

    segment: str = Field(default="rules", min_length=1)
    tool_trigger: str = Field(default="rules", min_length=1)
    on_failure: Literal["skip", "rules"] = "skip"
    max_calls: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    attempts: int = Field(default=3, ge=1, le=10)
    segments_per_request: int = Field(default=8, ge=1, le=32)
    timeout_seconds: float = Field(default=60, gt=0)
    backoff_seconds: float = Field(default=1.0, ge=0)
    reasoning_effort: str = ""
    prices: dict[str, Price] = Field(default_factory=dict)

    def price(self, model: str) -> Price | None:
        return self.prices.get(model) or DEFAULT_PRICES.get(model)


class OpenAI(Table):
    """The OpenAI-compatible server that is asked."""

    base_url: str = ""
    api_key_env: str = Field(default="OPENAI_API_KEY", min_length=1)


class Discord(Table):
    """How the server is reached, and that its rules are known."""

    token_env: str = Field(default="DISCORD_TOKEN", min_length=1)
    acknowledge_policy: bool = False
    guild: Snowflake | None = None
    admin_channel: Snowflake | None = None
    admin_roles: tuple[Snowflake, ...] = ()
    heartbeat_seconds: float = Field(default=20, ge=1)
    attach_records: bool = False


class Collect(Table):
    """How fast history is read, and how patiently."""

    concurrency: int = Field(default=8, ge=1, le=32)
    requests_per_second: float = Field(default=25, gt=0, le=50)
    attempts: int = Field(default=8, ge=1)
    backoff_seconds: float = Field(default=1.0, ge=0)
    longest_wait_seconds: float = Field(default=900, gt=0)
    lookback: float = Field(default=24, ge=0)  # hours


class Store(Table):
    """Where the archive is kept."""

    path: str = Field(default="data/tuner.db", min_length=1)


class SegmentRules(Table):
    """What belongs together, and the shape of a segment."""

    min_confidence: float = Field(default=0.0, ge=0, le=1)
    max_messages: int = Field(default=40, ge=2, le=500)
    min_turns: int = Field(default=2, ge=2)
    max_participants: int = Field(default=8, ge=2, le=26)


class Dated(Table):
    """A text about somebody or something, true from `since` on."""

    text: str
    since: Moment = None


class ChannelNotes(Table):
    """What production tells the model about a channel."""

    topic: str | tuple[Dated, ...] = ""


class Profile(Table):
    """What production tells the model about a person."""

    text: str | tuple[Dated, ...] = ""


class Prompt(Table):
    """The production prompt stack that samples mirror."""

    stack: str = "tuner.prompt.stack:build"
    system_file: str = ""
    persona_notes_file: str = ""
    tools_file: str = ""
    announce_tools: bool = True
    context: bool = True
    channels: dict[str, ChannelNotes] = Field(default_factory=dict)
    profiles: dict[str, Profile] = Field(default_factory=dict)


ExportProfile = Literal["openai"]


class Export(Table):
    """Files made for providers, beside the records."""

    profiles: tuple[ExportProfile, ...] = ("openai",)


class Settings(Table):
    """Every setting of a run."""

    dataset: Dataset = Dataset()
    models: Models = Models()
    openai: OpenAI = OpenAI()
    discord: Discord = Discord()
    collect: Collect = Collect()
    store: Store = Store()
    segment: SegmentRules = SegmentRules()
    prompt: Prompt = Prompt()
    export: Export = Export()


def find_config(explicit: str | None, base: Path) -> Path | None:
    """The configuration file to read: `explicit`, or the first of `SEARCHED` below `base`."""
    if explicit is not None:
        path = Path(explicit)
        if not path.is_file():
            raise UsageError(
                f"There is no configuration file at {explicit}. Copy config.sample.toml there, or leave "
                f"out --config to search {' and '.join(SEARCHED)}."
            )
        return path
    return next((base / name for name in SEARCHED if (base / name).is_file()), None)


def read_toml(path: Path) -> dict[str, Any]:
    """The document at `path`; a UsageError names the line where TOML ends to make sense."""
    try:
        return tomli.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors begin a file with a mark
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}. Nothing was read from it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def load(document: Mapping[str, Any], overrides: Iterable[tuple[str, Any]], origin: str) -> Settings:
    """Settings from a TOML document and `table.key` overrides; every fault is listed at once."""
    merged = _copy(document)
    for dotted, value in overrides:
        _put(merged, dotted, value)
    secrets = list(dict.fromkeys(_secrets(merged)))
    faults = [_secret_fault(path) for path in secrets]
    try:
        settings = Settings.model_validate(_tuples(merged))
    except ValidationError as error:
        faults += [_fault(item) for item in error.errors() if not _repeats(item, secrets)]
    else:
        faults += _contradictions(settings)
        if not faults:
            return settings
    raise UsageError(f"{origin} has {_counted(len(faults))}:\n" + "\n".join(f"  - {f}" for f in faults))


def changed(settings: Settings, overrides: Iterable[tuple[str, Any]], origin: str) -> Settings:
    """The settings with some values replaced, checked again as a whole."""
    return load(settings.model_dump(exclude_unset=True), overrides, origin)


def parse_assignment(text: str) -> tuple[str, Any]:
    """`table.key=value` as typed after --set; the value is TOML, or else a plain string."""
    dotted, equals, value = text.partition("=")
    dotted = dotted.strip()
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)+", dotted):
        raise UsageError(f"--set needs table.key=value, for example --set store.path=my.db, not {text!r}.")
    try:
        parsed = tomli.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return dotted, value
    return dotted, parsed["value"] if len(parsed) == 1 else value


def secret(environment: Mapping[str, str], name: str, purpose: str) -> str:
    """A secret from the environment; never logged, stored or put into a message."""
    value = environment.get(name, "").strip()
    if not value:
        raise UsageError(f"{purpose} needs the environment variable {name}, which is empty or not set.")
    return value


def defaults() -> Iterator[tuple[str, Any]]:
    """Every `table.key` and its default, in the order of the sample file."""
    for table, settings in Settings():
        for key, value in settings:
            yield f"{table}.{key}", value


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _tuples(value: Any) -> Any:
    """TOML arrays as tuples: settings are frozen through and through."""
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _put(document: dict[str, Any], dotted: str, value: Any) -> None:
    *tables, key = dotted.split(".")
    for name in tables:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{dotted} cannot be set: {name} is not a table.")
        document = inner
    document[key] = value


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if SECRET_KEY.search(str(key)) and isinstance(inner, str):
                yield here
            else:
                yield from _secrets(inner, here)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _secrets(inner, path)
    elif isinstance(value, str) and SECRET_VALUE.search(value):
        yield path


def _secret_fault(path: str) -> str:
    name = "OPENAI_API_KEY" if "openai" in path or "key" in path else "DISCORD_TOKEN"
    return (
        f"{path}: looks like a token or key. Files get committed, copied and shared, and command lines are kept, "
        f"so secrets are read from the environment only: remove it and set {name}. If it was ever shared, make "
        "a new one"
    )


def _repeats(item: Any, secrets: Iterable[str]) -> bool:
    """Whether naming this fault would show a secret, or say again what is said of it."""
    where = ".".join(str(part) for part in item["loc"])
    shows_value = item["type"] != "extra_forbidden"
    return any(
        f"{where}.".startswith(f"{path}.") or (shows_value and path.startswith(f"{where}."))
        for path in secrets
    )


def _fault(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    given = item["input"]
    match item["type"]:
        case "extra_forbidden":
            return _unknown_key(item["loc"])
        case "value_error":
            return f"{where}: {item['ctx']['error']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: should be a table, [{where}], not {given!r}"
        case "missing":
            return f"{where}: is missing"
        case _:
            return f"{where}: {_expectation(item)}, not {given!r}"


def _expectation(item: Any) -> str:
    words = {
        "int_type": "should be a whole number",
        "float_type": "should be a number",
        "bool_type": "should be true or false",
        "string_type": 'should be text in "quotes"',
        "tuple_type": "should be a list in [brackets]",
        "date_type": "should be a date such as 2026-11-01",
        "datetime_type": "should be a date or ISO 8601 time",
    }
    text = str(item["msg"]).removeprefix("Input ")
    return words.get(item["type"], text[:1].lower() + text[1:])


def _unknown_key(location: tuple[str | int, ...]) -> str:
    where = ".".join(str(part) for part in location)
    names = sorted((name for name, _ in defaults()), key=lambda name: name.startswith(f"{location[0]}."))
    known = {name.rpartition(".")[2]: name for name in names}  # of the same key in two tables, this table's
    if len(location) == 1:
        known |= {table: table for table in Settings.model_fields}
    near = difflib.get_close_matches(str(location[-1]), known, 1, 0.6)
    hint = f". Did you mean {known[near[0]]}?" if near else ". config.sample.toml lists every key"
    return f"{where}: there is no such setting{hint}"


def _contradictions(settings: Settings) -> Iterator[str]:
    models = settings.models
    if models.max_cost is not None:
        for key, name in (("segment", models.segment), ("tool_trigger", models.tool_trigger)):
            if name != "rules" and models.price(name) is None:
                yield (
                    f"models.max_cost: cannot be kept, the price of models.{key} = {name!r} is not known. "
                    f'Add [models.prices."{name}"] with input, output and read'
                )
    dataset = settings.dataset
    strangers = sorted(set(dataset.personas) - set(dataset.allowed_users)) if dataset.allowed_users else []
    if strangers:
        yield f"dataset.personas: {strangers[0]} is not in dataset.allowed_users, so nothing by them can be used"
    written: dict[str, str] = {}
    for key, path in (
        ("store.path", settings.store.path),
        ("dataset.output_path", dataset.output_path),
        ("dataset.stats_path", dataset.stats_path),
    ):
        if path and (other := written.setdefault(os.path.abspath(path), key)) != key:  # noqa: PTH100 - it takes .. out
            yield f"{key}: is the same file as {other}, which would be overwritten"
    for key in (*settings.prompt.channels, *settings.prompt.profiles):
        if not key.isdigit():
            yield f"prompt: {key!r} is not a Discord id; channels and profiles are named by id"


def _counted(number: int) -> str:
    return "a fault" if number == 1 else f"{number} faults"


def environment() -> Mapping[str, str]:
    """The process environment, read when asked and not at import."""
    return os.environ


EXPORT_PROFILES: tuple[str, ...] = get_args(ExportProfile)
