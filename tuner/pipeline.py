"""The whole story: history in, dataset out. The headless command and the bot both call `build_dataset`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions, Runs
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted, word
from tuner.asking.chat import Asker, Chat
from tuner.asking.estimate import Estimate
from tuner.config.settings import RULES, Dataset, Settings
from tuner.dataset.languages import language_teller
from tuner.dataset.tokens import TokenCounter, token_counter
from tuner.dataset.validation import check_line
from tuner.errors import FatalError
from tuner.models import Channel, Dialogue, Excerpt, Sample, Segment
from tuner.people.audience import Audience
from tuner.progress import Tally
from tuner.prompt.guard import production_prompt
from tuner.prompt.stack import Assets
from tuner.runs.adopting import audience_of_run, look_as_audience
from tuner.runs.finishing import Outputs, RunStats, WrittenFile, outputs
from tuner.runs.personas import Personas
from tuner.runs.recording import recorded
from tuner.runs.screeners import screener_for
from tuner.runs.withdrawing import files_up_to_date
from tuner.stages.alike import Alike
from tuner.stages.choose import best_first
from tuner.stages.collect import Collection, collecting
from tuner.stages.export import assemble, encode, record_line, upload_line
from tuner.stages.judge import Judge
from tuner.stages.patience import PatientArchive
from tuner.stages.prospect import ToolQuestions
from tuner.stages.refine import Refiner
from tuner.stages.relabel import relabel
from tuner.stages.screen import ScreenedArchive, Screener, numbered
from tuner.stages.segment import read_segments
from tuner.stages.source import Source
from tuner.stages.synthesize import Synthesizer

OpenSource = Callable[[Audience, Tally], Source]


CONTEXT = 200  # tokens that a channel's topic and what is known of people may take
LEAST_ROOM = 256

__all__ = ["OpenSource", "RunStats", "WrittenFile", "build_dataset", "estimate_dataset"]


async def build_dataset(
    settings: Settings,
    store: Store,
    open_source: OpenSource,
    chat: Chat | None,
    tally: Tally,
    owner: str,
    *,
    confirmed: bool = False,
    reads: Iterable[Path] = (),
) -> RunStats:
    """Collect what is new, and build the dataset from the archive.

    `chat` may be None when no model is configured; `owner` says who runs, for whoever is refused meanwhile.
    `confirmed`: words of people who are no longer allowed may be erased. No output may overwrite what is in `reads`.
    Raises FatalError, with everything read and decided so far stored and old output untouched.
    """
    builder, assets = production_prompt(settings.prompt)
    counter = await asyncio.to_thread(token_counter)  # a vocabulary takes a while to load
    languages = await asyncio.to_thread(language_teller)
    dataset = settings.dataset
    _prepare(tally, settings, counter, asks=chat is not None)
    tally.languages_by = languages.by
    asker = _asker(chat, settings, tally)

    async with (
        recorded(store, _options(dataset), tally, owner) as run_id,
        files_up_to_date(store, settings, tally),
        outputs(settings, reads) as files,
    ):
        history, audience = await audience_of_run(store, settings, tally, confirmed=confirmed)
        source = open_source(audience, tally)
        async with collecting(source, history, dataset, settings.collect, tally) as collection:
            words = PatientArchive(history, collection)
            screener = await _screener(settings, store, collection, tally)
            decisions = Decisions(store, screener.text)
            shown = ScreenedArchive(words, screener.message)
            synthesizer = Synthesizer(settings.models, asker, shown, decisions, tally)
            await collection.settle_names()
            known = (*await history.channels(), *collection.channels)
            channels = {channel.id: screener.channel(channel) for channel in known}
            names = {i: channel.name for i, channel in channels.items()}
            tally.stored = await _stored(history, collection.channels)
            whom = await Personas(store, settings, audience, tally).found(
                source, collection, words, channels.values()
            )
            refiner = Refiner(settings.models, asker, decisions, tally, whom, dataset.segment_concurrency)
            room, alike = _room(dataset, assets, counter), Alike(settings.screen)
            judge = _judge(settings, asker, decisions, tally, names, screener)
            segments = _segments(collection, words, screener, settings, whom, room, names, tally, judge)
            async with (
                judge.finishing() if judge else nullcontext(),
                aclosing(segments),
                refiner.refining(segments, names, tally.still_wanted) as excerpts,
            ):
                async for excerpt in excerpts:
                    if dialogue := _relabelled(excerpt, names, alike, tally):
                        dialogue = numbered(await synthesizer.synthesize(dialogue, names))
                        channel = channels[dialogue.channel_id]
                        sample = screener.prompt(assemble(dialogue, channel, builder, assets, channels))
                        if _export(sample, files, settings, counter, tally):
                            _learned(dialogue, tally)
                            tally.languages[languages.of(turn.text for turn in dialogue.turns)] += 1
                    if tally.still_wanted() == 0:
                        collection.enough()
                        break
            if not tally.samples:
                await _check_anybody_wrote(history, settings, collection.channels)
            shown = ScreenedArchive(history, screener.bare_message)
            await files.write_transcripts(shown, [screener.channel(c) for c in collection.channels], names)
            return await files.finish(run_id, Runs(store), Datasets(store), tally)


async def estimate_dataset(
    settings: Settings, store: Store, open_source: OpenSource, tally: Tally, owner: str
) -> RunStats:
    """Collect what is new and count what a build would ask about it, were everything approved.

    `counts["estimate"]` holds segments, calls, prompt_tokens, completion_tokens and cost (US dollars, None
    when the price is not known, 0 with the rules). Decisions that are stored cost nothing and are left out.
    Of the calls, `link_calls` judge doubtful links, and `tool_calls` are the tool trigger's, were every recall to
    become a call: two each.
    """
    counter = await asyncio.to_thread(token_counter)
    models, dataset = settings.models, settings.dataset
    tally.max_samples, tally.named = dataset.max_samples, settings.named
    estimate = Estimate(counter.length, counter.exact)
    room = _room(dataset, production_prompt(settings.prompt)[1], counter)
    async with recorded(store, {**_options(dataset), "estimate": True}, tally, owner) as run_id:
        history, audience = await look_as_audience(store, settings, tally)
        source = open_source(audience, tally)
        async with collecting(source, history, dataset, settings.collect, tally) as collection:
            await collection.settle_names()
            channels = (*await history.channels(), *collection.channels)
            words = PatientArchive(history, collection)
            screener = Screener(settings.screen.wanted, audience.salt)
            names = {channel.id: screener.bare(channel.name) for channel in channels}
            decisions, shown = Decisions(store, screener.text), ScreenedArchive(words, screener.message)
            whom = await Personas(store, settings, audience, tally).found(source, collection, words, channels)
            refiner = Refiner(models, None, decisions, tally, whom, dataset.segment_concurrency)
            tools = ToolQuestions(models, shown, decisions, estimate)
            judge = _judge(settings, None, decisions, tally, names, screener, estimate)
            found = _segments(collection, words, screener, settings, whom, room, names, tally, judge)
            async with aclosing(found), aclosing(refiner.plan(found, names, dataset.max_samples)) as plan:
                async for planned in plan:
                    estimate.segments += planned.hopeful
                    await tools.count(planned.excerpts, names)
                    if planned.question and models.segment != RULES:
                        estimate.ask(planned.question, planned.undecided, planned.lines)
                    if dataset.max_samples is not None and estimate.segments >= dataset.max_samples:
                        collection.enough()
                        break
        if not estimate.segments:
            await _check_anybody_wrote(history, settings, collection.channels)
        counted = estimate.counts(models.price(models.segment), models.price(models.tool_trigger))
        counts = {"run": run_id, "dry_run": True, **tally.final_counts(), "files": [], "estimate": counted}
        return RunStats(run_id, (), counts)


def _room(dataset: Dataset, assets: Assets, counter: TokenCounter) -> int:
    """How many tokens a sample's turns may have, about: what the prompt leaves of `max_tokens`."""
    prompt = (assets.system, assets.persona_notes, json.dumps(assets.tools))
    return max(LEAST_ROOM, dataset.max_tokens - CONTEXT - sum(map(counter.length, prompt)))


