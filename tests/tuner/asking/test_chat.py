"""Retries and the budget: how often a model is asked, and what that may cost."""

import asyncio
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.building import Workplace
from tests.support.exports import joined, server, write_exports
from tests.support.loopback_openai import SERVER_ERROR, LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all, build_with_model
from tuner import config
from tuner.asking.answers import Answer, Question
from tuner.asking.chat import Asker, BudgetError, NotAskedError
from tuner.config.settings import Models, Price
from tuner.errors import FatalError, RetryError, SkipError, UsageError
from tuner.progress import Tally

QUESTION = Question(MODEL, "You decide.", "1 A: words", {}, longest_answer=400)
DEAR = {MODEL: Price(input=1000, output=2000, cached_input=100, read=date(2026, 11, 1))}


class Scripted:
    """A model that does what the script says, and then answers."""

    def __init__(self, steps: Iterable[Answer | Exception] = ()) -> None:
        self.steps = list(steps)
        self.calls = 0

    async def ask(self, question: Question) -> Answer:
        self.calls += 1
        step = self.steps.pop(0) if self.steps else Answer("{}", prompt_tokens=10, completion_tokens=5)
        await asyncio.sleep(0)
        if isinstance(step, Exception):
            raise step
        return step


def asker(chat: Scripted, **settings: Any) -> tuple[Asker, Tally]:
    tally = Tally()
    return Asker(chat, Models(**{"backoff_seconds": 0, **settings}), tally), tally


# -- retries -----------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_passing_fault_is_tried_again_up_to_the_limit(attempts: int) -> None:
    chat = Scripted([RetryError("HTTP 500")] * 9)
    asks, tally = asker(chat, attempts=attempts)
    with pytest.raises(SkipError, match=f"after {attempts} (try|tries) \\(HTTP 500\\)"):
        await asks.ask(QUESTION)
    assert chat.calls == tally.spending.calls == tally.spending.failed == attempts


async def test_an_answer_ends_the_trying() -> None:
    chat = Scripted([RetryError("HTTP 500"), RetryError("HTTP 429"), Answer("yes")])
    asks, tally = asker(chat)
    assert (await asks.ask(QUESTION)).text == "yes"
    assert (tally.spending.calls, tally.spending.failed) == (3, 2)


@pytest.mark.parametrize("fault", [FatalError("no credit"), UsageError("no key"), SkipError("too much")])
async def test_other_faults_are_not_tried_again(fault: Exception) -> None:
    chat = Scripted([fault])
    asks, _ = asker(chat)
    with pytest.raises(type(fault), match=str(fault)):
        await asks.ask(QUESTION)
    assert chat.calls == 1


async def waits(monkeypatch: pytest.MonkeyPatch, faults: list[RetryError], **settings: Any) -> list[float]:
    """The seconds waited between tries."""
    waited = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds:
            waited.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asks, _ = asker(Scripted(faults), attempts=len(faults) + 1, **settings)
    await asks.ask(QUESTION)
    return waited


async def test_the_server_is_given_the_time_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [RetryError("HTTP 429", after=7), RetryError("HTTP 500"), RetryError("HTTP 429", after=0.5)]
    assert await waits(monkeypatch, faults) == [7, 0.5]


async def test_waits_grow_and_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = await waits(monkeypatch, [RetryError("HTTP 500")] * 9, backoff_seconds=1.0)
    assert len(set(waited)) == 9
    assert all(seconds <= min(60, 2**number) for number, seconds in enumerate(waited))
    assert max(waited[5:]) > 1


# -- a model that gives nothing usable ----------------------------------------------


USELESS = [RetryError("HTTP 503"), Answer("", "empty", 10), Answer("", "cut", 10), Answer("no JSON", "", 10)]


def is_json(answer: Answer) -> bool:
    return answer.text == "{}"


async def outcomes(asks: Asker, count: int) -> list[type]:
    """What comes of that many questions, one after another."""
    found = []
    for _ in range(count):
        try:
            found.append(type(await asks.ask(QUESTION, is_json)))
        except SkipError as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize("step", [*USELESS, Answer("", "refusal", 10)], ids=repr)
async def test_too_many_failures_in_a_row_end_the_run_in_a_sentence(step: Answer | Exception) -> None:
    chat = Scripted([step] * 100)
    asks, tally = asker(chat, attempts=2, most_failures=7)
    with pytest.raises(FatalError) as caught:
        await outcomes(asks, 50)
    assert caught.value.exit_code == 1
    assert str(caught.value).startswith(f"The model '{MODEL}' gave no usable answer to 7 requests in a row")
    assert "models.most_failures" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(FatalError, match="in a row"):
        await asks.ask(QUESTION)
    assert chat.calls == tally.spending.calls == 7


