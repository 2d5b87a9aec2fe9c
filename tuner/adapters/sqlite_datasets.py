"""Which files were written of an archive, and which of their lines hold what it does not hold any more."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tuner.adapters import sqlite_meta
from tuner.adapters.sqlite_changes import mark_copies, mark_outdated
from tuner.adapters.sqlite_meta import remembered
from tuner.adapters.sqlite_names import Naming, salt_of
from tuner.adapters.sqlite_store import Store
from tuner.dataset.manifest import Line
from tuner.people.audience import name_digest
from tuner.people.names import hide_names, may_name
from tuner.people.titles import THREAD

AT_ONCE = 5000  # messages that are asked about at once
Kind = Literal["records", "transcripts", "stats"]


@dataclass(frozen=True, slots=True)
class Written:
    """Where runs of this archive wrote: records, folders of transcripts, stats."""

    records: tuple[Path, ...]
    transcripts: tuple[Path, ...]
    stats: tuple[Path, ...]


class Datasets:
    """What was written of the archive."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def identity(self) -> str:
        """What this archive is called in manifests; it says nothing else."""
        salt = await salt_of(self._store.fetch)
        return hashlib.blake2b(b"datasets", digest_size=8, key=salt).hexdigest()

    async def digests(self, titles: Mapping[int, str]) -> dict[int, int]:
        """What is kept of titles."""
        salt = await salt_of(self._store.fetch)
        return {i: name_digest(title, salt) for i, title in titles.items()}

    # -- what was written ----------------------------------------------------------

    async def place(self, kind: Kind, path: Path) -> None:
        """Remember a place before it is written to."""
        async with self._store.transaction() as db:
            await db.execute("INSERT OR IGNORE INTO written VALUES (?, ?)", (str(path.absolute()), kind))

    async def made(
        self, run_id: int, records: Path, people: Iterable[int], superseded: Collection[int]
    ) -> None:
        """Remember whose words are in a dataset that is about to take its place, and which ones go with that."""
        async with self._store.transaction() as db:
            await db.executemany("DELETE FROM datasets WHERE run_id = ?", [(i,) for i in superseded])
            await db.execute(
                "INSERT OR REPLACE INTO datasets VALUES (?, ?)", (run_id, str(records.absolute()))
            )
            await db.executemany(
                "INSERT OR IGNORE INTO dataset_people VALUES (?, ?)", [(run_id, i) for i in sorted(people)]
            )

    async def left(self, run_id: int, people: Collection[int]) -> None:
        """Words were taken out of a dataset: whose are left in it."""
        async with self._store.transaction() as db:
            await db.execute(
                "DELETE FROM dataset_people WHERE run_id = ? AND user_id NOT IN (SELECT value FROM json_each(?))",
                (run_id, json.dumps(sorted(people))),
            )

    async def removed(self, run_id: int) -> None:
        """Nothing is left of a dataset."""
        async with self._store.transaction() as db:
            await db.execute("DELETE FROM datasets WHERE run_id = ?", (run_id,))

    async def written(self) -> Written:
        rows = await self._store.fetch("SELECT kind, path FROM written ORDER BY path")
        of = {kind: tuple(Path(path) for k, path in rows if k == kind) for kind, _ in rows}
        return Written(of.get("records", ()), of.get("transcripts", ()), of.get("stats", ()))

    async def of_people(self, user_ids: Collection[int]) -> dict[int, Path]:
        """The datasets that people's words were in when they were last gone through: run → where it was written."""
        rows = await self._store.fetch(
            "SELECT run_id, records FROM datasets WHERE run_id IN (SELECT run_id FROM dataset_people "
            "WHERE user_id IN (SELECT value FROM json_each(?))) ORDER BY run_id",
            (json.dumps(list(user_ids)),),
        )
        return {run_id: Path(records) for run_id, records in rows}

    # -- whether it still stands -----------------------------------------------------

    async def outdated(self) -> str:
        """A mark that stands while written files may hold withdrawn words; empty when none do."""
        rows = await self._store.fetch("SELECT value FROM meta WHERE key = 'outdated'")
        return str(rows[0][0]) if rows else ""

    async def left_to_do(self) -> bool:
        """Whether files, or uploads, may hold withdrawn words."""
        rows = await self._store.fetch("SELECT EXISTS (SELECT 1 FROM training_files WHERE stale)")
        return bool(await self.outdated() or rows[0][0])

    async def mark(self) -> None:
        """Have every written file gone through, and the archive's own rewritten."""
        async with self._store.transaction() as db:
            await mark_outdated(db)
            await mark_copies(db)

    async def settled(self, mark: str) -> None:
        """All files were gone through; what was withdrawn meanwhile has left another mark."""
        async with self._store.transaction() as db:
            await db.execute("DELETE FROM meta WHERE key = 'outdated' AND value = ?", (mark,))

    async def gone(self, people: Iterable[int]) -> frozenset[int]:
        """Those of the people whose words may not be used any more."""
        asked = json.dumps(sorted(people))
        rows = await self._store.fetch(
            "SELECT user_id FROM opt_outs WHERE user_id IN (SELECT value FROM json_each(?1)) UNION "
            "SELECT user_id FROM consents WHERE id IN (SELECT max(id) FROM consents GROUP BY user_id) "
            "AND decision = 'declined' AND user_id IN (SELECT value FROM json_each(?1))",
            (asked,),
        )
        adopted = await remembered(self._store.fetch, "audience", sqlite_meta.audience)
        outside = set() if adopted is None or adopted[0] else set(json.loads(asked)) - adopted[1]
        return frozenset(outside | {i for (i,) in rows})

    async def stale(self, lines: Mapping[int, Line], titles: Mapping[int, int]) -> set[int]:
        """Numbers of the samples that hold what was edited, deleted or withdrawn since."""
        messages, people = await asyncio.to_thread(_held_in, lines.values())
        now, gone = await self._edited(messages), await self.gone(people)
        untitled = await self._untitled(titles)

        def stands(line: Line) -> bool:
            named = not gone.isdisjoint(line.people) or not untitled.isdisjoint(line.titles)
            return not named and all(now.get(i) == edited_ms for i, edited_ms in line.messages.items())

        return await asyncio.to_thread(lambda: {number for number, line in lines.items() if not stands(line)})

    async def naming(self, said: Mapping[int, Sequence[str]], lines: Mapping[int, Line]) -> set[int]:
        """Numbers of the samples in whose text an `@` names somebody outside."""
        naming = await Naming.of(self._store.fetch, (text for texts in said.values() for text in texts))
        found = set()
        for number, texts in said.items():
            hides = naming.among(lines[number].people)
            if any(hide_names(text, hides) != text for text in texts if may_name(text)):
                found.add(number)
        return found

    async def titles(self) -> dict[int, str]:
        """What channels are called now."""
        return dict(await self._store.fetch("SELECT id, name FROM channels"))

    async def _edited(self, ids: Sequence[int]) -> dict[int, int]:
        """Messages that still have their words → when they were last edited."""
        found: dict[int, int] = {}
        for start in range(0, len(ids), AT_ONCE):
            found |= await self._store.fetch(
                "SELECT id, edited_ms FROM messages WHERE content IS NOT NULL "
                "AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(ids[start : start + AT_ONCE]),),
            )
        return found

    async def _untitled(self, titles: Mapping[int, int]) -> set[int]:
        """Threads that had a title and may not be called by it any more."""
        if not titles:
            return set()
        now, nothing = await self.titles(), await self.digests(dict.fromkeys(titles, THREAD))
        return {i for i, digest in titles.items() if digest != nothing[i] and now.get(i, THREAD) == THREAD}

    # -- what was uploaded -------------------------------------------------------------

    async def spoil(self, digests: Iterable[str]) -> None:
        """What was uploaded of these contents has to be deleted where it is."""
        async with self._store.transaction() as db:
            await db.executemany(
                "UPDATE training_files SET stale = 1 WHERE sha256 = ?", [(one,) for one in digests]
            )

    async def spoil_of(self, user_ids: Collection[int]) -> None:
        """So has what was uploaded for jobs that learn from these people."""
        rows = await self._store.fetch(
            "SELECT json_extract(ordered, '$.order.train.sha256'), json_extract(ordered, '$.order.valid.sha256') "
            "FROM training_jobs WHERE id IN (SELECT job_id FROM training_people "
            "WHERE user_id IN (SELECT value FROM json_each(?)))",
            (json.dumps(list(user_ids)),),
        )
        await self.spoil(digest for row in rows for digest in row if digest)

    async def remade(self, run_id: int, before: Iterable[str], after: Iterable[str]) -> None:
        """Files of a run are about to be replaced by what is left of them: both are known to be its."""
        async with self._store.transaction() as db:
            await db.executemany(
                "UPDATE training_files SET stale = 1 WHERE sha256 = ?", [(one,) for one in before]
            )
            await db.executemany(
                "UPDATE runs SET files = json_insert(files, '$[#]', ?) WHERE id = ?",
                [(one, run_id) for one in after],
            )


def _held_in(lines: Collection[Line]) -> tuple[list[int], set[int]]:
    """The messages and the people that samples hold words of."""
    messages = {i for line in lines for i in line.messages}
    return sorted(messages), {who for line in lines for who in line.people}
