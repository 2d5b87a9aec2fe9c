"""Jobs and their price in sentences, the same for a terminal and for Discord."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.amounts import counted, duration
from tuner.training.forecast import USUAL_EPOCHS, Forecast
from tuner.training.jobs import Job, State
from tuner.training.orders import Order

WORDS: Mapping[State, str] = {
    "intended": "confirmed, not sent yet",
    "uploading": "its files are being uploaded",
    "creating": "asked for; it is not known yet whether it was taken",
    "queued": "waiting for its turn",
    "running": "running",
    "cancelling": "being cancelled",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "lost": "lost",
}


def plan_lines(order: Order, forecast: Forecast) -> list[str]:
    """What would be started, and what it would cost: to be read before it is confirmed."""
    lines = [f"{order.place.title} would train {order.model} on {order.train.path}: {_amount(order)}."]
    if order.valid:
        lines.append(f"It would be tested on {order.valid.path}: {counted(order.valid.lines, 'line')}.")
    lines += [f"Price: {price_words(forecast)}.", f"Hosting: {hosting_words(order, forecast)}."]
    if order.place.facts.note:
        lines.append(order.place.facts.note)
    return lines


def _amount(order: Order) -> str:
    about = "" if order.train.exact else "about "
    epochs = order.learning.epochs
    times = "as often as the provider decides" if epochs is None else counted(epochs, "time")
    lines, tokens = counted(order.train.lines, "line"), counted(order.train.tokens, "token")
    return f"{lines}, {about}{tokens}, gone through {times}"


def price_words(forecast: Forecast) -> str:
    """What training will cost, or why that is not known."""
    if forecast.per_million is None:
        return "not known, no price is configured ([training.prices])"
    basis = f"{dollars(forecast.per_million)} per million trained tokens, read {forecast.read}"
    about = "" if forecast.exact else "about "
    if forecast.total is not None:
        tested = ", tests on the validation file included" if forecast.evaluated else ""
        return f"{about}{dollars(forecast.total)}{tested} ({basis})"
    return (
        f"{about}{dollars(forecast.of(1))} each time that the dataset is gone through ({basis}); {USUAL_EPOCHS} times, "
        f"as is usual, are {dollars(forecast.of(USUAL_EPOCHS))}"
    )


def hosting_words(order: Order, forecast: Forecast) -> str:
    """What serving the tuned model will cost, and how it is billed."""
    how = order.place.facts.hosting
    if forecast.hosting is None:
        return f"its price is not configured; {how}"
    if not forecast.hosting:
        return "nothing but the tokens that are used"
    month = forecast.hosting * 24 * 30
    return f"{dollars(forecast.hosting)} an hour, {dollars(month)} in 30 days; {how}"


def dollars(amount: float) -> str:
    """Money with as many digits as it takes to tell it from nothing."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


def state_words(job: Job) -> str:
    """How a job stands, in one line without what others wrote."""
    words = WORDS[job.state]
    if job.misses and job.state != "lost":
        words += f"; {job.order.place.title} did not know it when it was last asked"
    return words


def progress_words(job: Job) -> str:
    """Step, loss, cost and time left, as far as they are known; empty when nothing is."""
    told = job.progress
    parts = []
    if told.step is not None:
        parts.append(f"step {told.step:,}" + (f" of {told.steps:,}" if told.steps else ""))
    elif told.share is not None and job.state != "finished":
        parts.append(f"{told.share:.0%}")
    if told.loss is not None:
        parts.append(f"loss {told.loss:.4g}")
    if told.trained is not None:
        parts.append(f"{counted(told.trained, 'token')} trained")
    if job.cost is not None:
        parts.append(f"{dollars(job.cost)} so far" if job.state != "finished" else dollars(job.cost))
    if told.seconds_left is not None:
        parts.append(f"about {duration(told.seconds_left)} left")
    return ", ".join(parts)


def job_lines(job: Job, people: int | None) -> list[str]:
    """All that is known of a job; `people` is whose words are in its dataset, None where that is not known.

    The last lines quote its provider.
    """
    order = job.order
    how = ", ".join(filter(None, (state_words(job), progress_words(job))))
    whose = (
        "it is not known whose words are in it" if people is None else f"words of {counted_people(people)}"
    )
    build = f"build {job.run_id}'s" if job.run_id else "of no build that this archive knows"
    lines = [
        f"Job {job.id}: {order.model} at {order.place.title}, {how}",
        f"  started by {job.owner}, {job.created_at}" + (f", ended {job.ended_at}" if job.ended_at else ""),
        f"  dataset {order.train.path} (sha256 {order.train.sha256[:12]}…), {build}; {whose}",
    ]
    if job.remote_id:
        lines.append(f"  its number there: {job.remote_id}")
    if job.result:
        lines += [f"  the tuned model: {job.result}", f"  hosting: {hosting_words(order, job.forecast)}"]
    if job.reason:
        lines.append(f"  why: {job.reason}")
    return lines


def counted_people(count: int) -> str:
    return counted(count, "person", "people")
