"""Training jobs behind OpenAI's fine-tuning API, or any server that speaks it: OpenAI, Azure, Nebius."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
from pydantic import BaseModel, Field

from tuner.adapters.provider_answers import Count, Number, Text, items, puzzled, understood
from tuner.errors import TunerError, UsageError
from tuner.training.faults import UnansweredError, classed, words_of
from tuner.training.jobs import FileState, Job, Progress, RemoteFile, RemoteJob, State, recognised
from tuner.training.orders import Order
from tuner.training.providers import Place

STATES: Mapping[str, State] = {
    "validating_files": "queued",
    "queued": "queued",
    "paused": "queued",
    "pending": "queued",
    "created": "queued",
    "running": "running",
    "cancelling": "cancelling",
    "canceling": "cancelling",
    "succeeded": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
WAITING = ("pending", "notRunning", "running", "uploading", "processing")
BROKEN = ("error", "failed", "deleted", "deleting")
PAGE, MOST_PAGES = 100, 50
LONG_AGO = 1e9  # no moment at which a job of today ends
EVENTS = 20  # the newest of a job that are read
UPLOAD_PATIENCE = 10  # times as long as any other request

_STEP = re.compile(r"Step (\d{1,9})(?:/(\d{1,9}))?: training loss=(\d{1,9}(?:\.\d{1,20})?)")


class _Job(BaseModel):
    id: str = Field(min_length=1)
    status: str
    suffix: Text = None
    user_provided_suffix: Text = None
    metadata: Any = None
    training_file: Text = None
    created_at: Number = None
    fine_tuned_model: Text = None
    error: Any = None
    trained_tokens: Count = None
    estimated_finish: Number = None
    trained_steps: Count = None
    total_steps: Count = None


class _Checkpoint(BaseModel):
    id: str
    fine_tuned_model_checkpoint: Text = None
    step_number: Count = None


class _File(BaseModel):
    id: str = Field(min_length=1)
    filename: Text = None
    bytes: Count = None
    status: Text = None
    status_details: Any = None


class _Metrics(BaseModel):
    step: Count = None
    total_steps: Count = None
    train_loss: Number = None


class OpenAIJobs:
    """One attempt a call: `tuner.runs.training` decides about the next."""

    def __init__(self, client: openai.AsyncOpenAI, place: Place, timeout_seconds: float) -> None:
        self._client = client
        self._place = place
        self._patience = timeout_seconds

    async def files(self, name: str) -> list[RemoteFile]:
        """Files of that name."""
        files = self._client.files.with_raw_response
        found = await self._pages(lambda after: files.list(purpose="fine-tune", limit=PAGE, **after))
        return [self._file(item) for item in found if item.get("filename") == name]

    async def file(self, file_id: str) -> RemoteFile | None:
        """A file by its number, None when there is none."""
        document = await self._known(lambda: self._client.files.with_raw_response.retrieve(file_id))
        return None if document is None else self._file(document)

    async def delete(self, file_id: str) -> None:
        """Have a file be gone; it may be already."""
        await self._known(lambda: self._client.files.with_raw_response.delete(file_id))

    async def upload(self, path: Path, name: str, lines: int) -> RemoteFile:
        with path.open("rb") as stream:
            document = await self._said(
                lambda: self._client.files.with_raw_response.create(
                    file=(name, stream, "application/jsonl"),
                    purpose="fine-tune",
                    timeout=self._patience * UPLOAD_PATIENCE,
                )
            )
        return self._file(document)

    async def recall(self, job: Job, file: str) -> RemoteJob | None:
        """The job that bears this one's mark, None when there is none."""
        jobs = self._client.fine_tuning.jobs.with_raw_response
        found = await self._pages(lambda after: jobs.list(limit=PAGE, **after))
        return next((one for one in map(self._job, found) if recognised(one, job, file)), None)

    async def create(self, job: Job, files: tuple[str, ...]) -> RemoteJob:
        train, *valid = files
        order, nebius = job.order, self._place.provider == "nebius"
        wanted = {
            "validation_file": valid[0] if valid else None,
            "metadata": None if nebius else {"tuner": job.mark},  # it documents none
            "extra_body": {"trainingType": order.azure_training_type} if order.azure_training_type else None,
        }
        jobs: Any = self._client.fine_tuning.jobs.with_raw_response  # what is given varies
        document = await self._said(
            lambda: jobs.create(
                model=order.model,
                training_file=train,
                suffix=job.suffix,
                method={"type": "supervised", "supervised": _supervised(order, nebius=nebius)},
                **{key: value for key, value in wanted.items() if value is not None},
            )
        )
        return self._job(document)

    async def job(self, job_id: str) -> RemoteJob | None:
        """A job by its number with its latest step, None when the provider knows none."""
        jobs = self._client.fine_tuning.jobs.with_raw_response
        document = await self._known(lambda: jobs.retrieve(job_id))
        if document is None:
            return None
        events = []
        if document.get("status") in ("running", "succeeded"):
            events = await self._events(job_id)
        if document.get("status") == "succeeded" and not document.get("fine_tuned_model"):
            document = document | {"fine_tuned_model": await self._checkpoint(job_id)}
        return self._job(document, events)

    async def cancel(self, job_id: str) -> RemoteJob | None:
        """The job once it was asked to end, None when the provider knows none."""
        jobs = self._client.fine_tuning.jobs.with_raw_response
        document = await self._known(lambda: jobs.cancel(job_id))
        return None if document is None else self._job(document)

    async def _events(self, job_id: str) -> list[dict[str, Any]]:
        """What was reported last; nothing from servers that report nothing."""
        jobs = self._client.fine_tuning.jobs.with_raw_response
        try:
            document = await self._known(lambda: jobs.list_events(job_id, limit=EVENTS))
        except TunerError:
            return []
        return items(document, "data")

    async def _checkpoint(self, job_id: str) -> str | None:
        """What came out last of a job whose provider names no model, as Nebius does."""
        checkpoints = self._client.fine_tuning.jobs.checkpoints.with_raw_response
        try:
            found = items(await self._known(lambda: checkpoints.list(job_id)), "data")
        except TunerError:
            return None
        ranked = [
            understood(_Checkpoint, one, self._place) for one in found if isinstance(one.get("id"), str)
        ]
        last = max(ranked, key=lambda one: one.step_number or 0, default=None)
        return (last.fine_tuned_model_checkpoint or last.id) if last else None

    async def _pages(self, ask: Callable[[Any], Awaitable[Any]]) -> list[dict[str, Any]]:
        """All items of a list. A server that knows no pages gives the same ones again."""
        found: dict[str, dict[str, Any]] = {}
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            document = await self._said(lambda given=after: ask(given))  # type: ignore[misc] # a default of this turn
            new = [item for item in items(document, "data") if str(item.get("id")) not in found]
            found |= {str(item.get("id")): item for item in new}
            if not new or not document.get("has_more"):
                break
            after = {"after": str(new[-1].get("id"))}
        return list(found.values())

    async def _known(self, ask: Callable[[], Awaitable[Any]]) -> dict[str, Any] | None:
        """An answer, None when what was asked about is not there."""
        try:
            return await self._said(ask)
        except _GoneError:
            return None

    async def _said(self, ask: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
        """A JSON object that was answered. Raises what the trouble means."""
        try:
            document = json.loads((await ask()).text or "{}")  # Azure says nothing of what it deleted
        except openai.APIStatusError as error:
            raise self._classed(error) from None  # its own words may hold the key
        except openai.APIConnectionError as error:
            raise UnansweredError(f"{self._place.title} did not answer ({type(error).__name__})") from None
        except (ValueError, RecursionError, openai.APIError):
            raise puzzled(self._place) from None
        if not isinstance(document, dict):
            raise puzzled(self._place)
        return document

    def _classed(self, error: openai.APIStatusError) -> TunerError:
        body = error.body if isinstance(error.body, dict) else {}
        try:
            after: float | None = float(error.response.headers.get("retry-after", ""))
        except ValueError:
            after = None
        fault = classed(self._place, error.status_code, {"error": body}, self._client.api_key, after=after)
        return _GoneError(str(fault)) if error.status_code == 404 else fault

    def _job(self, document: dict[str, Any], events: list[dict[str, Any]] | None = None) -> RemoteJob:
        parsed = understood(_Job, document, self._place)
        marks = (parsed.suffix, parsed.user_provided_suffix, parsed.fine_tuned_model)
        noted = parsed.metadata.get("tuner") if isinstance(parsed.metadata, dict) else None
        finish = parsed.estimated_finish
        left = finish - time.time() if finish and finish > LONG_AGO else None
        return RemoteJob(
            parsed.id,
            STATES.get(parsed.status, "running"),
            tuple(mark for mark in (noted, *marks) if isinstance(mark, str)),
            parsed.fine_tuned_model or "",
            words_of(parsed.error, self._client.api_key),
            _progress(events or [], parsed, left),
            parsed.training_file or "",
            parsed.created_at,
        )

    def _file(self, document: dict[str, Any]) -> RemoteFile:
        parsed = understood(_File, document, self._place)
        state: FileState = "ready"
        if parsed.status in BROKEN:
            state = "failed"
        elif parsed.status in WAITING:
            state = "waiting"
        reason = words_of(parsed.status_details, self._client.api_key) if state == "failed" else ""
        return RemoteFile(parsed.id, parsed.filename or "", parsed.bytes, state, reason)


class _GoneError(UsageError):
    """What was asked about is not there."""


def _progress(events: list[dict[str, Any]], job: _Job, left: float | None) -> Progress:
    """The latest step among the events, which come newest first, or as the job itself tells it."""
    newest = next(filter(None, map(_metrics, events)), _Metrics())
    return Progress(
        step=job.trained_steps if newest.step is None else newest.step,
        steps=job.total_steps if newest.total_steps is None else newest.total_steps,
        loss=newest.train_loss,
        trained=job.trained_tokens,
        seconds_left=left,
    )


def _supervised(order: Order, *, nebius: bool) -> dict[str, Any]:
    """How it is to be learned. Nebius trains the whole model unless it is told otherwise, and takes the rate itself."""
    given: dict[str, Any] = {
        "n_epochs": order.learning.epochs,
        "learning_rate_multiplier": order.learning.multiplier,
        "learning_rate": order.learning.rate,
        "lora": True if nebius else None,
    }
    given = {key: value for key, value in given.items() if value is not None}
    return {"hyperparameters": given} if given else {}


def _metrics(event: dict[str, Any]) -> _Metrics | None:
    """Step and loss that an event tells, as data or in words."""
    data, message = event.get("data"), event.get("message")
    if isinstance(data, dict) and data.get("step") is not None:
        return _Metrics.model_validate(data)
    if isinstance(message, str) and (found := _STEP.search(message)):
        step, steps, loss = found.groups()
        return _Metrics(step=int(step), total_steps=int(steps) if steps else None, train_loss=float(loss))
    return None


@asynccontextmanager
async def openai_jobs(place: Place, api_key: str, timeout_seconds: float) -> AsyncIterator[OpenAIJobs]:
    """A client whose own retries are off: what may have been obeyed is looked for before it is asked for again."""
    async with openai.AsyncOpenAI(
        api_key=api_key, base_url=place.base_url, timeout=timeout_seconds, max_retries=0
    ) as client:
        yield OpenAIJobs(client, place, timeout_seconds)
