"""What each command does, once its arguments are settings."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from importlib import resources
from pathlib import Path

from tuner import config, snowflake
from tuner.adapters import discord_history
from tuner.adapters.dataset_files import replacing
from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.adapters.openai_chat import configured_chat
from tuner.adapters.sqlite_history import History, Reach
from tuner.adapters.sqlite_runs import Run, Runs
from tuner.adapters.sqlite_store import Store, builder_lock, is_building, open_store
from tuner.config import Settings
from tuner.console import money
from tuner.errors import FatalError, UsageError
from tuner.linking.explaining.explain import Explainer, Explanation
from tuner.linking.explaining.shown import READING_HELP, Stretch, printable, shown
from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.pipeline import OpenSource, RunStats, build_dataset, calibrated, read_conversations
from tuner.progress import Listener, Tally
from tuner.ranges import reaches
from tuner.stages.collect import collecting

_LISTED = 20  # channels named in an answer to somebody who named another


async def build(settings: Settings, exports: Sequence[str], listener: Listener) -> RunStats:
    """Build a dataset from Discord, or from exports when any are named."""
    tally = Tally(listeners=(listener,))
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(configured_chat(settings, config.environment()))
        open_source = await stack.enter_async_context(_source(settings, exports, tally))
        store = await stack.enter_async_context(open_store(Path(settings.store.path)))
        owner = f"command line on {socket.gethostname()} (process {os.getpid()})"
        return await build_dataset(settings, store, open_source, chat, tally, owner)


@asynccontextmanager
async def _source(settings: Settings, exports: Sequence[str], tally: Tally) -> AsyncIterator[OpenSource]:
    if exports:
        files = find_exports(exports, tally)
        yield lambda audience, tally: ExportSource(files, audience, tally)
        return
    if not settings.discord.acknowledge_policy:
        raise UsageError(config.POLICY)
    token = config.secret(config.environment(), settings.discord.token_env, "Reading from Discord")
    async with discord_history.rest_client(token) as client:
        yield lambda audience, tally: discord_history.DiscordSource(client, audience, settings.collect, tally)


def sample_exports() -> list[str]:
    """The embedded sample server's export."""
    return [str(resources.files("tuner.sample") / "export")]


def sample_config() -> Path:
    """The embedded sample server's configuration."""
    return Path(str(resources.files("tuner.sample") / "config.toml"))


# -- segment -----------------------------------------------------------------------


async def segment(settings: Settings, exports: Sequence[str], channel_ids: Sequence[int], out: Path) -> int:
    """Write the conversations of exports, or of stored channels, one JSON object a line; how many."""
    async with AsyncExitStack() as stack:
        store, channels = await stack.enter_async_context(_opened(settings, exports))
        chosen = _chosen(channels, channel_ids)
        stream = await stack.enter_async_context(replacing(out))
        history, count = History(store), 0
        linking = await calibrated(history, settings, Tally())
        for channel in chosen:
            async for conversation in read_conversations(history, channel.id, linking):
                line = {
                    "channel": channel.name,
                    "channel_id": str(channel.id),
                    "messages": [str(m.id) for m in conversation.messages],
                }
                stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                count += 1
        return count


async def explain(
    settings: Settings, exports: Sequence[str], channel: str, around: int, count: int
) -> list[str]:
    """What `count` messages around one were linked to, and why: lines for the terminal.

    `channel` is an id or a name. Reads from the channel's beginning to a little after the message.
    """
    async with _opened(settings, exports) as (store, channels):
        history = History(store)
        chosen = _named(channels, channel)
        wanted = await history.around(chosen.id, around, count // 2, count - 1 - count // 2)
        if not wanted:
            raise UsageError(await _not_there(history, chosen, around))
        linking = await calibrated(history, settings, Tally())
        explainer = Explainer(linking.weights, wanted, linking.calibration, linking.min_confidence)
        explanations = await _explanations(history, chosen, explainer, len(wanted))
        targets = {i for e in explanations for i in (e.target, e.otherwise and e.otherwise[0]) if i}
        answered = {m.id: m for m in await history.by_id(sorted(targets))}
        names = {c.id: c.name for c in channels}
    title = f"#{chosen.name} ({chosen.id}), times in UTC"
    return [printable(title), *READING_HELP, "", *shown(Stretch(explanations, around, answered, names))]


async def _explanations(
    history: History, channel: Channel, explainer: Explainer, count: int
) -> list[Explanation]:
    found: list[Explanation] = []
    async with aclosing(history.messages(channel.id)) as batches:
        async for batch in batches:
            for message in batch:
                found += explainer.add(message)
                if len(found) == count:
                    return found
            await asyncio.sleep(0)
    return found + explainer.finish()


async def _not_there(history: History, channel: Channel, message_id: int) -> str:
    name = printable(f"#{channel.name}")
    reach = next((r for r in await history.reach() if r.channel.id == channel.id), None)
    if reach is None or reach.first is None or reach.last is None:
        return f"Nothing of {name} is stored. Read it first, with build-dataset."
    return (
        f"{name} holds no message {message_id}. It holds {reach.messages + reach.stubs} messages, from "
        f"{reach.first} ({snowflake.moment(reach.first):%Y-%m-%d %H:%M}) to {reach.last} "
        f"({snowflake.moment(reach.last):%Y-%m-%d %H:%M} UTC). Discord's “Copy Message ID” gives an id."
    )


@asynccontextmanager
async def _opened(settings: Settings, exports: Sequence[str]) -> AsyncIterator[tuple[Store, list[Channel]]]:
    """The archive, or one made of exports for a moment, and the channels in question."""
    if not exports:
        async with open_store(existing(settings)) as store:
            yield store, await History(store).channels()
        return
    with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
        async with open_store(Path(folder) / "segment.db") as store:
            yield store, await _import(store, settings, exports)


async def _import(store: Store, settings: Settings, exports: Sequence[str]) -> list[Channel]:
    tally, history = Tally(), History(store)
    audience = await history.audience(settings.dataset.allowed_users, settings.dataset.personas)
    source = ExportSource(find_exports(exports, tally), audience, tally)
    async with collecting(source, history, settings, tally) as collection:
        for channel in collection.channels:
            await collection.ready(channel)
        return collection.channels


def _chosen(channels: Iterable[Channel], channel_ids: Sequence[int]) -> list[Channel]:
    known = {channel.id: channel for channel in channels}
    unknown = [i for i in channel_ids if i not in known]
    if unknown:
        raise UsageError(
            f"Channel {unknown[0]} is not stored. Stored: {', '.join(f'{c.id} ({c.name})' for c in known.values())}."
        )
    return [known[i] for i in channel_ids] if channel_ids else list(known.values())


def _named(channels: Sequence[Channel], wanted: str) -> Channel:
    """The channel with this id or name, with or without a #."""
    name = wanted.removeprefix("#").casefold()
    found = [c for c in channels if str(c.id) == wanted] or [c for c in channels if c.name.casefold() == name]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(c.id) for c in found)
        raise UsageError(printable(f"Several channels are called #{name}. Give the id of one: {listed}."))
    listed = ", ".join(f"{c.id} (#{c.name})" for c in channels[:_LISTED])
    more = f" and {len(channels) - _LISTED} more" if len(channels) > _LISTED else ""
    raise UsageError(printable(f"Channel {wanted} is not stored. Stored: {listed or 'none yet'}{more}."))


