"""Who is known by which name in the archive, and the hiding of names wherever an `@` precedes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tuner.adapters import sqlite_meta
from tuner.adapters.sqlite_changes import drop_copies, mark_traces, mark_withdrawn
from tuner.adapters.sqlite_meta import Fetch, remembered
from tuner.adapters.sqlite_store import Row, Store, Writer
from tuner.models import Channel, Message
from tuner.people.audience import Audience, name_digest
from tuner.people.intake import Page, changed_words, words_of
from tuner.people.names import Hides, candidates, hide_names, may_name
from tuner.people.titles import THREAD

SWEPT = 500  # rows at once
_TEXTS = ("attachments", "stickers")

# As the index messages_with_names has it, to the letter.
_WITH_NAMES = "(instr(replace(content, '<@', ''), '@') OR instr(extras, '@'))"

# Who was outside when a message was stored and is no longer, is named in it again when it is read again: what
# was read hides less than what is stored. Nor does an export made without the Message Content intent stand.
_HIDDEN = (
    "(SELECT count(*) FROM json_each({extras}, '$.mentions') WHERE value < 0) + (length({content}) + "
    "length({extras}) - length(replace({content}, '@someone', '')) - length(replace({extras}, '@someone', ''))) / 8"
)
_RENAME = f"""
UPDATE messages SET content = ?1, extras = ?2
WHERE id = ?3 AND speaker = ?4 AND edited_ms = ?5 AND NOT erased AND content IS NOT NULL
    AND (content <> ?1 OR extras <> ?2)
    AND ((content = '' AND extras = '{{}}')
        OR {_HIDDEN.format(content="content", extras="extras")} > {_HIDDEN.format(content="?1", extras="?2")})
"""

Change = Callable[[str], str]


class Naming:
    """Who is known by the names that some texts may hold."""

    def __init__(self, owners: Mapping[str, frozenset[int]]) -> None:
        self._owners = owners

    def among(self, mentioned: Collection[int]) -> Hides:
        """What to hide in a text that mentions these speakers: the same name may be two people's."""

        def hides(name: str) -> bool | None:
            owners = self._owners.get(name)
            if owners is None:
                return None
            meant = owners.intersection(mentioned) or owners
            return min(meant) < 0

        return hides

    def seen_by(self, outside: Callable[[Collection[int]], Mapping[int, int]]) -> Naming:
        """The same names for an audience that leaves some of their owners out."""
        return Naming({name: frozenset(outside(o).get(i, i) for i in o) for name, o in self._owners.items()})

    @classmethod
    async def of(cls, fetch: Fetch, texts: Iterable[str]) -> Naming:
        """What is known of the names in the texts; `fetch` runs a query on the archive."""
        salt = await salt_of(fetch)
        digests = {
            name: name_digest(name, salt) for text in texts if may_name(text) for name in candidates(text)
        }
        rows = await fetch(
            "SELECT digest, speaker FROM names WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests.values())),),
        )
        owners: dict[int, set[int]] = {}
        for digest, speaker in rows:
            owners.setdefault(digest, set()).add(speaker)
        return cls({n: frozenset(owners[digest]) for n, digest in digests.items() if digest in owners})


async def salt_of(fetch: Fetch) -> bytes:
    """The key of this archive's digests."""
    return await remembered(fetch, "salt", sqlite_meta.salt) or b""


async def learn(db: Writer, page: Page) -> Page:
    """Remember who a page names, and hide in it whom the archive knows to be outside."""
    await db.executemany("INSERT OR IGNORE INTO names (speaker, digest) VALUES (?, ?)", sorted(page.known))
    await _admit(db, {speaker for speaker, _ in page.known if speaker > 0})
    naming = await Naming.of(
        db.execute_fetchall, (text for message in page.messages for text in words_of(message))
    )
    messages = [shown(m, naming, strangers=m.id in page.unlisted) for m in page.messages]
    return replace(page, messages=tuple(messages))


def shown(message: Message, naming: Naming, *, strangers: bool) -> Message:
    """A message without the names that are to be hidden in it."""
    if not any(map(may_name, words_of(message))):
        return message
    hides = naming.among({speaker for speaker, _ in message.extras.mentions})
    return changed_words(message, lambda text: hide_names(text, hides, strangers=strangers))


async def rename(db: Writer, rows: Iterable[Row]) -> None:
    """Give stored messages back the names of people who have joined the audience since; rows as in messages."""
    await db.executemany(
        _RENAME,
        [
            (content, extras, identity, speaker, edited_ms)
            for identity, _, speaker, edited_ms, _, content, extras in rows
            if content is not None
        ],
    )


async def welcome(db: Writer, audience: Audience) -> None:
    """People joined: their names are no longer to be hidden. All are read again, and learnt anew."""
    if audience.allowed is not None:
        await _admit(db, audience.named)
        return
    kept = [audience.opaque(i) for i in audience.opted_out]
    await db.execute(
        "DELETE FROM names WHERE speaker < 0 AND speaker NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(kept),),
    )


async def _admit(db: Writer, user_ids: Collection[int]) -> None:
    outside = Audience(frozenset(), salt=await salt_of(db.execute_fetchall))
    await db.executemany("DELETE FROM names WHERE speaker = ?", [(outside.opaque(i),) for i in user_ids])


