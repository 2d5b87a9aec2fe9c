"""Channels, messages and how far each channel has been read, in the archive."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from tuner.adapters import sqlite_meta, sqlite_names
from tuner.adapters.sqlite_changes import (
    Changes,
    arriving,
    claim,
    drop_copies,
    mark_traces,
    mark_withdrawn,
    note_shown,
)
from tuner.adapters.sqlite_meta import remembered
from tuner.adapters.sqlite_people import People
from tuner.adapters.sqlite_rows import NO_EXTRAS, as_extras, as_message, as_row, extras_of
from tuner.adapters.sqlite_store import Row
from tuner.models import Channel, Message
from tuner.people.audience import Audience
from tuner.people.intake import Page, unmention
from tuner.ranges import Range, without
from tuner.screening.kinds import ALL, Wanted
from tuner.text.terms import gram_size, grams, is_unspaced

# An edit wins over what it edits. Otherwise what is stored stays, except that a stub becomes text when its
# author is admitted or a missing message is shown again, and text becomes a stub when its author no longer is
# admitted. What was erased for good stays erased.
_UPSERT = """
INSERT INTO messages (id, channel_id, speaker, edited_ms, reply_to, content, extras, erased)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    speaker = excluded.speaker, edited_ms = excluded.edited_ms, reply_to = excluded.reply_to,
    content = excluded.content, extras = excluded.extras, erased = excluded.erased
WHERE erased <> 1 AND (
    excluded.edited_ms > edited_ms OR (content IS NULL) <> (excluded.content IS NULL))
"""

_SELECT = """
SELECT m.id, m.channel_id, m.speaker, a.name, m.content, m.reply_to, m.edited_ms, m.extras,
       (SELECT max(r.id) FROM messages r WHERE r.reply_to = m.id)
FROM messages m LEFT JOIN authors a ON a.id = m.speaker
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """What is stored of a channel."""

    channel: Channel
    messages: int
    stubs: int
    first: int | None  # ids
    last: int | None
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class AudienceChange:
    """What a change of `allowed_users` did to the archive."""

    people_removed: int
    must_reread: bool


