"""Settings: TOML, then flags, then the environment for secrets; checked as a whole, named when wrong.

The tables are in `settings`, and a room takes its own; `loading` makes them from what was written and typed.
"""

from tuner.config.loading import (
    SEARCHED,
    changed,
    defaults,
    environment,
    find_config,
    load,
    occupied,
    parse_assignment,
    parse_personas,
    place,
    read_toml,
)
from tuner.config.readiness import (
    NO_CHANNELS,
    POLICY,
    Finding,
    asked_model,
    exit_code,
    missing,
    missing_key,
    refuse,
)
from tuner.config.secrets import check_arguments, looks_secret, secret, secret_fault, without_secrets

__all__ = [
    "NO_CHANNELS",
    "POLICY",
    "SEARCHED",
    "Finding",
    "asked_model",
    "changed",
    "check_arguments",
    "defaults",
    "environment",
    "exit_code",
    "find_config",
    "load",
    "looks_secret",
    "missing",
    "missing_key",
    "occupied",
    "parse_assignment",
    "parse_personas",
    "place",
    "read_toml",
    "refuse",
    "secret",
    "secret_fault",
    "without_secrets",
]
