"""What an archive remembers besides messages, a row of `meta` a thing: its salt, its audience, when something was."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from tuner.errors import FatalError

Fetch = Callable[[str, Iterable[Any]], Awaitable[Iterable[Any]]]
Value = TypeVar("Value")


async def remembered(fetch: Fetch, key: str, read: Callable[[str], Value]) -> Value | None:
    """What stands under a key, None for nothing. Raises FatalError where it cannot be read as what it is."""
    rows = list(await fetch("SELECT value FROM meta WHERE key = ?", (key,)))
    if not rows:
        return None
    try:
        return read(rows[0][0])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise FatalError(
            f"The archive is damaged: what stands under {key!r} in its table meta is not what was stored. "
            "Put back a copy of the archive, or move it away and build again: then everything is read again."
        ) from None


def salt(text: str) -> bytes:
    """The key of the archive's digests."""
    key = bytes.fromhex(text)
    if not key:
        raise ValueError("an empty key")
    return key


def moment(text: str) -> float:
    """A time in unix time."""
    time = float(text)
    if not 0 <= time < float("inf"):
        raise ValueError("no time")
    return time


def audience(text: str) -> tuple[bool, frozenset[int]]:
    """Whether everyone was admitted, and who was named."""
    stored = json.loads(text)
    everyone, named = stored["everyone"], stored["named"]
    if not isinstance(everyone, bool) or not all(type(one) is int for one in named):
        raise TypeError("no audience")
    return everyone, frozenset(named)
