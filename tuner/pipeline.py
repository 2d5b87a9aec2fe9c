"""The whole story: history in, dataset out. The headless command and the bot both call `build_dataset`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner import snowflake
from tuner.adapters.dataset_files import DatasetWriter, dataset_writer, write_stats, write_transcript
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import Store
from tuner.asking.chat import Asker, Chat
from tuner.config.settings import Settings
from tuner.dataset.tokens import TokenCounter, token_counter
from tuner.dataset.validation import FEWEST_LINES, check_line
from tuner.linking.calibrate import Calibrator
from tuner.linking.linker import Weights
from tuner.models import Channel, Conversation, Dialogue, Excerpt, Message, Sample, Segment
from tuner.people.audience import Audience
from tuner.progress import CalibrationTally, Tally
from tuner.prompt.stack import load_assets, load_builder
from tuner.recording import recorded
from tuner.stages.collect import Collection, Source, collecting
from tuner.stages.export import assemble, encode, record_line, upload_line
from tuner.stages.refine import Refiner
from tuner.stages.relabel import relabel
from tuner.stages.segment import ConversationStream, Linking, cut
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

    async with recorded(store, settings, tally, owner) as run_id:
        source = open_source(await adopt_audience(history, settings, tally), tally)
        async with (
            collecting(source, history, settings, tally) as collection,
            dataset_writer(Path(dataset.output_path), settings.export.profiles, dataset.dry_run) as writer,
        ):
            channels = {channel.id: channel for channel in (*await history.channels(), *collection.channels)}
            names = {channel.id: channel.name for channel in channels.values()}
            segments = read_segments(collection, history, settings, tally)
            async with aclosing(refiner.refine(segments, names, tally.still_wanted)) as excerpts:
                async for excerpt in excerpts:
                    if dialogue := _relabelled(excerpt, names, tally):
                        dialogue = await synthesizer.synthesize(dialogue, names)
                        sample = assemble(dialogue, channels[dialogue.channel_id], builder, assets)
                        _export(sample, writer, counter, tally)
                    if tally.still_wanted() == 0:
                        collection.enough()
                        break
            await _write_transcripts(settings, history, collection.channels, names)
            return await _finish(run_id, settings, writer, tally)


async def adopt_audience(history: History, settings: Settings, tally: Tally) -> Audience:
    """The people of this run; the archive is brought to hold words of no one else."""
    dataset = settings.dataset
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


async def calibrated(
    history: History, settings: Settings, tally: Tally, collection: Collection | None = None
) -> Linking:
    """How messages are linked in this run: the shipped model, fitted to the native replies of the archive.

    All stored channels are gone through in the order of their ids until there is evidence enough, whichever of
    them are wanted, so that the same archive gives the same calibration to whoever asks. Those on the way that
    the `collection` is still reading are waited for. The work is done in threads: it would hold the loop.
    """
    calibrator = Calibrator(await asyncio.to_thread(Weights.shipped))
    being_read = {channel.id: channel for channel in collection.channels} if collection else {}
    for channel_id in sorted({channel.id for channel in await history.channels()} | being_read.keys()):
        if calibrator.satisfied:
            break
        if collection and channel_id in being_read:
            await collection.ready(being_read[channel_id])
        async with aclosing(history.messages(channel_id)) as batches:
            async for batch in batches:
                await asyncio.to_thread(_study, calibrator, batch)
                if calibrator.satisfied:
                    break
        await asyncio.to_thread(calibrator.end_channel)
    fitted = await asyncio.to_thread(calibrator.result)
    tally.calibration = CalibrationTally(fitted.replies, fitted.before, fitted.after)
    return Linking(calibrator.weights, fitted, settings.segment.min_confidence)


def _study(calibrator: Calibrator, batch: Sequence[Message]) -> None:
    """Stops at a message, not at a batch, so that the size of a batch changes nothing."""
    for message in batch:
        if calibrator.satisfied:
            return
        calibrator.add(message)


async def read_segments(
    collection: Collection, history: History, settings: Settings, tally: Tally
) -> AsyncIterator[Segment]:
    """Segments of one channel after another, each channel as soon as it has been read.

    A channel is not cut while it is being read: a native reply further on may still join two of its
    conversations, and the result must not depend on where a page ended. The loop breathes after every segment.
    """
    linking = await calibrated(history, settings, tally, collection)
    earliest = settings.dataset.earliest
    start = snowflake.first_id(earliest) if earliest else 0
    for channel in collection.channels:
        await collection.ready(channel)
        async with aclosing(read_conversations(history, channel.id, linking, start)) as found:
            async for conversation in found:
                tally.came("segment", len(conversation.messages))
                tally.conversations += 1
                pieces = cut(conversation, settings.segment, settings.dataset.personas)
                for why in pieces.dropped:
                    tally.dropped("segment", why)
                for segment in pieces.segments:
                    tally.confidences.add(segment.confidence)
                    tally.went("segment")
                    yield segment
                    await asyncio.sleep(0)
                await asyncio.sleep(0)


async def read_conversations(
    history: History, channel_id: int, linking: Linking, start: int = 0
) -> AsyncGenerator[Conversation, None]:
    """A stored channel's conversations, each as soon as it can't grow.

    The loop breathes between batches, and whenever the linker has worked.
    """
    stream = ConversationStream(linking)
    async with aclosing(history.messages(channel_id, start)) as batches:
        async for batch in batches:
            for message in batch:
                before = stream.decided
                ended = stream.add(message)
                if stream.decided > before:
                    await asyncio.sleep(0)
                for conversation in ended:
                    yield conversation
            await asyncio.sleep(0)
    for conversation in stream.finish():
        yield conversation


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
    settings: Settings, history: History, channels: Sequence[Channel], names: Mapping[int, str]
) -> None:
    if settings.dataset.raw_dump_dir:
        folder = Path(settings.dataset.raw_dump_dir)
        for channel in channels:
            await write_transcript(folder, channel, history.messages(channel.id), names)


async def _finish(run_id: int, settings: Settings, writer: DatasetWriter, tally: Tally) -> RunStats:
    """Write the stats, say what came out."""
    dataset = settings.dataset
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
