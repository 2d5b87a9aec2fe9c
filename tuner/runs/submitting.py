"""A job's way to its provider: uploaded once, started once, wherever the process dies on the way.

Before each request that changes something its time is written down. If its answer is lost, with the connection or with
the process, what was asked for is looked for until the provider must have settled it, and only then asked for again.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from tuner.adapters.sqlite_jobs import Jobs
from tuner.config.settings import Training
from tuner.errors import FatalError, RetryError
from tuner.training.faults import UnansweredError
from tuner.training.jobs import UNSENT, Job, RemoteFile, RemoteJob, State, after
from tuner.training.orders import DataFile

Value = TypeVar("Value")

LONGEST_PAUSE = 60.0  # seconds between two tries
LOOK_AGAIN = 5.0  # seconds between two looks for what may come yet
CHECKING = 3600.0  # seconds that a provider may take to check a file
UPLOADS = 10  # times as long as another request that an upload may take


class Trainer(Protocol):
    """A provider of training. Each call is one attempt.

    They raise RetryError when it refused for the moment, UnansweredError when it is not known whether it obeyed, and
    FatalError when it never will. None says that there is no such thing.
    """

    async def files(self, name: str) -> list[RemoteFile]: ...
    async def file(self, file_id: str) -> RemoteFile | None: ...
    async def delete(self, file_id: str) -> None: ...
    async def upload(self, path: Path, name: str, lines: int) -> RemoteFile: ...
    async def recall(self, job: Job, file: str) -> RemoteJob | None: ...
    async def create(self, job: Job, files: tuple[str, ...]) -> RemoteJob: ...
    async def job(self, job_id: str) -> RemoteJob | None: ...
    async def cancel(self, job_id: str) -> RemoteJob | None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and how often. `settle`: how long what was asked for may take to show when no answer came."""

    settle: float
    attempts: int
    backoff: float
    longest: float  # of one request

    @classmethod
    def of(cls, training: Training) -> Patience:
        return cls(
            training.settle_seconds,
            training.attempts,
            training.backoff_seconds,
            training.timeout_seconds * UPLOADS,
        )

    def pause(self, attempt: int) -> float:
        return min(self.backoff * 2.0**attempt, LONGEST_PAUSE)


