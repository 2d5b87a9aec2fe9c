"""What can go wrong between a client and Discord, on demand: refusals, limits, and trouble below HTTP."""

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.client import responses
from typing import Any
from zlib import crc32

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. A body that is text is sent as it is, JSON or not; None sends nothing (204)."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        if self.body is None:
            return web.Response(status=self.status, headers=self.headers)
        # As bytes: discord.py reads JSON only where the content type has no charset added to it.
        response = web.Response(body=self.encoded(), status=self.status, headers=self.headers)
        response.content_type = "application/json"
        return response

    def encoded(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Wire(Enum):
    """Trouble below HTTP."""

    RESET = auto()  # TCP reset instead of an answer
    CUT_BODY = auto()  # half of the promised body, then the end
    STALL = auto()  # no answer until the client leaves or the server stops


@dataclass(frozen=True, slots=True)
class Changed:
    """The true answer with its body changed: pages that are cut short, objects that lack a field."""

    change: Callable[[Any], Any]


Fault = Answer | Wire | Changed

GARBAGE = Answer(200, "<html>This is not the JSON the headers promise.</html>")
CLOUDFLARE_BAN = Answer(429, {"message": "You are being blocked from accessing our API.", "code": 0})

_ERRORS = {
    401: ("401: Unauthorized", 0),
    403: ("Missing Access", 50001),
    404: ("Unknown Channel", 10003),
}


def http_error(status: int, message: str | None = None, code: int = 0) -> Answer:
    """Discord's usual body for this status, or the given message and code."""
    if message is None:
        message, code = _ERRORS.get(status, (f"{status}: {responses.get(status, 'Unknown Error')}", 0))
    return Answer(status, {"message": message, "code": code})


def rate_limited(retry_after: float, *, everywhere: bool = False) -> Answer:
    """A 429 from Discord itself (it has a Via header); `everywhere` is the bot's global limit."""
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": everywhere}
    scope = {"X-RateLimit-Scope": "global" if everywhere else "user"}
    return Answer(429, body, {"Via": "1.1 google", "Retry-After": f"{retry_after:g}", **scope})


def edits_limited(retry_after: float) -> Answer:
    """The 429 that edits of a message older than an hour get; discord.py sleeps and tries it five times."""
    answer = rate_limited(retry_after)
    answer.body["code"] = 30046
    answer.body["message"] = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    return answer


@dataclass(slots=True)
class PlannedFault:
    """`times` None is for ever; `after` matching requests pass first."""

    pattern: re.Pattern[str]
    fault: Fault
    times: int | None
    after: int
    method: str | None

    def take(self, method: str, path: str) -> Fault | None:
        """The fault if this request is due one. Counts the request."""
        if self.times == 0 or self.method not in (None, method) or not self.pattern.search(path):
            return None
        if self.after > 0:
            self.after -= 1
            return None
        if self.times is not None:
            self.times -= 1
        return self.fault


@dataclass(slots=True)
class RateLimit:
    """`limit` requests per `window` seconds for each route and channel or guild, enforced and told in headers.

    `advertise` makes the headers lie: they promise that many requests until the 429 comes.
    """

    limit: int = 5
    window: float = 5.0
    advertise: int | None = None
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, int]] = field(default_factory=dict)  # end of window, requests in it

    def count(self, route: str, major: str) -> tuple[dict[str, str], Answer | None]:
        """Headers for this request, and the 429 if it is one too many."""
        now = self.clock()
        ends, used = self._buckets.get(f"{route} {major}", (0.0, 0))
        if now >= ends:
            ends, used = now + self.window, 0
        self._buckets[f"{route} {major}"] = (ends, used + 1)
        limit = self.limit if self.advertise is None else self.advertise
        headers = {
            "X-RateLimit-Bucket": f"{crc32(route.encode()):08x}",
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used - 1)),
            "X-RateLimit-Reset": f"{time.time() + ends - now:.3f}",
            "X-RateLimit-Reset-After": f"{ends - now:.3f}",
        }
        return headers, rate_limited(round(ends - now, 3)) if used >= self.limit else None


async def break_connection(how: Wire, request: web.Request, answer: Answer) -> None:
    """Harm the connection; `answer` is what the client would have got."""
    transport = request.transport
    assert transport is not None
    if how is Wire.RESET:
        linger_never = struct.pack("ii", 1, 0)  # makes closing send RST instead of FIN
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_never)
        transport.abort()
    elif how is Wire.CUT_BODY:
        payload = answer.encoded()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(payload)
        await response.prepare(request)
        await response.write(payload[: len(payload) // 2])
        transport.close()
