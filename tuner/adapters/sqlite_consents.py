"""What people decided about their words, in the archive: a row a decision, the last one counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tuner.adapters.sqlite_store import Store
from tuner.people.audience import DELETED_USER
from tuner.people.consent import Decided

Decision = Literal["agreed", "declined", "gone"]


@dataclass(frozen=True, slots=True)
class Consent:
    """One decision: whose, which, about which version of the text, told by which interaction, and when."""

    user_id: int
    decision: str
    text_version: str
    interaction: str
    decided_at: str


class Consents:
    """The ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def decide(self, user_id: int, decision: Decision, text_version: str, interaction: str) -> bool:
        """Write a decision down; whether it is news. Who declined and agrees again is read again by the next build."""
        async with self._store.transaction() as db:
            before = list(
                await db.execute_fetchall(
                    "SELECT decision, text_version FROM consents WHERE user_id = ? ORDER BY id DESC LIMIT 1",
                    (user_id,),
                )
            )
            written = await db.execute(
                "INSERT OR IGNORE INTO consents (user_id, decision, text_version, interaction, decided_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    user_id,
                    decision,
                    text_version,
                    interaction,
                    datetime.now(UTC).isoformat(timespec="seconds"),
                ),
            )
            if written.rowcount and decision == "agreed" and before and before[0][0] != "agreed":
                await db.execute("DELETE FROM cursors")
        return bool(written.rowcount) and (not before or tuple(before[0]) != (decision, text_version))

    async def latest(self) -> list[Consent]:
        """Everybody's last decision, the newest first."""
        rows = await self._store.fetch(
            "SELECT user_id, decision, text_version, interaction, decided_at FROM consents "
            "WHERE id IN (SELECT max(id) FROM consents GROUP BY user_id) ORDER BY id DESC"
        )
        return [Consent(*row) for row in rows]

    async def decided(self, text_version: str) -> Decided:
        """Who agrees to this version of the text, and who does not want their words to be used."""
        last = [one for one in await self.latest() if one.user_id != DELETED_USER]
        return Decided(
            frozenset(
                one.user_id for one in last if one.decision == "agreed" and one.text_version == text_version
            ),
            frozenset(one.user_id for one in last if one.decision == "declined"),
            frozenset(one.user_id for one in last if one.decision == "gone"),
        )
