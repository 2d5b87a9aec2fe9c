"""`python -m bot`: settings, logging and signals; everything is built here, once."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import discord

from bot.connection import hold
from bot.faults import PASSING
from tuner import config
from tuner.adapters.sqlite_store import open_store
from tuner.config.settings import Settings
from tuner.errors import FatalError, TunerError, UsageError
from tuner.linking.arrays import single_threaded


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code: 0, 1 when connecting is of no use any more, 2 for wrong set-up."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Tuner inside Discord.")
    parser.add_argument("--config", metavar="FILE", help=f"default: {' or '.join(config.SEARCHED)}")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="override any setting"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log more; message content may be logged"
    )
    try:
        config.check_arguments(sys.argv[1:] if argv is None else argv)
        arguments = parser.parse_args(argv)
    except UsageError as error:  # a secret was typed: nothing of it is repeated
        sys.stderr.write(f"tuner: {error}\n")
        return error.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    set_up_logging(verbose=arguments.verbose)
    try:
        settings = load_settings(arguments.config, arguments.set)
        token = ready_to_start(settings, config.environment())
        with single_threaded():
            asyncio.run(serve(settings, token))
    except FatalError as error:
        sys.stderr.write(f"tuner: {error}\n")
        return error.exit_code
    return 0


def set_up_logging(*, verbose: bool) -> None:
    handler = logging.StreamHandler()
    if not verbose:
        handler.addFilter(Brief())
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[handler],
    )


def load_settings(path: str | None, assignments: list[str]) -> Settings:
    """The configuration of the bot. Raises UsageError naming what is missing."""
    found = config.find_config(path, Path())
    if found is None:
        raise UsageError(
            f"There is no configuration: looked for {' and '.join(config.SEARCHED)} here. Copy config.sample.toml."
        )
    overrides = [config.parse_assignment(text) for text in assignments]
    return config.load(config.read_toml(found), overrides, str(found))


def ready_to_start(settings: Settings, environment: Mapping[str, str]) -> str:
    """The token. Raises UsageError with everything that a bot needs and has not."""
    faults = []
    if not settings.discord.acknowledge_policy:
        faults.append(config.POLICY)
    if settings.discord.admin_channel is None:
        faults.append("discord.admin_channel is not set: name the channel for progress messages by its id.")
    try:
        token = config.secret(environment, settings.discord.token_env, "The bot")
    except UsageError as error:
        faults.append(str(error))
    if faults:
        raise UsageError("\n\n".join(faults))
    return token


async def serve(settings: Settings, token: str) -> None:
    """Hold the connection until a signal comes; then end the build cleanly and close."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
            loop.add_signal_handler(number, stop.set)
    async with open_store(Path(settings.store.path)) as store:
        spare_the_loop()
        await hold(settings, store, token, config.environment(), stop)


def spare_the_loop() -> None:
    """Take what was loaded at the start out of the garbage collector's rounds, each of which holds the loop."""
    gc.collect()
    gc.freeze()


class Brief(logging.Filter):
    """Faults that discord.py gets over by itself, in a line each: their tracebacks say nothing to who runs the bot."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if record.name.startswith("discord") and isinstance(
            fault, (discord.DiscordException, *PASSING, TunerError)
        ):
            text = str(fault) if isinstance(fault, TunerError) else type(fault).__name__
            record.msg, record.args = f"{record.getMessage()}: {text}", None
            record.exc_info = record.exc_text = None
        return True


if __name__ == "__main__":
    sys.exit(main())