async def _screener(settings: Settings, store: Store, collection: Collection, tally: Tally) -> Screener:
    """What takes details out of words; with aliases, once it is known who has which name."""
    if settings.prompt.names == "display":
        return await screener_for(store, settings)
    await collection.over()
    screener = await screener_for(store, settings)
    for channel in tally.channels.values():
        channel.name = screener.bare(channel.name)
    return screener


def _segments(
    collection: Collection,
    words: PatientArchive,
    screener: Screener,
    settings: Settings,
    whom: frozenset[int],
    room: int,
    names: Mapping[int, str],
    tally: Tally,
    judge: Judge | None,
) -> AsyncGenerator[Segment, None]:
    """As they come; or the best first, where not all are wanted."""
    dataset = settings.dataset
    found = read_segments(collection, words, dataset, settings.segment, tally, whom, room, judge)
    segments = screener.segments(found, tally)
    if dataset.order == "oldest" or dataset.max_samples is None:
        return segments
    return best_first(segments, dataset.max_samples, names, tally)


def _prepare(tally: Tally, settings: Settings, counter: TokenCounter, *, asks: bool) -> None:
    dataset, tally.named = settings.dataset, settings.named
    tally.max_samples, tally.best_first = dataset.max_samples, dataset.order == "best"
    tally.sample_tokens_exact = counter.exact
    tally.asks = asks
    if asks and dataset.dry_run:
        tally.note("A dry run asks the models as a build does, and spends as much; an estimate asks nothing.")


