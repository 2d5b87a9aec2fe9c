"""What changes in stored history, and what has to be read again because a change may have gone unseen.

A deletion that somebody told of is for good. One that is only inferred, because Discord does not show a message
any more, takes the text too, but the message gets it back when it is shown again.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tuner import snowflake
from tuner.adapters import sqlite_meta
from tuner.adapters.sqlite_meta import remembered
from tuner.adapters.sqlite_store import Store, Writer
from tuner.models import Extras, Message
from tuner.ranges import Range, merge, without
from tuner.stages.collect import Taken

KEPT, FOR_GOOD, MISSING = 0, 1, 2  # messages.erased
FEWEST = 20  # so many missing messages of a channel are erased whatever its size
PAGE = 99  # messages that a page of Discord's settles: beside them it shows where the next begins
DAY = 86_400
TOMBSTONE_DAYS = 30  # a page that is on the way arrives within minutes


@dataclass(frozen=True, slots=True)
class Arriving:
    """A page's messages as they may be stored, beside the `erased` mark of each.

    `stale` are those that are known to have been edited since: their place has to be read again.
    """

    rows: tuple[tuple[Message, int], ...]
    stale: frozenset[int]


class Changes:
    """Erasing, and reading again, in an open archive."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- what was told -----------------------------------------------------------

    async def erase(self, message_ids: Sequence[int]) -> int:
        """Take the text of messages that were deleted, also of those that are yet to come; how many had one.

        `purge` clears the traces.
        """
        ids = json.dumps(list(message_ids))
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR REPLACE INTO tombstones SELECT value, NULL, ? FROM json_each(?) "
                "WHERE value NOT IN (SELECT id FROM messages)",
                (int(time.time()), ids),
            )
            return await _erase_for_good(db, "id IN (SELECT value FROM json_each(?))", ids)

    async def erase_channel(self, channel_id: int) -> int:
        """Take the text of a deleted channel's messages and its threads', stored or yet to come; how many had one."""
        async with self._store.transaction() as db:
            await db.execute("INSERT OR IGNORE INTO gone_channels VALUES (?)", (channel_id,))
            return await _erase_for_good(
                db, "channel_id IN (SELECT ?1 UNION SELECT id FROM channels WHERE parent_id = ?1)", channel_id
            )

    async def await_edit(self, message_id: int, edited_ms: int) -> bool:
        """Whether a message that was edited is stored; when not, remember that what is on the way is outdated."""
        async with self._store.transaction() as db:
            if await db.execute_fetchall("SELECT 1 FROM messages WHERE id = ?", (message_id,)):
                return True
            await db.execute(
                "INSERT INTO tombstones VALUES (?, ?, ?) ON CONFLICT (message_id) DO UPDATE "
                "SET edited_ms = max(edited_ms, excluded.edited_ms) WHERE edited_ms IS NOT NULL",
                (message_id, edited_ms, int(time.time())),
            )
            return False

    # -- what reading did not show -----------------------------------------------

    async def kept(self, channel_id: int, within: Range) -> list[int]:
        """Ids of the messages there that are stored with their text."""
        rows = await self._store.fetch(
            "SELECT id FROM messages WHERE channel_id = ? AND id BETWEEN ? AND ? AND content IS NOT NULL "
            "ORDER BY id",
            (channel_id, within.first, within.last),
        )
        return [i for (i,) in rows]

    async def held(self, channel_id: int, within: Range) -> list[int]:
        """Ids of the messages there that are stored, with or without their text."""
        rows = await self._store.fetch(
            "SELECT id FROM messages WHERE channel_id = ? AND id BETWEEN ? AND ?",
            (channel_id, within.first, within.last),
        )
        return [i for (i,) in rows]

    async def settle(self, channel_id: int, most: float) -> Taken:
        """Erase what is missing of a channel, unless it is more than that share of what has text."""
        missing = (
            "channel_id = ?1 AND content IS NOT NULL "
            "AND id IN (SELECT message_id FROM missing WHERE channel_id = ?1)"
        )
        [(count,)] = await self._store.fetch(f"SELECT count(*) FROM messages WHERE {missing}", (channel_id,))
        if not count:
            return Taken(0, 0)
        sizes = "SELECT count(content) FROM messages WHERE channel_id = ?"
        [(size,)] = await self._store.fetch(sizes, (channel_id,))
        if count > max(FEWEST, most * size):
            return Taken(0, count)
        async with self._store.transaction() as db:
            erased = await db.execute(
                f"UPDATE messages SET content = NULL, extras = '{{}}', erased = {MISSING} WHERE {missing}",
                (channel_id,),
            )
            await db.execute("DELETE FROM missing WHERE channel_id = ?", (channel_id,))
            await drop_copies(db)
            return Taken(erased.rowcount, 0)

    # -- what has to be read again -------------------------------------------------

    async def look_back_from(self, unix_seconds: float) -> None:
        """Have everything since then read again by the next build: changes may have gone unseen."""
        last = snowflake.first_id(datetime.fromtimestamp(unix_seconds, UTC)) - 1
        async with self._store.transaction() as db:
            await db.execute("DELETE FROM cursors WHERE first_id > ?", (last,))
            await db.execute("UPDATE cursors SET last_id = ?1 WHERE last_id > ?1", (last,))

    async def look_back(self, hours: float, now: float) -> None:
        """Have read again what was younger than that when changes were last attended to, and attend to them now."""
        attended = await remembered(self._store.fetch, "attended", sqlite_meta.moment)
        attended = now if attended is None else min(attended, now)
        await self.look_back_from(max(0.0, attended - hours * 3600))
        await self.attend(now)

    async def attend(self, now: float) -> None:
        """Remember that up to now changes were seen, or are about to be."""
        async with self._store.transaction() as db:
            await db.execute("INSERT OR REPLACE INTO meta VALUES ('attended', ?)", (str(now),))
            await db.execute("DELETE FROM tombstones WHERE noted_at < ?", (int(now) - TOMBSTONE_DAYS * DAY,))

    async def read_again(self, channel_ids: Sequence[int]) -> None:
        """Claim nothing of these channels, so that they are read from the beginning."""
        ids = json.dumps(list(channel_ids))
        async with self._store.transaction() as db:
            await db.execute(
                "DELETE FROM cursors WHERE channel_id IN (SELECT value FROM json_each(?))", (ids,)
            )
            await db.execute(
                "DELETE FROM rechecks WHERE channel_id IN (SELECT value FROM json_each(?))", (ids,)
            )

    async def recheck(
        self, channel_ids: Sequence[int], start: int, pages: int, days: float, now: float
    ) -> None:
        """Claim nothing of up to so many pages that were not read for so many days, the longest unread first."""
        ids = json.dumps(list(channel_ids))
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR IGNORE INTO rechecks SELECT value, 0, ? FROM json_each(?)", (int(now), ids)
            )
            due = await db.execute_fetchall(
                "SELECT channel_id, position FROM rechecks WHERE since <= ? "
                "AND channel_id IN (SELECT value FROM json_each(?)) ORDER BY since, channel_id",
                (int(now - days * DAY), ids),
            )
            for channel_id, position in due:
                pages -= await _reopen(db, channel_id, max(position, start - 1), pages, int(now))
                if not pages:
                    break

    # -- traces --------------------------------------------------------------------

    async def purge(self) -> None:
        """Leave no trace of erased and of replaced text in the file, also when an earlier try was broken off."""
        marks = await self._store.fetch("SELECT value FROM meta WHERE key = 'traces'")
        if marks:
            await self._store.purge()
            async with self._store.transaction() as db:  # what was erased meanwhile has left another mark
                await db.execute("DELETE FROM meta WHERE key = 'traces' AND value = ?", marks[0])

    async def rewrite(self) -> None:
        """Leave no copies of erased text where nobody sees them, if any may be there: after `purge`."""
        marks = await self._store.fetch("SELECT value FROM meta WHERE key = 'copies'")
        if marks:
            await self._store.rewrite()
            async with self._store.transaction() as db:
                await db.execute("DELETE FROM meta WHERE key = 'copies' AND value = ?", marks[0])


