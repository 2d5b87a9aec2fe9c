"""Answers that were paid for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Decisions(Protocol):
    """Model answers under a hash of what was asked, kept over restarts, so that nothing is paid for twice."""

    async def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Those that are known, by their keys."""

    async def keep(self, answers: Mapping[str, Mapping[str, Any]], *, quotes: bool) -> None:
        """Store answers; `quotes` when they may repeat words of the chat."""
