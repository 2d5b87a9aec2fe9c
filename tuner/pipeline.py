"""The whole story: history in, dataset out. The headless command and the bot both call `build_dataset`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner.adapters.dataset_files import DatasetWriter, dataset_writer, write_stats, write_transcript
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import Store
from tuner.asking.chat import Asker, Chat
from tuner.asking.estimate import Estimate
from tuner.config.settings import RULES, Dataset, Settings
from tuner.dataset.tokens import TokenCounter, token_counter
from tuner.dataset.validation import FEWEST_LINES, check_line
from tuner.models import Channel, Dialogue, Excerpt, Sample
from tuner.people.audience import Audience
from tuner.progress import Tally
from tuner.prompt.stack import load_assets, load_builder
from tuner.recording import recorded
from tuner.stages.collect import Source, collecting
from tuner.stages.export import assemble, encode, record_line, upload_line
from tuner.stages.refine import Refiner
from tuner.stages.relabel import relabel
from tuner.stages.segment import read_segments
from tuner.stages.synthesize import Synthesizer

OpenSource = Callable[[Audience, Tally], Source]


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


async def build_dataset(
    settings: Settings, store: Store, open_source: OpenSource, chat: Chat | None, tally: Tally, owner: str
) -> RunStats:
    """Collect what is new, and build the dataset from the archive.

    `chat` may be None when no model is configured; `owner` says who runs, for whoever is refused meanwhile.
    Raises FatalError, with everything read and decided so far stored and old output untouched.
    """
    history, decisions = History(store), Decisions(store)
    builder, assets = load_builder(settings.prompt.stack), load_assets(settings.prompt)
    counter = await asyncio.to_thread(token_counter)  # a vocabulary takes a while to load
    tally.max_samples = settings.dataset.max_samples
    tally.sample_tokens_exact = counter.exact
    asker = Asker(chat, settings.models, tally) if chat else None
    dataset = settings.dataset
    refiner = Refiner(settings.models, asker, decisions, tally, dataset.personas, dataset.segment_concurrency)
    synthesizer = Synthesizer(settings.models, asker, history, decisions, tally)

    async with recorded(store, _options(dataset), tally, owner) as run_id:
        source = open_source(await _adopt_audience(history, dataset, tally), tally)
        async with (
            collecting(source, history, dataset, settings.collect, tally) as collection,
            dataset_writer(Path(dataset.output_path), settings.export.profiles, dataset.dry_run) as writer,
        ):
            channels = {channel.id: channel for channel in (*await history.channels(), *collection.channels)}
            names = {channel.id: channel.name for channel in channels.values()}
            segments = read_segments(collection, history, dataset, settings.segment, tally)
            async with aclosing(refiner.refine(segments, names, tally.still_wanted)) as excerpts:
                async for excerpt in excerpts:
                    if dialogue := _relabelled(excerpt, names, tally):
                        dialogue = await synthesizer.synthesize(dialogue, names)
                        sample = assemble(dialogue, channels[dialogue.channel_id], builder, assets)
                        _export(sample, writer, counter, tally)
                    if tally.still_wanted() == 0:
                        collection.enough()
                        break
            await _write_transcripts(dataset.raw_dump_dir, history, collection.channels, names)
            return await _finish(run_id, dataset, writer, tally)


async def estimate_dataset(
    settings: Settings, store: Store, open_source: OpenSource, tally: Tally, owner: str
) -> RunStats:
    """Collect what is new and count what a build would ask about it, were everything approved.

    `counts["estimate"]` holds segments, calls, prompt_tokens, completion_tokens and cost (US dollars, None
    when the price is not known, 0 with the rules). Decisions that are stored cost nothing and are left out.
    Calls for tool triggers, which few samples need, are not counted.
    """
    history, counter = History(store), await asyncio.to_thread(token_counter)
    models, dataset = settings.models, settings.dataset
    tally.max_samples = dataset.max_samples
    refiner = Refiner(models, None, Decisions(store), tally, dataset.personas, dataset.segment_concurrency)
    estimate = Estimate(counter.length, counter.exact)
    async with recorded(store, _options(dataset), tally, owner) as run_id:
        source = open_source(await _adopt_audience(history, dataset, tally), tally)
        async with collecting(source, history, dataset, settings.collect, tally) as collection:
            names = {
                channel.id: channel.name for channel in (*await history.channels(), *collection.channels)
            }
            found = read_segments(collection, history, dataset, settings.segment, tally)
            async with aclosing(refiner.plan(found, names, dataset.max_samples)) as plan:
                async for planned in plan:
                    estimate.segments += planned.hopeful
                    if planned.question and models.segment != RULES:
                        estimate.ask(planned.question, planned.undecided, planned.lines)
                    if dataset.max_samples is not None and estimate.segments >= dataset.max_samples:
                        collection.enough()
                        break
        counted = estimate.counts(None if models.segment == RULES else models.price(models.segment))
        counts = {"run": run_id, "dry_run": True, **tally.snapshot(), "files": [], "estimate": counted}
        return RunStats(run_id, (), counts)


def _options(dataset: Dataset) -> dict[str, Any]:
    """What is remembered of how a run was asked for."""
    return {"dry_run": dataset.dry_run, "max_samples": dataset.max_samples, "channels": dataset.channels}


async def _adopt_audience(history: History, dataset: Dataset, tally: Tally) -> Audience:
    """The people of this run; the archive is brought to hold words of no one else."""
    if not dataset.allowed_users:
        tally.note(
            "dataset.allowed_users is empty: everyone's words are used, bots excepted. Name the people who "
            "agreed, to use theirs only.",
            warning=True,
        )
    audience = await history.audience(dataset.allowed_users, dataset.personas)
    change = await history.adopt(audience)
    if change.people_removed:
        tally.note(f"The words of {change.people_removed} people who are no longer allowed were erased.")
    if change.must_reread:
        tally.note("People were added to dataset.allowed_users: history is read again for their words.")
    return audience


def _relabelled(excerpt: Excerpt, names: Mapping[int, str], tally: Tally) -> Dialogue | None:
    tally.came("relabel")
    dialogue = relabel(excerpt, names)
    if isinstance(dialogue, str):
        tally.dropped("relabel", dialogue)
        return None
    tally.went("relabel")
    return dialogue


def _export(sample: Sample, writer: DatasetWriter, counter: TokenCounter, tally: Tally) -> None:
    """Check a sample as a trainer would, and write it; one that would be refused is counted instead."""
    tally.came("export")
    record, upload = record_line(sample), upload_line(sample)
    tokens = counter.sample(upload)
    faults = check_line(record, "records", counter, tokens) or check_line(upload, "openai", counter, tokens)
    if faults:
        tally.dropped("export", f"not valid: {faults[0]}")
        return
    writer.add(encode(record), encode(upload))
    tally.samples += 1
    tally.synthetic_tool_calls += sample.metadata["synthetic_tool_calls"]
    tally.sample_tokens += tokens
    tally.went("export")


async def _write_transcripts(
    folder: str, history: History, channels: Sequence[Channel], names: Mapping[int, str]
) -> None:
    if folder:
        for channel in channels:
            await write_transcript(Path(folder), channel, history.messages(channel.id), names)


async def _finish(run_id: int, dataset: Dataset, writer: DatasetWriter, tally: Tally) -> RunStats:
    """Write the stats, say what came out."""
    if not tally.samples:
        tally.note("No sample came out, so no dataset was written.", warning=True)
    elif tally.samples < FEWEST_LINES:
        tally.note(
            f"{tally.samples} samples are fewer than the {FEWEST_LINES} a trainer wants.", warning=True
        )
    written = () if dataset.dry_run or not tally.samples else tuple(writer.outputs)
    files = tuple(WrittenFile(str(o.path), o.lines, o.size, o.sha256) for o in written)
    counts = {
        "run": run_id,
        "dry_run": dataset.dry_run,
        **tally.snapshot(),
        "files": [asdict(f) for f in files],
    }
    if dataset.stats_path:
        await write_stats(Path(dataset.stats_path), counts)
    return RunStats(run_id, files, counts)
