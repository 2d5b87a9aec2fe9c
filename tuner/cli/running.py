"""What every command needs: its settings, a loop that a signal ends cleanly, a place for its lines."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from tuner import config
from tuner.cli.parser import typed_names
from tuner.cli.printing import printable_lines
from tuner.config.settings import Settings
from tuner.errors import UsageError

Value = TypeVar("Value")

SAMPLE_OUTPUT = {
    "dataset.output_path": "data/sample/finetune/records.jsonl",
    "dataset.stats_path": "data/sample/finetune/stats.json",
    "store.path": "data/sample/tuner.db",
}
NO_CONFIG = (
    f"There is no configuration: looked for {' and '.join(config.SEARCHED)} here. Copy config.sample.toml to "
    "config.toml and fill it in, or try the embedded sample: build-dataset --sample."
)
GO_ON = "Broken off. What was read and decided is kept in the archive; the same command goes on from there."


class Interrupted(Exception):
    """SIGINT or SIGTERM came; `exit_code` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(GO_ON)
        self.exit_code = 128 + number


def config_of(arguments: argparse.Namespace) -> Path | None:
    """The configuration file that a command goes by, None where there is none."""
    if getattr(arguments, "sample", False) and arguments.config is None:
        return Path(str(resources.files("tuner.sample") / "config.toml"))
    return config.find_config(arguments.config, Path())


def settings_of(arguments: argparse.Namespace, *, needed: bool, asking: bool = True) -> Settings:
    """Settings from the file, then --set, then named flags. `needed`: Discord is to be read with them.

    `asking`: so are models to be asked.
    """
    flags = [(name, value) for name, value in vars(arguments).items() if "." in name and value is not None]
    overrides = [*map(config.parse_assignment, arguments.set), *flags]
    path = config_of(arguments)
    if getattr(arguments, "sample", False) and arguments.config is None:
        overrides = [*SAMPLE_OUTPUT.items(), *overrides]
    document = config.read_toml(path) if path else {}
    origins = [*([str(path)] if path else []), *(["the command line"] if overrides else [])]
    settings = config.load(document, overrides, " with ".join(origins), typed_names(flags))
    if needed:
        faults = [] if path or settings.dataset.channels else [NO_CONFIG]
        config.refuse(
            [*faults, *config.missing(settings, config.environment(), asking=asking)],
            "a build can read from Discord",
        )
    return settings


def existing_archive(settings: Settings) -> Path:
    """The archive's path, if there is one."""
    path = Path(settings.store.path)
    try:
        there = os.path.lexists(path)
    except ValueError:  # no file has such a name
        there = False
    if not there:
        raise UsageError(f"There is no archive at {path} yet. Run build-dataset first, or set store.path.")
    return path


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Do the work to the end, or to SIGINT or SIGTERM; those cancel the work, which then ends cleanly."""

    async def supervised() -> Value:
        task = asyncio.ensure_future(work)
        received: list[int] = []

        def stop(number: int) -> None:
            received.append(number)
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
                loop.add_signal_handler(number, stop, number)
        try:
            return await task
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise

    try:
        return asyncio.run(supervised())
    except KeyboardInterrupt:
        raise Interrupted(signal.SIGINT) from None


def say(line: str) -> None:
    """A line on standard output; whatever names are in it, it steers no terminal."""
    sys.stdout.write(printable_lines(line) + "\n")


def remark(line: str) -> None:
    """A line beside the output proper, on standard error."""
    sys.stderr.write(printable_lines(line) + "\n")
