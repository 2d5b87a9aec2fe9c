"""Finding out that a model gives nothing usable any more, before that costs hours or money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OPENED, OpenedState

from tuner.asking.answers import ABOUT_CONTENT, Answer
from tuner.errors import FatalError, RetryError, SkipError

PAUSE = 60.0  # seconds after which a model that is not to end the run is tried again


class _UselessError(Exception):
    """An answer that arrived and says nothing that was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.fault or "answers of another form")
        self.answer = answer


class NoAnswersError(Exception):
    """A model has given nothing usable too often in a row; the text is what went wrong last."""


class Breaker:
    """A circuit a model: open after `most_failures` requests in a row without a usable answer.

    Answers that fail for what was shown (refused, too long) count until the model has shown once that it can
    answer at all: a stretch of conversations that it refuses says nothing about the server.
    """

    def __init__(self, most_failures: int) -> None:
        self._circuits = AsyncCircuitBreakerFactory(
            most_failures, PAUSE, exclude=[asyncio.CancelledError, SkipError, FatalError]
        )
        self._proven: set[str] = set()
        self._last: dict[str, str] = {}  # failure of each model, in words

    async def attempt(
        self, model: str, ask: Callable[[], Awaitable[Answer]], is_useful: Callable[[Answer], bool]
    ) -> Answer:
        """What `ask` returns, useful or not. Raises NoAnswersError where the circuit is open, or opens by it."""
        circuit = await self._circuits.get_breaker(model)
        try:
            async with circuit:
                return self._judged(model, await ask(), is_useful)
        except OpenedState:
            raise NoAnswersError(self._last[model]) from None
        except (_UselessError, RetryError) as failure:
            self._last[model] = str(failure)
            if circuit.context.state == OPENED:
                raise NoAnswersError(str(failure)) from failure
            if isinstance(failure, _UselessError):
                return failure.answer
            raise

    def _judged(self, model: str, answer: Answer, is_useful: Callable[[Answer], bool]) -> Answer:
        if is_useful(answer):
            self._proven.add(model)
        elif model not in self._proven or answer.fault not in ABOUT_CONTENT:
            raise _UselessError(answer)
        return answer
