"""Answers that were paid for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tuner.models import Message


class Decisions(Protocol):
    """Model answers under a hash of what was asked, kept over restarts, so that nothing is paid for twice."""

    async def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Those that are known, by their keys."""

    async def keep(
        self, answers: Mapping[str, Mapping[str, Any]], *, quotes: bool, sources: Sequence[Message] = ()
    ) -> None:
        """Store answers; `quotes` when they may repeat words of the chat, namely of the `sources`.

        Such answers are gone as soon as one of their sources changes, and not stored where one has already.
        """
