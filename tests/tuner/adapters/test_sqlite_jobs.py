"""Jobs in the archive: one of a kind at a time, changed from what is stored, and remembered whole."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tuner.adapters.sqlite_jobs import Jobs, Lineage, jobs_lock
from tuner.adapters.sqlite_runs import Report
from tuner.adapters.sqlite_store import Store, open_store
from tuner.errors import FatalError, UsageError
from tuner.training.forecast import Forecast
from tuner.training.jobs import Job, Progress, State
from tuner.training.orders import DataFile, Learning, Order
from tuner.training.providers import Place

TRAIN = DataFile("records.openai.train.jsonl", "ab" * 32, 100, 12, 1_000, exact=False)
VALID = DataFile("records.openai.valid.jsonl", "cd" * 32, 10, 2, 100)
PLACE = Place("fireworks", "https://api.fireworks.ai/", "acme", "FIREWORKS_API_KEY")
ORDER = Order(PLACE, "m", TRAIN, VALID, "tuner", Learning(3, None, 0.01))
FORECAST = Forecast(1_000, False, 3, 100, 0.5, 8.0, date(2026, 10, 7))
NOBODY = Lineage()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "tuner.db") as store:
        yield store


async def intended(store: Store, order: Order = ORDER, lineage: Lineage = NOBODY, requester: int = 0) -> Job:
    return await Jobs(store).intend(order, FORECAST, lineage, "ann", requester)


async def into(store: Store, job: Job, state: State) -> Job:
    return await Jobs(store).change(job.id, lambda now: replace(now, state=state))


async def test_a_job_is_remembered_whole(store: Store) -> None:
    job = await intended(store, lineage=Lineage(7, frozenset({1, 2})), requester=5)
    assert (job.order, job.forecast, job.state) == (ORDER, FORECAST, "intended")
    assert (job.run_id, job.people_known, job.requester, len(job.mark)) == (7, True, 5, 8)
    assert await Jobs(store).people(job.id) == {1, 2}
    plain = replace(ORDER, valid=None)
    assert (await intended(store, plain)).order == plain


async def test_one_of_a_kind_at_a_time(store: Store) -> None:
    jobs = await asyncio.gather(*(intended(store) for _ in range(8)))
    assert {job.id for job in jobs} == {1}
    for state in ("uploading", "creating", "queued", "running", "cancelling"):
        await into(store, jobs[0], state)
        assert (await intended(store)).id == 1
    assert (await intended(store, replace(ORDER, model="other"))).id == 2


@pytest.mark.parametrize("state", ["finished", "failed", "cancelled", "lost"])
async def test_another_once_it_is_over(store: Store, state: State) -> None:
    first = await into(store, await intended(store), state)
    second = await intended(store)
    assert (second.id, second.state) == (2, "intended")
    assert second.mark != first.mark
    assert (first.ended_at is not None) == (state != "lost")
    assert [job.id for job in await Jobs(store).like(ORDER)] == [2, 1]


async def test_a_lost_job_does_not_come_back_beside_another(store: Store) -> None:
    lost = await into(store, await intended(store), "lost")
    await intended(store)
    await into(store, lost, "running")
    assert [job.state for job in await Jobs(store).last(9)] == ["intended", "lost"]


async def test_a_change_starts_from_what_is_stored(store: Store) -> None:
    job = await intended(store)
    stale = await Jobs(store).find(job.id)
    await Jobs(store).change(job.id, lambda now: replace(now, remote_id="r", progress=Progress(step=5)))
    await into(store, job, "queued")
    kept = await Jobs(store).find(job.id)
    assert stale is not None and kept is not None
    assert (stale.remote_id, kept.remote_id, kept.state, kept.progress) == (
        "",
        "r",
        "queued",
        Progress(step=5),
    )


async def test_whose_words(store: Store) -> None:
    jobs = Jobs(store)
    first = await intended(store, lineage=Lineage(1, frozenset({1, 2})))
    second = await intended(store, replace(ORDER, model="n"), Lineage(2, frozenset({2})))
    third = await intended(store, replace(ORDER, model="o"))
    assert [job.id for job in await jobs.trained_on(2)] == [first.id, second.id]
    assert [job.id for job in await jobs.trained_on(1)] == [first.id]
    assert await jobs.trained_on(3) == []
    assert [job.id for job in await jobs.unknown_people()] == [third.id]


async def test_files_are_known_by_place_and_content(store: Store) -> None:
    jobs = Jobs(store)
    assert await jobs.uploaded(PLACE, TRAIN) == ("", None)
    now = time.time()
    await jobs.upload(PLACE, TRAIN, "", now)
    assert await jobs.uploaded(PLACE, TRAIN) == ("", now)
    await jobs.upload(PLACE, TRAIN, "file-1", None)
    assert await jobs.uploaded(PLACE, replace(TRAIN, path="elsewhere")) == ("file-1", None)
    assert await jobs.uploaded(replace(PLACE, account="other"), TRAIN) == ("", None)


async def test_what_discord_is_told(store: Store) -> None:
    jobs = Jobs(store)
    await intended(store)
    job = await intended(store, replace(ORDER, model="n"), requester=9)
    assert [one.id for one in await jobs.untold()] == [job.id]
    report = Report(1, 2, 3, 4.0)
    assert (await jobs.shown(job.id)).report is None
    await jobs.reported(job.id, report)
    await jobs.told(job.id)
    shown = await jobs.shown(job.id)
    assert (shown.report, shown.told, len(shown.nonce)) == (report, True, 24)
    assert await jobs.untold() == []


def test_one_sender_at_a_time(tmp_path: Path) -> None:
    archive = tmp_path / "tuner.db"
    refused = pytest.raises(FatalError, match="is being sent to its provider at this moment")
    with jobs_lock(archive), refused, jobs_lock(archive):
        pass
    with jobs_lock(archive):
        pass


def test_a_lock_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "tuner.db.jobs.lock").mkdir()
    with pytest.raises(UsageError, match="cannot be used"), jobs_lock(tmp_path / "tuner.db"):
        pass
