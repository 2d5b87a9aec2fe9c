"""An OpenAI-compatible chat server on loopback, for the real client to talk to, misbehaviour included."""

import asyncio
import json
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil
from types import TracebackType
from typing import NoReturn, Self
from uuid import uuid4

from aiohttp import web

from tests.support.strict_schema import JsonObject, strict_faults, violations


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call as it arrived. `schema` is None where the call asked for no JSON schema."""

    model: str
    messages: list[JsonObject]
    schema: JsonObject | None
    body: JsonObject
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return "\n".join(message_text(message) for message in self.messages)


@dataclass(frozen=True, slots=True)
class HttpError:
    """An error answer; `retry_after` is in seconds."""

    status: int
    message: str = "The loopback server was told to fail."
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None

    def response(self) -> web.Response:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        return web.json_response({"error": error}, status=self.status, headers=headers)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A 200 whose content nobody checks."""

    content: str | None
    refusal: str | None = None
    finish_reason: str = "stop"


class Wire(Enum):
    """Trouble below HTTP."""

    HANG = auto()  # no answer until the client leaves
    RESET = auto()  # TCP reset instead of an answer
    CUT_BODY = auto()  # half of the promised body, then the end
    DRIP = auto()  # blanks before an answer that never comes, one every few hundredths of a second


Misbehave = HttpError | RawAnswer | Wire
Responder = Callable[[ChatRequest], str | JsonObject | Misbehave]

INSUFFICIENT_QUOTA = HttpError(
    429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"
)
SERVER_ERROR = HttpError(500, "The server had an error while processing your request.", "server_error")
OVERLOADED = HttpError(503, "The engine is currently overloaded.", "server_error")
REFUSAL = RawAnswer(None, refusal="I'm sorry, I can't help with that.")
CUT_ANSWER = RawAnswer('{"unfinished": "and th', finish_reason="length")
CONTENT_FILTER = RawAnswer("", finish_reason="content_filter")
NOT_JSON = RawAnswer("Sure! Here is what you asked for.")
OTHER_SHAPE = RawAnswer('{"unexpected": [1, 2, 3]}')


def rate_limited(retry_after: float | None = None) -> HttpError:
    return HttpError(429, "Rate limit reached.", "requests", "rate_limit_exceeded", retry_after=retry_after)


RATELIMIT_HEADERS = {
    f"x-ratelimit-{word}-{unit}": value
    for unit, values in {"requests": ("500", "499", "120ms"), "tokens": ("200000", "199000", "6ms")}.items()
    for word, value in zip(("limit", "remaining", "reset"), values, strict=True)
}


