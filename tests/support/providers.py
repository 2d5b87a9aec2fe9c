"""A provider of training on loopback that speaks like OpenAI, Together and Fireworks, and misbehaves when told to.

What it obeyed is what counts: `uploads` and `created` have an entry for everything that it did, answered or not.
"""

import asyncio
import hashlib
import itertools
import json
import re
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.support.discord_world import JsonObject

KEY = "key-of-the-test-account-0123456789"
ACCOUNT = "acme"
REDIRECT, STORE = 302, "/store"


class Trouble(Enum):
    """What can become of a request, beside an answer."""

    RESET = auto()  # the connection breaks before anything is done
    LOST = auto()  # it is done, and the connection breaks before the answer
    CUT = auto()  # it is done, and only half of the answer comes
    HANG = auto()  # it is done, and no answer comes until the client leaves
    LATE = auto()  # no answer comes, and it is done after the client has left
    NONSENSE = auto()  # it is done, and a sign-in page comes
    FAIL_AFTER = auto()  # it is done, and an HTTP 500 comes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer; nothing is done."""

    status: int
    message: str = "The loopback provider was told to refuse."
    code: str | None = None
    retry_after: float | None = None

    def response(self) -> web.Response:
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        error = {"message": self.message, "code": self.code, "type": "invalid_request_error"}
        return web.json_response({"error": error}, status=self.status, headers=headers)


class RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass
class StoredFile:
    id: str
    name: str
    content: bytes = b""
    status: str = "processed"
    asked: int = 0  # how often it was looked at by its number

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class TrainingJob:
    """A job as the provider has it: `told` is what it says of it, in its own words; tests may change it."""

    id: str
    body: JsonObject
    told: JsonObject
    created: float = field(default_factory=time.monotonic)
    events: list[JsonObject] = field(default_factory=list)
    checkpoints: list[JsonObject] = field(default_factory=list)


@dataclass
class _Plan:
    method: str
    path: re.Pattern[str]
    steps: deque[Trouble | Refusal | None]


Work = Callable[[web.Request, Any], Awaitable[Any]]


