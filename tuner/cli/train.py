"""`train`: start a job that trains a model on the dataset, see how it is doing, end it, list them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tuner import config
from tuner.adapters.sqlite_jobs import Jobs
from tuner.adapters.sqlite_store import Store, open_store, open_to_look
from tuner.cli.running import existing_archive, remark, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.cli.source import owner
from tuner.config.settings import Settings
from tuner.errors import FatalError, TunerError, UsageError
from tuner.runs.training import Plan, cancel, planned, refresh, refuse_repetition, start
from tuner.training.jobs import OVER, UNSENT, Job
from tuner.training.wording import job_lines, plan_lines

MOST_LISTED = 1000


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments, needed=False)
    if arguments.action == "start":
        return _start(settings, confirmed=arguments.yes, again=arguments.again)
    if arguments.action == "status":
        return run_to_the_end(_status(settings, arguments.job, watch=arguments.watch))
    if arguments.action == "cancel":
        return run_to_the_end(_cancel(settings, arguments.job))
    return run_to_the_end(_list(settings, arguments.person))


# -- start -----------------------------------------------------------------------


def _start(settings: Settings, *, confirmed: bool, again: bool) -> int:
    plan = run_to_the_end(_plan(settings, again=again))
    for line in plan_lines(plan.order, plan.forecast):
        say(line)
    if not confirmed and not _asked():
        say("Nothing was started.")
        return 1
    return run_to_the_end(_begin(settings, plan, again=again))


async def _plan(settings: Settings, *, again: bool) -> Plan:
    plan = await planned(settings, config.environment())
    async with open_store(Path(settings.store.path)) as store:
        await refuse_repetition(store, plan.order, again=again)
    return plan


def _asked() -> bool:
    """Whether the person at the terminal wants it. Raises UsageError where there is none."""
    if not sys.stdin or not sys.stdin.isatty():
        raise UsageError("Nothing was started: nobody is there to confirm the price. Add --yes to start it.")
    try:
        return input("Start it? [y/N] ").strip().casefold() in ("y", "yes")
    except EOFError:
        return False


async def _begin(settings: Settings, plan: Plan, *, again: bool) -> int:
    async with open_store(Path(settings.store.path)) as store:
        job = await start(
            store, settings, config.environment(), plan, owner(), again=again, tell=remark, begun=_begun
        )
        await _show(store, job)
    if job.state not in OVER:
        say(f"`tuner train status {job.id} --watch` shows how it is doing.")
    return 0 if job.state not in ("failed", "cancelled") else 1


def _begun(job: Job) -> None:
    remark(f"Job {job.id} is written down. If this is broken off, the same command goes on with it.")


# -- status, cancel, list ----------------------------------------------------------


async def _status(settings: Settings, number: int | None, *, watch: bool) -> int:
    async with open_store(existing_archive(settings)) as store:
        jobs = await _meant(store, number)
        if not jobs:
            say("No job was started yet: `tuner train start` does.")
        shown: dict[int, list[str]] = {}
        while jobs:
            jobs = [await _refreshed(store, settings, job, quiet=bool(shown)) for job in jobs]
            for job in jobs:
                lines = [*await _lines(store, job), *_what_to_do(job)]
                if shown.get(job.id) != lines:
                    shown[job.id] = lines
                    _say_all(lines)
            if not watch or all(job.state in OVER or job.state == "lost" for job in jobs):
                break
            await asyncio.sleep(settings.training.poll_seconds)
    return 1 if watch and any(job.state != "finished" for job in jobs) else 0


def _what_to_do(job: Job) -> list[str]:
    if job.state not in UNSENT:
        return []
    return [f"  `tuner train start` goes on with it, `tuner train cancel {job.id}` calls it off."]


async def _meant(store: Store, number: int | None) -> list[Job]:
    """The job of that number; without one those that are not over, or else the last."""
    jobs = Jobs(store)
    if number is not None:
        return [await _numbered(jobs, number)]
    return [*await jobs.unsent(), *await jobs.under_way()] or await jobs.last(1)


async def _numbered(jobs: Jobs, number: int) -> Job:
    job = await jobs.find(number)
    if job is None:
        raise UsageError(f"There is no job {number}. `tuner train list` shows those there are.")
    return job


async def _refreshed(store: Store, settings: Settings, job: Job, *, quiet: bool) -> Job:
    """The job as its provider describes it, or as it was last described."""
    try:
        return await refresh(store, settings, config.environment(), job)
    except TunerError as error:
        if not quiet:
            remark(f"Job {job.id} is shown as it was last known: {error}")
        return job


async def _cancel(settings: Settings, number: int | None) -> int:
    async with open_store(existing_archive(settings)) as store:
        jobs = Jobs(store)
        job = await _numbered(jobs, number) if number is not None else await _only(jobs)
        if job.state in OVER:
            say(f"Job {job.id} is over already.")
        job = await cancel(store, settings, config.environment(), job, remark)
        await _show(store, job)
    return 0


async def _only(jobs: Jobs) -> Job:
    found = [*await jobs.unsent(), *await jobs.under_way()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise FatalError("No job is waiting or running, so there is nothing to end.")
    numbers = ", ".join(str(job.id) for job in found)
    raise UsageError(
        f"Several jobs are not over: {numbers}. Name the one to end: tuner train cancel {found[0].id}"
    )


async def _list(settings: Settings, person: int | None) -> int:
    async with open_to_look(existing_archive(settings)) as store:
        jobs = Jobs(store)
        found = await jobs.trained_on(person) if person is not None else (await jobs.last(MOST_LISTED))[::-1]
        for job in found:
            await _show(store, job)
        if not found:
            whose = "" if person is None else f" with words of {person} in its dataset"
            say(f"No job{whose} is known.")
        if person is not None and (unknown := await jobs.unknown_people()):
            numbers = ", ".join(str(job.id) for job in unknown)
            say(f"Of these it is not known whose words are in their datasets: {numbers}.")
    return 0


async def _show(store: Store, job: Job) -> None:
    _say_all(await _lines(store, job))


async def _lines(store: Store, job: Job) -> list[str]:
    people = len(await Jobs(store).people(job.id)) if job.people_known else None
    return job_lines(job, people)


def _say_all(lines: Sequence[str]) -> None:
    for line in lines:
        say(line)
