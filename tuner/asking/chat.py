"""Asking a model: the budget, the patience, and what an answer is."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.asking.backoff import backoff
from tuner.config.settings import Models
from tuner.errors import RetryError, SkipError
from tuner.progress import Tally


@dataclass(frozen=True, slots=True)
class Question:
    """A request: fixed `system` text first, so that providers can cache it; the answer obeys `schema`."""

    model: str
    system: str
    user: str
    schema: dict[str, Any]
    longest_answer: int  # tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `fault` names why there is no usable text: "refusal", "cut", "content filter"."""

    text: str
    fault: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class Chat(Protocol):
    """One attempt at a model: RetryError for passing faults, FatalError for what ends the run."""

    async def ask(self, question: Question) -> Answer: ...


class BudgetError(SkipError):
    """`models.max_calls` or `models.max_cost` is spent: nothing more is asked in this run."""


class Asker:
    """A `Chat` with retries and a budget, which counts every request."""

    def __init__(self, chat: Chat, settings: Models, tally: Tally) -> None:
        self._chat = chat
        self._settings = settings
        self._tally = tally
        self._reserved = 0.0  # dollars that the calls in flight may cost at most
        self._in_flight = 0
        self._returned = asyncio.Condition()
        self._spent = False

    async def ask(self, question: Question) -> Answer:
        """The model's answer.

        Raises SkipError when it gave none after `models.attempts` tries, BudgetError when it may not be asked.
        """
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(RetryError),
            stop=stop_after_attempt(self._settings.attempts),
            wait=backoff(self._settings.backoff_seconds),
            reraise=True,
        )
        try:
            return await attempts(self._metered, question)
        except RetryError as error:
            raise SkipError(
                f"the model gave no answer after {self._settings.attempts} tries ({error})"
            ) from error

    async def _metered(self, question: Question) -> Answer:
        spending = self._tally.spending
        most = self._price(question.model, _most_tokens(question), 0, question.longest_answer)
        await self._check_budget(most)
        spending.calls += 1
        self._in_flight += 1
        self._reserved += most
        try:
            answer = await self._chat.ask(question)
            self._charge(question.model, answer, most)
            return answer
        except RetryError:
            spending.failed += 1
            raise
        finally:
            self._in_flight -= 1
            self._reserved -= most
            async with self._returned:
                self._returned.notify_all()
            self._tally.changed()

    def _charge(self, model: str, answer: Answer, most: float) -> None:
        spending = self._tally.spending
        spending.prompt_tokens += answer.prompt_tokens
        spending.cached_tokens += answer.cached_tokens
        spending.completion_tokens += answer.completion_tokens
        if self._settings.price(model) is None:
            spending.cost = None
        elif spending.cost is not None:
            told = (
                answer.prompt_tokens or answer.fault
            )  # some servers tell no usage: then the worst is assumed
            cost = self._price(model, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens)
            spending.cost += cost if told else most

    async def _check_budget(self, most: float) -> None:
        """Raise BudgetError where one more call could break a limit.

        Near `max_cost` calls wait for one another: what those in flight leave of their reserve is used.
        """
        settings, spending = self._settings, self._tally.spending
        if settings.max_cost is not None:
            limit = settings.max_cost

            def fits() -> bool:
                return (spending.cost or 0.0) + self._reserved + most <= limit

            async with self._returned:
                await self._returned.wait_for(lambda: fits() or not self._in_flight)
            if self._spent or not fits():
                self._stop(f"models.max_cost = {limit:g} $")
        if settings.max_calls is not None and spending.calls >= settings.max_calls:
            self._stop(f"models.max_calls = {settings.max_calls}")

    def _stop(self, limit: str) -> None:
        self._spent = True
        self._tally.note(
            f"The budget is spent ({limit}): no model is asked any more. What was decided is kept; "
            "the next run goes on from there.",
            warning=True,
        )
        raise BudgetError("the budget is spent")

    def _price(self, model: str, prompt: int, cached: int, completion: int) -> float:
        price = self._settings.price(model)
        if price is None:
            return 0.0
        cached_price = price.input if price.cached_input is None else price.cached_input
        dollars = (prompt - cached) * price.input + cached * cached_price + completion * price.output
        return dollars / 1_000_000


def _most_tokens(question: Question) -> int:
    """More than the question can cost: no token is shorter than a byte."""
    framing = 16
    return framing + sum(
        len(t.encode()) for t in (question.system, question.user, json.dumps(question.schema))
    )