async def disown(db: Writer, gone: Mapping[int, int]) -> None:
    """Every name of people who leave the audience is one to hide, and their titles are not kept.

    `gone` maps them to opaque numbers. Call it while their messages are still known to be theirs.
    """
    await _recall(db)
    for user_id, opaque in gone.items():
        await db.execute("UPDATE OR IGNORE names SET speaker = ? WHERE speaker = ?", (opaque, user_id))
        await db.execute("DELETE FROM names WHERE speaker = ?", (user_id,))
        await db.execute("UPDATE names SET hidden = 0 WHERE speaker = ?", (opaque,))
    await _untitle(
        db,
        "author IN (SELECT value FROM json_each(?1)) OR (author IS NULL AND EXISTS (SELECT 1 FROM messages "
        "WHERE channel_id = channels.id AND speaker IN (SELECT value FROM json_each(?1))))",
        json.dumps(list(gone)),
    )
    await db.executemany("UPDATE channels SET author = ?2 WHERE author = ?1", sorted(gone.items()))


async def untitle_unknown(db: Writer) -> None:
    """Keep no title of a thread when nobody knows whose words it is."""
    await _untitle(db, "author IS NULL AND ?1", 1)


async def _recall(db: Writer) -> None:
    """Names that were stored before they were remembered this way."""
    rows = await db.execute_fetchall(
        "SELECT id, name FROM authors WHERE NOT EXISTS (SELECT 1 FROM names WHERE speaker = authors.id)"
    )
    audience = Audience(None, salt=await salt_of(db.execute_fetchall))
    await db.executemany(
        "INSERT OR IGNORE INTO names (speaker, digest) VALUES (?, ?)",
        [(user_id, audience.digest(name)) for user_id, name in rows if name],
    )


async def _untitle(db: Writer, which: str, value: object) -> None:
    condition = f"parent_id IS NOT NULL AND name <> '{THREAD}' AND ({which})"
    rows = await db.execute_fetchall(f"SELECT name FROM channels WHERE {condition}", (value,))
    titles = {title for (title,) in rows}
    if titles:
        await db.execute(f"UPDATE channels SET name = '{THREAD}' WHERE {condition}", (value,))
        titled = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, titles)) + r")(?!\w)")
        await change_runs(db, lambda text: titled.sub(THREAD, text))
        await mark_traces(db)
        await mark_withdrawn(db)


async def change_runs(db: Writer, change: Change) -> None:
    """What runs said of themselves, changed."""
    for number, progress, message in await db.execute_fetchall("SELECT id, progress, message FROM runs"):
        changed = (json.dumps(changed_value(json.loads(progress), change)), change(message))
        if changed != (progress, message):
            await db.execute("UPDATE runs SET progress = ?, message = ? WHERE id = ?", (*changed, number))


def changed_value(value: Any, change: Change) -> Any:
    """A JSON value with every string in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [changed_value(item, change) for item in value]
    return {k: changed_value(v, change) for k, v in value.items()} if isinstance(value, dict) else value


async def nameless(db: Writer, channel: Channel) -> Channel:
    """A channel whose name and topic name nobody outside."""
    hides = (await Naming.of(db.execute_fetchall, (channel.name, channel.topic))).among(())
    return replace(channel, name=hide_names(channel.name, hides), topic=hide_names(channel.topic, hides))


async def settle(store: Store) -> bool:
    """Hide, in all that is stored, names learnt since it was stored; whether there was any."""
    fresh = "FROM names WHERE speaker < 0 AND NOT hidden"
    if not await store.fetch(f"SELECT 1 {fresh} LIMIT 1"):
        return False
    async with store.transaction() as db:
        changed = await _sweep_channels(db)
        last = -1
        while rows := list(
            await db.execute_fetchall(
                f"SELECT id, content, extras FROM messages WHERE {_WITH_NAMES} AND id > ? AND content IS NOT NULL "
                "ORDER BY id LIMIT ?",
                (last, SWEPT),
            )
        ):
            last = rows[-1][0]
            changed += await _sweep(db, [tuple(row) for row in rows])
        await db.execute("UPDATE names SET hidden = 1 WHERE speaker < 0 AND NOT hidden")
        if changed:
            await drop_copies(db)
            await mark_withdrawn(db)
    return changed > 0


async def _sweep(db: Writer, rows: list[Row]) -> int:
    extras = [json.loads(row[2]) for row in rows]
    texts = [
        text
        for (_, content, _), extra in zip(rows, extras, strict=True)
        for text in (content, extra.get("poll", ""), *(t for key in _TEXTS for t in extra.get(key, ())))
    ]
    naming = await Naming.of(db.execute_fetchall, texts)
    changes = []
    for (identity, content, raw), extra in zip(rows, extras, strict=True):
        hides = naming.among(extra.get("mentions", ()))
        kept = {k: changed_value(v, lambda t, h=hides: hide_names(t, h)) for k, v in extra.items()}  # type: ignore[misc]
        text = hide_names(content, hides)
        if text != content or kept != extra:
            extra_text = json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept != extra else raw
            changes.append((text, extra_text, identity))
    await db.executemany("UPDATE messages SET content = ?, extras = ? WHERE id = ?", changes)
    return len(changes)


async def _sweep_channels(db: Writer) -> int:
    changed = 0
    for identity, name, topic in await db.execute_fetchall(
        "SELECT id, name, topic FROM channels WHERE instr(name || topic, '@')"
    ):
        kept = await nameless(db, Channel(identity, name, topic=topic))
        if (kept.name, kept.topic) != (name, topic):
            await db.execute(
                "UPDATE channels SET name = ?, topic = ? WHERE id = ?", (kept.name, kept.topic, identity)
            )
            await change_runs(db, lambda text, old=name, new=kept.name: text.replace(old, new))  # type: ignore[misc]
            changed += 1
    return changed
