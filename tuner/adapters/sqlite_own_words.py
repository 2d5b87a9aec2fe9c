"""What the archive holds of one person, for that person: counts, and their own words. Nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tuner import snowflake
from tuner.adapters.sqlite_store import Store

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Stored:
    """How much of somebody is stored: messages, in which channels, from when to when (days), in which datasets."""

    messages: int
    channels: tuple[int, ...]
    first: str
    last: str
    datasets: tuple[int, ...]  # runs
    jobs: tuple[int, ...]


class OwnWords:
    """One person's share of the archive."""

    def __init__(self, store: Store, user_id: int) -> None:
        self._store = store
        self._user_id = user_id

    async def stored(self) -> Stored:
        rows = await self._store.fetch(
            "SELECT channel_id, count(*), min(id), max(id) FROM messages "
            "WHERE speaker = ? AND content IS NOT NULL GROUP BY channel_id ORDER BY count(*) DESC",
            (self._user_id,),
        )
        first, last = min((row[2] for row in rows), default=0), max((row[3] for row in rows), default=0)
        return Stored(
            sum(row[1] for row in rows),
            tuple(row[0] for row in rows),
            f"{snowflake.moment(first):%Y-%m-%d}" if rows else "",
            f"{snowflake.moment(last):%Y-%m-%d}" if rows else "",
            await self._numbers("SELECT run_id FROM dataset_people WHERE user_id = ? ORDER BY run_id"),
            await self._numbers("SELECT job_id FROM training_people WHERE user_id = ? ORDER BY job_id"),
        )

    async def lines(self) -> AsyncIterator[bytes]:
        """The person's messages as lines of JSON, oldest first."""
        last = 0
        while rows := await self._store.fetch(
            "SELECT id, channel_id, content, extras FROM messages WHERE speaker = ? AND id > ? "
            "AND content IS NOT NULL ORDER BY id LIMIT ?",
            (self._user_id, last, AT_ONCE),
        ):
            last = rows[-1][0]
            for message_id, channel_id, content, extras in rows:
                kept = {key: value for key, value in json.loads(extras).items() if key != "mentions"}
                line = {
                    "id": str(message_id),
                    "at": snowflake.moment(message_id).isoformat(),
                    "channel_id": str(channel_id),
                    "text": content,
                    **kept,
                }
                yield json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    async def _numbers(self, sql: str) -> tuple[int, ...]:
        return tuple(number for (number,) in await self._store.fetch(sql, (self._user_id,)))
