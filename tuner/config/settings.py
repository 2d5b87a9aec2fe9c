"""Every setting: a table of the configuration each, checked when it is made. Values only; `loading` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from tuner.profiles import ExportProfile
from tuner.screening.kinds import DETAILS, Detail, Wanted

RULES = "rules"  # in place of a model: no key, deterministic
TOKEN_ENV = "DISCORD_API_TOKEN"  # where the bot's token is, unless another variable is named
LAST_YEAR = 2083  # later moments have no id that fits into 63 bits
HELPERS = (
    "helpers"  # among the personas: whoever answers others' questions; a role of that name is "@helpers"
)
LONGEST_ROLE = 100  # characters of a role's name

_MENTION = re.compile(r"<@[!&]?([0-9]+)>")
_DIGITS = re.compile(r"([0-9]+)")


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


def _as_persona(value: object) -> object:
    """An id, of a person or a role, or as Discord writes a mention; the name of a role; or the word `HELPERS`."""
    if isinstance(value, str) and (
        written := _MENTION.fullmatch(value.strip()) or _DIGITS.fullmatch(value.strip())
    ):
        return _as_id(written[1])
    if not isinstance(value, str):
        return _as_id(value)
    name = " ".join(value.split())
    if name.casefold().lstrip("@") == "everyone":
        raise ValueError("should be left empty when everyone is meant")
    if not 0 < len(name.lstrip("@")) <= LONGEST_ROLE:
        raise ValueError(
            f'should be the id of a person or a role, the name of a role, or "{HELPERS}", not {value!r}'
        )
    return name


Snowflake = Annotated[int, BeforeValidator(_as_id)]
Persona = Annotated[int | str, BeforeValidator(_as_persona)]
Moment = Annotated[datetime | None, BeforeValidator(_as_moment)]


class Table(BaseModel):
    """A TOML table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Dataset(Table):
    """What goes in, what comes out."""

    channels: tuple[Snowflake, ...] = ()
    allowed_users: tuple[Snowflake, ...] = ()
    personas: tuple[Persona, ...] = ()
    earliest: Moment = None
    max_messages: int | None = Field(default=None, ge=1)
    order: Literal["oldest", "best"] = "oldest"
    max_tokens: int = Field(default=16_384, ge=512, le=65_536)
    max_samples: int | None = Field(default=None, ge=1)
    segment_concurrency: int = Field(default=4, ge=1, le=64)
    output_path: str = Field(default="data/finetune/records.jsonl", min_length=1)
    raw_dump_dir: str = ""
    dry_run: bool = False
    print_stats: bool = False
    stats_path: str = "data/finetune/stats.json"

    @property
    def persona_ids(self) -> tuple[int, ...]:
        """The ids among the personas by which somebody, a bot too, may be admitted: no stranger's."""
        ids = (persona for persona in self.personas if isinstance(persona, int))
        return tuple(i for i in ids if not self.allowed_users or i in self.allowed_users)


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
    most_undecided: float = Field(default=0.2, ge=0, le=1)
    max_calls: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    attempts: int = Field(default=3, ge=1, le=10)
    most_failures: int = Field(default=25, ge=1)
    most_unusable: float = Field(default=0.4, ge=0, le=1)
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

    token_env: str = Field(default=TOKEN_ENV, min_length=1)
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
    reread: bool = False
    recheck_days: float = Field(default=30, ge=0)
    recheck_pages: int = Field(default=10, ge=0)
    most_deleted: float = Field(default=0.2, ge=0, le=1)


class Store(Table):
    """Where the archive is kept."""

    path: str = Field(default="data/tuner.db", min_length=1)


class People(Table):
    """What is known of people beside the archive."""

    opt_outs: str = ""
    consent: Literal["listed", "opt_in", "opt_out"] = "listed"
    consent_version: str = Field(default="1", pattern=r"^[A-Za-z0-9_.-]{1,20}$")
    consent_text: str = Field(default="", max_length=1800)


class Screen(Table):
    """What is taken out of people's words: secrets before they are stored, details before anybody sees them."""

    secrets: bool = True
    details: tuple[Detail, ...] = DETAILS
    near_copies: float = Field(default=0.9, ge=0, le=1)
    same_reply: int = Field(default=10, ge=0)
    persona_share: float = Field(default=1.0, gt=0, le=1)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.secrets, frozenset(self.details))


class SegmentRules(Table):
    """What belongs together, and the shape of a segment."""

    min_confidence: float = Field(default=0.0, ge=0, le=1)
    judge_share: float = Field(default=0.1, ge=0, le=1)
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
    announce_tools: bool = False
    context: bool = True
    names: Literal["display", "alias"] = "display"
    channels: dict[str, ChannelNotes] = Field(default_factory=dict)
    profiles: dict[str, Profile] = Field(default_factory=dict)


class Export(Table):
    """Files made for trainers, beside the records."""

    profiles: tuple[ExportProfile, ...] = ("openai", "trl")
    validation: float = Field(default=0.1, ge=0, le=0.5)
    bom: bool = False
    keep_replaced: int = Field(default=3, ge=0)


TrainingProvider = Literal["openai", "azure", "nebius", "together", "fireworks", "compatible"]


class TrainingPrice(Table):
    """US dollars: `tokens` per million trained ones, `hosting` an hour of serving; and the day they were read."""

    tokens: float = Field(ge=0)
    hosting: float | None = Field(default=None, ge=0)
    read: date


class Training(Table):
    """Who trains a model on the dataset, which one, and what that may be expected to cost."""

    provider: Literal["", "openai", "azure", "nebius", "together", "fireworks", "compatible"] = ""
    base_url: str = ""
    api_key_env: str = ""
    account: str = ""
    model: str = ""
    suffix: str = Field(default="tuner", pattern=r"^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$")
    epochs: int | None = Field(default=None, ge=1, le=50)
    learning_rate_multiplier: float | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    azure_training_type: Literal["GlobalStandard", "Standard", "developerTier"] = "GlobalStandard"
    poll_seconds: float = Field(default=30, ge=1)
    timeout_seconds: float = Field(default=60, gt=0)
    settle_seconds: float = Field(default=90, ge=0)
    attempts: int = Field(default=5, ge=1, le=20)
    backoff_seconds: float = Field(default=1.0, ge=0)
    prices: dict[str, TrainingPrice] = Field(default_factory=dict)


class Settings(Table):
    """Every setting of a run."""

    dataset: Dataset = Dataset()
    models: Models = Models()
    openai: OpenAI = OpenAI()
    discord: Discord = Discord()
    collect: Collect = Collect()
    store: Store = Store()
    people: People = People()
    screen: Screen = Screen()
    segment: SegmentRules = SegmentRules()
    prompt: Prompt = Prompt()
    export: Export = Export()
    training: Training = Training()
    _typed: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def judge_share(self) -> float:
        """Share of the links that a model is asked about: of none where it approves none of the segments.

        Nor where the best samples are sought: all history is gone through for them, and their links are sure.
        """
        sought = self.dataset.order == "best" and self.dataset.max_samples is not None
        return 0.0 if sought or self.models.segment == RULES else self.segment.judge_share

    def called(self, typed: Mapping[str, str]) -> Settings:
        """The same, remembering under which name somebody typed a `table.key`: an option, for example."""
        copy = self.model_copy()
        copy._typed = {**self._typed, **typed}
        return copy

    def named(self, setting: str) -> str:
        """What to call a `table.key` before whoever set it."""
        return self._typed.get(setting, setting)
