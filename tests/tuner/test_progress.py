"""What a run says of itself: how far it is, how long it takes, and counts that add up."""

from collections.abc import Callable

import pytest

from tuner import progress
from tuner.amounts import percent
from tuner.progress import UNDER_WAY, ChannelTally, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def reading(clock: Clock, *shares: float, **how: object) -> Tally:
    """A run that reads as many channels."""
    run = Tally(started=clock.now, **how)  # type: ignore[arg-type] # whatever the test says
    run.channels = {i: ChannelTally(f"c{i}", "reading", share=share) for i, share in enumerate(shares, 1)}
    run.changed()
    return run


def go_on(run: Tally, clock: Clock, seconds: int, step: Callable[[], None]) -> None:
    for _ in range(seconds):
        clock.now += 1
        step()
        run.changed()


def read_on(run: Tally, number: int, share: float, messages: int = 10) -> Callable[[], None]:
    def step() -> None:
        run.channels[number].share += share
        run.channels[number].messages += messages

    return step


def test_reading_is_progress_though_no_sample_is_there_yet(clock: Clock) -> None:
    run = reading(clock, 0.0, max_samples=50)
    assert run.share == 0
    go_on(run, clock, 40, read_on(run, 1, 0.01))
    assert run.share == pytest.approx(0.2)
    assert run.eta_seconds == pytest.approx(60)
    run.channels[1].state, run.channels[1].share = "read", 1.0
    assert run.share == pytest.approx(0.5)
    run.samples = 25
    assert run.share == pytest.approx(0.75)
    run.samples = 50
    assert run.share == 1


def test_the_end_is_foretold_by_the_pace_of_now(clock: Clock) -> None:
    """A channel that is quiet for years and busy in the last months: time runs slower there."""
    run = reading(clock, 0.0)
    go_on(run, clock, 100, read_on(run, 1, 0.009))
    go_on(run, clock, 80, read_on(run, 1, 0.0001))
    assert run.eta_seconds == pytest.approx((1 - 0.908) / 0.0001, rel=0.05)


def test_the_slowest_channel_says_when_reading_ends(clock: Clock) -> None:
    run = reading(clock, 0.0, 0.0)

    def step() -> None:
        read_on(run, 1, 0.05)()
        read_on(run, 2, 0.001)()

    go_on(run, clock, 20, step)
    run.channels[1].state = "read"
    assert run.eta_seconds == pytest.approx(0.98 / 0.001, rel=0.01)


def test_the_long_phase_after_reading_has_an_end_too(clock: Clock) -> None:
    run = reading(clock, 0.0, asks=True)
    go_on(run, clock, 10, read_on(run, 1, 0.09, messages=90))
    assert run.eta_seconds is None  # nobody knows yet how long the model takes
    assert run.doing == "reading history, about 1.1 s of that left"
    run.channels[1].state, run.channels[1].share, run.channels[1].messages = "read", 1.0, 1000
    run.changed()

    def answer() -> None:
        run.segmented += 10

    go_on(run, clock, 50, answer)
    assert run.doing == "making samples"
    assert run.share == pytest.approx(0.75)
    assert run.eta_seconds == pytest.approx(50, rel=0.05)


def test_what_was_stored_before_is_reckoned_with(clock: Clock) -> None:
    run = reading(clock, 1.0, stored=1000)
    run.channels[1].state = "up to date"
    assert run.share == 0
    run.segmented = 500
    assert run.share == 0.5


def test_with_rules_a_first_burst_of_samples_foretells_no_early_end(clock: Clock) -> None:
    """A small channel gives four at once; the rest comes when the large one is read."""
    run = reading(clock, 0.0, 0.5, max_samples=25)
    go_on(run, clock, 20, read_on(run, 1, 0.001))
    run.channels[2].state, run.channels[2].share = "read", 1.0
    run.samples = run.segmented = 4
    run.changed()
    assert run.eta_seconds == pytest.approx(0.98 / 0.001, rel=0.05)
    go_on(run, clock, 90, read_on(run, 1, 0.001))
    assert run.eta_seconds == pytest.approx(0.89 / 0.001, rel=0.05)


def test_before_the_first_of_the_wanted_samples_nothing_says_when_the_last_comes(clock: Clock) -> None:
    run = reading(clock, 1.0, max_samples=5)
    run.channels[1].state, run.channels[1].messages = "read", 650
    run.segmented = 1
    run.changed()
    clock.now += 1
    assert run.eta_seconds is None


def test_a_stall_foretells_nothing(clock: Clock) -> None:
    run = reading(clock, 0.3)
    go_on(run, clock, 300, lambda: None)
    assert run.eta_seconds is None


@pytest.mark.parametrize(("share", "text"), [(0, "0 %"), (0.29, "29 %"), (0.999, "99 %"), (1, "100 %")])
def test_only_what_is_done_is_a_hundred_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_run_that_is_over_is_at_nothing_any_more(clock: Clock) -> None:
    run = reading(clock, 0.5)
    assert {"doing", "share", "eta_seconds"} <= run.snapshot().keys()
    assert not {"doing", "share", "eta_seconds"} & run.final_counts().keys()


def test_counts_add_up(clock: Clock) -> None:
    run = Tally()
    run.came("collect", 3)
    run.went("collect", 3)
    run.dropped("collect", "system message", 2)
    run.came("refine", 5)
    run.went("refine", 2)
    run.dropped("refine", "rejected: small talk")
    run.came("synthesize", 2)
    run.went("synthesize", 2)
    run.unchanged("synthesize", "nothing found to recall")
    stages = run.final_counts()["stages"]
    assert stages["collect"] == {"in": 5, "out": 3, "dropped": {"system message": 2}}
    assert stages["refine"]["dropped"] == {"rejected: small talk": 1, UNDER_WAY: 2}
    assert stages["synthesize"]["unchanged"] == {"nothing found to recall": 1}
    assert all(s["in"] == s["out"] + sum(s["dropped"].values()) for s in stages.values())