async def test_kinds_of_failure_are_one_row_and_each_useful_answer_ends_it() -> None:
    chat = Scripted([*USELESS, Answer("{}"), *USELESS, Answer("{}"), *USELESS, *USELESS])
    asks, _ = asker(chat, attempts=1, most_failures=5)
    with pytest.raises(FatalError, match="5 requests in a row"):
        await outcomes(asks, 50)
    assert chat.calls == 2 * (len(USELESS) + 1) + 5


async def test_refusals_of_a_model_that_can_answer_are_no_row() -> None:
    """They say something about what was shown."""
    refusals = [Answer("", fault, 10) for fault in ("refusal", "content filter", "too long")] * 9
    asks, _ = asker(Scripted([Answer("{}"), *refusals, Answer("{}")]), most_failures=5)
    assert await outcomes(asks, 29) == [Answer] * 29


async def test_those_in_flight_do_not_open_it_again_nor_close_it() -> None:
    chat = Scripted([RetryError("HTTP 503")] * 500)
    asks, tally = asker(chat, attempts=3, most_failures=6)
    ended = await asyncio.gather(*(asks.ask(QUESTION) for _ in range(16)), return_exceptions=True)
    assert all(isinstance(one, FatalError) for one in ended)
    assert chat.calls == tally.spending.calls == tally.spending.failed == 16


async def test_where_the_rules_may_decide_nobody_is_asked_and_the_run_goes_on() -> None:
    chat = Scripted([RetryError("HTTP 503")] * 500)
    asks, tally = asker(chat, attempts=3, most_failures=6, on_failure="rules")
    assert set(await outcomes(asks, 30)) == {SkipError, NotAskedError}
    assert chat.calls == 6
    [note] = tally.notes
    assert "6 requests in a row (the last: HTTP 503)" in note
    assert "The rules decide" in note


# -- the budget --------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 7])
async def test_no_more_calls_than_allowed_however_many_ask_at_once(limit: int) -> None:
    chat = Scripted([RetryError("HTTP 500"), Answer("{}")] * 3)
    asks, tally = asker(chat, max_calls=limit)
    outcomes = await asyncio.gather(*(asks.ask(QUESTION) for _ in range(40)), return_exceptions=True)
    assert chat.calls == tally.spending.calls == limit
    refused = [o for o in outcomes if isinstance(o, BudgetError)]
    assert len(refused) == 40 - sum(isinstance(o, Answer) for o in outcomes) > 0
    assert [note for note in tally.notes if f"models.max_calls = {limit}" in note] == tally.notes
    assert "the next run goes on from there" in tally.notes[0]


async def test_a_retry_counts_as_a_call() -> None:
    chat = Scripted([RetryError("HTTP 500")] * 9)
    asks, _ = asker(chat, max_calls=2)
    with pytest.raises(BudgetError):
        await asks.ask(QUESTION)
    assert chat.calls == 2


async def test_what_a_call_costs_is_metered() -> None:
    chat = Scripted([Answer("{}", "", 1000, 400, 50), Answer("", "refusal", 10, 0, 1)])
    asks, tally = asker(chat, prices=DEAR)
    await asks.ask(QUESTION)
    assert tally.spending.cost == pytest.approx((600 * 1000 + 400 * 100 + 50 * 2000) / 1e6)
    await asks.ask(QUESTION)
    assert tally.spending.cost == pytest.approx(0.74 + (10 * 1000 + 1 * 2000) / 1e6)
    assert (tally.spending.prompt_tokens, tally.spending.cached_tokens, tally.spending.completion_tokens) == (
        1010,
        400,
        51,
    )


@pytest.mark.parametrize("limit", [0.0, 0.5, 2.0, 5.0])
async def test_the_cost_stays_below_its_limit_also_with_the_longest_answers(limit: float) -> None:
    """Each answer is as long as it may be, and each character of the prompt is a token."""
    longest = Answer("{}", "", len("You decide.1 A: words"), 0, 400)
    chat = Scripted([longest] * 100)
    asks, tally = asker(chat, max_cost=limit, prices=DEAR)
    outcomes = await asyncio.gather(*(asks.ask(QUESTION) for _ in range(40)), return_exceptions=True)
    assert tally.spending.cost is not None
    assert tally.spending.cost <= limit
    assert chat.calls == sum(isinstance(o, Answer) for o in outcomes) < 40
    assert chat.calls >= limit // 1  # an answer costs 0.82 $: the limit is not far from being used
    assert any(f"models.max_cost = {limit:g} $" in note for note in tally.notes)


