"""Ends of builds that somebody still has to be told of, across faults and restarts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.adapters.sqlite_store import Store


@dataclass(frozen=True, slots=True)
class Owed:
    """A build whose end is to be announced. `ending` is empty where its process died before it could say."""

    run_id: int
    requester: int  # user id; 0 when nobody in Discord asked
    nonce: str
    ending: dict[str, Any]
    announced: bool  # all that is missing is that the status message says so


class Announcements:
    """What is owed; a row goes when everything was said."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(self, run_id: int, requester: int) -> Owed:
        """From now on somebody waits for the end of this run."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR IGNORE INTO announcements (run_id, requester, nonce) VALUES (?, ?, ?)",
                (run_id, requester, new_nonce()),
            )
        [owed] = [one for one in await self._all() if one.run_id == run_id]
        return owed

    async def ended(self, run_id: int, ending: Mapping[str, Any]) -> None:
        """Remember how it ended, for whoever announces it."""
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE announcements SET ending = ? WHERE run_id = ?", (json.dumps(ending), run_id)
            )

    async def announced(self, run_id: int) -> None:
        async with self._store.transaction() as db:
            await db.execute("UPDATE announcements SET announced = 1 WHERE run_id = ?", (run_id,))

    async def settled(self, run_id: int) -> None:
        """Everything was said."""
        async with self._store.transaction() as db:
            await db.execute("DELETE FROM announcements WHERE run_id = ?", (run_id,))

    async def due(self) -> list[Owed]:
        """What is owed of runs that are over, oldest first."""
        return await self._all("JOIN runs ON runs.id = run_id WHERE state <> 'running'")

    async def _all(self, which: str = "") -> list[Owed]:
        rows = await self._store.fetch(
            f"SELECT run_id, requester, nonce, ending, announced FROM announcements {which} ORDER BY run_id"
        )
        return [
            Owed(run_id, requester, nonce, json.loads(ending or "{}"), bool(announced))
            for run_id, requester, nonce, ending, announced in rows
        ]


def new_nonce() -> str:
    """What makes one message of several tries to send it; Discord takes 25 characters."""
    return secrets.token_hex(12)
