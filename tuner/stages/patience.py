"""Stored words for making samples of, while channels are still being read.

Whoever is outside is known by a name only once some channel has shown a message of theirs. A text that may name
somebody is therefore handed out when all reading is over, and names nobody outside by then; the rest at once.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from tuner.models import Message
from tuner.people.intake import words_of
from tuner.people.names import may_name_anybody
from tuner.stages.archive import Archive, Before


class Reading(Protocol):
    """The reading that is going on."""

    @property
    def is_over(self) -> bool: ...

    async def over(self) -> None:
        """Return when everything was read or given up."""


class PatientArchive(Before):
    """An archive as those see it who make samples."""

    def __init__(self, archive: Archive, reading: Reading) -> None:
        super().__init__(archive)
        self._reading = reading

    async def messages(self, channel_id: int, start: int = 0) -> AsyncGenerator[list[Message], None]:
        """A channel's messages from id `start` on, in batches; it waits before the first that may name anybody."""
        while True:
            over = self._reading.is_over  # before the words are fetched: it may end meanwhile
            async with aclosing(self._archive.messages(channel_id, start)) as batches:
                async for batch in batches:
                    free = len(batch) if over else _unnaming(batch)
                    if free:
                        yield batch[:free]
                    if free < len(batch):
                        start = batch[free].id
                        break
                    over = self._reading.is_over
                else:
                    return
            await self._reading.over()

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        over = self._reading.is_over
        found = await self._archive.by_id(ids)
        if over or _unnaming(found) == len(found):
            return found
        await self._reading.over()
        return await self._archive.by_id(ids)


def _unnaming(messages: Sequence[Message]) -> int:
    """How many messages come before the first that may name anybody."""
    naming = (i for i, message in enumerate(messages) if _may_name_a_stranger(message))
    return next(naming, len(messages))


def _may_name_a_stranger(message: Message) -> bool:
    """Whether anybody may be named but those whom the message mentions, who are known."""
    naming = [text for text in words_of(message) if may_name_anybody(text)]
    known = "|".join(re.escape(name) for _, name in message.extras.mentions if name)
    if not naming or not known:
        return bool(naming)
    return any(may_name_anybody(re.sub(rf"@(?:{known})(?!\w)", "", text)) for text in naming)
