"""Runs and paid-for decisions, in the archive."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tuner.adapters.sqlite_store import Store


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded invocation."""

    id: int
    state: str
    started_at: str
    ended_at: str | None
    owner: str
    options: dict[str, Any]
    progress: dict[str, Any]
    message: str


class Runs:
    """Every build, with its latest counts: what `status` shows, also after a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self, owner: str, options: Mapping[str, Any]) -> int:
        """Record a new run; its number. Call it only while holding the builder lock."""
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE runs SET state = 'interrupted', message = 'Its process ended without a word.' "
                "WHERE state = 'running'"
            )
            cursor = await db.execute(
                "INSERT INTO runs (state, started_at, owner, options) VALUES ('running', ?, ?, ?)",
                (_now(), owner, json.dumps(dict(options))),
            )
            return cursor.lastrowid or 0

    async def update(self, run_id: int, progress: Mapping[str, Any]) -> None:
        async with self._store.transaction() as db:
            await db.execute("UPDATE runs SET progress = ? WHERE id = ?", (json.dumps(progress), run_id))

    async def end(self, run_id: int, state: str, progress: Mapping[str, Any], message: str) -> None:
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE runs SET state = ?, ended_at = ?, progress = ?, message = ? WHERE id = ?",
                (state, _now(), json.dumps(progress), message, run_id),
            )

    async def last(self, count: int) -> list[Run]:
        """The newest runs, newest first."""
        rows = await self._store.fetch(
            "SELECT id, state, started_at, ended_at, owner, options, progress, message FROM runs "
            "ORDER BY id DESC LIMIT ?",
            (count,),
        )
        return [
            Run(number, state, started, ended, owner, json.loads(options), json.loads(progress), message)
            for number, state, started, ended, owner, options, progress, message in rows
        ]


class Decisions:
    """Model answers under a hash of what was asked, so that nothing is paid for twice."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = await self._store.fetch(
            "SELECT key, answer FROM decisions WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        return {key: json.loads(answer) for key, answer in rows}

    async def keep(self, answers: Mapping[str, Mapping[str, Any]], *, quotes: bool) -> None:
        """Store answers; `quotes` when they may repeat words of the chat."""
        async with self._store.transaction() as db:
            await db.executemany(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)",
                [(key, json.dumps(answer), quotes, _now()) for key, answer in answers.items()],
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
