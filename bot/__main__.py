"""`python -m bot`: settings, logging and signals; everything is built here, once."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path

import discord

from bot.client import TunerBot
from tuner import config
from tuner.adapters.discord_history import PORTAL
from tuner.adapters.sqlite_store import open_store
from tuner.config.settings import Settings
from tuner.errors import FatalError, UsageError
from tuner.linking.arrays import single_threaded

log = logging.getLogger("tuner.bot")

BAD_TOKEN = 4004  # close code of a gateway connection
REFUSED = (
    f"Discord refused the bot token. Copy a fresh one from {PORTAL} → your application → Bot → Reset Token."
)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code: 0, 1 when the connection is lost for good, 2 for wrong set-up."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Tuner inside Discord.")
    parser.add_argument("--config", metavar="FILE", help=f"default: {' or '.join(config.SEARCHED)}")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="override any setting"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log more; message content may be logged"
    )
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        settings = load_settings(arguments.config, arguments.set)
        environment = config.environment()
        token = config.secret(environment, settings.discord.token_env, "The bot")
        with single_threaded():
            asyncio.run(serve(settings, token))
    except FatalError as error:
        sys.stderr.write(f"tuner: {error}\n")
        return error.exit_code
    return 0


def load_settings(path: str | None, assignments: list[str]) -> Settings:
    """The configuration of the bot. Raises UsageError naming what is missing."""
    found = config.find_config(path, Path())
    if found is None:
        raise UsageError(
            f"There is no configuration: looked for {' and '.join(config.SEARCHED)} here. Copy config.sample.toml."
        )
    overrides = [config.parse_assignment(text) for text in assignments]
    settings = config.load(config.read_toml(found), overrides, str(found))
    if not settings.discord.acknowledge_policy:
        raise UsageError(config.POLICY)
    if settings.discord.admin_channel is None:
        raise UsageError(
            "discord.admin_channel is not set: name the channel for progress messages by its id."
        )
    return settings


async def serve(settings: Settings, token: str) -> None:
    """Hold the connection until a signal comes; then end the build cleanly and close."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
            loop.add_signal_handler(number, stop.set)
    async with (
        open_store(Path(settings.store.path)) as store,
        TunerBot(settings, store, config.environment()) as bot,
    ):
        spare_the_loop()
        connection = asyncio.create_task(bot.start(token), name="gateway")
        stopping = asyncio.create_task(stop.wait(), name="signals")
        await asyncio.wait({connection, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await bot.close()
        if stop.is_set():
            connection.cancel()  # while it cannot connect, it goes on trying after close()
            await asyncio.gather(connection, return_exceptions=True)
        else:
            await _ended(connection)


def spare_the_loop() -> None:
    """Take what was loaded at the start out of the garbage collector's rounds, each of which holds the loop."""
    gc.collect()
    gc.freeze()


async def _ended(connection: asyncio.Task[None]) -> None:
    """Say why the connection ended by itself."""
    try:
        await connection
    except discord.LoginFailure:
        raise UsageError(REFUSED) from None
    except discord.PrivilegedIntentsRequired:
        raise UsageError(
            f"The Message Content intent is off. Turn it on at {PORTAL} → your application → Bot → Privileged "
            "Gateway Intents."
        ) from None
    except (discord.DiscordException, OSError) as error:
        if isinstance(error, discord.ConnectionClosed) and error.code == BAD_TOKEN:
            raise UsageError(REFUSED) from None
        raise FatalError(f"The connection to Discord was lost for good: {type(error).__name__}.") from error


if __name__ == "__main__":
    sys.exit(main())
