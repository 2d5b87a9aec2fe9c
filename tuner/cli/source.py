"""Where the command line reads history from, Discord or exports, and who it says that it is."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources

from tuner import config
from tuner.adapters import discord_history
from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.adapters.discord_members import departed
from tuner.config.settings import Settings
from tuner.people.audience import Audience
from tuner.pipeline import OpenSource
from tuner.progress import Tally
from tuner.runs.departing import Departed
from tuner.stages.source import Source


def owner() -> str:
    """Who runs, for whoever is refused meanwhile."""
    return f"command line on {socket.gethostname()} (process {os.getpid()})"


@dataclass(frozen=True, slots=True)
class DiscordOpener:
    """Opens Discord with a client that is logged in, and can tell who has left."""

    opening: OpenSource
    departed: Departed

    def __call__(self, audience: Audience, tally: Tally) -> Source:
        return self.opening(audience, tally)


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
        yield DiscordOpener(
            lambda audience, tally: discord_history.DiscordSource(client, audience, settings.collect, tally),
            partial(departed, client),
        )


def sample_exports() -> list[str]:
    """The embedded sample server's export."""
    return [str(resources.files("tuner.sample") / "export")]
