"""What each command does, once its arguments are settings."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from tuner.audience import Audience
from tuner.config import Settings
from tuner.console import money
from tuner.errors import FatalError, UsageError
from tuner.models import Channel
from tuner.pipeline import OpenSource, RunStats, build_dataset, read_conversations
from tuner.progress import Listener, Tally
from tuner.ranges import reaches
from tuner.stages.collect import collecting


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
        if exports:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tuner-"))
            store = await stack.enter_async_context(open_store(Path(folder) / "segment.db"))
            channels = await _import(store, settings, exports)
        else:
            store = await stack.enter_async_context(open_store(existing(settings)))
            channels = await History(store).channels()
        chosen = _chosen(channels, channel_ids)
        stream = await stack.enter_async_context(replacing(out))
        count = 0
        for channel in chosen:
            async for conversation in read_conversations(History(store), channel.id):
                line = {
                    "channel": channel.name,
                    "channel_id": str(channel.id),
                    "messages": [str(m.id) for m in conversation.messages],
                }
                stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                count += 1
        return count


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
