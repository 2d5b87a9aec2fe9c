"""The archive that a command reads: the configured one, or one made of exports for a moment."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store, open_store, open_to_look
from tuner.cli.running import existing_archive
from tuner.config.settings import Settings
from tuner.models import Channel
from tuner.progress import Tally
from tuner.runs.adopting import read_opt_outs_of
from tuner.runs.audiences import audience_for
from tuner.stages.collect import collecting


@asynccontextmanager
async def opened(settings: Settings, exports: Sequence[str]) -> AsyncIterator[tuple[Store, list[Channel]]]:
    """The archive, or one made of exports for a moment, and the channels in question."""
    if not exports:
        async with open_to_look(existing_archive(settings)) as store:
            yield store, await History(store).channels()
        return
    with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
        async with open_store(Path(folder) / "segment.db") as store:
            yield store, await import_exports(store, settings, exports)


def export_files(exports: Sequence[str]) -> list[Path]:
    """What is read of exports, files or folders."""
    found: list[Path] = []
    for path in map(Path, exports):
        found += path.rglob("*.json") if path.is_dir() else [path]
    return found


async def import_exports(store: Store, settings: Settings, exports: Sequence[str]) -> list[Channel]:
    """Read exports into an archive; the channels in them."""
    tally, history = Tally(), History(store)
    audience = await audience_for(store, settings)
    audience = replace(audience, opted_out=audience.opted_out | read_opt_outs_of(settings))
    source = ExportSource(find_exports(exports, tally), audience, tally)
    async with collecting(source, history, settings.dataset, settings.collect, tally) as collection:
        for channel in collection.channels:
            await collection.ready(channel)
        return collection.channels
