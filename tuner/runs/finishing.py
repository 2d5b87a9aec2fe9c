"""The files of a run: opened before anything is read, put in their places together at the end, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tuner.adapters.dataset_files import (
    DatasetWriter,
    Output,
    card_path,
    encode_stats,
    former_upload_path,
    manifest_path,
    write_transcript,
)
from tuner.adapters.dataset_sweep import read_manifest
from tuner.adapters.destinations import check_file, check_folder, check_signed
from tuner.adapters.former_datasets import Former, former, kept_before, kept_path, with_uploads
from tuner.adapters.sqlite_datasets import Datasets, Kind
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.switch import ALL, Switch, switching
from tuner.amounts import counted, word
from tuner.config.settings import Settings
from tuner.dataset.card import SIGNED, card
from tuner.dataset.contents import Contents
from tuner.dataset.manifest import SIGNED as SIGNED_MANIFEST
from tuner.dataset.manifest import Line, Manifest, Part, encode, line_of, page_settings
from tuner.dataset.remaining import contents_of, named_in, withdrawn
from tuner.dataset.split import Entry, Split
from tuner.dataset.succession import nothing, objection
from tuner.dataset.validation import FEWEST_LINES
from tuner.errors import FatalError
from tuner.models import Channel, Message, Sample
from tuner.profiles import ExportProfile
from tuner.progress import Tally

EXAMPLES = 3  # samples that a dry run shows


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A dataset file that a run left; a dry run leaves none."""

    path: str
    lines: int
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class RunStats:
    """The outcome of a run that was not broken off."""

    run_id: int
    files: tuple[WrittenFile, ...]
    counts: dict[str, Any]
    examples: tuple[Sample, ...] = ()  # the first samples of a dry run, to look at


class Transcribed(Protocol):
    """Words as a transcript may hold them."""

    def messages(self, channel_id: int) -> AsyncGenerator[list[Message], None]: ...


class NothingMadeError(FatalError):
    """No sample came out. The counts and transcripts, which show why, were written all the same."""

    def __init__(self, message: str, stats: RunStats) -> None:
        super().__init__(message)
        self.stats = stats


@dataclass(frozen=True, slots=True)
class Succession:
    """What becomes of the dataset before: `keep` says under which names it stays, `gone` what is removed."""

    keep: dict[Path, Path] = field(default_factory=dict)
    gone: tuple[Path, ...] = ()
    replaced: tuple[dict[str, Any], ...] = ()
    superseded: tuple[int, ...] = ()  # runs whose datasets nothing is kept of


