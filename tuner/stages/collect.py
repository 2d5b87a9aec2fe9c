"""Collect: history into the archive, page by page, several channels at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from tuner import snowflake
from tuner.config.settings import Dataset
from tuner.errors import SkipError
from tuner.models import Channel, Message
from tuner.people.intake import Page
from tuner.progress import ChannelTally, Tally
from tuner.ranges import Range, resume_after

ALMOST = 0.99  # the share of a channel of which one more page may come


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run wants of a channel: everything from id `start` on that `ranges` do not hold.

    `limit` is how many messages it will take at most, None for all.
    """

    start: int
    ranges: tuple[Range, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of messages, and the range it completes (None: no claim).

    `share` says how far into the wanted time window this is, 0 to 1; `more`, that the source ends here because
    the limit is reached, and that there is more to read.
    """

    page: Page
    covered: Range | None
    share: float
    more: bool = False


class Source(Protocol):
    """Where history comes from: a Discord server, or exports of one."""

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The channels to read, in the order of the dataset; none wanted means all there are."""

    def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """What is missing of a channel, oldest first; a SkipError gives this channel up."""


class Archive(Protocol):
    """Where what is read is kept. A page and its range are written together, all or nothing."""

    async def ranges(self, channel_id: int) -> list[Range]: ...

    async def save_channel(self, channel: Channel) -> None: ...

    async def store_page(self, channel_id: int, page: Page, covered: Range | None) -> int:
        """How many of the page's messages were new."""

    async def known(self, ids: Sequence[int]) -> set[int]: ...

    async def purge(self) -> None:
        """Leave no trace of what was erased."""


class Collection:
    """Channels that are being read. `ready` waits until one has been read as far as this run goes."""

    def __init__(
        self,
        source: Source,
        archive: Archive,
        dataset: Dataset,
        concurrency: int,
        tally: Tally,
        channels: list[Channel],
    ) -> None:
        self.channels = channels
        self._source = source
        self._archive = archive
        self._dataset = dataset
        self._concurrency = concurrency
        self._tally = tally
        self._fault: Exception | None = None
        self._done = {channel.id: asyncio.Event() for channel in channels}

    async def ready(self, channel: Channel) -> None:
        """Return when the channel has been read or given up; raise what ended all reading."""
        await self._done[channel.id].wait()
        if self._fault:
            raise self._fault

    def enough(self) -> None:
        """The run has what it wants: say which channels were left where they are."""
        unread = [c.name for c in self.channels if not self._done[c.id].is_set()]
        if unread:
            self._tally.note(
                f"Reading stopped early, {self._tally.max_samples} samples need no more: {', '.join(unread[:5])}"
                f"{' and others' if len(unread) > 5 else ''} not read to the end. The next run goes on from there."
            )

    async def run(self) -> None:
        """Read every channel, the longest first, so that none is left alone at the end."""
        try:
            ways = [(channel, await self._wanted(channel)) for channel in self.channels]
            ways.sort(key=lambda way: (-_distance(*way), way[0].id))
            seats = asyncio.Semaphore(self._concurrency)
            async with asyncio.TaskGroup() as group:
                for channel, wanted in ways:
                    await seats.acquire()
                    task = group.create_task(self._read(channel, wanted), name=f"collect {channel.id}")
                    task.add_done_callback(lambda _: seats.release())
        except* Exception as faults:  # noqa: BLE001 - kept for `ready`, which raises it
            self._fault = faults.exceptions[0]
        finally:
            for event in self._done.values():
                event.set()
            await self._archive.purge()  # of deletions and edits that reading found

    async def _wanted(self, channel: Channel) -> Wanted:
        dataset = self._dataset
        start = snowflake.first_id(dataset.earliest) if dataset.earliest else 0
        return Wanted(start, tuple(await self._archive.ranges(channel.id)), dataset.max_messages)

    async def _read(self, channel: Channel, wanted: Wanted) -> None:
        progress = self._tally.channels[channel.id]
        progress.state = "reading"
        try:
            await self._archive.save_channel(channel)
            await self._store_all(channel, wanted, progress)
        except SkipError as error:
            progress.state, progress.note = "failed", str(error)
            self._tally.dropped("collect", "channel not readable")
            self._tally.note(str(error), warning=True)
        except asyncio.CancelledError:
            progress.state = "stopped"
            raise
        self._done[channel.id].set()

    async def _store_all(self, channel: Channel, wanted: Wanted, progress: ChannelTally) -> None:
        last = 0
        async with aclosing(self._source.read(channel, wanted)) as batches:
            async for batch in batches:
                messages, full = await self._within_limit(
                    batch.page.messages, wanted.limit, progress.messages
                )
                page = replace(batch.page, messages=tuple(messages))
                new = await self._archive.store_page(channel.id, page, None if full else batch.covered)
                progress.messages += new
                progress.share = min(batch.share, ALMOST)
                self._tally.came("collect", new)
                self._tally.went("collect", new)
                if again := len(messages) - new:
                    self._tally.dropped("collect", "stored before", again)
                last = messages[-1].id if messages else last
                if full or batch.more:
                    progress.state = "stopped"
                    self._tally.note(
                        f"#{channel.name}: stopped at {snowflake.moment(last):%Y-%m-%d %H:%M} UTC, as "
                        f"dataset.max_messages = {wanted.limit} says; the next run goes on from there."
                    )
                    return
        progress.state = "read" if last else "up to date"
        progress.share = 1.0
        self._tally.changed()

    async def _within_limit(
        self, messages: Sequence[Message], limit: int | None, have: int
    ) -> tuple[Sequence[Message], bool]:
        """The messages up to the limit, which counts only those that are new, and whether some were cut."""
        if limit is None or have + len(messages) <= limit:
            return messages, False
        known = await self._archive.known([m.id for m in messages])
        room = limit - have
        for position, message in enumerate(messages):
            if message.id not in known:
                if room == 0:
                    return messages[:position], True
                room -= 1
        return messages, False


@asynccontextmanager
async def collecting(
    source: Source, archive: Archive, dataset: Dataset, concurrency: int, tally: Tally
) -> AsyncIterator[Collection]:
    """Find the channels and read them in the background, `concurrency` at once; reading ends with the block."""
    channels = await source.channels(dataset.channels)
    tally.channels.update((channel.id, ChannelTally(channel.name)) for channel in channels)
    collection = Collection(source, archive, dataset, concurrency, tally, channels)
    task = asyncio.create_task(collection.run(), name="collect")
    try:
        yield collection
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _distance(channel: Channel, wanted: Wanted) -> int:
    return (channel.last_message_id or 0) - max(resume_after(wanted.ranges, wanted.start), channel.id)
