"""Who has the roles that somebody named, in the archive."""

from __future__ import annotations

import json

from tuner.adapters.sqlite_store import Store
from tuner.people.audience import Audience
from tuner.people.roles import Roles, RoleWish


class RoleHolders:
    """The roles of people whose words may be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def learn(self, told: Roles, audience: Audience) -> None:
        """Keep who of the audience has these roles now; what is known of people who were not asked about stays."""
        held = [
            (role_id, user_id, told.names[role_id])
            for role_id, users in told.holders.items()
            for user_id in users
            if audience.admits(user_id)
        ]
        everybody, asked = told.asked is None, sorted(told.asked or ())
        async with self._store.transaction() as db:
            await db.execute(
                "DELETE FROM role_holders WHERE role_id IN (SELECT value FROM json_each(?)) "
                "AND (? OR user_id IN (SELECT value FROM json_each(?)))",
                (json.dumps(list(told.names)), everybody, json.dumps(asked)),
            )
            await db.executemany("INSERT INTO role_holders (role_id, user_id, name) VALUES (?, ?, ?)", held)
            kept = [i for (i,) in await db.execute_fetchall("SELECT DISTINCT user_id FROM role_holders")]
            gone = [(i,) for i in kept if not audience.admits(i)]
            await db.executemany("DELETE FROM role_holders WHERE user_id = ?", gone)

    async def known(self, wish: RoleWish, audience: Audience) -> Roles:
        """Those of the named roles that somebody of the audience has."""
        names: dict[int, str] = {}
        holders: dict[int, set[int]] = {}
        for role_id, user_id, name in await self._store.fetch(
            "SELECT role_id, user_id, name FROM role_holders ORDER BY role_id, user_id"
        ):
            if audience.admits(user_id):
                names[role_id] = name
                holders.setdefault(role_id, set()).add(user_id)
        return Roles(names, holders).meant(wish)
