"""What may follow what, what a provider's description makes of a job, and how an orphan is known."""

import math
from dataclasses import replace

import pytest

from tuner.training.forecast import Forecast
from tuner.training.jobs import (
    FOLLOWS,
    MOST_MISSES,
    OVER,
    SKEW,
    STATES,
    UNSENT,
    Job,
    Progress,
    RemoteJob,
    State,
    after,
    may_follow,
    missed,
    recognised,
)
from tuner.training.orders import DataFile, Learning, Order
from tuner.training.providers import Place

FILE = DataFile("records.jsonl", "ab" * 32, 100, 12, 1_000_000)
ORDER = Order(Place("compatible", "https://x/v1/"), "m", FILE, None, "tuner", Learning(2))
NOW = 1_000.0


def job(state: State = "running", **given: object) -> Job:
    made = Job(1, state, ORDER, "0badcafe", Forecast(1_000_000, True, 2, 0, 3.0), "ann", 0, "2026-11-25")
    return replace(made, **given)  # type: ignore[arg-type]


def test_what_is_over_stays_over() -> None:
    assert {state for state in STATES if not FOLLOWS[state]} == OVER
    assert all(may_follow(state, state) for state in STATES)


def test_from_every_state_there_is_a_way_to_an_end() -> None:
    for state in STATES:
        reached, new = {state}, {state}
        while new:
            new = {follower for one in new for follower in FOLLOWS[one]} - reached
            reached |= new
        assert reached & OVER


def test_nothing_goes_back_to_before_it_was_sent() -> None:
    sent = set(STATES) - UNSENT
    assert not any(FOLLOWS[state] & UNSENT for state in sent)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("told", [state for state in STATES if state not in UNSENT])
def test_what_may_not_follow_is_not_believed(before: State, told: State) -> None:
    seen = after(job(before), RemoteJob("r", told), NOW)
    assert seen.state == (told if may_follow(before, told) else before)


def test_what_was_known_stays_known() -> None:
    first = RemoteJob("r", "running", progress=Progress(step=5, steps=20, loss=1.5, trained=9))
    seen = after(after(job("queued"), first, NOW), RemoteJob("r", "running"), NOW + 10)
    assert (seen.progress.step, seen.progress.steps, seen.progress.loss, seen.progress.trained) == (
        5,
        20,
        1.5,
        9,
    )
    assert seen.progress.share == 0.25


def test_time_left_is_told_or_goes_by_what_went() -> None:
    running = after(job("queued"), RemoteJob("r", "running"), NOW)
    half = after(running, RemoteJob("r", "running", progress=Progress(share=0.25)), NOW + 60)
    assert half.progress.seconds_left == pytest.approx(180)
    told = after(running, RemoteJob("r", "running", progress=Progress(share=0.25, seconds_left=7)), NOW + 60)
    assert told.progress.seconds_left == 7
    late = after(running, RemoteJob("r", "running", progress=Progress(seconds_left=-30)), NOW + 60)
    assert late.progress.seconds_left == 0
    over = after(half, RemoteJob("r", "finished"), NOW + 90)
    assert (over.progress.seconds_left, over.progress.share) == (None, 1.0)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_none_is_left_out(loss: float) -> None:
    assert after(job(), RemoteJob("r", "running", progress=Progress(loss=loss)), NOW).progress.loss is None


def test_more_steps_than_all_are_all() -> None:
    seen = after(job(), RemoteJob("r", "running", progress=Progress(step=30, steps=20)), NOW)
    assert seen.progress.share == 1.0


def test_cost_goes_by_what_was_trained() -> None:
    assert job(progress=Progress(trained=500_000)).cost == 1.5
    assert job(progress=Progress(share=0.5)).cost == 3.0
    assert job("finished").cost == 6.0
    assert job().cost is None
    assert job("finished", forecast=Forecast(5, True, 2)).cost is None


def test_a_job_is_lost_once_it_was_not_known_several_times() -> None:
    one = job(remote_id="r")
    for _ in range(MOST_MISSES - 1):
        one = missed(one)
        assert one.state == "running"
    one = missed(one)
    assert one.state == "lost" and "knows no job r any more" in one.reason
    assert after(one, RemoteJob("r", "running"), NOW).state == "running"
    assert after(one, RemoteJob("r", "running"), NOW).misses == 0


@pytest.mark.parametrize(
    ("marks", "known"),
    [
        (("0badcafe",), True),
        (("tuner-0badcafe",), True),
        (("ft:m:acme:tuner-0badcafe:9",), True),
        (("other", "tuner-0badcafe"), True),
        (("0badcaf",), False),
        (("tuner",), False),
        (("",), False),
    ],
)
def test_an_orphan_is_known_by_its_mark(marks: tuple[str, ...], known: bool) -> None:
    assert recognised(RemoteJob("r", "running", marks), job(), "") is known


@pytest.mark.parametrize(
    ("file", "made", "asked", "known"),
    [
        ("file-1", NOW, NOW, True),
        ("file-1", NOW - SKEW, NOW, True),
        ("file-1", NOW - SKEW - 1, NOW, False),
        ("file-2", NOW, NOW, False),
        ("", NOW, NOW, False),
        ("file-1", None, NOW, False),
        ("file-1", NOW, None, False),
    ],
)
def test_without_marks_it_is_known_by_file_and_time(
    file: str, made: float | None, asked: float | None, known: bool
) -> None:
    found = RemoteJob("r", "running", file=file, created_at=made)
    assert recognised(found, job("creating", asked_at=asked), "file-1") is known
    assert not recognised(found, job("creating", asked_at=asked), "")
