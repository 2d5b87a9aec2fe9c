"""Training jobs at Together, over its REST API: its own package does not install beside ours."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from tuner.adapters.provider_answers import Count, Number, Text, items, understood
from tuner.adapters.provider_rest import ExistsError, GoneError, Rest, rest
from tuner.errors import TunerError
from tuner.training.faults import told
from tuner.training.jobs import FileState, Job, Progress, RemoteFile, RemoteJob, State, recognised
from tuner.training.providers import Place

STATES: Mapping[str, State] = {
    "pending": "queued",
    "queued": "queued",
    "cancel_requested": "cancelling",
    "cancelled": "cancelled",
    "error": "failed",
    "user_error": "failed",
    "completed": "finished",
}
BROKEN = ("FAILED", "INVALID_FORMAT")
WAITING = ("PENDING", "QUEUED", "RUNNING")
LORA = {"type": "Lora", "lora_r": 16, "lora_alpha": 32}  # what its own client asks for where nobody says


class _Left(BaseModel):
    estimate_available: bool = False
    seconds_remaining: Number = None


class _Job(BaseModel):
    id: str = Field(min_length=1)
    status: str
    suffix: Text = None
    model_output_name: Text = None
    output_name: Text = None
    model_object_name: Text = None
    token_count: Count = None
    n_epochs: Count = None
    progress: _Left | None = None


class _File(BaseModel):
    id: str = Field(min_length=1)
    filename: Text = None
    bytes: Count = None
    processing_status: Text = None
    validation_report: Any = None


class TogetherJobs:
    """One attempt a call: `tuner.runs.training` decides about the next."""

    def __init__(self, server: Rest, place: Place) -> None:
        self._server = server
        self._place = place

    async def files(self, name: str) -> list[RemoteFile]:
        """Files of that name."""
        found = items(await self._server.get("/files"), "data")
        return [self._file(item) for item in found if item.get("filename") == name]

    async def file(self, file_id: str) -> RemoteFile | None:
        """A file by its number, None when there is none."""
        with suppress(GoneError):
            return self._file(await self._server.get(f"/files/{_part(file_id)}"))
        return None

    async def delete(self, file_id: str) -> None:
        """Have a file be gone; it may be already."""
        with suppress(GoneError):
            await self._server.delete(f"/files/{_part(file_id)}")

    async def upload(self, path: Path, name: str, lines: int) -> RemoteFile:
        with path.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        announced = {"purpose": "fine-tune", "file_name": name, "file_type": "jsonl", "checksum": checksum}
        try:
            where, number = await self._server.redirected("/files", announced)
        except ExistsError as error:  # it knows the content by its checksum
            if isinstance(error.body, dict) and (known := await self.file(str(error.body.get("file_id")))):
                return known
            raise
        await self._server.put_file(where, path)
        return self._file(await self._server.post(f"/files/{_part(number)}/preprocess"))

    async def recall(self, job: Job, file: str) -> RemoteJob | None:
        """The job that bears this one's mark, None when there is none."""
        found = items(await self._server.get("/fine-tunes"), "data")
        return next((one for one in map(self._job, found) if recognised(one, job, file)), None)

    async def create(self, job: Job, files: tuple[str, ...]) -> RemoteJob:
        train, *valid = files
        order = job.order
        wanted = {
            "training_file": train,
            "validation_file": valid[0] if valid else None,
            "n_evals": (order.learning.epochs or 1) if valid else None,  # 0, its default, ignores the file
            "model": order.model,
            "suffix": job.suffix,
            "n_epochs": order.learning.epochs,
            "learning_rate": order.learning.rate,
            "training_type": LORA,
            "training_method": {"method": "sft", "train_on_inputs": "auto"},
        }
        document = {key: value for key, value in wanted.items() if value is not None}
        return self._job(await self._server.post("/fine-tunes", document))

    async def job(self, job_id: str) -> RemoteJob | None:
        """A job by its number with its latest step, None when Together knows none."""
        with suppress(GoneError):
            document = await self._server.get(f"/fine-tunes/{_part(job_id)}")
            return self._job(document, await self._metrics(job_id), await self._reason(job_id, document))
        return None

    async def cancel(self, job_id: str) -> RemoteJob | None:
        """The job once it was asked to end, None when Together knows none."""
        with suppress(GoneError):
            return self._job(await self._server.post(f"/fine-tunes/{_part(job_id)}/cancel"))
        return None

    async def _metrics(self, job_id: str) -> dict[str, Any]:
        """What was measured last; nothing while nothing is."""
        with suppress(TunerError):
            found = items(await self._server.get(f"/fine-tunes/{_part(job_id)}/metrics"), "metrics")
            return found[-1] if found else {}
        return {}

    async def _reason(self, job_id: str, document: Any) -> str:
        """The last error that it tells of a job that failed."""
        if not isinstance(document, dict) or STATES.get(str(document.get("status"))) != "failed":
            return ""
        with suppress(TunerError):
            events = items(await self._server.get(f"/fine-tunes/{_part(job_id)}/events"), "data")
            said = [
                one["message"]
                for one in events
                if one.get("level") == "error" and isinstance(one.get("message"), str)
            ]
            return told(said[-1], self._server.key) if said else ""
        return ""

    def _job(self, document: Any, metrics: Mapping[str, Any] | None = None, reason: str = "") -> RemoteJob:
        parsed = understood(_Job, document, self._place)
        state = STATES.get(parsed.status, "running")
        names = (parsed.model_output_name, parsed.output_name, parsed.model_object_name)
        left = parsed.progress
        return RemoteJob(
            parsed.id,
            state,
            tuple(filter(None, (parsed.suffix, *names))),
            next(filter(None, names), "") if state == "finished" else "",
            reason,
            Progress(
                step=_Step.model_validate(metrics or {}).step,
                loss=_Step.model_validate(metrics or {}).loss,
                trained=_trained(parsed) if state == "finished" else None,
                seconds_left=left.seconds_remaining if left and left.estimate_available else None,
            ),
        )

    def _file(self, document: Any) -> RemoteFile:
        parsed = understood(_File, document, self._place)
        status, report = parsed.processing_status, parsed.validation_report
        said = report.get("error") if isinstance(report, dict) else None
        reason = told(said, self._server.key) if isinstance(said, str) else ""
        state: FileState = "failed" if status in BROKEN else "waiting" if status in WAITING else "ready"
        if not parsed.bytes and state != "failed":
            state = "announced"
        return RemoteFile(parsed.id, parsed.filename or "", parsed.bytes, state, reason)


class _Step(BaseModel):
    step: Count = Field(default=None, alias="global_step")
    loss: Number = Field(default=None, alias="train/loss")


def _trained(job: _Job) -> int | None:
    return job.token_count * job.n_epochs if job.token_count and job.n_epochs else None


def _part(number: str) -> str:
    """A number as one part of a path."""
    return quote(number, safe="")


@asynccontextmanager
async def together_jobs(place: Place, api_key: str, timeout_seconds: float) -> AsyncIterator[TogetherJobs]:
    async with rest(place, api_key, timeout_seconds) as server:
        yield TogetherJobs(server, place)
