"""The archive as a run of now would leave it, for those who only look: the configured audience's words, no others.

An archive holds words of whoever was allowed when it was last built from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store
from tuner.models import Channel, Message
from tuner.people.audience import Audience
from tuner.people.intake import unmention


@dataclass(frozen=True, slots=True)
class PermittedHistory:
    """Stored messages, stubs where their authors are not of the audience, and without the names of such people."""

    history: History
    audience: Audience
    bots: frozenset[int]

    async def channels(self) -> list[Channel]:
        return await self.history.channels()

    async def messages(self, channel_id: int, start: int = 0) -> AsyncGenerator[list[Message], None]:
        """A channel's messages from id `start` on, oldest first, in batches."""
        async with aclosing(self.history.messages(channel_id, start)) as batches:
            async for batch in batches:
                yield [self._permitted(message) for message in batch]

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        """The stored messages with these ids, oldest first."""
        return [self._permitted(message) for message in await self.history.by_id(ids)]

    def _permitted(self, message: Message) -> Message:
        if message.is_stub:
            return message
        if self._outside([message.speaker]):
            return Message(
                message.id,
                message.channel_id,
                self.audience.opaque(message.speaker),
                reply_to=message.reply_to,
                last_reply=message.last_reply,
            )
        gone = self._outside([speaker for speaker, _ in message.extras.mentions if speaker > 0])
        return unmention(message, gone) if gone else message

    def _outside(self, speakers: Collection[int]) -> dict[int, int]:
        """Those who are not of the audience, with their opaque numbers."""
        return {
            i: self.audience.opaque(i) for i in speakers if not self.audience.admits(i, is_bot=i in self.bots)
        }


async def permitted_history(
    store: Store, allowed: Collection[int], bots: Collection[int]
) -> PermittedHistory:
    """The archive for an audience: the `allowed` (none named: everyone but bots), `bots`, less who opted out."""
    history = History(store)
    known = await store.fetch("SELECT id FROM authors WHERE is_bot")
    return PermittedHistory(history, await history.audience(allowed, bots), frozenset(i for (i,) in known))
