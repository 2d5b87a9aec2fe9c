"""Whose words the archive holds: what erasing would take, who opted out, and how fewer people would leave it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tuner.adapters import sqlite_meta
from tuner.adapters.sqlite_meta import remembered
from tuner.adapters.sqlite_store import Store
from tuner.people.audience import Audience


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the archive would lose if an audience was adopted: messages of so many people who did not opt out."""

    people: int
    messages: int


class People:
    """The people in the archive."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def leaving(self, audience: Audience) -> Leaving:
        outside = set(await self.outside(audience)) - audience.opted_out
        rows = await self._store.fetch(
            "SELECT count(DISTINCT speaker), count(*) FROM messages WHERE content IS NOT NULL "
            "AND speaker IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(outside)),),
        )
        return Leaving(*rows[0])

    async def outside(self, audience: Audience) -> dict[int, int]:
        """People with a name in the archive who are not of this audience → the opaque numbers that stand for them."""
        known = await self._store.fetch("SELECT id, is_bot FROM authors")
        return {i: audience.opaque(i) for i, is_bot in known if not audience.admits(i, is_bot=bool(is_bot))}

    async def adopted(self, asked: Audience) -> Audience | None:
        """The audience of the last build that was no dry run; None before the first. `asked` says who opted out."""
        adopted = await remembered(self._store.fetch, "audience", sqlite_meta.audience)
        if adopted is None:
            return None
        everyone, named = adopted
        if asked.strict:  # who was named may be a person, and has to have agreed
            named -= asked.bots - (asked.allowed or frozenset())
        return replace(asked, allowed=None if everyone else named, bots=named)

    async def stored(self, user_ids: Iterable[int]) -> set[int]:
        """Those of the people of whom something could be erased: words, or their name in words of others."""
        found = set()
        for user_id in user_ids:
            rows = await self._store.fetch(
                "SELECT EXISTS (SELECT 1 FROM authors WHERE id = ?1) "
                "OR EXISTS (SELECT 1 FROM channels WHERE author = ?1) "
                "OR EXISTS (SELECT 1 FROM messages "
                "WHERE speaker = ?1 OR (content IS NOT NULL AND (instr(extras, ?1) OR instr(content, ?1))))",
                (user_id,),
            )
            found |= {user_id} if rows[0][0] else set()
        return found

    async def still_stored(self) -> list[int]:
        """People who opted out and of whom words are stored all the same, or their name."""
        rows = await self._store.fetch(
            "SELECT user_id FROM opt_outs WHERE user_id IN (SELECT id FROM authors) "
            "OR user_id IN (SELECT speaker FROM messages WHERE content IS NOT NULL)"
        )
        return [user_id for (user_id,) in rows]

    async def seen(self, user_ids: Iterable[int], audience: Audience) -> set[int]:
        """Those of the people whose messages are stored, if only as stubs."""
        opaque = {audience.opaque(i): i for i in user_ids}
        rows = await self._store.fetch(
            "SELECT DISTINCT speaker FROM messages WHERE speaker IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(opaque)),),
        )
        return {opaque[speaker] for (speaker,) in rows}

    async def opt_out(self, user_ids: Iterable[int], erasing: Iterable[int]) -> None:
        """Record that people opted out, and of which of them something is erased thereby."""
        now, erased = datetime.now(UTC).isoformat(timespec="seconds"), set(erasing)
        async with self._store.transaction() as db:
            await db.executemany(
                "INSERT INTO opt_outs (user_id, since, erased) VALUES (?, ?, ?) "
                "ON CONFLICT (user_id) DO UPDATE SET erased = max(erased, excluded.erased)",
                [(i, now, i in erased) for i in user_ids],
            )

    async def opted_out(self, user_ids: Sequence[int]) -> dict[int, bool]:
        """Those of the people who opted out, and whether something was erased thereby, or may have been."""
        rows = await self._store.fetch(
            "SELECT user_id, erased IS NOT 0 FROM opt_outs WHERE user_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(user_ids)),),
        )
        return {user_id: bool(erased) for user_id, erased in rows}

    async def take_back(self, user_ids: Sequence[int], *, reread: bool) -> None:
        """These people did not opt out after all. `reread`: what came meanwhile is stubs, to be read again."""
        async with self._store.transaction() as db:
            await db.executemany("DELETE FROM opt_outs WHERE user_id = ?", [(i,) for i in user_ids])
            if reread:
                await db.execute("DELETE FROM cursors")
