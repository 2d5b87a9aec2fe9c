"""Asking a model: the budget, the patience, and when there is no point any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from tuner.amounts import counted, word
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
    """`models.max_calls` or `models.max_cost` is spent, or the share of it that may be: no more is asked."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Questions whose answers are welcome, and not needed.

    What they are `about`, who decides `otherwise`, and what share of the budget may be spent when they are asked.
    That the model has no answers to them says nothing about others, and ends no run.
    """

    about: str
    otherwise: str
    share: float


def has_text(answer: Answer) -> bool:
    """Whether there is anything to read in an answer."""
    return not answer.fault


class Asker:
    """A `Chat` with retries, a budget and a circuit breaker, which counts every request.

    `concurrency`: requests in flight at most, whoever asks; None for as many as are asked.
    """

    def __init__(self, chat: Chat, settings: Models, tally: Tally, concurrency: int | None = None) -> None:
        self._chat = chat
        self._settings = settings
        self._tally = tally
        self._reserved = 0.0  # dollars that the calls in flight may cost at most
        self._in_flight = 0
        self._seats: AbstractAsyncContextManager[object] = (
            asyncio.Semaphore(concurrency) if concurrency else nullcontext()
        )
        self._returned = asyncio.Condition()
        self._spent = False
        self._ended = asyncio.Event()  # something failed that ends the run
        self._breaker = Breaker(settings.most_failures, settings.most_unusable)

    async def ask(
        self, question: Question, is_useful: Callable[[Answer], bool] = has_text, aside: Aside | None = None
    ) -> Answer:
        """The model's answer, useful or not.

        Raises SkipError when it gave none after `models.attempts` tries, NotAskedError when it may not be asked,
        and FatalError when it has given nothing useful too often (`models.most_failures`, `models.most_unusable`)
        to what is no `aside`.
        """
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(RetryError),
            stop=stop_after_attempt(self._settings.attempts),
            wait=backoff(self._settings.backoff_seconds),
            sleep=self._pause,
            reraise=True,
        )
        try:
            return await attempts(self._attempt, question, is_useful, aside)
        except NoAnswersError as error:
            raise self._given_up(question.model, error, aside) from error
        except RetryError as error:
            raise SkipError(
                f"the model gave no answer after {counted(self._settings.attempts, 'try', 'tries')} ({error})"
            ) from error

    @contextmanager
    def until_a_fault(self) -> Iterator[None]:
        """What fails in here ends the run: answers on their way still arrive, and nothing more is asked."""
        try:
            yield
        except GeneratorExit:  # whoever listens has enough
            raise
        except BaseException:
            if self._in_flight and not self._ended.is_set():
                asked = (
                    f"{counted(self._in_flight, 'request')} {word(self._in_flight, 'is', 'are')} on the way"
                )
                self._tally.note(
                    f"Something failed that ends the run. {asked}: answers are waited for, "
                    f"{self._settings.timeout_seconds:g} seconds at most, and kept."
                )
            self._ended.set()
            raise

    async def _attempt(
        self, question: Question, is_useful: Callable[[Answer], bool], aside: Aside | None
    ) -> Answer:
        circuit = f"{question.model} {aside.about}" if aside else question.model
        async with self._seats:
            return await self._breaker.attempt(
                circuit, lambda: self._metered(question, is_useful, aside), is_useful
            )

    async def _pause(self, seconds: float) -> None:
        """Wait between two tries, for as long as there is a point in another."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)

    def _given_up(self, model: str, why: NoAnswersError, aside: Aside | None) -> TunerError:
        """What follows for whoever asked: the end of the run, or their own way on where something else may decide."""
        about = f" {aside.about}" if aside else ""
        found = f"The model {model!r} gave no usable answer{about} to {why}."
        if aside:
            self._tally.note(f"{found} {aside.otherwise} instead.", warning=True)
            return NotAskedError("failed: no answer")
        if self._settings.on_failure == RULES:
            self._tally.note(f"{found} The rules decide instead (models.on_failure).", warning=True)
            return NotAskedError("failed: no answer")
        return FatalError(
            f"{found} It is not asked any more, and what was decided so far is kept. Check the model's name, its "
            f"server and openai.base_url, and run again; {why.limit} says how many are too many."
        )

    async def _metered(
        self, question: Question, is_useful: Callable[[Answer], bool], aside: Aside | None
    ) -> Answer:
        spending = self._tally.spending
        most = self._price(question.model, _most_tokens(question), 0, question.longest_answer)
        if aside:
            self._check_share(aside.share, most)
        else:
            await self._check_budget(most)
        if self._ended.is_set():
            raise NotAskedError("the run ended")
        spending.calls += 1
        self._in_flight += 1
        self._reserved += most
        try:
            answer = await self._chat.ask(question)
            self._charge(question.model, answer, most)
            if not is_useful(answer):
                spending.failed += 1
                spending.unusable += 1
            return answer
        except TunerError:
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

    def _check_share(self, share: float, most: float) -> None:
        """Raise BudgetError where with one more call a larger share of a limit would be spent."""
        settings, spending = self._settings, self._tally.spending
        dollars = (spending.cost or 0.0) + self._reserved + most
        if (settings.max_cost is not None and dollars > share * settings.max_cost) or (
            settings.max_calls is not None and spending.calls + 1 > share * settings.max_calls
        ):
            raise BudgetError("the rest of the budget is kept")

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
