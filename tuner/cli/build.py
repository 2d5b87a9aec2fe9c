"""`build-dataset`: collect what is new, from Discord or from exports, and build the dataset."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from tuner import config
from tuner.adapters.openai_chat import configured_chat
from tuner.adapters.sqlite_store import open_store
from tuner.cli.archive import export_files
from tuner.cli.console import shown, shown_samples, summary
from tuner.cli.estimate import estimate_lines, estimated
from tuner.cli.printing import printable_json
from tuner.cli.running import config_of, remark, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.cli.source import DiscordOpener, opened_source, owner, sample_exports
from tuner.config.settings import Settings
from tuner.linking.arrays import single_threaded
from tuner.pipeline import RunStats, build_dataset
from tuner.progress import Listener, Tally
from tuner.runs.departing import note_departed
from tuner.runs.finishing import check_places


def run(arguments: argparse.Namespace) -> int:
    exports = sample_exports() if arguments.sample else arguments.from_export or []
    settings = settings_of(arguments, needed=not exports, asking=not arguments.estimate)
    if arguments.estimate:
        return _run_estimate(settings, exports)
    config.refuse(config.missing_key(settings, config.environment()), "models can be asked")
    with single_threaded(), shown(Console(stderr=True)) as listener:
        reads = [path for path in (config_of(arguments),) if path]
        result = run_to_the_end(build(settings, exports, listener, confirmed=arguments.yes, reads=reads))
    tell = remark if settings.dataset.print_stats else say  # what is printed can be piped into a program
    for line in (*summary(result.counts), *shown_samples(result.examples)):
        tell(line)
    if settings.dataset.print_stats:
        say(printable_json(result.counts))
    return 0


def _run_estimate(settings: Settings, exports: Sequence[str]) -> int:
    with single_threaded(), shown(Console(stderr=True)) as listener:
        counts = run_to_the_end(estimated(settings, exports, listener))
    tell = remark if settings.dataset.print_stats else say
    for line in estimate_lines(counts, settings):
        tell(line)
    if settings.dataset.print_stats:
        say(printable_json(counts))
    return 0


async def build(
    settings: Settings,
    exports: Sequence[str],
    listener: Listener,
    *,
    confirmed: bool = False,
    reads: Sequence[Path] = (),
) -> RunStats:
    """Build a dataset from Discord, or from exports when any are named. The rest is as in `build_dataset`."""
    inputs = [*reads, *export_files(exports)]
    check_places(settings, inputs)
    tally = Tally(listeners=(listener,))
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(
            configured_chat(settings.models, settings.openai, config.environment())
        )
        open_source = await stack.enter_async_context(opened_source(settings, exports, tally))
        store = await stack.enter_async_context(open_store(Path(settings.store.path)))
        if isinstance(open_source, DiscordOpener):
            await note_departed(store, settings, open_source.departed)
        return await build_dataset(
            settings, store, open_source, chat, tally, owner(), confirmed=confirmed, reads=inputs
        )