class Submission:
    """Takes jobs that were written down to their provider. Whoever sends holds `jobs_lock`."""

    def __init__(
        self,
        jobs: Jobs,
        trainer: Trainer,
        patience: Patience,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._jobs = jobs
        self._trainer = trainer
        self._patience = patience
        self._tell = tell

    async def send(self, job: Job) -> Job:
        """The job once its provider has it, whether this or an earlier try brought it there.

        Raises FatalError when it will not be, and the job has failed; RetryError when it is not known yet, and the same
        call goes on from there.
        """
        if job.asked_at is not None and (found := await self._look_for(job)):
            return await self._arrived(job, found)
        try:
            files = tuple([await self._uploaded(job, file) for file in job.order.files])
        except FatalError as error:
            await self._failed(job, error)
            raise
        await self._step(job, "creating")
        return await self._arrived(job, await self._created(job, files))

    async def recover(self, job: Job) -> Job:
        """The job as its provider knows it, if it got there before its process died; else as it was."""
        if job.state not in UNSENT or job.asked_at is None:
            return job
        found = await self._patiently(lambda: self._recall(job))
        return await self._arrived(job, found) if found else job

    async def withdraw(self, job: Job) -> Job:
        """A job that was not sent, called off; one that turns out to have arrived is given back as it is."""
        if job.asked_at is not None and (found := await self._look_for(job)):
            return await self._arrived(job, found)
        return await self._jobs.change(
            job.id,
            lambda now: replace(now, state="cancelled", reason="It was called off before it was sent."),
        )

    # -- the job -------------------------------------------------------------------

    async def _created(self, job: Job, files: tuple[str, ...]) -> RemoteJob:
        async def create() -> RemoteJob:
            try:
                return await self._trainer.create(job, files)
            except FatalError as error:
                await self._failed(job, error)
                raise

        return await self._once(
            lambda: self._recall(job),
            create,
            lambda at: self._jobs.change(job.id, lambda now: replace(now, asked_at=at)),
            "whether the job was taken",
        )

    async def _recall(self, job: Job) -> RemoteJob | None:
        """The job as it was started by an earlier try, None when there is none."""
        number, _ = await self._jobs.uploaded(job.order.place, job.order.train)
        return await self._trainer.recall(await self._jobs.find(job.id) or job, number)

    async def _look_for(self, job: Job) -> RemoteJob | None:
        assert job.asked_at is not None
        return await self._settled(lambda: self._recall(job), job.asked_at, "whether the job was taken")

    async def _arrived(self, job: Job, remote: RemoteJob) -> Job:
        def changed(now: Job) -> Job:
            asked = replace(now, state="creating") if now.state in UNSENT else now
            return after(asked, remote, time.time())

        return await self._jobs.change(job.id, changed)

    async def _step(self, job: Job, state: State) -> None:
        await self._jobs.change(job.id, lambda now: replace(now, state=state))

    async def _failed(self, job: Job, error: FatalError) -> None:
        await self._jobs.change(job.id, lambda now: replace(now, state="failed", reason=str(error)))

    # -- its files -----------------------------------------------------------------

    async def _uploaded(self, job: Job, file: DataFile) -> str:
        """The number of a file at the provider, uploaded if it is not there."""
        place = job.order.place
        number, asked_at = await self._jobs.uploaded(place, file)
        known = await self._patiently(lambda: self._trainer.file(number)) if number else None
        if known is None or known.state == "failed":
            known = await self._brought(job, file, None if number else asked_at)
            await self._jobs.upload(place, file, known.id, None)
        return await self._ready(known)

    async def _brought(self, job: Job, file: DataFile, asked_at: float | None) -> RemoteFile:
        """A file of that content: one that is there, another archive's perhaps, or an upload."""

        async def look() -> RemoteFile | None:
            found = await self._trainer.files(file.name)
            whole = [one for one in found if one.size in (None, file.size)]
            return next((one for one in whole if one.state in ("ready", "waiting")), None)

        async def upload() -> RemoteFile:
            await asyncio.to_thread(_check_unchanged, file)
            return await self._trainer.upload(Path(file.path), file.name, file.lines)

        if asked_at is None and (there := await self._patiently(look)):
            return there
        await self._step(job, "uploading")
        return await self._once(
            look,
            upload,
            lambda at: self._jobs.upload(job.order.place, file, "", at),
            f"whether {file.path} was uploaded",
            asked_at,
        )

    async def _ready(self, file: RemoteFile) -> str:
        """The number of a file once its provider has checked it."""
        until = time.time() + CHECKING
        while file.state in ("waiting", "announced"):
            if time.time() > until:
                raise RetryError(
                    "The provider is still checking the dataset. Run the same command again later."
                )
            await asyncio.sleep(min(self._patience.backoff, LOOK_AGAIN))
            number = file.id
            seen = await self._patiently(lambda: self._trainer.file(number))  # noqa: B023 - called at once
            if seen is None:
                raise FatalError("The provider has lost the dataset that was uploaded. Start the job again.")
            file = seen
        if file.state == "failed":
            why = f" It says: {file.reason}" if file.reason else ""
            raise FatalError(f"The provider does not take the dataset.{why}")
        return file.id

    # -- once ----------------------------------------------------------------------

    async def _once(
        self,
        look: Callable[[], Awaitable[Value | None]],
        act: Callable[[], Awaitable[Value]],
        note: Callable[[float], Awaitable[object]],
        unknown: str,
        asked_at: float | None = None,
    ) -> Value:
        """What `act` makes, asked for again only where `look` says that it was not made.

        `note` writes down when it is asked for, before that; `asked_at` is what a process before this one wrote down.
        """
        fault: RetryError = RetryError("")
        for attempt in range(self._patience.attempts):
            if asked_at is not None and (found := await self._settled(look, asked_at, unknown)):
                return found
            await note(time.time())
            try:
                return await act()
            except UnansweredError as error:
                fault, asked_at = error, time.time()
            except RetryError as error:  # it was refused, so nothing was made
                fault, asked_at = error, None
            await asyncio.sleep(max(self._patience.pause(attempt), fault.after or 0))
        if asked_at is not None and (found := await self._settled(look, asked_at, unknown)):
            return found
        raise RetryError(f"{fault}. The same command goes on from here, and starts nothing twice.")

    async def _settled(
        self, look: Callable[[], Awaitable[Value | None]], asked_at: float, unknown: str
    ) -> Value | None:
        """What was asked for, None once it would show if it had been made."""
        until = min(time.time(), asked_at + self._patience.longest) + self._patience.settle
        told = False
        while True:
            if found := await self._patiently(look):
                return found
            left = until - time.time()
            if left <= 0:
                return None
            if not told:
                self._tell(f"It is not known {unknown}: it is looked for, for {left:.0f} s.")
                told = True
            await asyncio.sleep(min(left, LOOK_AGAIN, max(self._patience.settle / 10, 0.01)))

    async def _patiently(self, look: Callable[[], Awaitable[Value]]) -> Value:
        """What a question that changes nothing is answered, asked again when it fails in passing."""
        return await patiently(look, self._patience)


async def patiently(look: Callable[[], Awaitable[Value]], patience: Patience) -> Value:
    """What a question that changes nothing is answered, asked again when it fails in passing."""
    for attempt in range(patience.attempts - 1):
        try:
            return await look()
        except RetryError as error:
            await asyncio.sleep(max(patience.pause(attempt), error.after or 0))
    try:
        return await look()
    except RetryError as error:
        raise RetryError(f"{error}. Nothing is lost; the same command goes on from here.") from None


def _check_unchanged(file: DataFile) -> None:
    """The file must still be what was checked and confirmed."""
    try:
        with Path(file.path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FatalError(
            f"{file.path} cannot be read any more: {error.strerror}. Nothing was started."
        ) from None
    if digest != file.sha256:
        raise FatalError(
            f"{file.path} has changed since the job was confirmed. Nothing was started; start it anew."
        )
