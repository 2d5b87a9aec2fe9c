"""Training jobs at Fireworks, over its REST API: its own package does not install beside ours.

Datasets and jobs have the names that whoever makes them chooses. So nothing is ever made twice there: a second try
meets the first one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from tuner.adapters.provider_answers import Count, Text, understood
from tuner.adapters.provider_rest import ExistsError, GoneError, Rest, rest
from tuner.training.faults import words_of
from tuner.training.jobs import FileState, Job, Progress, RemoteFile, RemoteJob, State
from tuner.training.providers import Place

STATES: Mapping[str, State] = {
    "JOB_STATE_CREATING": "queued",
    "JOB_STATE_CREATING_INPUT_DATASET": "queued",
    "JOB_STATE_PENDING": "queued",
    "JOB_STATE_RE_QUEUEING": "queued",
    "JOB_STATE_VALIDATING": "queued",
    "JOB_STATE_CANCELLING": "cancelling",
    "JOB_STATE_COMPLETED": "finished",
    "JOB_STATE_EARLY_STOPPED": "finished",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
    "JOB_STATE_DELETING": "cancelled",
}


class _Share(BaseModel):
    percent: Count = None


class _Job(BaseModel):
    name: str = Field(min_length=1)
    state: str
    output_model: Text = Field(default=None, alias="outputModel")
    status: Any = None
    progress: _Share | None = Field(default=None, alias="jobProgress")


class _Dataset(BaseModel):
    name: str = Field(min_length=1)
    state: Text = None
    status: Any = None


class FireworksJobs:
    """One attempt a call: `tuner.runs.training` decides about the next."""

    def __init__(self, server: Rest, place: Place) -> None:
        self._server = server
        self._place = place
        self._account = f"/v1/accounts/{place.account}"

    async def files(self, name: str) -> list[RemoteFile]:
        """The dataset of that name, whose upload may still be missing."""
        found = await self.file(self._dataset(name))
        return [found] if found else []

    async def file(self, file_id: str) -> RemoteFile | None:
        """A dataset by its whole name, None when there is none."""
        with suppress(GoneError):
            parsed = understood(_Dataset, await self._server.get(f"/v1/{file_id}"), self._place)
            state: FileState = "announced" if parsed.state == "UPLOADING" else "ready"
            return RemoteFile(file_id, file_id, None, state, words_of(parsed.status, self._server.key))
        return None

    async def delete(self, file_id: str) -> None:
        """Have a dataset be gone; it may be already."""
        with suppress(GoneError):
            await self._server.delete(f"/v1/{file_id}")

    async def upload(self, path: Path, name: str, lines: int) -> RemoteFile:
        dataset = self._dataset(name)
        about = {"displayName": name, "exampleCount": str(lines), "format": "CHAT", "userUploaded": {}}
        with suppress(ExistsError):  # made by a try before this one
            document = {"datasetId": dataset.rpartition("/")[2], "dataset": about}
            await self._server.post(f"{self._account}/datasets", document)
        await self._server.send_file(f"/v1/{dataset}:upload", path, name)
        return RemoteFile(dataset, dataset, None, "waiting")

    async def recall(self, job: Job, file: str) -> RemoteJob | None:
        """The job that bears this one's mark, None when there is none."""
        return await self.job(self._job_name(job))

    async def create(self, job: Job, files: tuple[str, ...]) -> RemoteJob:
        train, *valid = files
        order = job.order
        wanted = {
            "dataset": train,
            "baseModel": order.model,
            "displayName": job.suffix,
            "outputModel": f"accounts/{self._place.account}/models/{job.suffix}",
            "evaluationDataset": valid[0] if valid else None,
            "epochs": order.learning.epochs,
            "learningRate": order.learning.rate,
        }
        name = self._job_name(job)
        document = {key: value for key, value in wanted.items() if value is not None}
        try:
            made = await self._server.post(
                f"{self._account}/supervisedFineTuningJobs",
                document,
                supervisedFineTuningJobId=name.rpartition("/")[2],
            )
        except ExistsError:
            made = await self._server.get(f"/v1/{name}")
        return self._job(made)

    async def job(self, job_id: str) -> RemoteJob | None:
        """A job by its whole name, None when Fireworks knows none."""
        with suppress(GoneError):
            return self._job(await self._server.get(f"/v1/{job_id}"))
        return None

    async def cancel(self, job_id: str) -> RemoteJob | None:
        """The job once it was asked to end, None when Fireworks knows none."""
        with suppress(GoneError):
            await self._server.post(f"/v1/{job_id}:cancel")
            return await self.job(job_id)
        return None

    def _dataset(self, name: str) -> str:
        return f"accounts/{self._place.account}/datasets/{name.removesuffix('.jsonl')}"

    def _job_name(self, job: Job) -> str:
        return f"accounts/{self._place.account}/supervisedFineTuningJobs/tuner-{job.mark}"

    def _job(self, document: Any) -> RemoteJob:
        parsed = understood(_Job, document, self._place)
        percent = parsed.progress.percent if parsed.progress else None
        state = STATES.get(parsed.state, "running")
        return RemoteJob(
            parsed.name,
            state,
            (parsed.name.rpartition("-")[2],),
            (parsed.output_model or "") if state == "finished" else "",
            words_of(parsed.status, self._server.key) if state in ("failed", "cancelled") else "",
            Progress(share=min(percent, 100) / 100 if percent is not None else None),
        )


@asynccontextmanager
async def fireworks_jobs(place: Place, api_key: str, timeout_seconds: float) -> AsyncIterator[FireworksJobs]:
    async with rest(place, api_key, timeout_seconds) as server:
        yield FireworksJobs(server, place)
