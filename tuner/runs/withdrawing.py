"""Withdrawn words leave every file that was written of an archive: datasets, former ones too, transcripts, stats.

What the archive holds decides. A sample stays as long as all it was made of still stands there as it did. That
something was withdrawn is written down together with the erasure, so that another process does what one that died left.
"""

from __future__ import annotations

import asyncio
import filecmp
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuner.adapters.dataset_files import encode_stats, part_path, write_transcript
from tuner.adapters.dataset_sweep import Found, look, read_manifest, texts, without, write_about
from tuner.adapters.former_datasets import described_before
from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_people import People
from tuner.adapters.sqlite_store import Store
from tuner.adapters.switch import ALL, finish_switches, switching
from tuner.amounts import counted, word
from tuner.config.settings import Settings
from tuner.dataset.card import card
from tuner.dataset.manifest import Manifest, Part, settings_of
from tuner.dataset.remaining import named_in, remaining, withdrawn
from tuner.errors import FatalError
from tuner.progress import Tally
from tuner.runs.screeners import screener_for
from tuner.stages.screen import ScreenedArchive, Screener

MOST_ROUNDS = 5  # what is withdrawn while files are gone through is gone through, too


@dataclass(slots=True)
class Receipt:
    """What was done, and what was not, in sentences. `later`: what the next run, or `refresh`, will try again."""

    done: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Places:
    """Where words may lie: what runs remember, and what is configured."""

    records: tuple[Path, ...]
    transcripts: tuple[Path, ...]
    stats: tuple[Path, ...]


async def sweep(store: Store, settings: Settings, people: Collection[int] = ()) -> Receipt:
    """Take out of every written file what the archive holds no more; `people` are those whose words have to be gone.

    Whoever calls it holds the archive. Without anything withdrawn since the last time it looks at no file.
    """
    receipt, datasets = Receipt(), Datasets(store)
    for _ in range(MOST_ROUNDS):
        mark = await datasets.outdated()
        if not mark:
            break
        round_ = Receipt(receipt.done)
        try:
            await _finish_erasing(store)
        except FatalError as error:  # somebody reads the archive; the files can be cleared all the same
            round_.later.append(str(error))
        places, screener = await _places(datasets, settings), await screener_for(store, settings)
        await _Sweep(store, datasets, places, screener, round_).run(people)
        receipt = round_
        if round_.later:
            break
        await datasets.settled(mark)
    return receipt


@asynccontextmanager
async def files_up_to_date(store: Store, settings: Settings, tally: Tally) -> AsyncIterator[None]:
    """Around a build: finish what an earlier run left, and take out what was withdrawn while this one lasted."""
    if settings.dataset.dry_run:
        yield
        return
    await _noted(store, settings, tally)
    try:
        yield
    except FatalError:
        await _noted(store, settings, tally)
        raise
    await _noted(store, settings, tally)


async def _noted(store: Store, settings: Settings, tally: Tally) -> None:
    receipt = await sweep(store, settings)
    for text in (*receipt.done, *receipt.missed):
        tally.note(text)
    for text in receipt.later:
        tally.note(text, warning=True)


async def _finish_erasing(store: Store) -> None:
    """Whoever opted out is erased, and no trace left in the archive, also where a process died between the two."""
    left, history = await People(store).still_stored(), History(store)
    if left:
        await history.forget(left, await history.audience(()))
    await history.purge()
    await history.rewrite()


async def _places(datasets: Datasets, settings: Settings) -> Places:
    known, dataset = await datasets.written(), settings.dataset

    def all_of(found: Sequence[Path], configured: str) -> tuple[Path, ...]:
        also = [Path(configured).absolute()] if configured else []
        return tuple(dict.fromkeys([*found, *also]))

    return Places(
        all_of(known.records, dataset.output_path),
        all_of(known.transcripts, dataset.raw_dump_dir),
        all_of(known.stats, dataset.stats_path),
    )