class Outputs:
    """Where the files of a run go. Nobody else writes there while it lasts."""

    def __init__(self, settings: Settings, switch: Switch) -> None:
        dataset = settings.dataset
        self._settings = settings
        self._switch = switch
        export = settings.export
        self.writer = DatasetWriter(
            switch, Path(dataset.output_path), export.profiles, dataset.dry_run, bom=export.bom
        )
        self._split = Split(frozenset())
        self._contents = Contents()
        self._lines: dict[int, Line] = {}
        self._titles: dict[int, str] = {}
        self._examples: list[Sample] = []
        self._stats = switch.open(Path(dataset.stats_path)) if dataset.stats_path else None
        records = Path(dataset.output_path)
        self._card = None if dataset.dry_run else switch.open(card_path(records))
        self._manifest = None if dataset.dry_run else switch.open(manifest_path(records))
        if dataset.raw_dump_dir:
            switch.claim(Path(dataset.raw_dump_dir) / ALL)

    def add(self, sample: Sample, record: bytes, uploads: Sequence[bytes], learned: int) -> None:
        """Write a sample, of which so many tokens are learned; a dry run only keeps the first few, to be looked at."""
        about = sample.metadata
        channel_id = about["channel_id"]
        self._contents.add(channel_id, sample.people, map(int, about["message_ids"]), learned)
        entry = Entry(channel_id, sample.conversation, about["target_message_id"])
        if self._manifest:
            self._titles |= sample.origin.titles
            self._lines[len(self.writer.entries)] = line_of(sample)
        self.writer.add(entry, record, uploads)
        if self._settings.dataset.dry_run and len(self._examples) < EXAMPLES:
            self._examples.append(sample)

    async def write_transcripts(
        self, words: Transcribed, channels: Sequence[Channel], names: Mapping[int, str]
    ) -> None:
        folder = self._settings.dataset.raw_dump_dir
        for channel in channels if folder else ():
            await write_transcript(self._switch, Path(folder), channel, words.messages(channel.id), names)

    async def finish(self, run_id: int, runs: Runs, datasets: Datasets, tally: Tally) -> RunStats:
        """Put the files in their places and say what they replace. A FatalError says why they may not."""
        dry_run = self._settings.dataset.dry_run
        await self._remember_places(datasets)
        gone = await self._withdrawn(datasets, tally)
        places = () if dry_run else [output.path for output in self.writer.outputs]
        found = [await asyncio.to_thread(former, path) for path in places]
        before = {one.path: one for one in found if one}
        records = before.get(self.writer.records.path)
        if why := objection(tally, self._settings.models.most_undecided, records.lines if records else 0):
            raise FatalError(why)
        if why := nothing(tally, self._settings.dataset.earliest):
            self._drop_dataset()
            raise NothingMadeError(why, await self._commit(run_id, (), Succession(), runs, datasets, tally))
        if tally.samples < FEWEST_LINES:
            few = f"{counted(tally.samples, 'sample')} {word(tally.samples, 'is', 'are')} fewer"
            tally.note(f"{few} than the {FEWEST_LINES} a trainer wants.", warning=True)
        self._split = await asyncio.to_thread(self.writer.arrange, self._settings.export.validation, gone)
        succession = Succession() if dry_run else await self._succession(run_id, before, runs, tally)
        written = () if dry_run else self.writer.outputs
        return await self._commit(run_id, written, succession, runs, datasets, tally)

    async def _remember_places(self, datasets: Datasets) -> None:
        """Where words are about to be written, so that they can be taken out again."""
        dataset = self._settings.dataset
        places: dict[Kind, str] = {"transcripts": dataset.raw_dump_dir, "stats": dataset.stats_path}
        if not dataset.dry_run:
            places["records"] = dataset.output_path
        for kind, path in places.items():
            if path:
                await datasets.place(kind, Path(path))

    async def _withdrawn(self, datasets: Datasets, tally: Tally) -> set[int]:
        """Samples that hold what was withdrawn after they were made: they are not written."""
        gone = await datasets.stale(self._lines, await datasets.digests(self._titles))
        for number in gone:
            del self._lines[number]
        if gone:
            tally.samples -= len(gone)
            tally.stages["export"].went -= len(gone)
            tally.dropped("export", "withdrawn meanwhile", len(gone))
            self._contents = contents_of(self._lines.values(), self._contents.learned_tokens)
        return gone

    def _drop_dataset(self) -> None:
        """The dataset that is there stays."""
        if self._card and self._manifest:
            places = [output.path for output in self.writer.outputs]
            for path in (*places, self._card.path, self._manifest.path):
                self._switch.drop(path)
        self._card = self._manifest = None

    async def _commit(
        self,
        run_id: int,
        written: Sequence[Output],
        succession: Succession,
        runs: Runs,
        datasets: Datasets,
        tally: Tally,
    ) -> RunStats:
        files = tuple(WrittenFile(str(o.path), o.lines, o.size, o.sha256) for o in written)
        counts = {
            "run": run_id,
            "dry_run": self._settings.dataset.dry_run,
            **tally.final_counts(),
            "split": {
                "train": self.writer.lines - len(self._split.held_out),
                "valid": len(self._split.held_out),
                "kept_back": self._split.kept_back,
            },
            "files": [asdict(file) for file in files],
            "card": str(self._card.path) if self._card else None,
            "replaced": list(succession.replaced),
            "contents": self._contents.report({i: c.name for i, c in tally.channels.items()}),
            "learned": tally.learned.report(named=bool(self._settings.dataset.personas)),
        }
        counts = withdrawn(counts, await datasets.gone(named_in(counts)), {})
        if self._card and self._manifest:
            self._card.write(card(counts, self._settings).encode("utf-8", "replace"))
            manifest = await self._described(run_id, written, counts, datasets)
            self._manifest.write(await asyncio.to_thread(encode, manifest))
            records = self.writer.records.path
            await datasets.made(run_id, records, manifest.people, succession.superseded)
        if self._stats:
            self._stats.write(encode_stats(counts))
        await runs.made(run_id, [file.sha256 for file in files])  # first, so that no dataset lacks its maker
        await self._switch.commit(succession.keep, succession.gone)
        return RunStats(run_id, files, counts, tuple(self._examples))

    async def _described(
        self, run_id: int, written: Sequence[Output], counts: Mapping[str, Any], datasets: Datasets
    ) -> Manifest:
        parts = tuple(Part(o.name, o.sha256, o.size, tuple(o.samples)) for o in written)
        files = [{**file, "part": part.name} for file, part in zip(counts["files"], parts, strict=True)]
        return Manifest(
            await datasets.identity(),
            run_id,
            hashlib.sha256(self._settings.model_dump_json().encode()).hexdigest(),
            parts,
            self._lines,
            await datasets.digests(self._titles),
            {**counts, "files": files},
            page_settings(self._settings),
        )

    async def _succession(
        self, run_id: int, before: Mapping[Path, Former], runs: Runs, tally: Tally
    ) -> Succession:
        """What is replaced, under which name it stays, and which of those kept earlier have to go."""
        records, profiles = self.writer.records.path, self._settings.export.profiles
        withdrawn = await runs.last_withdrawal()
        kept = [path for path in kept_before(records) if path.stat().st_mtime >= withdrawn]
        changed = {
            o.path: old for o in self.writer.outputs if (old := before.get(o.path)) and old.sha256 != o.sha256
        }
        most = self._settings.export.keep_replaced
        maker = await runs.maker(next(iter(changed.values())).sha256) if changed else None
        # Whom another archive has forgotten since is not known here.
        foreign = maker is None and bool(self._settings.people.opt_outs)
        keep: dict[Path, Path] = {}
        if changed and most and not foreign and all(f.made >= withdrawn for f in changed.values()):
            base = kept_path(records, maker, run_id, profiles)
            places = dict(zip(with_uploads([records], profiles), with_uploads([base], profiles), strict=True))
            keep = {path: places[path] for path in (*changed, card_path(records), manifest_path(records))}
        staying = kept[: most - 1 if keep else most]
        gone = with_uploads([path for path in kept_before(records) if path not in staying], profiles)
        gone += await _outdated(records, profiles, runs)
        why = _why_not_kept(most, foreign=foreign)
        replaced = [
            await _replaced(o.path, o.lines, changed[o.path], keep.get(o.path), why, runs)
            for o in (self.writer.records,)
            if o.path in changed
        ]
        for one in replaced:
            tally.note(_in_words(one))
        going = [path for path in kept_before(records) if path in gone]
        replaced_runs = await asyncio.to_thread(_runs_of, going if keep else [*going, records])
        return Succession(keep, tuple(gone), tuple(replaced), replaced_runs)