class LoopbackProvider:
    """`async with LoopbackProvider() as provider:`, and point a client at its `openai`, `together` or `fireworks`."""

    def __init__(self, *, key: str = KEY, lag: float = 0.0, delay: float = 0.0) -> None:
        self.key = key
        self.lag = lag  # seconds until lists show what is new
        self.delay = delay  # seconds before each request is looked at
        self.late = 0.1  # seconds after which LATE is done
        self.forgets_marks = False  # neither metadata nor suffixes are given back, as by some servers
        self.file_status = "processed"  # of what is uploaded
        self.url = ""
        self.requests: list[str] = []  # "POST /v1/files"
        self.bodies: list[JsonObject] = []  # of requests to create a job
        self.uploads: list[str] = []  # SHA-256 of what came whole
        self.created: list[str] = []  # ids of jobs
        self.files: dict[str, StoredFile] = {}
        self.jobs: dict[str, TrainingJob] = {}
        self.held: Callable[[str], object] = lambda request: False  # waits as long as this is true
        self._query: Mapping[str, str] = {}  # of the request that is being obeyed, which takes no time
        self._numbers = itertools.count(1)
        self._plans: list[_Plan] = []
        self._mistakes: list[Exception] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def openai(self) -> str:
        return f"{self.url}/v1/"

    @property
    def together(self) -> str:
        return f"{self.url}/together/"

    @property
    def fireworks(self) -> str:
        return f"{self.url}/fireworks/"

    def plan(self, method: str, path: str, *steps: Trouble | Refusal | None) -> None:
        """What becomes of the next requests of that kind, in order; None is none of it."""
        self._plans.append(_Plan(method, re.compile(path), deque(steps)))

    def heal(self) -> None:
        self._plans.clear()

    def twice(self) -> tuple[list[str], list[str]]:
        """Contents that were uploaded, and orders that were obeyed, more than once."""
        orders = Counter(
            json.dumps(_order(self.jobs[i].body), sort_keys=True) for i in self.created if i in self.jobs
        )
        return (
            [digest for digest, count in Counter(self.uploads).items() if count > 1],
            [order for order, count in orders.items() if count > 1],
        )

    def only_job(self) -> TrainingJob:
        [job] = self.jobs.values()
        return job

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        if self._mistakes and error is None:
            raise self._mistakes[0]

    # -- a request -----------------------------------------------------------------

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        """The body is read first: what does not come whole is not obeyed."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        body = await _body(http)
        self.requests.append(f"{http.method} {http.path}")
        if self.delay:
            await asyncio.sleep(self.delay)
        while self.held(self.requests[-1]):
            await asyncio.sleep(0.01)
        step = self._step(http)
        if isinstance(step, Refusal):
            return step.response()
        if step is Trouble.RESET:
            return _reset(http)
        if step is Trouble.LATE:
            self._later(http, body)
            return _reset(http)
        response = await self._obeyed(http, body)
        return await self._answered(http, response, step)

    def _step(self, http: web.Request) -> Trouble | Refusal | None:
        for plan in self._plans:
            if plan.method == http.method and plan.path.search(http.path) and plan.steps:
                return plan.steps.popleft()
        return None

    def _later(self, http: web.Request, body: Any) -> None:
        async def late() -> None:
            await asyncio.sleep(self.late)
            await self._obeyed(http, body)

        task = asyncio.create_task(late())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obeyed(self, http: web.Request, body: Any) -> web.Response:
        if not http.path.startswith(STORE) and http.headers.get("Authorization") != f"Bearer {self.key}":
            given = http.headers.get("Authorization", "").removeprefix("Bearer ")
            return Refusal(401, f"Incorrect API key provided: {given}.", "invalid_api_key").response()
        try:
            for method, path, work in self._routes():
                if method == http.method and (found := re.fullmatch(path, http.path)):
                    self._query = http.query
                    return _answer(work(body, *found.groups()))
        except RefusedError as error:
            return error.refusal.response()
        except Exception as mistake:  # noqa: BLE001 - whatever it is, the test made it
            self._mistakes.append(mistake)
            return Refusal(400, f"The loopback provider failed: {mistake!r}").response()
        return Refusal(404, f"There is no {http.method} {http.path}.").response()

    async def _answered(
        self, http: web.Request, response: web.Response, step: Trouble | None
    ) -> web.StreamResponse:
        if step is Trouble.FAIL_AFTER:
            return Refusal(500, "The server had an error.").response()
        if step is Trouble.NONSENSE:
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        if step is Trouble.LOST:
            return _reset(http)
        if step is Trouble.CUT:
            raw = response.body if isinstance(response.body, bytes) else b"{}"
            cut = web.StreamResponse(headers={"Content-Type": "application/json"})
            cut.content_length = len(raw)
            await cut.prepare(http)
            await cut.write(raw[: len(raw) // 2])
            assert http.transport is not None
            http.transport.close()
            return cut
        if step is Trouble.HANG:
            while http.transport is not None and not http.transport.is_closing():
                await asyncio.sleep(0.01)
        return response

    def _routes(self) -> Sequence[tuple[str, str, Callable[..., Any]]]:
        fire = f"/fireworks/v1/accounts/{ACCOUNT}"
        return (
            ("POST", "/v1/files", self._upload),
            ("GET", "/v1/files", self._list_files),
            ("GET", "/v1/files/([^/]+)", self._file),
            ("DELETE", "/v1/files/([^/]+)", self._delete),
            ("POST", "/v1/fine_tuning/jobs", self._create),
            ("GET", "/v1/fine_tuning/jobs", self._list_jobs),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)", self._job),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)/events", self._list_events),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)/checkpoints", self._checkpoints),
            ("POST", "/v1/fine_tuning/jobs/([^/]+)/cancel", self._cancel),
            ("POST", "/together/files", self._together_announce),
            ("PUT", f"{STORE}/([^/]+)", self._together_put),
            ("POST", "/together/files/([^/]+)/preprocess", self._together_file),
            ("GET", "/together/files", self._together_list_files),
            ("GET", "/together/files/([^/]+)", self._together_file),
            ("DELETE", "/together/files/([^/]+)", self._delete),
            ("POST", "/together/fine-tunes", self._together_create),
            ("GET", "/together/fine-tunes", self._together_list_jobs),
            ("GET", "/together/fine-tunes/([^/]+)", self._job),
            ("GET", "/together/fine-tunes/([^/]+)/metrics", self._together_metrics),
            ("GET", "/together/fine-tunes/([^/]+)/events", self._list_events),
            ("POST", "/together/fine-tunes/([^/]+)/cancel", self._together_cancel),
            ("POST", f"{fire}/datasets", self._fireworks_dataset),
            ("POST", f"{fire}/datasets/([^/:]+):upload", self._fireworks_upload),
            ("GET", f"{fire}/datasets/([^/:]+)", self._fireworks_file),
            ("DELETE", f"{fire}/datasets/([^/:]+)", self._delete),
            ("POST", f"{fire}/supervisedFineTuningJobs", self._fireworks_create),
            ("GET", f"{fire}/supervisedFineTuningJobs/([^/:]+)", self._job),
            ("POST", f"{fire}/supervisedFineTuningJobs/([^/:]+):cancel", self._fireworks_cancel),
        )  # fmt: skip

    def _visible(self, job: TrainingJob) -> bool:
        return time.monotonic() - job.created >= self.lag

    def _stored(self, file_id: str) -> StoredFile:
        if file_id not in self.files:
            raise RefusedError(Refusal(404, f"No such File object: {file_id}"))
        self.files[file_id].asked += 1
        return self.files[file_id]

    def _known(self, job_id: str) -> TrainingJob:
        if job_id not in self.jobs:
            raise RefusedError(Refusal(404, f"Could not find fine tune: {job_id}"))
        return self.jobs[job_id]

    def _keep(self, job: TrainingJob) -> TrainingJob:
        self.created.append(job.id)
        self.jobs[job.id] = job
        return job

    # -- OpenAI ----------------------------------------------------------------------

    def _upload(self, form: JsonObject) -> Any:
        name, content = form["file"]
        if form["purpose"] != "fine-tune":
            raise RefusedError(Refusal(400, "purpose"))
        stored = StoredFile(f"file-{next(self._numbers)}", name, content, self.file_status)
        self.files[stored.id] = stored
        self.uploads.append(stored.sha256)
        return _openai_file(stored)

    def _list_files(self, body: Any) -> Any:
        return _page([_openai_file(one) for one in reversed(self.files.values())], self._query)

    def _file(self, body: Any, file_id: str) -> Any:
        return _openai_file(self._stored(file_id))

    def _delete(self, body: Any, file_id: str) -> Any:
        self._stored(file_id)
        del self.files[file_id]
        return {"id": file_id, "object": "file", "deleted": True}

    def _create(self, body: JsonObject) -> Any:
        self.bodies.append(body)
        for name in ("training_file", "validation_file"):
            if body.get(name) and body[name] not in self.files:
                raise RefusedError(
                    Refusal(400, f"{name}: no such file {body[name]}", "invalid_training_file")
                )
        number = f"ftjob-{next(self._numbers)}"
        kept = {} if self.forgets_marks else {"metadata": body.get("metadata"), "suffix": body.get("suffix")}
        told = {
            "id": number,
            "object": "fine_tuning.job",
            "created_at": int(time.time()),
            "status": "queued",
            "model": body["model"],
            "training_file": body["training_file"],
            "fine_tuned_model": None,
            "error": None,
            "trained_tokens": None,
            "estimated_finish": None,
            **kept,
        }
        return self._keep(TrainingJob(number, body, told)).told

    def _list_jobs(self, body: Any) -> Any:
        return _page([job.told for job in reversed(self.jobs.values()) if self._visible(job)], self._query)

    def _job(self, body: Any, job_id: str) -> Any:
        return self._known(job_id).told

    def _list_events(self, body: Any, job_id: str) -> Any:
        return {"object": "list", "data": self._known(job_id).events, "has_more": False}

    def _checkpoints(self, body: Any, job_id: str) -> Any:
        return {"data": self._known(job_id).checkpoints, "has_more": False}

    def _cancel(self, body: Any, job_id: str) -> Any:
        job = self._known(job_id)
        job.told["status"] = "cancelled"
        return job.told

    # -- Together --------------------------------------------------------------------

    def _together_announce(self, form: JsonObject) -> Any:
        for known in self.files.values():
            if known.content and known.sha256 == form["checksum"]:
                return web.json_response({"file_id": known.id, "message": "exists"}, status=409)
        stored = StoredFile(f"file-{next(self._numbers)}", form["file_name"])
        self.files[stored.id] = stored
        headers = {"Location": f"{self.url}{STORE}/{stored.id}", "X-Together-File-Id": stored.id}
        return web.Response(status=REDIRECT, headers=headers)

    def _together_put(self, content: bytes, file_id: str) -> Any:
        stored = self._stored(file_id)
        stored.content = content
        self.uploads.append(stored.sha256)
        return {}

    def _together_file(self, body: Any, file_id: str) -> Any:
        return _together_file(self._stored(file_id))

    def _together_list_files(self, body: Any) -> Any:
        return {"data": [_together_file(one) for one in self.files.values()]}

    def _together_create(self, body: JsonObject) -> Any:
        self.bodies.append(body)
        number = f"ft-{next(self._numbers)}"
        told = {"id": number, "status": "pending", "suffix": body["suffix"], "model": body["model"]}
        return self._keep(TrainingJob(number, body, told)).told

    def _together_list_jobs(self, body: Any) -> Any:
        return {"data": [job.told for job in self.jobs.values() if self._visible(job)]}

    def _together_metrics(self, body: Any, job_id: str) -> Any:
        return {"metrics": [event["metrics"] for event in self._known(job_id).events if "metrics" in event]}

    def _together_cancel(self, body: Any, job_id: str) -> Any:
        self._known(job_id).told["status"] = "cancel_requested"
        return self._known(job_id).told

    # -- Fireworks -------------------------------------------------------------------

    def _fireworks_dataset(self, body: JsonObject) -> Any:
        number = body["datasetId"]
        if number in self.files:
            raise RefusedError(Refusal(409, f"dataset {number} already exists"))
        self.files[number] = StoredFile(number, number, status="UPLOADING")
        return _fireworks_file(self.files[number])

    def _fireworks_upload(self, form: JsonObject, number: str) -> Any:
        stored = self._stored(number)
        stored.content, stored.status = form["file"][1], "READY"
        self.uploads.append(stored.sha256)
        return {"id": number}

    def _fireworks_file(self, body: Any, number: str) -> Any:
        return _fireworks_file(self._stored(number))

    def _fireworks_create(self, body: JsonObject) -> Any:
        self.bodies.append(body)
        number = self._query["supervisedFineTuningJobId"]
        if number in self.jobs:
            raise RefusedError(Refusal(409, f"job {number} already exists"))
        name = f"accounts/{ACCOUNT}/supervisedFineTuningJobs/{number}"
        told = {"name": name, "state": "JOB_STATE_CREATING", "outputModel": body["outputModel"]}
        return self._keep(TrainingJob(number, body, told)).told

    def _fireworks_cancel(self, body: Any, number: str) -> Any:
        self._known(number).told["state"] = "JOB_STATE_CANCELLED"
        return {}


async def _body(http: web.Request) -> Any:
    """A form's fields, JSON, or bytes."""
    if http.content_type == "multipart/form-data":
        fields: JsonObject = {}
        for name, value in (await http.post()).items():
            if isinstance(value, web.FileField):
                with value.file:
                    fields[name] = (value.filename, value.file.read())
            else:
                fields[name] = value
        return fields
    raw = await http.read()
    return json.loads(raw) if http.content_type == "application/json" and raw else raw


