"""Finding out that a model gives nothing usable, or too seldom, before that costs hours or money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OPENED, OpenedState

from tuner.amounts import counted
from tuner.asking.answers import ABOUT_CONTENT, Answer
from tuner.errors import FatalError, RetryError, SkipError

PAUSE = 60.0  # seconds after which a model that is not to end the run is tried again


class _UselessError(Exception):
    """An answer that arrived and says nothing that was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.fault or "answers of another form")
        self.answer = answer


class NoAnswersError(Exception):
    """A model has given nothing usable too often; the text is how often, `limit` the setting that says so."""

    def __init__(self, text: str, limit: str) -> None:
        super().__init__(text)
        self.limit = limit


@dataclass(slots=True)
class _Record:
    """What a model gave so far. `proven`: it can answer at all."""

    proven: bool = False
    answers: int = 0
    useless: int = 0
    last: str = ""  # failure, in words
    too_seldom: str = ""  # useful: how seldom, once that is settled


class Breaker:
    """A circuit a model: open after `most_failures` requests in a row without a usable answer.

    Of twice as many answers, in a row or not, no more than `most_unusable` may be without use: they are paid for.
    Answers that fail for what was shown (refused, too long) count until the model has shown once that
    it can answer at all: a stretch of conversations that it refuses says nothing about the server.
    """

    def __init__(self, most_failures: int, most_unusable: float) -> None:
        self._circuits = AsyncCircuitBreakerFactory(
            most_failures, PAUSE, exclude=[asyncio.CancelledError, SkipError, FatalError]
        )
        self._most_failures = most_failures
        self._most_unusable = most_unusable
        self._records: dict[str, _Record] = {}

    async def attempt(
        self, model: str, ask: Callable[[], Awaitable[Answer]], is_useful: Callable[[Answer], bool]
    ) -> Answer:
        """What `ask` returns, useful or not. Raises NoAnswersError where the circuit is open, or opens by it."""
        record = self._records.setdefault(model, _Record())
        self._check_share(record)
        circuit = await self._circuits.get_breaker(model)
        try:
            async with circuit:
                return _judged(record, await ask(), is_useful)
        except OpenedState:
            raise self._too_many_in_a_row(record) from None
        except (_UselessError, RetryError) as failure:
            record.last = str(failure)
            if circuit.context.state == OPENED:
                raise self._too_many_in_a_row(record) from failure
            if isinstance(failure, _UselessError):
                self._check_share(record)
                return failure.answer
            raise

    def _too_many_in_a_row(self, record: _Record) -> NoAnswersError:
        text = f"{counted(self._most_failures, 'request')} in a row (the last: {record.last})"
        return NoAnswersError(text, "models.most_failures")

    def _check_share(self, record: _Record) -> None:
        enough = record.answers >= 2 * self._most_failures  # to tell a share from a bad moment
        if not record.too_seldom and enough and record.useless > self._most_unusable * record.answers:
            record.too_seldom = (
                f"{record.useless} of {counted(record.answers, 'request')} (the last: {record.last})"
            )
        if record.too_seldom:
            raise NoAnswersError(record.too_seldom, "models.most_unusable")


def _judged(record: _Record, answer: Answer, is_useful: Callable[[Answer], bool]) -> Answer:
    if is_useful(answer):
        record.proven = True
        record.answers += 1
    elif not record.proven or answer.fault not in ABOUT_CONTENT:
        record.answers += 1
        record.useless += 1
        raise _UselessError(answer)
    return answer
