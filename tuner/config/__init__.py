"""Settings: TOML, then flags, then the environment for secrets; checked as a whole, named when wrong.

The tables are in `tuner.config.settings`; a room takes its own.
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
