"""The one door to Discord's REST calls: paced, retried while a fault may pass, and refusals in words.

Everything that is read goes through it as raw JSON, listings as well as history, so that one odd object spoils
nothing and no fault of Discord's ends a run with a traceback.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import discord
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.amounts import counted
from tuner.asking.backoff import backoff
from tuner.config.settings import Collect
from tuner.errors import FatalError, RetryError, SkipError, TunerError
from tuner.progress import Tally
from tuner.stages.source import UnreachableError

Result = TypeVar("Result")

PORTAL = "https://discord.com/developers/applications"
BROKEN = (TimeoutError, aiohttp.ClientError, OSError, json.JSONDecodeError)
# What discord.py raises, of all things, when an answer or event has another shape than it knows.
ODD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
MISSING_ACCESS, MISSING_PERMISSIONS = 50001, 50013
MOST_IDS = 1 << 63

NOT_UNDERSTOOD = (
    "Discord's answer to the login has no known shape ({}), so nothing was read. Try again later; if it stays, update "
    "discord.py, and see whether something between here and Discord changes answers."
)

log = logging.getLogger(__name__)


class RefusedError(SkipError):
    """Discord said no to this one request, and would say so again."""

    def __init__(self, where: str, error: discord.HTTPException) -> None:
        self.words = words(error)
        super().__init__(
            f"{where}: Discord refused a request: {self.words}. What was read is kept; the next run asks again."
        )
        # Compatible servers answer 400 where Discord answers 403; the code says the same.
        self.hidden = error.status == 403 or error.code in (MISSING_ACCESS, MISSING_PERMISSIONS)
        self.gone = error.status == 404


class Door:
    """Asks Discord in turn, for one run."""

    def __init__(self, settings: Collect, tally: Tally) -> None:
        self._settings = settings
        self._tally = tally
        self._pace = AsyncLimiter(1, 1 / settings.requests_per_second)
        self._failed_in_a_row = 0

    async def asked(
        self, ask: Callable[[], Awaitable[Result]], where: str = "Discord", attempts: int | None = None
    ) -> Result:
        """The answer, after as many tries as it takes; `ask` raises RetryError for one that can't be right.

        Raises RefusedError for a refusal, UnreachableError after too many passing faults, FatalError when the
        token was revoked or nothing at all is answered any more.
        """
        tries = attempts or self._settings.attempts
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RetryError),
            stop=stop_after_attempt(tries),
            wait=backoff(self._settings.backoff_seconds),
            before_sleep=lambda state: self._tally.changed(),
            reraise=True,
        )
        try:
            return await retrying(self._once, ask, where)
        except RetryError as error:
            raise UnreachableError(
                f"{where}: given up after {counted(tries, 'try', 'tries')} ({error}). "
                "What was read is kept; the next run goes on from there."
            ) from error

    async def _once(self, ask: Callable[[], Awaitable[Result]], where: str) -> Result:
        async with self._pace:
            self._tally.requests += 1
            try:
                answer = await _logged(ask, where)
            except RetryError as error:
                raise self._passing(error) from error
            except discord.RateLimited as error:
                raise self._limited(error, where) from error
            except discord.HTTPException as error:
                raise self._classed(error, where) from error
            except BROKEN as error:
                raise self._passing(RetryError(words(error))) from error
            except ODD as error:
                raise self._passing(RetryError(f"an answer of no known shape, {words(error)}")) from error
            self._failed_in_a_row = 0
            return answer

    def _limited(self, error: discord.RateLimited, where: str) -> TunerError:
        if error.retry_after > self._settings.longest_wait_seconds:
            return UnreachableError(
                f"{where}: Discord asks to wait {error.retry_after:.0f} s before the next request. What was "
                "read is kept; run again later."
            )
        return self._passing(RetryError(words(error), after=error.retry_after))

    def _classed(self, error: discord.HTTPException, where: str) -> TunerError:
        if error.status == 401:
            return FatalError(
                "Discord no longer accepts the bot token: it was reset or revoked. Everything read so far is stored. "
                f"Put the new token from {PORTAL} into the environment and run again."
            )
        if error.status == 429 or error.status >= 500:
            return self._passing(RetryError(words(error)))
        self._failed_in_a_row = 0  # a refusal is an answer
        return RefusedError(where, error)

    def _passing(self, fault: RetryError) -> TunerError:
        """The fault itself, or what ends the run: all seats have failed with all their tries."""
        self._failed_in_a_row += 1
        if self._failed_in_a_row < self._settings.attempts * self._settings.concurrency:
            return fault
        return FatalError(
            f"Discord failed at {counted(self._failed_in_a_row, 'request')} in a row (the last time: {fault}), "
            "so this run ends. Everything read so far is stored; run again later, and it goes on from there."
        )


async def _logged(ask: Callable[[], Awaitable[Result]], where: str) -> Result:
    """The answer, and a line for who looks closely: how much came, or why nothing did. Never what was said."""
    try:
        answer = await ask()
    except (TunerError, discord.DiscordException, *BROKEN, *ODD) as error:
        log.debug("%s: asked, and got no answer: %s", where, words(error))
        raise
    log.debug("%s: asked, and got %s", where, _amount(answer))
    return answer


def _amount(answer: object) -> str:
    """What came, by number or by id: where a request names no place, that tells which one it was."""
    if isinstance(answer, list):
        return counted(len(answer), "item")
    if not isinstance(answer, dict):
        return "an answer"
    if isinstance(threads := answer.get("threads"), list):
        return counted(len(threads), "thread")
    found = as_id(answer.get("id"))
    return f"the object {found}" if found else "an object"


def sees_content(client: discord.Client) -> bool:
    """Whether Discord hands out what messages say. Raises FatalError when it doesn't tell."""
    flags = client.application_flags
    try:
        return flags.gateway_message_content or flags.gateway_message_content_limited
    except ODD as error:
        raise FatalError(NOT_UNDERSTOOD.format(words(error))) from error


def words(error: BaseException) -> str:
    """What a fault is called in a sentence."""
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}" + (f", code {error.code}" if error.code else "")
    if isinstance(error, discord.RateLimited):
        return f"rate limited for {error.retry_after:.0f} s"
    return str(error) if isinstance(error, TunerError) else type(error).__name__


def an_object(answer: object) -> dict[str, Any]:
    """The JSON object that an answer should be. Raises RetryError for anything else."""
    if not isinstance(answer, dict):
        raise RetryError("an answer that is no JSON object")
    return answer


def objects(answer: object) -> list[dict[str, Any]]:
    """The JSON objects in the list that an answer should be, odd ones left out. Raises RetryError without a list."""
    if not isinstance(answer, list):
        raise RetryError("an answer that is no list")
    return [item for item in answer if isinstance(item, dict)]


def as_id(value: object) -> int:
    """A Discord id out of JSON; 0 for null and for whatever is none."""
    text = str(value)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else 0
    return number if number < MOST_IDS else 0
