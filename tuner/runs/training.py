"""Everything about a training job that both faces do: plan it, start it, see how it is doing, end it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.adapters.dataset_files import former_upload_path, upload_paths
from tuner.adapters.fireworks_jobs import fireworks_jobs
from tuner.adapters.openai_jobs import openai_jobs
from tuner.adapters.sqlite_jobs import Jobs, jobs_lock
from tuner.adapters.sqlite_store import Store
from tuner.adapters.switch import finish_switches
from tuner.adapters.together_jobs import together_jobs
from tuner.config.readiness import refuse
from tuner.config.secrets import secret
from tuner.config.settings import Settings
from tuner.dataset.tokens import token_counter
from tuner.dataset.validation import check_file
from tuner.errors import FatalError, RetryError, TunerError
from tuner.profiles import ExportProfile
from tuner.runs.lineage import lineage_of
from tuner.runs.submitting import Patience, Submission, Trainer, patiently
from tuner.training.faults import RefusedError
from tuner.training.forecast import Forecast, forecast
from tuner.training.jobs import OVER, UNDER_WAY, UNSENT, Job, RemoteJob, after, missed
from tuner.training.orders import DataFile, Order, order_of
from tuner.training.providers import Place, place_of
from tuner.training.readiness import missing_for_training

FAULTS = 3  # of a dataset that are named
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be started, to be confirmed first."""

    order: Order
    forecast: Forecast


class AlreadyError(FatalError):
    """The very same is being trained, or was."""


def dataset_paths(records: Path, profile: ExportProfile) -> tuple[Path, Path | None]:
    """The file to train on and the one to test on, as a build leaves them for a profile.

    Raises FatalError when there is none.
    """
    paths = upload_paths(records, profile)
    train, valid = paths["train"], paths["valid"]
    if train.is_file():
        return train, valid if valid.is_file() and valid.stat().st_size else None
    whole = former_upload_path(records, profile)
    if whole.is_file():
        return whole, None
    raise FatalError(
        f"There is no dataset to train on: {train} is not there. Build one first, with {profile!r} among "
        "export.profiles."
    )


async def planned(settings: Settings, environment: Environment) -> Plan:
    """The job that the settings describe, its files checked. Raises FatalError with what is wrong."""
    refuse(missing_for_training(settings, environment), "a model can be trained")
    place = place_of(settings.training)
    assert place is not None  # or it would be missing
    records = Path(settings.dataset.output_path)
    await asyncio.to_thread(finish_switches, records.parent)
    facts = place.facts
    train, valid = dataset_paths(records, facts.profile)
    order = order_of(
        settings.training,
        place,
        await asyncio.to_thread(_checked, train, facts.profile, facts.fewest),
        await asyncio.to_thread(_checked, valid, facts.profile, 0) if valid else None,
    )
    return Plan(order, forecast(order, settings.training.prices.get(order.model)))


def _checked(path: Path, profile: ExportProfile, fewest: int) -> DataFile:
    """A dataset file that its provider should take."""
    report = check_file(path, profile, token_counter())
    faults = [fault for fault in report.faults if fault.line or report.lines < fewest]
    if faults:
        more = f"; and {len(faults) - FAULTS} more" if len(faults) > FAULTS else ""
        raise FatalError(
            f"{path} would be refused, so nothing was uploaded: {'; '.join(map(str, faults[:FAULTS]))}{more}. "
            f"`tuner validate {path}` lists everything."
        )
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except OSError as error:
        raise FatalError(f"{path} cannot be read: {error.strerror}.") from None
    return DataFile(str(path.absolute()), digest, size, report.lines, report.tokens, report.exact)


async def refuse_repetition(store: Store, order: Order, *, again: bool) -> None:
    """Raises AlreadyError when the same is being trained, or was, and not to be trained `again`."""
    for job in await Jobs(store).like(order):
        if job.state in UNDER_WAY:
            raise AlreadyError(
                f"Job {job.id} ({job.remote_id}) trains just that already. `train status {job.id}` shows it."
            )
        if job.state == "finished" and not again:
            made = f" and made {job.result}" if job.result else ""
            raise AlreadyError(
                f"Job {job.id} trained just that{made}. To train it once more, and pay once more, add --again "
                "(in Discord: again:True)."
            )


async def start(
    store: Store,
    settings: Settings,
    environment: Environment,
    plan: Plan,
    owner: str,
    *,
    requester: int = 0,
    again: bool = False,
    tell: Callable[[str], None] = lambda text: None,
    begun: Callable[[Job], None] = lambda job: None,
) -> Job:
    """Start what was confirmed, or go on with it where an earlier try was broken off; the job, at its provider.

    `begun` is told of the job as soon as it is written down.
    """
    order = plan.order
    with jobs_lock(store.path):
        await refuse_repetition(store, order, again=again)
        await _recover_others(store, settings, environment, order, tell)
        digests = [file.sha256 for file in order.files]
        lineage = await lineage_of(store, Path(settings.dataset.output_path), digests)
        job = await Jobs(store).intend(order, plan.forecast, lineage, owner, requester)
        begun(job)
        return await _sent(store, settings, environment, job, tell)


