"""Training jobs in the archive: written down before they are sent, and whose words they were made of."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tuner.adapters.places import LockFileError, locked
from tuner.adapters.sqlite_announcements import new_nonce
from tuner.adapters.sqlite_runs import Report
from tuner.adapters.sqlite_store import LOCK_PATIENCE, Row, Store, Writer
from tuner.errors import FatalError, UsageError
from tuner.training.forecast import Forecast
from tuner.training.jobs import OVER, UNDER_WAY, UNSENT, Job, Progress, State
from tuner.training.orders import DataFile, Learning, Order
from tuner.training.providers import Place

_COLUMNS = (
    "id, state, mark, ordered, owner, requester, created_at, ended_at, run_id, people_known, asked_at, remote_id, "
    "result, reason, progress, misses"
)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a job's dataset was made of: the build that made it, and the people whose words are in it.

    `people` is None where that cannot be told.
    """

    run_id: int | None = None
    people: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What Discord has to be told of a job: where it is shown, and whether its end was announced."""

    report: Report | None
    nonce: str
    told: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """An upload that holds withdrawn words. `remote_id` is empty where it is not known whether it arrived."""

    place: Place
    sha256: str
    remote_id: str


class Jobs:
    """Every job that was confirmed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def intend(
        self, order: Order, forecast: Forecast, lineage: Lineage, owner: str, requester: int = 0
    ) -> Job:
        """Write down that a job shall be; the one that is there already when it is wanted and not over."""
        async with self._store.transaction() as db:
            cursor = await db.execute(
                "INSERT INTO training_jobs (state, identity, mark, ordered, owner, requester, created_at, run_id, "
                "people_known, base_url, account, nonce) VALUES ('intended', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (
                    order.identity,
                    secrets.token_hex(4),
                    _encoded(order, forecast),
                    owner,
                    requester,
                    _now(),
                    lineage.run_id,
                    lineage.people is not None,
                    order.place.base_url,
                    order.place.account,
                    new_nonce(),
                ),
            )
            if cursor.rowcount:
                people = [(cursor.lastrowid, user_id) for user_id in sorted(lineage.people or ())]
                await db.executemany("INSERT INTO training_people (job_id, user_id) VALUES (?, ?)", people)
        [job] = await self._select("WHERE identity = ? ORDER BY id DESC LIMIT 1", order.identity)
        return job

    async def change(self, job_id: int, changed: Callable[[Job], Job]) -> Job:
        """Let `changed` make of a job, as it is stored now, what is to be stored; that.

        A lost job that turns up again while another one does its work stays as it is.
        """
        async with self._store.transaction() as db:
            job = _with_end(await _reread(db, job_id), changed)
            await db.execute(
                "UPDATE OR IGNORE training_jobs SET state = ?, asked_at = ?, remote_id = ?, result = ?, reason = ?, "
                "progress = ?, misses = ?, ended_at = ? WHERE id = ?",
                (
                    job.state,
                    job.asked_at,
                    job.remote_id,
                    job.result,
                    job.reason,
                    json.dumps(asdict(job.progress)),
                    job.misses,
                    job.ended_at,
                    job_id,
                ),
            )
        return job

    async def find(self, job_id: int) -> Job | None:
        found = await self._select("WHERE id = ?", job_id)
        return found[0] if found else None

    async def last(self, count: int) -> list[Job]:
        """The newest jobs, newest first."""
        return await self._select("ORDER BY id DESC LIMIT ?", count)

    async def unsent(self) -> list[Job]:
        """Jobs that were confirmed, and of which no number is known, oldest first."""
        return await self._in(UNSENT)

    async def under_way(self) -> list[Job]:
        """Jobs that a provider works on, oldest first."""
        return await self._in(UNDER_WAY)

    async def like(self, order: Order) -> list[Job]:
        """Jobs that were to train the same model in the same way, newest first."""
        return await self._select("WHERE identity = ? ORDER BY id DESC", order.identity)

    async def trained_on(self, user_id: int) -> list[Job]:
        """Jobs whose dataset has words of this person, sent or not: what was uploaded stays with its provider."""
        return await self._select(
            "WHERE id IN (SELECT job_id FROM training_people WHERE user_id = ?) ORDER BY id", user_id
        )

    async def unknown_people(self) -> list[Job]:
        """Jobs of which it is not known whose words are in their dataset."""
        return await self._select("WHERE people_known = ? ORDER BY id", False)

    async def people(self, job_id: int) -> frozenset[int]:
        """The people whose words are in the dataset of a job."""
        rows = await self._store.fetch("SELECT user_id FROM training_people WHERE job_id = ?", (job_id,))
        return frozenset(user_id for (user_id,) in rows)

    # -- files -------------------------------------------------------------------

    async def uploaded(self, place: Place, file: DataFile) -> tuple[str, float | None]:
        """The number that a file has at a provider, empty for none, and when its upload was last begun."""
        rows = await self._store.fetch(
            "SELECT remote_id, asked_at FROM training_files WHERE (base_url, account, sha256) = (?, ?, ?)",
            (place.base_url, place.account, file.sha256),
        )
        return rows[0] if rows else ("", None)

    async def upload(self, place: Place, file: DataFile, remote_id: str, asked_at: float | None) -> None:
        """Remember that an upload begins, or which number it was given."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR REPLACE INTO training_files (base_url, account, sha256, remote_id, asked_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (place.base_url, place.account, file.sha256, remote_id, asked_at),
            )

    async def stale(self) -> list[Stale]:
        """Uploads that hold withdrawn words, each with a place that it can be deleted at."""
        rows = await self._store.fetch(
            "SELECT f.base_url, f.account, f.sha256, f.remote_id, max(j.ordered) FROM training_files f "
            "JOIN training_jobs j ON j.base_url = f.base_url AND j.account = f.account "
            "WHERE f.stale GROUP BY f.base_url, f.account, f.sha256"
        )
        return [
            Stale(_order(json.loads(ordered)["order"]).place, sha256, remote_id)
            for _, _, sha256, remote_id, ordered in rows
        ]

    async def deleted(self, file: Stale) -> None:
        """An upload is gone."""
        async with self._store.transaction() as db:
            await db.execute(
                "DELETE FROM training_files WHERE (base_url, account, sha256) = (?, ?, ?)",
                (file.place.base_url, file.place.account, file.sha256),
            )

    # -- what Discord is told ------------------------------------------------------

    async def shown(self, job_id: int) -> Shown:
        [(guild, channel, message, posted_at, nonce, told)] = await self._store.fetch(
            "SELECT report_guild, report_channel, report_message, report_posted_at, nonce, told FROM training_jobs "
            "WHERE id = ?",
            (job_id,),
        )
        report = Report(guild, channel, message, posted_at) if message is not None else None
        return Shown(report, nonce, bool(told))

    async def reported(self, job_id: int, report: Report) -> None:
        """Remember where a job is shown."""
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE training_jobs SET report_guild = ?, report_channel = ?, report_message = ?, "
                "report_posted_at = ? WHERE id = ?",
                (report.guild_id, report.channel_id, report.message_id, report.posted_at, job_id),
            )

    async def told(self, job_id: int) -> None:
        """Its end was announced."""
        async with self._store.transaction() as db:
            await db.execute("UPDATE training_jobs SET told = 1 WHERE id = ?", (job_id,))

    async def untold(self) -> list[Job]:
        """Jobs that somebody in Discord asked for and whose end was not announced yet, oldest first."""
        return await self._select("WHERE requester <> ? AND told = 0 ORDER BY id", 0)

    async def _in(self, states: Iterable[State]) -> list[Job]:
        return await self._select(
            "WHERE state IN (SELECT value FROM json_each(?)) ORDER BY id", json.dumps(sorted(states))
        )

    async def _select(self, which: str, value: int | str) -> list[Job]:
        return [
            _job(row)
            for row in await self._store.fetch(f"SELECT {_COLUMNS} FROM training_jobs {which}", (value,))
        ]


@contextmanager
def jobs_lock(archive: Path) -> Iterator[None]:
    """Hold the right to send jobs from this archive. The operating system drops it with its owner.

    Raises FatalError while another process, or another task of this one, has it.
    """
    lock = archive.with_name(archive.name + ".jobs.lock")
    try:
        with locked(lock, LOCK_PATIENCE) as free:
            if not free:
                raise FatalError(
                    "A job is being sent to its provider at this moment, from here or from another process. "
                    "`train status` shows it; wait until that is done."
                )
            yield
    except LockFileError as error:
        raise UsageError(
            f"No job can be sent: the lock file {lock} cannot be used ({error.strerror}). Remove it, or see to it "
            "that you may write it."
        ) from error


def _with_end(before: Job, changed: Callable[[Job], Job]) -> Job:
    """The changed job, with the moment of its end when it has ended with that."""
    job = changed(before)
    if job.state in OVER and before.ended_at is None:
        return replace(job, ended_at=_now())
    return job


async def _reread(db: Writer, job_id: int) -> Job:
    [row] = await db.execute_fetchall(f"SELECT {_COLUMNS} FROM training_jobs WHERE id = ?", (job_id,))
    return _job(tuple(row))


def _encoded(order: Order, forecast: Forecast) -> str:
    return json.dumps({"order": asdict(order), "forecast": asdict(forecast)}, default=str)


def _job(row: Row) -> Job:
    (
        number, state, mark, ordered, owner, requester, created, ended, run_id, people_known, asked_at, remote_id,
        result, reason, progress, misses,
    ) = row  # fmt: skip
    document = json.loads(ordered)
    return Job(
        id=number,
        state=state,
        order=_order(document["order"]),
        mark=mark,
        forecast=_forecast(document["forecast"]),
        owner=owner,
        requester=requester,
        created_at=created,
        run_id=run_id,
        people_known=bool(people_known),
        asked_at=asked_at,
        remote_id=remote_id,
        result=result,
        reason=reason,
        progress=Progress(**json.loads(progress)),
        misses=misses,
        ended_at=ended,
    )


def _order(stored: dict[str, Any]) -> Order:
    valid = stored["valid"]
    return Order(
        **{
            **stored,
            "place": Place(**stored["place"]),
            "train": DataFile(**stored["train"]),
            "valid": DataFile(**valid) if valid else None,
            "learning": Learning(**stored["learning"]),
        }
    )


def _forecast(stored: dict[str, Any]) -> Forecast:
    read = stored["read"]
    return Forecast(**{**stored, "read": date.fromisoformat(read) if read else None})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