async def test_an_answer_that_tells_no_usage_is_charged_as_the_longest() -> None:
    chat = Scripted([Answer("{}")] * 100)
    asks, tally = asker(chat, max_cost=2.0, prices=DEAR)
    outcomes = [await asyncio.gather(asks.ask(QUESTION), return_exceptions=True) for _ in range(40)]
    assert isinstance(outcomes[-1][0], BudgetError)
    assert chat.calls == 2
    assert tally.spending.cost == pytest.approx(1.6, rel=0.2)


async def test_what_a_failed_call_had_reserved_is_free_again() -> None:
    chat = Scripted([RetryError("HTTP 500")] * 20)
    asks, _ = asker(chat, max_cost=1.0, prices=DEAR, attempts=10)
    for _ in range(2):
        with pytest.raises(SkipError):
            await asks.ask(QUESTION)
    assert (await asks.ask(QUESTION)).text == "{}"


async def test_a_model_of_unknown_price_has_no_cost() -> None:
    asks, tally = asker(Scripted(), max_calls=5)
    await asks.ask(QUESTION)
    assert tally.spending.cost == pytest.approx(10 * 0.10e-6 + 5 * 0.50e-6)
    await asks.ask(Question("my-own", "", "", {}, 10))
    await asks.ask(QUESTION)
    assert tally.spending.cost is None


@pytest.mark.parametrize("key", ["segment", "tool_trigger"])
def test_a_cost_limit_for_a_model_of_unknown_price_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match=f"the price of models.{key} = 'my-own' is not known"):
        config.load({}, [(f"models.{key}", "my-own"), ("models.max_cost", 1.0)], "The test")
    price = {"input": 1, "output": 1, "read": date(2026, 11, 1)}
    document = {"models": {key: "my-own", "prices": {"my-own": price}}}
    assert config.load(document, [("models.max_cost", 1.0)], "The test").models.max_cost == 1.0


# -- in a run ----------------------------------------------------------------------


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return write_exports(tmp_path / "exports", {"general": joined(server(400).values())[:400]})


async def test_a_run_out_of_calls_finishes_with_what_it_has_and_the_next_goes_on(
    tmp_path: Path, exports: Path
) -> None:
    limited = {"models.max_calls": 5, "models.segments_per_request": 1, "dataset.segment_concurrency": 3}
    workplace = Workplace(tmp_path)
    async with LoopbackOpenAI(approve_all, delay=0.002) as model:
        model.script([None, SERVER_ERROR])
        first = await build_with_model(tmp_path, exports, model, limited)
        assert len(model.requests) == first.counts["models"]["calls"] == 5
        assert first.counts["samples"] == 4
        assert any("models.max_calls = 5" in note for note in first.counts["notes"])
        assert first.counts["stages"]["refine"]["dropped"]["the budget is spent"] > 10
        second = await build_with_model(tmp_path, exports, model, limited)
        assert len(model.requests) == 10
        relabel = second.counts["stages"]["relabel"]
        assert (relabel["in"], second.counts["models"]["reused"]) == (9, 4)
        assert second.counts["samples"] == relabel["out"] == 9 - sum(relabel["dropped"].values())
        rest = await build_with_model(tmp_path, exports, model, {"models.segments_per_request": 8})
    assert rest.counts["models"]["reused"] == 9
    assert "the budget is spent" not in rest.counts["stages"]["refine"]["dropped"]
    assert workplace.rows("SELECT state FROM runs") == [("finished",)] * 3


async def test_a_run_out_of_money_finishes_below_its_limit(tmp_path: Path, exports: Path) -> None:
    changes = {
        "models.max_cost": 8.0,
        "models.segments_per_request": 2,
        "models.prices": {MODEL: {"input": 1000, "output": 2000, "read": date(2026, 11, 1)}},
    }
    async with LoopbackOpenAI(approve_all, delay=0.002) as model:
        stats = await build_with_model(tmp_path, exports, model, changes)
    spent = (model.prompt_tokens * 1000 + model.completion_tokens * 2000) / 1e6
    assert stats.counts["models"]["cost"] == pytest.approx(spent)
    assert 0 < spent <= 8.0
    assert any("models.max_cost = 8 $" in note for note in stats.counts["notes"])
    assert stats.counts["samples"] > 0
