"""Secrets in what is stored: taken out once, whenever the rules for them are new to an archive.

The archive remembers by which rules it was looked through. What is read since has passed the door, which knows them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

from tuner.adapters.sqlite_changes import drop_copies, mark_withdrawn
from tuner.adapters.sqlite_names import change_runs, changed_value
from tuner.adapters.sqlite_store import Row, Store, Writer
from tuner.screening.kinds import SECRETS_ONLY, Wanted
from tuner.screening.placeholders import without_details, without_secrets
from tuner.screening.scan import VERSION, scan

AT_ONCE = 500  # rows of a transaction
Change = Callable[[str], str]


async def screen_stored(store: Store, wanted: Wanted) -> int:
    """Take secrets out of messages and names, and personal details out of titles; how many texts were changed.

    Nothing is done where that was done by these rules. A crash in between loses nothing: it is begun anew.
    """
    rules = f"{VERSION} {','.join(sorted(wanted.details))}"
    if not wanted.secrets:
        rules = ""  # what is stored from now on may hold some
    if await store.fetch("SELECT 1 FROM meta WHERE key = 'screened' AND value = ?", (rules,)):
        return 0
    changed = 0
    if wanted.secrets:
        changed = await _screen_messages(store) + await _screen_titles(store, wanted)
    async with store.transaction() as db:
        await db.execute("INSERT OR REPLACE INTO meta VALUES ('screened', ?)", (rules,))
    return changed


async def _screen_messages(store: Store) -> int:
    changed, last = 0, -1
    page = "SELECT id, content, extras FROM messages WHERE id > ? AND content IS NOT NULL ORDER BY id LIMIT ?"
    while rows := await store.fetch(page, (last, AT_ONCE)):
        last = rows[-1][0]
        found = await asyncio.to_thread(_with_secrets, rows)
        if found:
            async with store.transaction() as db:
                changed += await _rewrite(db, [i for (i,) in found])
    return changed


def _with_secrets(rows: Sequence[Row]) -> list[Row]:
    return [(i,) for i, *texts in rows if any(isinstance(t, str) and scan(t, SECRETS_ONLY) for t in texts)]


async def _rewrite(db: Writer, ids: Sequence[int]) -> int:
    """What these messages say by now: an edit may have come meanwhile. The index follows by itself."""
    rows = await db.execute_fetchall(
        "SELECT id, content, extras FROM messages WHERE content IS NOT NULL "
        "AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    changes = [(without_secrets(content), _changed_json(extras), i) for i, content, extras in rows]
    changes = [new for new, (i, *old) in zip(changes, rows, strict=True) if new != (*old, i)]
    if changes:
        await db.executemany("UPDATE messages SET content = ?, extras = ? WHERE id = ?", changes)
        await _mark(db)
    return len(changes)


def _changed_json(text: str) -> str:
    stored = json.loads(text)
    changed = changed_value(stored, without_secrets)
    return text if changed == stored else json.dumps(changed, ensure_ascii=False, separators=(",", ":"))


async def _screen_titles(store: Store, wanted: Wanted) -> int:
    """Channels and threads, what runs said of them, and the names of people."""
    changed = 0
    async with store.transaction() as db:
        for table, columns, change in (
            ("channels", ("name", "topic"), lambda text: without_details(text, wanted)),
            ("authors", ("name",), without_secrets),
        ):
            for column in columns:
                changed += await _screen_column(db, table, column, change)
        if changed:
            await _mark(db)
    return changed


async def _screen_column(db: Writer, table: str, column: str, change: Change) -> int:
    rows = [tuple(row) for row in await db.execute_fetchall(f"SELECT id, {column} FROM {table}")]
    changes = [(new, i, old) for i, old in rows if (new := change(old)) != old]
    for new, identity, old in changes:
        await db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (new, identity))
        if old and column == "name" and table == "channels":
            await change_runs(db, lambda text, old=old, new=new: text.replace(old, new))  # type: ignore[misc]
    return len(changes)


async def _mark(db: Writer) -> None:
    """Copies go, datasets made before this are not kept, and the file is cleared by the next purge."""
    await drop_copies(db)
    await mark_withdrawn(db)
