"""Asking a model: the budget, the patience, and when there is no point any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.amounts import counted
from tuner.asking.answers import Answer, Question
from tuner.asking.backoff import backoff
from tuner.asking.breaker import Breaker, NoAnswersError
from tuner.config.settings import RULES, Models
from tuner.errors import FatalError, RetryError, SkipError, TunerError
from tuner.progress import Tally


class Chat(Protocol):
    """One attempt at a model: RetryError for passing faults, FatalError for what ends the run."""

    async def ask(self, question: Question) -> Answer: ...


class NotAskedError(SkipError):
    """The model may not be asked now, whatever it is about; the text is why."""


class BudgetError(NotAskedError):
    """`models.max_calls` or `models.max_cost` is spent: nothing more is asked in this run."""


def has_text(answer: Answer) -> bool:
    """Whether there is anything to read in an answer."""
    return not answer.fault


class Asker:
    """A `Chat` with retries, a budget and a circuit breaker, which counts every request."""

    def __init__(self, chat: Chat, settings: Models, tally: Tally) -> None:
        self._chat = chat
        self._settings = settings
        self._tally = tally
        self._reserved = 0.0  # dollars that the calls in flight may cost at most
        self._in_flight = 0
        self._returned = asyncio.Condition()
        self._spent = False
        self._breaker = Breaker(settings.most_failures)

    async def ask(self, question: Question, is_useful: Callable[[Answer], bool] = has_text) -> Answer:
        """The model's answer, useful or not.

        Raises SkipError when it gave none after `models.attempts` tries, NotAskedError when it may not be asked,
        and FatalError when it has given nothing useful `models.most_failures` times in a row.
        """
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(RetryError),
            stop=stop_after_attempt(self._settings.attempts),
            wait=backoff(self._settings.backoff_seconds),
            reraise=True,
        )
        try:
            return await attempts(self._attempt, question, is_useful)
        except NoAnswersError as error:
            raise self._given_up(question.model, str(error)) from error
        except RetryError as error:
            raise SkipError(
                f"the model gave no answer after {counted(self._settings.attempts, 'try', 'tries')} ({error})"
            ) from error

    async def _attempt(self, question: Question, is_useful: Callable[[Answer], bool]) -> Answer:
        return await self._breaker.attempt(question.model, lambda: self._metered(question), is_useful)

    def _given_up(self, model: str, last: str) -> TunerError:
        """What follows for whoever asked: the end of the run, or their own way on where the rules may decide."""
        found = (
            f"The model {model!r} gave no usable answer to "
            f"{counted(self._settings.most_failures, 'request')} in a row (the last: {last})."
        )
        if self._settings.on_failure == RULES:
            self._tally.note(f"{found} The rules decide until it does (models.on_failure).", warning=True)
            return NotAskedError("failed: no answer")
        return FatalError(
            f"{found} It is not asked any more, and what was decided so far is kept. Check the model's name, its "
            "server and openai.base_url, and run again; models.most_failures says how many are too many."
        )

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
                self._stop(f"{self._tally.named('models.max_cost')} = {limit:g} $")
        if settings.max_calls is not None and spending.calls >= settings.max_calls:
            self._stop(f"{self._tally.named('models.max_calls')} = {settings.max_calls}")

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
