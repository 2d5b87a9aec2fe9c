"""The archive as an audience of now would leave it, though nothing is erased: for dry runs, and for who only looks.

An archive holds words of whoever was allowed when it was last built from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_names import Naming, shown
from tuner.adapters.sqlite_store import Store
from tuner.models import Channel, Message
from tuner.people.audience import Audience
from tuner.people.intake import unmention, words_of


class Narrowed(History):
    """Stored messages: stubs where their authors are not of the audience, and without the names of such people."""

    def __init__(self, store: Store, audience: Audience, bots: Collection[int]) -> None:
        super().__init__(store)
        self._seen_by = audience
        self._bots = frozenset(bots)

    async def channels(self) -> list[Channel]:
        """Every channel that was ever read; a thread is named by its id where its title is an outsider's.

        A thread has the id of the message that it was made for, or of the first in it.
        """
        found = await super().channels()
        starters = {message.id: message for message in await self.by_id([channel.id for channel in found])}

        def is_theirs(channel: Channel) -> bool:
            author = channel.author or 0
            return bool(self._outside([author])) or (channel.id in starters and starters[channel.id].is_stub)

        return [replace(c, name=str(c.id)) if is_theirs(c) else c for c in found]

    async def messages(
        self, channel_id: int, start: int = 0, end: int = (1 << 63) - 1, batch: int = 500
    ) -> AsyncGenerator[list[Message], None]:
        async with aclosing(super().messages(channel_id, start, end, batch)) as batches:
            async for found in batches:
                yield await self._narrowed(found)

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        return await self._narrowed(await super().by_id(ids))

    async def search(
        self, channel_id: int, word: str, before: int, limit: int, beginnings: Sequence[str] = ()
    ) -> list[int]:
        found = await super().search(channel_id, word, before, limit, beginnings)
        stubs = {message.id for message in await self.by_id(found) if message.is_stub}
        return [i for i in found if i not in stubs]

    async def _narrowed(self, messages: Sequence[Message]) -> list[Message]:
        seen = [self._without_words_of_others(message) for message in messages]
        naming = await Naming.of(self._store.fetch, (text for message in seen for text in words_of(message)))
        known = naming.seen_by(self._outside)
        return [shown(message, known, strangers=False) for message in seen]

    def _without_words_of_others(self, message: Message) -> Message:
        if message.is_stub:
            return message
        if stand_in := self._outside([message.speaker]):
            return Message(
                message.id,
                message.channel_id,
                stand_in[message.speaker],
                reply_to=message.reply_to,
                last_reply=message.last_reply,
            )
        return unmention(message, self._outside([speaker for speaker, _ in message.extras.mentions]))

    def _outside(self, speakers: Collection[int]) -> dict[int, int]:
        """Those who are not of the audience, with the opaque numbers that stand for them."""
        return {
            i: self._seen_by.opaque(i)
            for i in speakers
            if i > 0 and not self._seen_by.admits(i, is_bot=i in self._bots)
        }


async def narrowed(store: Store, audience: Audience) -> Narrowed:
    """The archive for an audience that may be smaller than the one it was built for."""
    bots = await store.fetch("SELECT id FROM authors WHERE is_bot")
    return Narrowed(store, audience, [i for (i,) in bots])
