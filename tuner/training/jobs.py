"""A job and its life: its states, which may follow which, and what a provider's answer makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from tuner.training.forecast import Forecast
from tuner.training.orders import Order, marked

State = Literal[
    "intended",  # it is written down that it shall be; nothing was sent
    "uploading",
    "creating",  # the provider was asked to start it, or is about to be
    "queued",
    "running",
    "cancelling",
    "finished",
    "failed",
    "cancelled",
    "lost",  # the provider knows it no more
]
FileState = Literal["ready", "waiting", "announced", "failed"]
STATES: tuple[State, ...] = get_args(State)
UNSENT: frozenset[State] = frozenset({"intended", "uploading", "creating"})
UNDER_WAY: frozenset[State] = frozenset({"queued", "running", "cancelling"})
OVER: frozenset[State] = frozenset({"finished", "failed", "cancelled"})
SKEW = 120.0  # seconds that a provider's clock may be behind ours
MOST_MISSES = 3  # times in a row that a provider does not know a job before it counts as lost

_ONCE_THERE: frozenset[State] = frozenset({*UNDER_WAY, *OVER, "lost"})
FOLLOWS: Mapping[State, frozenset[State]] = {
    "intended": frozenset({"uploading", "creating", "failed", "cancelled"}),
    "uploading": frozenset({"creating", "failed", "cancelled"}),
    "creating": _ONCE_THERE,
    "queued": _ONCE_THERE,
    "running": _ONCE_THERE,  # some put a job back into the queue
    "cancelling": frozenset({*OVER, "lost"}),
    "lost": _ONCE_THERE,  # and it may turn up again
    "finished": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


def may_follow(before: State, after: State) -> bool:
    return before == after or after in FOLLOWS[before]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; None is not known. `since` and `at` are unix times: when it began to run, when it was seen."""

    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    trained: int | None = None  # tokens, all epochs counted
    share: float | None = None
    seconds_left: float | None = None
    since: float | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as its provider describes it, in our words for states.

    `marks` is what it bears to be found again by; where a provider gives none back, `file` and `created_at`, in unix
    time, have to do.
    """

    id: str
    state: State
    marks: tuple[str, ...] = ()
    result: str = ""  # the tuned model
    reason: str = ""  # why it failed or was cancelled, in the provider's words
    progress: Progress = Progress()
    file: str = ""  # what it trains on
    created_at: float | None = None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as its provider describes it. `size` is in bytes, None where it is not said.

    "announced": it has a number, and it is not known whether its content ever came.
    """

    id: str
    name: str
    size: int | None = None
    state: FileState = "ready"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the archive knows it."""

    id: int
    state: State
    order: Order
    mark: str
    forecast: Forecast
    owner: str
    requester: int  # user id in Discord; 0 for a terminal's
    created_at: str
    run_id: int | None = None  # which build made its dataset
    people_known: bool = False
    asked_at: float | None = None  # when its creation was last asked for, unix time
    remote_id: str = ""
    result: str = ""
    reason: str = ""
    progress: Progress = field(default_factory=Progress)
    misses: int = 0
    ended_at: str | None = None

    @property
    def suffix(self) -> str:
        return marked(self.order.suffix, self.mark)

    @property
    def cost(self) -> float | None:
        """What it has cost so far, as far as can be told."""
        if self.progress.trained is not None:
            return self.forecast.spent(self.progress.trained)
        if self.state == "finished":
            return self.forecast.total
        if self.progress.share is not None and self.forecast.total is not None:
            return self.forecast.total * self.progress.share
        return None


def recognised(found: RemoteJob, job: Job, file: str) -> bool:
    """Whether this is the job that was asked for when its number got lost.

    It bears the mark, whole or in a name. Of a provider that gives no marks back, it is the one that trains on that
    `file` and was made when it was asked for.
    """
    if found.marks:
        return any(mark == job.mark or job.suffix in mark for mark in found.marks)
    if not file or found.file != file or found.created_at is None or job.asked_at is None:
        return False
    return found.created_at >= job.asked_at - SKEW


def after(job: Job, remote: RemoteJob, now: float) -> Job:
    """The job once its provider has described it. What may not follow is not believed."""
    if not may_follow(job.state, remote.state):
        return replace(job, remote_id=job.remote_id or remote.id, misses=0)
    return replace(
        job,
        state=remote.state,
        remote_id=job.remote_id or remote.id,
        result=remote.result or job.result,
        reason=remote.reason or job.reason,
        progress=_progressed(job, remote, now),
        misses=0,
    )


def missed(job: Job) -> Job:
    """The job once more when its provider says that it knows none of that number."""
    misses = job.misses + 1
    lost = misses >= MOST_MISSES and may_follow(job.state, "lost")
    reason = f"{job.order.place.title} knows no job {job.remote_id} any more." if lost else job.reason
    return replace(job, misses=misses, state="lost" if lost else job.state, reason=reason)


def _progressed(job: Job, remote: RemoteJob, now: float) -> Progress:
    """What was known stays known where a description leaves it out."""
    old, new = job.progress, remote.progress
    since = old.since if old.since is not None else now if remote.state == "running" else None
    step, steps = _latest(new.step, old.step), _latest(new.steps, old.steps)
    share = new.share
    if share is None and step is not None and steps:
        share = min(step / steps, 1.0)
    if remote.state == "finished":
        share = 1.0
    return Progress(
        step=step,
        steps=steps,
        loss=_latest(_finite(new.loss), old.loss),
        trained=_latest(new.trained, old.trained),
        share=_latest(share, old.share),
        seconds_left=_left(new, share, since, now) if remote.state in UNDER_WAY else None,
        since=since,
        at=now,
    )


def _left(told: Progress, share: float | None, since: float | None, now: float) -> float | None:
    """The time left: the provider's own estimate, or as it went so far."""
    if told.seconds_left is not None:
        return max(told.seconds_left, 0.0)
    if share and since is not None and now > since:
        return (now - since) * (1 - share) / share
    return None


def _latest(new: Any, old: Any) -> Any:
    return old if new is None else new


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
