"""What a run still needs before it can begin, all of it at once: nobody should be refused four times in a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.config.secrets import secret_fault
from tuner.config.settings import RULES, Settings
from tuner.errors import UsageError

State = Literal["good", "note", "bad", "unset"]  # unset: the configuration or the environment lacks it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a build needs: how it stands, and what to do about it."""

    subject: str
    state: State
    text: str
    todo: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """0 when a build could run, 2 when something has to be configured first, 1 when something else is in its way."""
    states = {finding.state for finding in findings}
    return 2 if "unset" in states else 1 if "bad" in states else 0


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


def missing(settings: Settings, environment: Mapping[str, str], *, asking: bool = True) -> list[str]:
    """Everything that reading from Discord still needs, and `asking` the models that are named."""
    return [
        *([] if settings.dataset.channels else [NO_CHANNELS]),
        *([] if settings.discord.acknowledge_policy else [POLICY]),
        *filter(None, [secret_fault(environment, settings.discord.token_env, "Reading from Discord")]),
        *(missing_key(settings, environment) if asking else ()),
    ]


def missing_key(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """What asking the models that are named still needs."""
    asked = asked_model(settings)
    fault = (
        secret_fault(environment, settings.openai.api_key_env, f"Asking the model {asked!r}") if asked else ""
    )
    return [fault] if fault else []


def asked_model(settings: Settings) -> str:
    """The first model that is named; empty when the rules decide everything."""
    models = settings.models
    return next((name for name in (models.segment, models.tool_trigger) if name != RULES), "")


def refuse(faults: Sequence[str], before: str) -> None:
    """Raise a UsageError that names everything that is missing before something can happen; not if nothing is."""
    if not faults:
        return
    if len(faults) == 1:
        raise UsageError(faults[0])
    listed = "\n".join("  - " + fault.replace("\n", "\n    ") for fault in faults)
    raise UsageError(f"{len(faults)} things are missing before {before}:\n{listed}")