async def _recover_others(
    store: Store, settings: Settings, environment: Environment, order: Order, tell: Callable[[str], None]
) -> None:
    """Look for jobs of another kind that may have been started by a process that died: nobody else might."""
    jobs = Jobs(store)
    for job in await jobs.unsent():
        if job.asked_at is None or job.order.identity == order.identity:
            continue
        try:
            async with trainer_at(job.order.place, settings, environment) as trainer:
                await Submission(jobs, trainer, Patience.of(settings.training), tell).recover(job)
        except TunerError as error:
            tell(f"It is not known whether job {job.id} was started: {error}")


async def go_on(
    store: Store, settings: Settings, environment: Environment, job: Job, tell: Callable[[str], None]
) -> Job:
    """Send a job that was confirmed before the process died."""
    with jobs_lock(store.path):
        return await _sent(store, settings, environment, job, tell)


async def _sent(
    store: Store, settings: Settings, environment: Environment, job: Job, tell: Callable[[str], None]
) -> Job:
    jobs = Jobs(store)
    fresh = await jobs.find(job.id)  # as it is now that nobody else sends
    if fresh is None or fresh.state not in UNSENT:
        return fresh or job
    async with trainer_at(job.order.place, settings, environment) as trainer:
        return await Submission(jobs, trainer, Patience.of(settings.training), tell).send(fresh)


async def refresh(store: Store, settings: Settings, environment: Environment, job: Job) -> Job:
    """How a job stands with its provider. One that may have been started by a process that died is looked for.

    Raises TunerError when the provider cannot be asked.
    """
    if job.state in OVER or (job.state in UNSENT and job.asked_at is None):
        return job
    jobs, patience = Jobs(store), Patience.of(settings.training)
    async with trainer_at(job.order.place, settings, environment) as trainer:
        if job.state in UNSENT:
            with jobs_lock(store.path):
                return await Submission(jobs, trainer, patience).recover(await jobs.find(job.id) or job)
        remote = await patiently(lambda: trainer.job(job.remote_id), patience)
    return await jobs.change(job.id, lambda now: after(now, remote, time.time()) if remote else missed(now))


async def cancel(
    store: Store,
    settings: Settings,
    environment: Environment,
    job: Job,
    tell: Callable[[str], None] = lambda text: None,
) -> Job:
    """End a job, wherever it is; it may turn out to be over. Raises TunerError when the provider cannot be asked."""
    jobs, patience = Jobs(store), Patience.of(settings.training)
    if job.state in OVER:
        return job
    if job.state in UNSENT and job.asked_at is None:
        with jobs_lock(store.path):
            return await jobs.change(job.id, _called_off)
    async with trainer_at(job.order.place, settings, environment) as trainer:
        if job.state in UNSENT:
            with jobs_lock(store.path):
                job = await Submission(jobs, trainer, patience, tell).withdraw(await jobs.find(job.id) or job)
            if job.state in OVER:
                return job
        remote = await _cancelled(trainer, job, patience)
    if remote is None:
        return await jobs.change(job.id, missed)
    return await jobs.change(job.id, lambda now: after(now, remote, time.time()))


async def _cancelled(trainer: Trainer, job: Job, patience: Patience) -> RemoteJob | None:
    """The job once it was asked to end. A provider may refuse that because it is over already."""
    try:
        remote = await patiently(lambda: trainer.cancel(job.remote_id), patience)
    except (RefusedError, RetryError):
        remote = await patiently(lambda: trainer.job(job.remote_id), patience)
        if remote is not None and remote.state not in OVER:
            raise
    if remote is not None and remote.state in ("queued", "running"):  # it has heard, and is not done with it
        return replace(remote, state="cancelling")
    return remote


def _called_off(job: Job) -> Job:
    if job.state not in UNSENT or job.asked_at is not None:
        return job
    return replace(job, state="cancelled", reason="It was called off before it was sent.")


@asynccontextmanager
async def trainer_at(place: Place, settings: Settings, environment: Environment) -> AsyncIterator[Trainer]:
    """The client for a provider. Raises UsageError when there is no key."""
    key = secret(environment, place.key_env, f"Asking {place.title} about training")
    seconds = settings.training.timeout_seconds
    if place.provider == "together":
        async with together_jobs(place, key, seconds) as together:
            yield together
    elif place.provider == "fireworks":
        async with fireworks_jobs(place, key, seconds) as fireworks:
            yield fireworks
    else:
        async with openai_jobs(place, key, seconds) as others:
            yield others
