"""Where the command line reads history from, Discord or exports, and who it says that it is."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources

from tuner import config
from tuner.adapters import discord_history
from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.config.settings import Settings
from tuner.pipeline import OpenSource
from tuner.progress import Tally


def owner() -> str:
    """Who runs, for whoever is refused meanwhile."""
    return f"command line on {socket.gethostname()} (process {os.getpid()})"


@asynccontextmanager
async def opened_source(
    settings: Settings, exports: Sequence[str], tally: Tally
) -> AsyncIterator[OpenSource]:
    """Discord, or the exports when any are named. Raises UsageError naming all that is missing."""
    if exports:
        files = find_exports(exports, tally)
        yield lambda audience, tally: ExportSource(files, audience, tally)
        return
    config.refuse(
        config.missing(settings, config.environment(), asking=False), "a build can read from Discord"
    )
    token = config.secret(config.environment(), settings.discord.token_env, "Reading from Discord")
    async with discord_history.rest_client(token) as client:
        yield lambda audience, tally: discord_history.DiscordSource(client, audience, settings.collect, tally)


def sample_exports() -> list[str]:
    """The embedded sample server's export."""
    return [str(resources.files("tuner.sample") / "export")]
