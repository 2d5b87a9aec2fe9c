"""`build-dataset`: collect what is new, from Discord or from exports, and build the dataset."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from pathlib import Path

from rich.console import Console

from tuner import config
from tuner.adapters import discord_history
from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.adapters.openai_chat import configured_chat
from tuner.adapters.sqlite_store import open_store
from tuner.cli.console import printable_json, shown, summary
from tuner.cli.running import remark, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings
from tuner.linking.arrays import single_threaded
from tuner.pipeline import OpenSource, RunStats, build_dataset
from tuner.progress import Listener, Tally


def run(arguments: argparse.Namespace) -> int:
    exports = _sample_exports() if arguments.sample else arguments.from_export or []
    settings = settings_of(arguments, needed=not exports)
    config.refuse(config.missing_key(settings, config.environment()), "models can be asked")
    with single_threaded(), shown(Console(stderr=True)) as listener:
        result = run_to_the_end(build(settings, exports, listener))
    tell = remark if settings.dataset.print_stats else say  # what is printed can be piped into a program
    for line in summary(result.counts):
        tell(line)
    if settings.dataset.print_stats:
        say(printable_json(result.counts))
    return 0


async def build(settings: Settings, exports: Sequence[str], listener: Listener) -> RunStats:
    """Build a dataset from Discord, or from exports when any are named."""
    tally = Tally(listeners=(listener,))
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(
            configured_chat(settings.models, settings.openai, config.environment())
        )
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
    config.refuse(config.missing(settings, config.environment()), "a build can read from Discord")
    token = config.secret(config.environment(), settings.discord.token_env, "Reading from Discord")
    async with discord_history.rest_client(token) as client:
        yield lambda audience, tally: discord_history.DiscordSource(client, audience, settings.collect, tally)


def _sample_exports() -> list[str]:
    """The embedded sample server's export."""
    return [str(resources.files("tuner.sample") / "export")]
