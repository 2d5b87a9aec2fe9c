"""Collect: history into the archive, page by page, several channels at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from tuner import snowflake
from tuner.amounts import and_others, counted, word
from tuner.config.settings import Collect, Dataset
from tuner.errors import FatalError, SkipError
from tuner.models import Channel, Message
from tuner.people.intake import Page
from tuner.people.names import may_name_anybody
from tuner.progress import ChannelTally, Tally
from tuner.ranges import Range, resume_after
from tuner.stages.source import NoneReadableError, Source, UnreachableError, Wanted, in_order
from tuner.text.names import title

ALMOST = 0.99  # the share of a channel of which one more page may come


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the messages of a channel that are gone: `erased` now, or `held` because they are too many."""

    erased: int
    held: int


class Archive(Protocol):
    """Where what is read is kept. A page and its range are written together, all or nothing."""

    async def channels(self) -> list[Channel]: ...

    async def with_words(self, channel_ids: Sequence[int]) -> set[int]:
        """Those of the channels of which any text is stored."""

    async def ranges(self, channel_id: int) -> list[Range]: ...

    async def kept(self, channel_id: int, within: Range) -> list[int]:
        """Ids of the messages there that are stored with their text."""

    async def held(self, channel_id: int, within: Range) -> list[int]:
        """Ids of the messages there that are stored, with or without it."""

    async def save_channel(self, channel: Channel) -> None: ...

    async def store_page(
        self, channel_id: int, page: Page, covered: Range | None, gone: frozenset[int] = frozenset()
    ) -> int:
        """How many of the page's messages were new."""

    async def settle(self, channel_id: int, most: float) -> Taken:
        """Erase what is gone from a channel, unless it is more than a share of `most`."""

    async def known(self, ids: Sequence[int]) -> set[int]: ...

    async def nameless(self, channel: Channel) -> Channel:
        """The channel as it may be shown: its name and topic name nobody outside."""

    async def hide_late_names(self) -> bool:
        """Hide names of people outside in what was stored before the names were known."""

    async def read_again(self, channel_ids: Sequence[int]) -> None:
        """Claim nothing of these channels, so that they are read from the beginning."""

    async def look_back(self, hours: float, now: float) -> None:
        """Claim nothing that is newer than this long before the archive was last brought up to date."""

    async def recheck(
        self, channel_ids: Sequence[int], start: int, pages: int, days: float, now: float
    ) -> None:
        """Claim nothing of a few pages that were not read for this many days."""

    async def purge(self) -> None:
        """Leave no trace of what was erased."""