def _asker(chat: Chat | None, settings: Settings, tally: Tally) -> Asker | None:
    """Where several ask at once, together they have as many requests in flight as one may have alone."""
    together = settings.dataset.segment_concurrency if settings.judge_share else None
    return Asker(chat, settings.models, tally, together) if chat else None


def _judge(
    settings: Settings,
    asker: Asker | None,
    decisions: Decisions,
    tally: Tally,
    names: Mapping[int, str],
    screener: Screener,
    estimate: Estimate | None = None,
) -> Judge | None:
    """Who decides doubtful links; None where the link model decides alone."""
    if not settings.judge_share:
        return None
    models, width = settings.models, settings.dataset.segment_concurrency
    planned = estimate.ask_about_links if estimate else None
    share, shown = settings.judge_share, screener.message
    return Judge(models, share, asker, decisions, tally, names, width, shown, planned)


def _options(dataset: Dataset) -> dict[str, Any]:
    """What is remembered of how a run was asked for."""
    return {"dry_run": dataset.dry_run, "max_samples": dataset.max_samples, "channels": dataset.channels}


async def _stored(history: History, channels: Sequence[Channel]) -> int:
    """How many messages of the channels are there already: what shares are reckoned with."""
    wanted = {channel.id for channel in channels}
    return sum(r.messages + r.stubs for r in await history.reach() if r.channel.id in wanted)


def _relabelled(excerpt: Excerpt, names: Mapping[int, str], alike: Alike, tally: Tally) -> Dialogue | None:
    tally.came("relabel")
    dialogue = relabel(excerpt, names)
    why = dialogue if isinstance(dialogue, str) else alike.objection(dialogue)
    if isinstance(dialogue, str) or why:
        tally.dropped("relabel", why)
        return None
    tally.went("relabel")
    return dialogue


def _export(sample: Sample, files: Outputs, settings: Settings, counter: TokenCounter, tally: Tally) -> bool:
    """Check a sample as its trainers would, and write it; one that would be refused is counted instead.

    Whether it was written.
    """
    tally.came("export")
    profiles, max_tokens = settings.export.profiles, settings.dataset.max_tokens
    record, uploads = record_line(sample), {profile: upload_line(sample, profile) for profile in profiles}
    tokens = counter.sample(record)
    faults = check_line(record, "records", counter, tokens)
    for profile, line in uploads.items():
        faults = faults or check_line(line, profile, counter, tokens)
    if faults or tokens > max_tokens:
        why = f"not valid: {faults[0]}" if faults else "longer than dataset.max_tokens"
        tally.dropped("export", why)
        return False
    files.add(sample, encode(record), [encode(line) for line in uploads.values()], counter.learned(record))
    tally.samples += 1
    tally.synthetic_tool_calls += sample.metadata["synthetic_tool_calls"]
    tally.sample_tokens += tokens
    tally.went("export")
    return True


def _learned(dialogue: Dialogue, tally: Tally) -> None:
    own = [turn for turn in dialogue.turns if turn.speaker == dialogue.persona]
    tally.learned.add(dialogue.persona, own[-1].name, sum(turn.learned for turn in own))


async def _check_anybody_wrote(history: History, settings: Settings, channels: Sequence[Channel]) -> None:
    """Raise FatalError when the channels hold messages, and none by the people whose words may be used."""
    wanted = {channel.id for channel in channels}
    reaches = [r for r in await history.reach() if r.channel.id in wanted]
    others, allowed = sum(r.stubs for r in reaches), settings.dataset.allowed_users
    read = len(channels)
    if allowed and others and not any(r.messages for r in reaches):
        raise FatalError(
            f"Nobody in {settings.named('dataset.allowed_users')} ({counted(len(allowed), 'id')}) wrote anything in "
            f"the {counted(read, 'channel', 'channels and threads')} that {word(read, 'was', 'were')} read, which "
            f"{word(read, 'holds', 'hold')} {counted(others, 'message')} by others. "
            "Right-click a person in Discord → Copy User ID, and compare."
        )
