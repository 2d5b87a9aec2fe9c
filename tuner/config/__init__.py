"""Settings: TOML, then flags, then the environment for secrets; checked as a whole, named when wrong.

The tables are in `settings`, and a room takes its own; `loading` makes them from what was written and typed.
"""

from tuner.config.loading import (
    NO_CHANNELS,
    POLICY,
    SEARCHED,
    changed,
    defaults,
    environment,
    find_config,
    load,
    parse_assignment,
    read_toml,
    secret,
)

__all__ = [
    "NO_CHANNELS",
    "POLICY",
    "SEARCHED",
    "changed",
    "defaults",
    "environment",
    "find_config",
    "load",
    "parse_assignment",
    "read_toml",
    "secret",
]