def existing(settings: Settings) -> Path:
    """The archive's path, if there is one."""
    path = Path(settings.store.path)
    if not path.exists():
        raise UsageError(f"There is no archive at {path} yet. Run build-dataset first, or set store.path.")
    return path


# -- status ------------------------------------------------------------------------


async def status(settings: Settings, count: int = 5) -> list[str]:
    """The last runs, and what is stored of each channel."""
    path = existing(settings)
    async with open_store(path) as store:
        runs = await Runs(store).last(count)
        alive = is_building(path)
        lines = [f"Archive {path}", "", "Last runs:"]
        lines += [_run_line(run, alive=alive) for run in runs] or ["  none yet"]
        lines += ["", "Channels:"]
        earliest = settings.dataset.earliest
        start = snowflake.first_id(earliest) if earliest else 0
        lines += [_reach_line(reach, start) for reach in await History(store).reach()] or ["  none yet"]
    return lines


def _run_line(run: Run, *, alive: bool) -> str:
    state = "interrupted" if run.state == "running" and not alive else run.state
    progress = run.progress
    counted = ""
    if progress:
        read = sum(channel["messages"] for channel in progress["channels"].values())
        models = progress["models"]
        counted = (
            f"{read} messages read, {progress['stages']['refine']['out']} approved, {progress['samples']} samples, "
            f"{progress['synthetic_tool_calls']} tool calls"
        )
        if models["calls"]:
            counted += f", {models['calls']} model calls, {money(models['cost'])}"
    dry = " (dry run)" if run.options.get("dry_run") else ""
    text = f"  {run.id}{dry} {state}, {run.started_at} to {run.ended_at or 'now'}: {counted}"
    return text + (f"\n      {run.message}" if run.message else "")


def _reach_line(reach: Reach, start: int) -> str:
    name = f"#{reach.channel.name} ({reach.channel.id})"
    if reach.first is None or reach.last is None:
        return f"  {name}: nothing stored"
    span = (
        f"{snowflake.moment(reach.first):%Y-%m-%d %H:%M} to {snowflake.moment(reach.last):%Y-%m-%d %H:%M} UTC"
    )
    held = (
        f"{reach.messages} messages and {reach.stubs} stubs" if reach.stubs else f"{reach.messages} messages"
    )
    if not reach.ranges:
        whole = "from exports"
    elif reaches(reach.ranges, start):
        whole = "reaches dataset.earliest" if start else "reaches the channel's beginning"
    else:
        whole = "does not reach dataset.earliest yet"
    gaps = f", {len(reach.ranges) - 1} gaps" if len(reach.ranges) > 1 else ""
    return f"  {name}: {held}, {span}, {whole}{gaps}"


# -- forget ------------------------------------------------------------------------


async def forget(settings: Settings, user_ids: Sequence[int]) -> int:
    """Erase people's words from the archive for good; how many messages lost their text."""
    path = existing(settings)
    async with open_store(path) as store:
        with builder_lock(path) as free:
            if not free:
                raise FatalError(
                    f"The archive {path} is being built from. Wait until that is done, or end it first."
                )
            history = History(store)
            audience: Audience = await history.audience(
                settings.dataset.allowed_users, settings.dataset.personas
            )
            return await history.forget(user_ids, audience)
