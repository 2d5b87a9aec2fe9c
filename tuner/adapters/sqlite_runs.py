"""Runs and paid-for decisions, in the archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tuner.adapters import sqlite_meta
from tuner.adapters.sqlite_meta import remembered
from tuner.adapters.sqlite_store import Store, Writer
from tuner.models import Message


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


@dataclass(frozen=True, slots=True)
class Report:
    """A run's status message in Discord."""

    guild_id: int
    channel_id: int
    message_id: int
    posted_at: float  # unix time

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


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
        """Record how a run goes; what waited for its turn until the run was over comes too late."""
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE runs SET progress = ? WHERE id = ? AND state = 'running'",
                (json.dumps(progress), run_id),
            )

    async def end(self, run_id: int, state: str, progress: Mapping[str, Any], message: str) -> None:
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE runs SET state = ?, ended_at = ?, progress = ?, message = ? WHERE id = ?",
                (state, _now(), json.dumps(progress), message, run_id),
            )

    async def found_dead(self, run_id: int, progress: Mapping[str, Any]) -> bool:
        """Record that a run's process is gone; whether it had not said itself how the run ended."""
        async with self._store.transaction() as db:
            cursor = await db.execute(
                "UPDATE runs SET state = 'interrupted', ended_at = ?, progress = ?, message = ? "
                "WHERE id = ? AND state = 'running'",
                (_now(), json.dumps(progress), "Its process ended without a word.", run_id),
            )
            return cursor.rowcount > 0

    async def made(self, run_id: int, digests: Sequence[str]) -> None:
        """Remember the SHA-256 of the dataset files that a run is about to leave."""
        async with self._store.transaction() as db:
            await db.execute("UPDATE runs SET files = ? WHERE id = ?", (json.dumps(list(digests)), run_id))

    async def maker(self, digest: str) -> int | None:
        """The run that left this dataset file, None for one that was made elsewhere."""
        rows = await self._store.fetch(
            "SELECT max(runs.id) FROM runs, json_each(runs.files) AS file WHERE file.value = ?", (digest,)
        )
        return rows[0][0] if rows else None

    async def last_withdrawal(self) -> float:
        """When people's words were last erased because they left or opted out, in unix time; 0 for never."""
        return await remembered(self._store.fetch, "withdrawn", sqlite_meta.moment) or 0.0

    async def reported(self, run_id: int, report: Report) -> None:
        """Remember where a run is shown."""
        values = (report.guild_id, report.channel_id, report.message_id, report.posted_at, run_id)
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE runs SET report_guild = ?, report_channel = ?, report_message = ?, report_posted_at = ? "
                "WHERE id = ?",
                values,
            )

    async def report(self, run_id: int) -> Report | None:
        """Where a run is shown, if it is."""
        rows = await self._store.fetch(
            "SELECT report_guild, report_channel, report_message, report_posted_at FROM runs "
            "WHERE id = ? AND report_message IS NOT NULL",
            (run_id,),
        )
        return Report(*rows[0]) if rows else None

    async def note(self, key: str) -> str:
        """Something remembered across restarts; empty when there is nothing."""
        rows = await self._store.fetch("SELECT value FROM meta WHERE key = ?", (f"note:{key}",))
        return str(rows[0][0]) if rows else ""

    async def set_note(self, key: str, value: str) -> None:
        async with self._store.transaction() as db:
            await db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"note:{key}", value))

    async def find(self, run_id: int) -> Run | None:
        """One run by its number."""
        found = await self._select("WHERE id = ?", run_id)
        return found[0] if found else None

    async def last(self, count: int) -> list[Run]:
        """The newest runs, newest first."""
        return await self._select("ORDER BY id DESC LIMIT ?", count)

    async def _select(self, which: str, value: int) -> list[Run]:
        rows = await self._store.fetch(
            f"SELECT id, state, started_at, ended_at, owner, options, progress, message FROM runs {which}",
            (value,),
        )
        return [
            Run(number, state, started, ended, owner, _object(options), _object(progress), message)
            for number, state, started, ended, owner, options, progress, message in rows
        ]


def _object(stored: str) -> dict[str, Any]:
    """A JSON object, empty where it is damaged."""
    try:
        found = json.loads(stored)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Decisions:
    """Model answers under a hash of what was asked, so that nothing is paid for twice."""

    def __init__(self, store: Store, seen: Callable[[str], str] = str) -> None:
        """`seen` tells how those who ask see a stored text."""
        self._store = store
        self._seen = seen

    async def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = await self._store.fetch(
            "SELECT key, answer FROM decisions WHERE key IN (SELECT value FROM json_each(?)) "
            "AND CASE WHEN json_valid(answer) THEN json_type(answer) END = 'object'",  # damaged ones are none
            (json.dumps(list(keys)),),
        )
        return {key: json.loads(answer) for key, answer in rows}

    async def keep(
        self, answers: Mapping[str, Mapping[str, Any]], *, quotes: bool, sources: Sequence[Message] = ()
    ) -> None:
        """Store answers; `quotes` when they may repeat words of the chat, namely of the `sources`.

        Such answers are gone as soon as one of their sources changes, and not stored where one has already.
        """
        async with self._store.transaction() as db:
            if not await _unchanged(db, sources, self._seen):
                return
            await db.executemany(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)",
                [(key, json.dumps(answer), quotes, _now()) for key, answer in answers.items()],
            )
            await db.executemany(
                "INSERT OR IGNORE INTO quoted VALUES (?, ?)",
                [(message.id, key) for message in sources for key in answers],
            )


async def _unchanged(db: Writer, messages: Sequence[Message], seen: Callable[[str], str]) -> bool:
    """Whether these messages still say what they said when they were read."""
    rows = await db.execute_fetchall(
        "SELECT id, content FROM messages WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([message.id for message in messages]),),
    )
    return {m.id: m.text for m in messages} == {
        i: content if content is None else seen(content) for i, content in rows
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