class Collection:
    """Channels that are being read. `ready` waits until one has been read as far as this run goes.

    `channels` are all that the dataset is built from: those that are `read`, and those that can't be read this
    time, of which something is stored.
    """

    def __init__(
        self,
        source: Source,
        archive: Archive,
        dataset: Dataset,
        settings: Collect,
        tally: Tally,
        read: Sequence[Channel],
        stored: Sequence[Channel] = (),
    ) -> None:
        self.channels = in_order([*read, *stored], dataset.channels) if stored else list(read)
        self._read_now = read
        self._source = source
        self._archive = archive
        self._dataset = dataset
        self._settings = settings
        self._tally = tally
        self._fault: Exception | None = None
        self._answered = False
        self._unreachable: list[str] = []
        self._deleted: dict[str, int] = {}
        self._left = len(read)
        self._done = {channel.id: asyncio.Event() for channel in read}
        self._over = asyncio.Event()

    def is_ready(self, channel: Channel) -> bool:
        """Whether `ready` returns at once."""
        return channel.id not in self._done or self._done[channel.id].is_set()

    async def ready(self, channel: Channel) -> None:
        """Return when the channel has been read or given up; raise what ended all reading."""
        if channel.id in self._done:
            await self._done[channel.id].wait()
        if self._fault:
            raise self._fault

    @property
    def is_over(self) -> bool:
        """Whether all reading has ended, so that everybody whom this run learns of is known."""
        return self._over.is_set()

    async def over(self) -> None:
        """Return when all reading has ended; raise what ended it early."""
        await self._over.wait()
        if self._fault:
            raise self._fault

    async def settle_names(self) -> None:
        """Call the channels by names that name nobody outside; one that may name somebody waits for all reading."""
        if any(may_name_anybody(f"{channel.name}\n{channel.topic}") for channel in self.channels):
            await self.over()
            self.channels = [_titled(await self._archive.nameless(channel)) for channel in self.channels]
            for channel in self.channels:
                if progress := self._tally.channels.get(channel.id):
                    progress.name = channel.name

    def enough(self) -> None:
        """The run has what it wants: say which channels were left where they are."""
        unread = [c.name for c in self._read_now if not self._done[c.id].is_set()]
        if unread:
            wanted = self._tally.max_samples or 0
            left = f"{', '.join(unread[:5])}{and_others(len(unread) - 5)} not read to the end"
            self._tally.note(
                f"Reading stopped early, {counted(wanted, 'sample')} {word(wanted, 'needs', 'need')} no more: "
                f"{left}. The next run goes on from there."
            )
            self._say_deleted()

    async def run(self) -> None:
        """Read every channel, the longest first, so that none is left alone at the end."""
        try:
            await self._reread()
            ways = [(channel, await self._wanted(channel)) for channel in self._read_now]
            ways.sort(key=lambda way: (-_distance(*way), way[0].id))
            seats = asyncio.Semaphore(self._settings.concurrency)
            async with asyncio.TaskGroup() as group:
                for channel, wanted in ways:
                    await seats.acquire()
                    task = group.create_task(self._read(channel, wanted), name=f"collect {channel.id}")
                    task.add_done_callback(lambda _: seats.release())
            if self._unreachable and not self._answered:
                self._fault = FatalError(
                    f"No history could be read: {self._unreachable[0]} Nothing was written; run again later."
                )
        except* Exception as faults:  # noqa: BLE001 - kept for `ready`, which raises it
            self._fault = faults.exceptions[0]
        finally:
            for event in (*self._done.values(), self._over):
                event.set()
            await self._archive.purge()  # of deletions and edits that reading found

    async def _reread(self) -> None:
        """Have read again what may have changed unseen."""
        settings, ids, now = self._settings, [c.id for c in self._read_now], time.time()
        if not self._source.repeatable:
            return
        if settings.reread:
            await self._archive.read_again(ids)
        if settings.lookback and not self._source.live:
            await self._archive.look_back(settings.lookback, now)
        if settings.recheck_days and settings.recheck_pages:
            await self._archive.recheck(ids, self._start, settings.recheck_pages, settings.recheck_days, now)

    @property
    def _start(self) -> int:
        return snowflake.first_id(self._dataset.earliest) if self._dataset.earliest else 0

    async def _wanted(self, channel: Channel) -> Wanted:
        ranges = tuple(await self._archive.ranges(channel.id))

        async def kept(within: Range) -> Sequence[int]:
            return await self._archive.kept(channel.id, within)

        async def held(within: Range) -> Sequence[int]:
            return await self._archive.held(channel.id, within)

        return Wanted(self._start, ranges, self._dataset.max_messages, kept, held)

    async def _read(self, channel: Channel, wanted: Wanted) -> None:
        progress = self._tally.channels[channel.id]
        progress.state = "reading"
        try:
            await self._archive.save_channel(channel)
            await self._store_all(channel, wanted, progress)
            await self._settle(channel)
        except SkipError as error:
            progress.state, progress.note = "failed", str(error)
            self._tally.note(str(error), warning=True)
            if isinstance(error, UnreachableError):
                self._unreachable.append(str(error))
        except asyncio.CancelledError:
            progress.state = "stopped"
            raise
        await self._archive.hide_late_names()  # before anything is made of the channel
        self._left -= 1
        if not self._left:
            self._say_deleted()
        # One that did not answer is ready when all reading is over: it may turn out that none does.
        if progress.note not in self._unreachable:
            self._done[channel.id].set()

    async def _store_all(self, channel: Channel, wanted: Wanted, progress: ChannelTally) -> None:
        furthest, found = await self._store(channel, wanted, progress)
        if progress.state == "stopped":
            return
        # A message was edited while its page was on the way: its place was left open.
        again = await self._wanted(channel)
        if resume_after(again.ranges, again.start) < furthest:
            found = (await self._store(channel, again, progress))[1] or found
        progress.state = "read" if found else "up to date"
        progress.share = 1.0
        self._tally.changed()

    async def _store(self, channel: Channel, wanted: Wanted, progress: ChannelTally) -> tuple[int, bool]:
        """Store what the source yields; the last id that it covers, and whether there were messages."""
        last, furthest = 0, -1
        async with aclosing(self._source.read(channel, wanted)) as batches:
            async for batch in batches:
                self._answered = True
                messages, full = await self._within_limit(
                    batch.page.messages, wanted.limit, progress.messages
                )
                page = replace(batch.page, messages=tuple(messages))
                covered = None if full else batch.covered
                new = await self._archive.store_page(channel.id, page, covered, batch.gone)
                if page.secrets:
                    self._tally.screened["collect"]["secret"] += page.secrets
                progress.messages += new
                progress.share = min(batch.share, ALMOST)
                self._tally.came("collect", new)
                self._tally.went("collect", new)
                if again := len(messages) - new:
                    self._tally.dropped("collect", "stored before", again)
                last = messages[-1].id if messages else last
                furthest = covered.last if covered else furthest
                if full or batch.more:
                    self._say_stopped(channel, last, progress)
                    break
        return furthest, bool(last)

    def _say_stopped(self, channel: Channel, last: int, progress: ChannelTally) -> None:
        progress.state = "stopped"
        self._tally.note(
            f"#{channel.name}: stopped at {snowflake.moment(last):%Y-%m-%d %H:%M} UTC, as "
            f"{self._tally.named('dataset.max_messages')} = {self._dataset.max_messages} says; "
            "the next run goes on from there."
        )

    async def _settle(self, channel: Channel) -> None:
        """Erase what is gone from a channel, or say that it is more than may be erased unasked."""
        taken = await self._archive.settle(channel.id, self._settings.most_deleted)
        if taken.erased:
            self._deleted[channel.name] = taken.erased
        if taken.held:
            self._tally.note(
                f"#{channel.name}: {counted(taken.held, 'stored message')} {word(taken.held, 'is', 'are')} not shown "
                f"any more, which is more than collect.most_deleted = {self._settings.most_deleted:g} of the channel, "
                f"so nothing was erased. If {word(taken.held, 'it was', 'they were')} deleted, run once with "
                "--set collect.most_deleted=1.",
                warning=True,
            )

    def _say_deleted(self) -> None:
        total = sum(self._deleted.values())
        if total:
            places = ", ".join(f"{count} in #{name}" for name, count in list(self._deleted.items())[:5])
            self._tally.note(
                f"Taken for deleted, because two looks did not show {word(total, 'it', 'them')} any more: "
                f"{counted(total, 'message')} ({places}{and_others(len(self._deleted) - 5)}). "
                f"{word(total, 'Its', 'Their')} text was erased; it comes back should "
                f"{word(total, 'it', 'they')} be shown again."
            )
            self._deleted.clear()

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
    source: Source, archive: Archive, dataset: Dataset, settings: Collect, tally: Tally
) -> AsyncIterator[Collection]:
    """Find the channels and read them in the background, some at once; reading ends with the block."""
    read, stored = await _found(source, archive, dataset, tally)
    read = [_titled(await archive.nameless(channel)) for channel in read]
    tally.channels.update((channel.id, ChannelTally(channel.name)) for channel in read)
    collection = Collection(source, archive, dataset, settings, tally, read, stored)
    task = asyncio.create_task(collection.run(), name="collect")
    try:
        yield collection
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _found(
    source: Source, archive: Archive, dataset: Dataset, tally: Tally
) -> tuple[list[Channel], list[Channel]]:
    """The channels to read, and the wanted ones that are not shown this time, but stored."""
    nothing: NoneReadableError | None = None
    read: list[Channel] = []
    try:
        read = await source.channels(dataset.channels)
    except NoneReadableError as error:
        nothing = error
    ids, wanted = {channel.id for channel in read}, set(dataset.channels)
    others = [c for c in await archive.channels() if {c.id, c.parent_id} & wanted and c.id not in ids]
    worded = await archive.with_words([channel.id for channel in others])
    stored = [channel for channel in others if channel.id in worded]
    if nothing and not stored:
        raise nothing
    if stored:
        names = ", ".join(f"#{title(channel.name)}" for channel in stored[:5])
        tally.note(
            f"Not shown this time, and built from what is stored of it: {names}{and_others(len(stored) - 5)}."
        )
    return read, stored


def _titled(channel: Channel) -> Channel:
    """The channel under a name that is inert wherever it is shown or stored."""
    return replace(channel, name=title(channel.name))


def _distance(channel: Channel, wanted: Wanted) -> int:
    return (channel.last_message_id or 0) - max(resume_after(wanted.ranges, wanted.start), channel.id)