# -- parts of a transaction --------------------------------------------------------


async def arriving(
    db: Writer, channel_id: int, messages: Sequence[Message], known: Iterable[int]
) -> Arriving:
    """A page's messages without the words that were deleted, or changed, while it was on the way."""
    gone = await db.execute_fetchall(
        "SELECT 1 FROM gone_channels WHERE channel_id = ?1 "
        "OR channel_id = (SELECT parent_id FROM channels WHERE id = ?1)",
        (channel_id,),
    )
    ids = json.dumps([message.id for message in messages])
    notes = await db.execute_fetchall(
        "SELECT message_id, edited_ms FROM tombstones WHERE message_id IN (SELECT value FROM json_each(?))",
        (ids,),
    )
    stored, told = set(known), dict[int, int | None](tuple(note) for note in notes)
    stale = {m.id for m in messages if m.id not in stored and (told.get(m.id) or 0) > m.edited_ms}
    deleted = {i for i, edited_ms in told.items() if edited_ms is None}
    rows = []
    for message in messages:
        mark = FOR_GOOD if gone or message.id in deleted else MISSING if message.id in stale else KEPT
        rows.append((_wordless(message) if mark else message, mark))
    await db.execute(
        "DELETE FROM tombstones WHERE message_id IN (SELECT value FROM json_each(?1)) "
        "AND message_id NOT IN (SELECT value FROM json_each(?2))",
        (ids, json.dumps(list(stale))),
    )
    return Arriving(tuple(rows), frozenset(stale))


