"""One request to a provider that has an API of its own, over aiohttp: trouble classed, its words kept, its key not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tuner.adapters.provider_answers import puzzled
from tuner.errors import UsageError
from tuner.training.faults import UnansweredError, classed
from tuner.training.providers import Place

LONGEST_ANSWER = 8 << 20  # bytes
UPLOAD_PATIENCE = 10  # times as long as any other request
GONE, EXISTS, FOUND = 404, 409, 302


class GoneError(UsageError):
    """What was asked about is not there."""


class ExistsError(UnansweredError):
    """What was to be made is there already; `body` is what the provider says of it."""

    def __init__(self, message: str, body: Any) -> None:
        super().__init__(message)
        self.body = body


class Rest:
    """Requests to one provider with one key."""

    def __init__(
        self, session: aiohttp.ClientSession, place: Place, key: str, timeout_seconds: float
    ) -> None:
        self._session = session
        self._place = place
        self._timeout_seconds = timeout_seconds
        self.key = key

    async def get(self, path: str, **query: str) -> Any:
        return await self._asked("GET", path, params=query)

    async def post(self, path: str, document: Any = None, **query: str) -> Any:
        return await self._asked("POST", path, json=document if document is not None else {}, params=query)

    async def delete(self, path: str) -> Any:
        return await self._asked("DELETE", path)

    async def send_file(self, path: str, file: Path, name: str) -> Any:
        """A form with the file as its only field."""
        with file.open("rb") as stream:
            form = aiohttp.FormData()
            form.add_field("file", stream, filename=name, content_type="application/jsonl")
            return await self._asked("POST", path, data=form, timeout=self._patience(UPLOAD_PATIENCE))

    async def redirected(self, path: str, fields: dict[str, str]) -> tuple[str, str]:
        """Where a form with these fields sends one on, and Together's number of the file that may be put there."""
        with _wire(self._place):
            form = aiohttp.MultipartWriter("form-data")
            for field, value in fields.items():
                form.append(value).set_content_disposition("form-data", name=field)
            async with self._session.post(
                self._url(path),
                data=form,
                headers=self._headers,
                timeout=self._patience(),
                allow_redirects=False,
            ) as response:
                if response.status != FOUND:
                    await self._read(response)
                    raise puzzled(self._place)
                where, number = (response.headers.get(h, "") for h in ("Location", "X-Together-File-Id"))
        if not number or not self._is_safe(where):
            raise puzzled(self._place)
        return where, number

    async def put_file(self, url: str, file: Path) -> None:
        """Put a file where the provider said, without the key: that is another server."""
        with _wire(self._place), file.open("rb") as stream:
            async with self._session.put(
                url, data=stream, timeout=self._patience(UPLOAD_PATIENCE), allow_redirects=False
            ) as response:
                if response.status >= 300:
                    raise UnansweredError(
                        f"{self._place.title}'s store did not take the file (HTTP {response.status})"
                    )

    async def _asked(self, method: str, path: str, **given: Any) -> Any:
        given = {"timeout": self._patience(), **given}
        with _wire(self._place):
            async with self._session.request(
                method, self._url(path), headers=self._headers, allow_redirects=False, **given
            ) as response:
                return await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> Any:
        """The JSON of an answer; raises what its status means."""
        raw = await response.content.read(LONGEST_ANSWER)
        document = _parsed(raw)
        if response.status < 300:
            if document is None and raw:
                raise puzzled(self._place)
            return document
        fault = classed(self._place, response.status, document, self.key, after=_after(response))
        if response.status == GONE:
            raise GoneError(str(fault))
        if response.status == EXISTS:
            raise ExistsError(str(fault), document)
        raise fault

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def _url(self, path: str) -> str:
        return self._place.base_url.rstrip("/") + path

    def _patience(self, times: int = 1) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._timeout_seconds * times)

    def _is_safe(self, url: str) -> bool:
        """Whether a file may be put there: over https, or on the very server that is asked in the clear."""
        there, here = urlsplit(url), urlsplit(self._place.base_url)
        return there.scheme == "https" or (there.scheme, there.netloc) == (here.scheme, here.netloc)


@contextmanager
def _wire(place: Place) -> Iterator[None]:
    """Trouble below HTTP, classed."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UnansweredError(f"{place.title} did not answer ({type(error).__name__})") from None
    except ValueError:  # an address that is none
        raise UsageError(f"{place.base_url} is no address. Check training.base_url.") from None


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _after(response: aiohttp.ClientResponse) -> float | None:
    try:
        return float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None


def _tried_once(place: Place) -> aiohttp.ClientMiddlewareType:
    """Keeps aiohttp from sending a file once more by itself when the connection breaks."""

    async def once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        with _wire(place):
            return await send(request)

    return once


@asynccontextmanager
async def rest(place: Place, api_key: str, timeout_seconds: float) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession(middlewares=[_tried_once(place)]) as session:
        yield Rest(session, place, api_key, timeout_seconds)
