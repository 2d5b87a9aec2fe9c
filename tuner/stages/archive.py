"""The archive as those see it who make samples, and what stands before it: it waits, or changes what is handed out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from tuner.models import Channel, Message


class Archive(Protocol):
    """Stored history, oldest first."""

    async def channels(self) -> list[Channel]: ...

    def messages(self, channel_id: int, start: int = 0) -> AsyncGenerator[list[Message], None]: ...

    async def search(
        self, channel_id: int, word: str, before: int, limit: int, beginnings: Sequence[str] = ()
    ) -> list[int]: ...

    async def size(self, channel_id: int, before: int) -> int: ...

    async def newest(self, channel_id: int, count: int) -> int: ...

    async def around(self, channel_id: int, message_id: int, before: int, after: int) -> list[int]: ...

    async def by_id(self, ids: Sequence[int]) -> list[Message]: ...


class Before:
    """What needs no words passes as it is; who stands there says what becomes of `messages` and `by_id`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def channels(self) -> list[Channel]:
        return await self._archive.channels()

    async def search(
        self, channel_id: int, word: str, before: int, limit: int, beginnings: Sequence[str] = ()
    ) -> list[int]:
        return await self._archive.search(channel_id, word, before, limit, beginnings)

    async def size(self, channel_id: int, before: int) -> int:
        return await self._archive.size(channel_id, before)

    async def newest(self, channel_id: int, count: int) -> int:
        return await self._archive.newest(channel_id, count)

    async def around(self, channel_id: int, message_id: int, before: int, after: int) -> list[int]:
        return await self._archive.around(channel_id, message_id, before, after)