async def note_shown(db: Writer, channel_id: int, shown: Iterable[int], gone: Iterable[int]) -> None:
    """Remember which stored messages reading did not show, and forget it of those that it did."""
    await db.execute(
        "DELETE FROM missing WHERE channel_id = ? AND message_id IN (SELECT value FROM json_each(?))",
        (channel_id, json.dumps(list(shown))),
    )
    await db.executemany("INSERT OR IGNORE INTO missing VALUES (?, ?)", [(channel_id, i) for i in gone])


async def claim(db: Writer, channel_id: int, ranges: Sequence[Range]) -> None:
    """Write down which ranges of a channel are stored."""
    await db.execute("DELETE FROM cursors WHERE channel_id = ?", (channel_id,))
    await db.executemany(
        "INSERT INTO cursors VALUES (?, ?, ?)", [(channel_id, r.first, r.last) for r in merge(ranges)]
    )


async def drop_copies(db: Writer) -> None:
    """Text was erased: drop the answers that may repeat any; those that say whose words they quote are dropped by
    a trigger."""
    await db.execute("DELETE FROM decisions WHERE quotes AND key NOT IN (SELECT key FROM quoted)")
    await mark_traces(db)


async def mark_withdrawn(db: Writer) -> None:
    """Words or names of people were taken out: datasets made before this are not kept when they are replaced."""
    await db.execute("INSERT OR REPLACE INTO meta VALUES ('withdrawn', ?)", (str(time.time()),))
    await mark_copies(db)


async def mark_copies(db: Writer) -> None:
    """Copies of rows that the file may hold where nobody sees them have to go: remembered until it was rewritten."""
    await db.execute("INSERT OR REPLACE INTO meta VALUES ('copies', ?)", (secrets.token_hex(8),))


async def mark_traces(db: Writer) -> None:
    """The file still holds text that the archive does not: remembered until `purge` has cleared it.

    So may datasets: remembered until they were gone through.
    """
    await db.execute("INSERT OR REPLACE INTO meta VALUES ('traces', ?)", (secrets.token_hex(8),))
    await mark_outdated(db)


async def mark_outdated(db: Writer) -> None:
    """What was written of this archive may hold words that were withdrawn."""
    await db.execute("INSERT OR REPLACE INTO meta VALUES ('outdated', ?)", (secrets.token_hex(8),))


async def _erase_for_good(db: Writer, condition: str, value: object) -> int:
    cursor = await db.execute(
        f"UPDATE messages SET content = NULL, extras = '{{}}', erased = {FOR_GOOD} "
        f"WHERE content IS NOT NULL AND {condition}",
        (value,),
    )
    await db.execute(
        f"UPDATE messages SET erased = {FOR_GOOD} WHERE content IS NULL AND erased <> {FOR_GOOD} AND {condition}",
        (value,),
    )
    if cursor.rowcount:
        await drop_copies(db)
    return cursor.rowcount


async def _reopen(db: Writer, channel_id: int, position: int, pages: int, now: int) -> int:
    """Take up to so many pages after a position out of what is claimed of a channel; how many were taken."""
    found = await db.execute_fetchall(
        "SELECT first_id, last_id FROM cursors WHERE channel_id = ?", (channel_id,)
    )
    ranges = [Range(*row) for row in found]
    next_page = f"SELECT id FROM messages WHERE channel_id = ? AND id > ? ORDER BY id LIMIT {PAGE}"
    first, taken = position + 1, 0
    while taken < pages:
        ids = [i for (i,) in await db.execute_fetchall(next_page, (channel_id, position))]
        if not ids:
            break
        position, taken = ids[-1], taken + 1
    ended = taken < pages
    await claim(db, channel_id, without(ranges, Range(first, position)))
    await db.execute(
        "UPDATE rechecks SET position = ?, since = iif(?, ?, since) WHERE channel_id = ?",
        (0 if ended else position, ended, now, channel_id),
    )
    return taken


def _wordless(message: Message) -> Message:
    return replace(message, text=None, extras=Extras())