class History(Changes):
    """The stored history. Writers of one page are atomic; readers see whole pages."""

    # -- who may be used ---------------------------------------------------

    async def audience(
        self, allowed: Iterable[int], bots: Iterable[int] = (), screened: Wanted = ALL
    ) -> Audience:
        """The audience of a run: the configured people, less those who opted out."""
        salt = await remembered(self._store.fetch, "salt", sqlite_meta.salt)
        if salt is None:
            salt = secrets.token_bytes(16)
            async with self._store.transaction() as db:
                await db.execute("INSERT INTO meta VALUES ('salt', ?)", (salt.hex(),))
        listed = frozenset(allowed)
        return Audience(
            allowed=listed or None,
            bots=listed | frozenset(bots),
            opted_out=frozenset(i for (i,) in await self._store.fetch("SELECT user_id FROM opt_outs")),
            salt=salt,
            screened=screened,
        )

    async def adopt(self, audience: Audience) -> AudienceChange:
        """Make the archive hold words of this audience only.

        People who left it become stubs. When people joined whose words were never stored, the ranges are
        forgotten, so that history is read again; what is stored stays.
        """
        before = await remembered(self._store.fetch, "audience", sqlite_meta.audience)
        known = {i: bool(is_bot) for i, is_bot in await self._store.fetch("SELECT id, is_bot FROM authors")}
        everyone = audience.allowed is None
        gone = [i for i, is_bot in known.items() if not audience.admits(i, is_bot=is_bot)]
        joined = audience.named - before[1] - known.keys() if before else set()
        if (
            everyone
        ):  # who is no bot was admitted all along, and an id that nobody writes under may be a role's
            joined = await People(self._store).seen(joined, audience)
        must_reread = before is not None and ((everyone and not before[0]) or bool(joined))
        if before == (everyone, audience.named) and not gone:
            return AudienceChange(0, False)
        await self._make_stubs(gone, audience, erase=False)
        async with self._store.transaction() as db:
            now = {"everyone": everyone, "named": sorted(audience.named)}
            await db.execute("INSERT OR REPLACE INTO meta VALUES ('audience', ?)", (json.dumps(now),))
            if not everyone:
                await sqlite_names.untitle_unknown(db)
            if must_reread:
                await sqlite_names.welcome(db, audience)
                await db.execute("DELETE FROM cursors")
        return AudienceChange(len(gone), must_reread)

    async def forget(self, user_ids: Sequence[int], audience: Audience) -> int:
        """Erase these people's words for good and record that they opted out; how many messages lost text."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        async with self._store.transaction() as db:
            await db.executemany(
                "INSERT OR IGNORE INTO opt_outs (user_id, since) VALUES (?, ?)",
                [(i, since) for i in user_ids],
            )
        return await self._make_stubs(user_ids, audience, erase=True)

    async def _make_stubs(self, user_ids: Sequence[int], audience: Audience, *, erase: bool) -> int:
        if not user_ids:
            return 0
        opaque = {i: audience.opaque(i) for i in user_ids}
        mentioning = [unmention(message, opaque) for message in await self._mentioning(user_ids)]
        async with self._store.transaction() as db:
            await sqlite_names.disown(db, opaque)
            cursor = await db.execute(
                "UPDATE messages SET speaker = gone.value, content = NULL, extras = '{}', erased = iif(?, 1, erased) "
                "FROM json_each(?) AS gone WHERE messages.speaker = CAST(gone.key AS INTEGER)",
                (erase, json.dumps(opaque)),
            )
            changed = cursor.rowcount
            await db.executemany("DELETE FROM authors WHERE id = ?", [(i,) for i in user_ids])
            await db.executemany(
                "UPDATE messages SET content = ?, extras = ? WHERE id = ? AND content IS NOT NULL",
                [(message.text, as_row(message)[-1], message.id) for message in mentioning],
            )
            await drop_copies(db)
            if changed or mentioning:
                await mark_withdrawn(db)
        await self.purge()
        return changed

    async def _mentioning(self, user_ids: Sequence[int]) -> list[Message]:
        """Other people's messages that mention any of these."""
        rows = await self._store.fetch(
            f"{_SELECT} WHERE m.content IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(?) AS gone WHERE "
            "instr(m.content, '<@' || gone.value || '>') OR instr(m.content, '<@!' || gone.value || '>') OR "
            "gone.value IN (SELECT value FROM json_each(m.extras, '$.mentions')))",
            (json.dumps(list(user_ids)),),
        )
        return await self._as_messages(rows)

    async def purge(self) -> None:
        """Leave no trace of erased and of replaced text, nor of names that turned out to be outsiders'."""
        await self.hide_late_names()
        await super().purge()

    async def hide_late_names(self) -> bool:
        """Hide names of people outside in what was stored before the names were known; whether any was."""
        return await sqlite_names.settle(self._store)

    # -- channels and pages ------------------------------------------------

    async def save_channel(self, channel: Channel) -> None:
        """Keep what a channel is called; of people outside it names nobody."""
        async with self._store.transaction() as db:
            kept = await sqlite_names.nameless(db, channel)
            await db.execute(
                "INSERT OR REPLACE INTO channels (id, name, guild_id, guild_name, parent_id, topic, author) "
                "VALUES (:id, :name, :guild_id, :guild_name, :parent_id, :topic, :author)",
                asdict(kept),
            )

    async def nameless(self, channel: Channel) -> Channel:
        """A channel whose name and topic name nobody who is known to be outside."""
        async with self._store.transaction() as db:
            return await sqlite_names.nameless(db, channel)

    async def channels(self) -> list[Channel]:
        """Every channel that was ever read, by id."""
        rows = await self._store.fetch(
            "SELECT id, name, guild_id, guild_name, parent_id, topic, author FROM channels ORDER BY id"
        )
        return [replace(Channel(*row), author=author) for *row, author in rows]

    async def ranges(self, channel_id: int) -> list[Range]:
        rows = await self._store.fetch(
            "SELECT first_id, last_id FROM cursors WHERE channel_id = ? ORDER BY first_id", (channel_id,)
        )
        return [Range(*row) for row in rows]

    async def with_words(self, channel_ids: Sequence[int]) -> set[int]:
        """Those of the channels of which any text is stored."""
        rows = await self._store.fetch(
            "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM messages "
            "WHERE channel_id = value AND content IS NOT NULL)",
            (json.dumps(list(channel_ids)),),
        )
        return {i for (i,) in rows}

    async def store_page(
        self, channel_id: int, page: Page, covered: Range | None, gone: frozenset[int] = frozenset()
    ) -> int:
        """Write a page, the names in it, and the range it covers: all or nothing; how many were new.

        What was deleted while the page was on the way is written without its words. What was edited is too, and
        its place is left out of the range. `gone` are stored messages that were looked for and not shown.
        """
        ranges = await self.ranges(channel_id) if covered else []
        known = await self.known([message.id for message in page.messages])
        new = {message.id for message in page.messages} - known
        async with self._store.transaction() as db:
            page = await sqlite_names.learn(db, page)
            await db.executemany(
                "INSERT INTO authors VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name "
                "WHERE name <> excluded.name",
                [(i, name, i in page.bots) for i, name in sorted(page.names.items())],
            )
            found = await arriving(db, channel_id, page.messages, known)
            written = await db.executemany(_UPSERT, [(*as_row(m), mark) for m, mark in found.rows])
            await sqlite_names.rename(db, [as_row(m) for m, _ in found.rows])
            if written.rowcount > len(new):
                await mark_traces(db)
            await note_shown(db, channel_id, {m.id for m in page.messages} | page.unread, gone)
            if covered:
                claimed = [covered]
                for message_id in found.stale:
                    claimed = without(claimed, Range(message_id, message_id))
                await claim(db, channel_id, [*ranges, *claimed])
        return len(new)

    async def known(self, ids: Sequence[int]) -> set[int]:
        """Those of the ids that are stored."""
        rows = await self._store.fetch(
            "SELECT id FROM messages WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
        )
        return {i for (i,) in rows}

    async def messages(
        self, channel_id: int, start: int = 0, end: int = (1 << 63) - 1, batch: int = 500
    ) -> AsyncGenerator[list[Message], None]:
        """A channel's messages with ids from `start` to `end`, oldest first, in batches."""
        while True:
            rows = await self._store.fetch(
                f"{_SELECT} WHERE m.channel_id = ? AND m.id BETWEEN ? AND ? ORDER BY m.id LIMIT ?",
                (channel_id, start, end, batch),
            )
            if rows:
                yield await self._as_messages(rows)
            if len(rows) < batch:
                return
            start = rows[-1][0] + 1

    async def around(self, channel_id: int, message_id: int, before: int, after: int) -> list[int]:
        """The id and those of the messages next to it in its channel; empty when it is not stored there."""
        sides = (("<=", "DESC", before + 1), (">", "ASC", after))
        ids: list[int] = []
        for sign, order, count in sides:
            rows = await self._store.fetch(
                f"SELECT id FROM messages WHERE channel_id = ? AND id {sign} ? ORDER BY id {order} LIMIT ?",
                (channel_id, message_id, count),
            )
            ids += [i for (i,) in rows]
        return sorted(ids) if message_id in ids else []

    async def search(
        self, channel_id: int, word: str, before: int, limit: int, beginnings: Sequence[str] = ()
    ) -> list[int]:
        """Ids of the newest messages of a channel, older than id `before`, that hold `word`, or one that begins as
        one of the `beginnings` does (FTS5)."""
        rows = await self._store.fetch(
            "SELECT w.rowid FROM words w JOIN messages m ON m.id = w.rowid WHERE words MATCH ? "
            "AND w.rowid < ? AND m.channel_id = ? ORDER BY w.rowid DESC LIMIT ?",
            (_holding(word, beginnings), before, channel_id, limit),
        )
        return [i for (i,) in rows]

    async def size(self, channel_id: int, before: int) -> int:
        """How many messages of a channel are older than id `before`."""
        rows = await self._store.fetch(
            "SELECT count(*) FROM messages WHERE channel_id = ? AND id < ?", (channel_id, before)
        )
        return int(rows[0][0])

    async def newest(self, channel_id: int, count: int) -> int:
        """The id from which on a channel has so many messages; 0 when it has not."""
        rows = await self._store.fetch(
            "SELECT id FROM messages WHERE channel_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
            (channel_id, count - 1),
        )
        return int(rows[0][0]) if rows else 0

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        """The stored messages with these ids, oldest first."""
        rows = await self._store.fetch(
            f"{_SELECT} WHERE m.id IN (SELECT value FROM json_each(?)) ORDER BY m.id", (json.dumps(ids),)
        )
        return await self._as_messages(rows)

    async def reach(self) -> list[Reach]:
        """What is stored, per channel."""
        counts = await self._store.fetch(
            "SELECT channel_id, count(content), count(*) - count(content), min(id), max(id) "
            "FROM messages GROUP BY channel_id"
        )
        found = {channel_id: tuple(rest) for channel_id, *rest in counts}
        reaches = []
        for channel in await self.channels():
            messages, stubs, first, last = found.get(channel.id, (0, 0, None, None))
            ranges = tuple(await self.ranges(channel.id))
            reaches.append(Reach(channel, messages, stubs, first, last, ranges))
        return reaches

    async def _as_messages(self, rows: Sequence[Row]) -> list[Message]:
        extras = [extras_of(row) if row[7] != "{}" else None for row in rows]
        mentioned = sorted({i for extra in extras if extra for i in extra.get("mentions", ()) if i > 0})
        named = "SELECT id, name FROM authors WHERE id IN (SELECT value FROM json_each(?))"
        names: dict[int, str] = dict(await self._store.fetch(named, (json.dumps(mentioned),)))
        return [
            as_message(row, as_extras(extra, names) if extra else NO_EXTRAS)
            for row, extra in zip(rows, extras, strict=True)
        ]


def _holding(word: str, beginnings: Sequence[str]) -> str:
    """A query of the index: a phrase of the word's terms, or any word that begins as is said."""
    phrase, short = " ".join(grams(word)), is_unspaced(word) and len(word) < gram_size(word)
    starts = (*beginnings, word) if short else beginnings
    quoted = [_quoted(phrase), *(f"{_quoted(start)} *" for start in starts)]
    return " OR ".join(quoted)


def _quoted(phrase: str) -> str:
    return '"' + phrase.replace('"', '""') + '"'