class _Sweep:
    """One round over all files."""

    def __init__(
        self, store: Store, datasets: Datasets, places: Places, screener: Screener, receipt: Receipt
    ) -> None:
        self._history = History(store)
        self._datasets = datasets
        self._places = places
        self._screener = screener
        self._receipt = receipt
        self._seen: dict[int, Manifest] = {}  # run → what is left of its dataset
        self._whole: set[str] = set()  # digests of files that are as they were written

    async def run(self, people: Collection[int]) -> None:
        places = self._places
        for folder in {path.parent for path in (*places.records, *places.stats)} | {*places.transcripts}:
            await asyncio.to_thread(finish_switches, folder)
        for place in places.records:
            for records in (place, *described_before(place)):
                await self._guarded(records, self._dataset(records, people))
        for folder in places.transcripts:
            await self._guarded(folder, self._transcripts(folder))
        for path in places.stats:
            await self._guarded(path, self._stats(path))
        for run_id, records in (await self._datasets.of_people(people)).items():
            if run_id not in self._seen:
                self._receipt.missed.append(
                    f"The dataset of run {run_id} is not where it was written any more, {records}. If it was moved or "
                    "copied, it still holds these words: delete it there."
                )

    async def _guarded(self, path: Path, work: Any) -> None:
        """One place that cannot be written keeps no other from being cleared."""
        try:
            await work
        except FatalError as error:
            self._receipt.later.append(str(error))
        except OSError as error:
            self._receipt.later.append(f"{path} could not be gone through: {error.strerror or error}.")

    # -- datasets ------------------------------------------------------------------

    async def _dataset(self, records: Path, people: Collection[int]) -> None:
        manifest = await asyncio.to_thread(read_manifest, records)
        if manifest is None:
            if people and records.exists():
                self._receipt.missed.append(
                    f"{records} has no manifest beside it that can be read, so nothing was taken out of it: build "
                    "again, and delete it."
                )
            return
        if manifest.archive != await self._datasets.identity():
            if people:
                self._receipt.missed.append(
                    f"{records} was made of another archive, so nothing was taken out of it."
                )
            return
        found = await asyncio.to_thread(look, records, manifest)
        self._whole |= {part.sha256 for part in found.whole}
        self._seen[manifest.run] = manifest
        gone = await self._gone(found)
        if gone or await self._counts(manifest.counts) != manifest.counts:  # they name people, and threads
            await self._take_out(found, gone)
        self._name_unreached(found, gone)

    async def _gone(self, found: Found) -> set[int]:
        samples = found.manifest.samples
        gone = await self._datasets.stale(samples, found.manifest.titles)
        portions = texts(found)
        while (portion := await asyncio.to_thread(next, portions, None)) is not None:
            said = {
                number: one for number, one in portion.items() if number in samples and number not in gone
            }
            gone |= await self._datasets.naming(said, samples)
        return gone

    async def _take_out(self, found: Found, gone: Collection[int]) -> None:
        before = found.manifest
        async with switching() as switch:
            left = await asyncio.to_thread(without, switch, found, gone)
            counts = await asyncio.to_thread(remaining, left)
            left = replace(left, counts=await self._counts(counts))
            settings = settings_of(left)
            await asyncio.to_thread(
                write_about, switch, found.records, left, lambda counts: card(counts, settings)
            )
            kept = {part.sha256 for part in left.parts}
            old = [part.sha256 for part in before.parts if part.sha256 not in kept]
            new = [part.sha256 for part in left.parts if part not in before.parts]
            await self._datasets.remade(before.run, old, new)
            await switch.commit()
        self._seen[before.run] = left
        await (
            self._datasets.left(before.run, left.people)
            if left.samples
            else self._datasets.removed(before.run)
        )
        if not gone:
            self._receipt.done.append(f"{found.records}: what is told about it was written anew.")
            return
        count, all_ = len(before.samples) - len(left.samples), len(before.samples)
        self._receipt.done.append(
            f"{found.records}: {count:,} of {counted(all_, 'sample')} {word(count, 'was', 'were')} taken out, from "
            "every file of that dataset."
        )

    def _name_unreached(self, found: Found, gone: Collection[int]) -> None:
        """Files that hold withdrawn words and are not as they were written."""
        for part in found.changed:
            if self._holds(found, part, gone):
                self._receipt.missed.append(
                    f"{part_path(found.records, part.name)} was changed since Tuner wrote it, so it was left as it is. "
                    "It may hold withdrawn words: delete it, or build again."
                )
        for part in found.missing:
            if self._holds(found, part, gone) and part.sha256 not in self._whole:
                self._receipt.missed.append(
                    f"{part_path(found.records, part.name)} is not where it was written any more. If it was moved or "
                    "copied, it still holds withdrawn words: delete it there."
                )

    @staticmethod
    def _holds(found: Found, part: Part, gone: Collection[int]) -> bool:
        return any(number in gone or number not in found.manifest.samples for number in part.samples)

    async def _counts(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        gone = await self._datasets.gone(named_in(counts))
        return withdrawn(counts, gone, await self._titles())

    async def _titles(self) -> dict[int, str]:
        """What channels are called now where it is shown."""
        return {i: self._screener.bare(title) for i, title in (await self._datasets.titles()).items()}

    # -- transcripts and stats -------------------------------------------------------

    async def _transcripts(self, folder: Path) -> None:
        """Write anew what differs from the archive, of the channels that there are transcripts of."""
        channels = [c for c in await self._history.channels() if any(folder.glob(f"*-{c.id}.txt"))]
        if not channels:
            return
        names, words = await self._titles(), ScreenedArchive(self._history, self._screener.bare_message)
        changed = 0
        async with switching() as switch:
            switch.claim(folder / ALL)
            for channel in channels:
                shown = self._screener.channel(channel)
                written = await write_transcript(switch, folder, shown, words.messages(channel.id), names)
                if await asyncio.to_thread(_same, written.part, written.path):
                    switch.drop(written.path)
                else:
                    changed += 1
            await switch.commit()
        if changed:
            self._receipt.done.append(
                f"{folder}: {counted(changed, 'transcript')} {word(changed, 'was', 'were')} written anew."
            )

    async def _stats(self, path: Path) -> None:
        counts = await asyncio.to_thread(_counts_at, path)
        if counts is None:
            return
        manifest = self._seen.get(counts.get("run", 0))
        if manifest and counts.get("files") and manifest.taken_out:
            files = [{k: v for k, v in one.items() if k != "part"} for one in manifest.counts["files"]]
            kept = {**manifest.counts, "files": files}
        else:
            kept = await self._counts(counts)
        if kept != counts:
            async with switching() as switch:
                switch.open(path).write(encode_stats(kept))
                await switch.commit()
            self._receipt.done.append(f"{path} was written anew.")


def _same(one: Path, other: Path) -> bool:
    return other.exists() and filecmp.cmp(one, other, shallow=False)


def _counts_at(path: Path) -> dict[str, Any] | None:
    """The counts of a run that lie there, None where there are none."""
    try:
        counts = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return counts if isinstance(counts, dict) and "stages" in counts and "run" in counts else None
