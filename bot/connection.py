"""Holds the connection: why it ended in words, and a new one where that helps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress

import discord

from bot.client import TunerBot
from bot.faults import ODD, REFUSED, UNAUTHORISED, brief, is_passing
from tuner.adapters.discord_history import PORTAL
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted
from tuner.config.settings import Settings
from tuner.errors import FatalError, RetryError, UsageError

log = logging.getLogger("tuner.bot")

BAD_TOKEN, BAD_SHARD, SHARDING_REQUIRED, BAD_VERSION, BAD_INTENTS = (
    4004,
    4010,
    4011,
    4012,
    4013,
)  # close codes
ODD_TRIES = 5  # how often what cannot be understood is given another chance
STEADY = 300.0  # seconds after which a connection counts as one that worked
LONGEST_PAUSE = 60.0  # seconds between two tries


class OddError(RetryError):
    """Something of Discord's could not be understood. It may have been an accident."""


async def hold(
    settings: Settings, store: Store, token: str, secrets: Mapping[str, str], stop: asyncio.Event
) -> None:
    """Stay connected until `stop`. Raises UsageError or FatalError when that is of no use any more."""
    tries = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            await _live(settings, store, token, secrets, stop)
        except RetryError as error:
            tries = 1 if time.monotonic() - began > STEADY else tries + 1
            if isinstance(error, OddError) and tries >= ODD_TRIES:
                raise FatalError(
                    f"{error} That was so {counted(tries, 'time')}; update discord.py, or try later."
                ) from error
            pause = min(2.0 ** (tries - 1), LONGEST_PAUSE)
            log.warning("%s Connecting again in %.0f s.", error, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)


async def _live(
    settings: Settings, store: Store, token: str, secrets: Mapping[str, str], stop: asyncio.Event
) -> None:
    """One connection, from login to its end. Raises what `_reason` makes of an end that nobody asked for."""
    async with TunerBot(settings, store, secrets) as bot:
        connection = asyncio.create_task(bot.start(token), name="gateway")
        stopping = asyncio.create_task(stop.wait(), name="signals")
        await asyncio.wait({connection, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await bot.close()
        if stop.is_set():
            connection.cancel()  # while it cannot connect, it goes on trying after close()
        [fault] = await asyncio.gather(connection, return_exceptions=True)
    if not stop.is_set():
        raise _reason(fault)


def _reason(fault: BaseException | None) -> BaseException:
    """Why a connection ended, classed by whether another one may do better."""
    if fault is None:
        return RetryError("Discord closed the connection.")
    if isinstance(fault, FatalError):
        return fault
    if isinstance(fault, discord.PrivilegedIntentsRequired):
        return UsageError(
            f"The Message Content intent is off. Turn it on at {PORTAL} → your application → Bot → Privileged "
            "Gateway Intents."
        )
    if _is_refusal(fault):
        return UsageError(REFUSED)
    if isinstance(fault, discord.ConnectionClosed):
        return _closed(fault.code)
    if is_passing(fault) or isinstance(fault, discord.GatewayNotFound):
        return RetryError(f"Discord cannot be reached ({brief(fault)}).")
    if isinstance(fault, discord.HTTPException):
        return FatalError(
            f"Discord let the bot not log in: HTTP {fault.status}, code {fault.code}. Try again later; if it stays, "
            f"look at the application at {PORTAL}."
        )
    if isinstance(fault, (discord.DiscordException, *ODD)):
        log.debug("What could not be understood", exc_info=fault)
        return OddError(f"Something that Discord sent could not be understood ({brief(fault)}).")
    return fault


def _is_refusal(fault: BaseException) -> bool:
    """Whether the token is not good, wherever that was noticed."""
    if isinstance(fault, discord.GatewayNotFound) and fault.__cause__:
        fault = fault.__cause__
    if isinstance(fault, discord.HTTPException):
        return fault.status == UNAUTHORISED
    closed = isinstance(fault, discord.ConnectionClosed) and fault.code == BAD_TOKEN
    return closed or isinstance(fault, discord.LoginFailure)


def _closed(code: int) -> Exception:
    if code in (BAD_VERSION, BAD_INTENTS):
        return FatalError(
            f"Discord does not take connections of this version any more (close code {code}). Update discord.py and "
            "Tuner."
        )
    if code in (BAD_SHARD, SHARDING_REQUIRED):
        return RetryError("Discord wants the connection to be divided in another way.")
    return RetryError(f"Discord closed the connection (code {code}).")