def _runs_of(records: Sequence[Path]) -> tuple[int, ...]:
    """Which runs made the datasets there, as far as their manifests say."""
    return tuple(manifest.run for manifest in map(read_manifest, records) if manifest)


async def _outdated(records: Path, profiles: Sequence[ExportProfile], runs: Runs) -> list[Path]:
    """What an older version wrote for upload and this one does not: it would be taken for new."""
    found = [await asyncio.to_thread(former, former_upload_path(records, profile)) for profile in profiles]
    return [one.path for one in found if one and await runs.maker(one.sha256) is not None]


def _why_not_kept(most: int, *, foreign: bool) -> str:
    if not most:
        return "export.keep_replaced = 0"
    if foreign:
        return "it is another archive's, and people.opt_outs says that people left"
    return "people's words were erased since"


def check_places(settings: Settings, reads: Iterable[Path] = ()) -> None:
    """Raise UsageError where a run could not write what it is to leave, or would overwrite what is read."""
    dataset, own = settings.dataset, _own(settings, reads)
    records = Path(dataset.output_path)
    for path in () if dataset.dry_run else with_uploads([records], settings.export.profiles):
        check_file(path, settings.named("dataset.output_path"), own)
    if not dataset.dry_run:
        check_signed(card_path(records), settings.named("dataset.output_path"), SIGNED)
        check_signed(manifest_path(records), settings.named("dataset.output_path"), SIGNED_MANIFEST)
    if dataset.stats_path:
        check_file(Path(dataset.stats_path), settings.named("dataset.stats_path"), own)
    if dataset.raw_dump_dir:
        check_folder(Path(dataset.raw_dump_dir), settings.named("dataset.raw_dump_dir"))


@asynccontextmanager
async def outputs(settings: Settings, reads: Iterable[Path] = ()) -> AsyncIterator[Outputs]:
    """The files of a run, none of which overwrites what it `reads`; they vanish unless `finish` was called."""
    check_places(settings, reads)
    async with switching(_own(settings, reads)) as switch:
        files = Outputs(settings, switch)
        with closing(files.writer):
            yield files


def _own(settings: Settings, reads: Iterable[Path]) -> list[Path]:
    """What a run reads, by whatever command."""
    prompt = settings.prompt
    files = (prompt.system_file, prompt.persona_notes_file, prompt.tools_file, settings.people.opt_outs)
    return [Path(settings.store.path), *(Path(file) for file in files if file), *reads]


async def _replaced(
    path: Path, lines: int, old: Former, kept: Path | None, why: str, runs: Runs
) -> dict[str, Any]:
    return {
        "path": str(path),
        "lines": lines,
        "lines_before": old.lines,
        "run_before": await runs.maker(old.sha256),
        "kept": str(kept) if kept else None,
        "why": "" if kept else why,
    }


def _in_words(replaced: Mapping[str, Any]) -> str:
    maker, kept = replaced["run_before"], replaced["kept"]
    are = word(replaced["lines_before"], "is", "are")
    by = "" if maker is None else f" of run {maker}"
    where = f"which {are} kept in {kept}" if kept else f"which {are} not kept: {replaced['why']}"
    lines, before = replaced["lines"], replaced["lines_before"]
    return f"{replaced['path']}: {counted(lines, 'sample')} took the place of {before:,}{by}, {where}."