class LoopbackOpenAI:
    """`async with LoopbackOpenAI(responder) as server:` and point the client at `server.url`.

    The responder's answers must obey the request's schema. One that doesn't, or a responder that raises, is
    a mistake in the test: the client gets a 400, which it never retries, and leaving the block raises.
    """

    def __init__(self, responder: Responder, *, key: str = "sk-test", delay: float = 0.0) -> None:
        self.responder = responder
        self.key = key
        self.delay = delay  # seconds before each answer; may be changed while running
        self.url = ""
        self.ratelimit_headers = dict(RATELIMIT_HEADERS)  # may be changed while running
        self.requests: list[ChatRequest] = []  # every attempt, refused ones included
        self.in_flight = 0
        self.max_in_flight = 0
        self.prompt_tokens = 0  # of completions only: errors aren't billed
        self.completion_tokens = 0
        self._script: deque[Misbehave | None] = deque()
        self._mistakes: list[Exception] = []

    def script(self, steps: Iterable[Misbehave | None]) -> None:
        """Decide the next valid requests, in order of arrival; None leaves one to the responder."""
        self._script.extend(steps)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._handle)
        # Without handler_cancellation a client that hangs up would stay in flight for ever.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if self._mistakes and not isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            raise self._mistakes[0]

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            response = await self._respond(http)
            response.headers.update(self.ratelimit_headers)
            return response
        finally:
            self.in_flight -= 1

    async def _respond(self, http: web.Request) -> web.Response:
        body = await http.json()
        request = ChatRequest(
            body.get("model", ""),
            body.get("messages", []),
            requested_schema(body),
            body,
            http.headers.copy(),
        )
        self.requests.append(request)
        if fault := key_fault(http.headers, self.key) or request_fault(body):
            return fault.response()
        step = self._next_step(request)
        await asyncio.sleep(self.delay)
        if isinstance(step, HttpError):
            return step.response()
        if isinstance(step, RawAnswer):
            return web.json_response(self._completion(request, step))
        return await self._break(step, http, request)

    def _next_step(self, request: ChatRequest) -> Misbehave:
        step = self._script.popleft() if self._script else None
        if step is not None:
            return step
        try:
            answer = self.responder(request)
            return RawAnswer(checked(answer, request.schema)) if isinstance(answer, str | dict) else answer
        except Exception as mistake:  # noqa: BLE001 - whatever it is, the test made it
            self._mistakes.append(mistake)
            return HttpError(400, f"The test's responder failed: {mistake}", code="responder_failed")

    def _completion(self, request: ChatRequest, answer: RawAnswer) -> JsonObject:
        prompt = sum(ceil(len(message_text(message)) / 4) + 3 for message in request.messages)
        written = ceil(len(answer.content or answer.refusal or "") / 4)
        self.prompt_tokens += prompt
        self.completion_tokens += written
        message = {"role": "assistant", "content": answer.content, "refusal": answer.refusal}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        return {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "choices": [choice],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        }

    async def _break(self, how: Wire, http: web.Request, request: ChatRequest) -> NoReturn:
        transport = http.transport
        assert transport is not None
        if how is Wire.RESET:
            linger_never = struct.pack("ii", 1, 0)  # makes closing send RST instead of FIN
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_never)
            transport.abort()
        elif how is Wire.CUT_BODY:
            payload = json.dumps(self._completion(request, RawAnswer("{}"))).encode()
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.content_length = len(payload)
            await response.prepare(http)
            await response.write(payload[: len(payload) // 2])
            transport.close()
        elif how is Wire.DRIP:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(http)
            while True:  # until the client leaves, which cancels this handler
                await response.write(b" ")
                await asyncio.sleep(0.02)
        lost: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        await lost  # never set: the lost connection cancels this handler


def message_text(message: JsonObject) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def requested_schema(body: JsonObject) -> JsonObject | None:
    wanted: JsonObject = body.get("response_format") or {}
    schema: JsonObject | None = (wanted.get("json_schema") or {}).get("schema")
    return schema


def key_fault(headers: Mapping[str, str], key: str) -> HttpError | None:
    if headers.get("Authorization") == f"Bearer {key}":
        return None
    return HttpError(401, "Incorrect API key provided.", code="invalid_api_key")


def request_fault(body: JsonObject) -> HttpError | None:
    """What the API, or this server's narrower view of it, refuses about a call."""
    for name in ("model", "messages"):
        if not body.get(name):
            text = f"Missing required parameter: '{name}'."
            return HttpError(400, text, code="missing_required_parameter", param=name)
    if body.get("stream"):
        return HttpError(400, "The loopback server does not stream.", param="stream")
    wanted = body.get("response_format") or {"type": "text"}
    if wanted.get("type") != "json_schema":
        return None
    spec = wanted.get("json_schema") or {}
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", spec.get("name", "")):
        text = "Invalid 'response_format.json_schema.name'."
        return HttpError(400, text, code="invalid_value", param="response_format.json_schema.name")
    if spec.get("strict") is not True:
        return HttpError(400, "The loopback server knows strict schemas only.", param="response_format")
    for text in strict_faults(spec.get("schema")):
        text = f"Invalid schema for response_format '{spec['name']}': {text}"
        return HttpError(400, text, param="response_format")
    return None


def checked(answer: str | JsonObject, schema: JsonObject | None) -> str:
    """The content to send for a responder's answer; raises ValueError where it violates the schema."""
    content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    if schema is not None:
        for violation in violations(json.loads(content), schema, schema):
            raise ValueError(f"the responder's answer violates the request's schema: {violation}")
    return content