def _answer(made: Any) -> web.Response:
    return made if isinstance(made, web.Response) else web.json_response(made)


def _reset(http: web.Request) -> web.Response:
    """Breaks the connection as a dying server does."""
    assert http.transport is not None
    linger_never = struct.pack("ii", 1, 0)
    http.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_never)
    http.transport.abort()
    return web.Response(status=500)


def _page(found: list[JsonObject], query: Mapping[str, str]) -> JsonObject:
    """A page as OpenAI's lists have them, newest first."""
    start = next((n + 1 for n, one in enumerate(found) if one["id"] == query.get("after")), 0)
    limit = int(query.get("limit", 20))
    return {"object": "list", "data": found[start : start + limit], "has_more": len(found) > start + limit}


def _openai_file(stored: StoredFile) -> JsonObject:
    return {
        "id": stored.id,
        "object": "file",
        "bytes": len(stored.content),
        "created_at": 1,
        "filename": stored.name,
        "purpose": "fine-tune",
        "status": stored.status,
    }


def _together_file(stored: StoredFile) -> JsonObject:
    size, status = len(stored.content), "COMPLETED" if stored.content else "PENDING"
    return {"id": stored.id, "filename": stored.name, "bytes": size, "processing_status": status}


def _fireworks_file(stored: StoredFile) -> JsonObject:
    return {"name": f"accounts/{ACCOUNT}/datasets/{stored.id}", "state": stored.status}


def _order(body: JsonObject) -> JsonObject:
    """What was ordered, without what only marks it."""
    marks = ("suffix", "metadata", "displayName", "outputModel")
    return {key: value for key, value in body.items() if key not in marks}


def write_dataset(
    folder: Path, name: str = "records.openai.jsonl", lines: int = 12, word: str = "hello"
) -> Path:
    """A file that every trainer takes."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    talk = [
        {"role": "system", "content": "You are Mira."},
        {"role": "user", "content": f"Ann said:\n{word}"},
        {"role": "assistant", "content": "Good morning to you."},
    ]
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            line = {"messages": [*talk[:1], {**talk[1], "content": f"Ann said:\n{word} {number}"}, talk[2]]}
            file.write(json.dumps(line) + "\n")
    return path
