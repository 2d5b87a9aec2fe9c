"""Segment: stored history into conversations, and those into segments, channel after channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Protocol

from tuner import snowflake
from tuner.config.settings import Dataset, SegmentRules
from tuner.linking.calibrate import Calibrator
from tuner.linking.conversations import ConversationStream, Joining, Linking
from tuner.linking.doubt import Doubts, portions
from tuner.linking.linker import Link, Linker, Weights
from tuner.models import Channel, Conversation, Message, Segment
from tuner.progress import CalibrationTally, Tally
from tuner.stages.collect import Collection
from tuner.stages.cut import MOST_TOKENS, cut
from tuner.stages.judge import MOST_CASES, Stretch


class Archive(Protocol):
    """Stored history, oldest first."""

    async def channels(self) -> list[Channel]: ...

    def messages(self, channel_id: int, start: int = 0) -> AsyncGenerator[list[Message], None]: ...


async def calibrated(
    archive: Archive, min_confidence: float, tally: Tally, collection: Collection | None = None
) -> Linking:
    """How messages are linked in this run: the shipped model, fitted to the native replies of the archive.

    All stored channels are gone through in the order of their ids until there is evidence enough, whichever of
    them are wanted, so that the same archive gives the same calibration to whoever asks. Those on the way that
    the `collection` is still reading are waited for. The work is done in threads: it would hold the loop.
    """
    calibrator = Calibrator(await asyncio.to_thread(Weights.shipped))
    being_read = {channel.id: channel for channel in collection.channels} if collection else {}
    for channel_id in sorted({channel.id for channel in await archive.channels()} | being_read.keys()):
        if calibrator.satisfied:
            break
        if collection and channel_id in being_read:
            await collection.ready(being_read[channel_id])
        async with aclosing(archive.messages(channel_id)) as batches:
            async for batch in batches:
                await asyncio.to_thread(_study, calibrator, batch)
                if calibrator.satisfied:
                    break
        await asyncio.to_thread(calibrator.end_channel)
    fitted = await asyncio.to_thread(calibrator.result)
    tally.calibration = CalibrationTally(
        fitted.replies, fitted.before, fitted.after, fitted.others_before, fitted.others_after
    )
    return Linking(calibrator.weights, fitted, min_confidence)


def _study(calibrator: Calibrator, batch: Sequence[Message]) -> None:
    """Stops at a message, not at a batch, so that the size of a batch changes nothing."""
    for message in batch:
        if calibrator.satisfied:
            return
        calibrator.add(message)


class Judging(Protocol):
    """Who decides doubtful links, and which share of all links that are (0 to 1)."""

    @property
    def share(self) -> float: ...

    def judge(self, stretches: AsyncGenerator[Stretch, None]) -> AsyncGenerator[Stretch, None]: ...


async def read_segments(
    collection: Collection,
    archive: Archive,
    dataset: Dataset,
    rules: SegmentRules,
    tally: Tally,
    personas: frozenset[int] = frozenset(),
    most_tokens: int = MOST_TOKENS,
    judge: Judging | None = None,
) -> AsyncGenerator[Segment, None]:
    """Segments of one channel after another, each channel as soon as it has been read; of about `most_tokens`.

    A channel is not cut while it is being read: a native reply further on may still join two of its
    conversations, and the result must not depend on where a page ended. The loop breathes after every segment.
    With a `judge`, the most doubtful links are decided by it before conversations close.
    """
    linking = await calibrated(archive, rules.min_confidence, tally, collection)
    start = snowflake.first_id(dataset.earliest) if dataset.earliest else 0
    source = _Source(collection, archive, linking, start)
    conversations = source.as_judged(judge, personas) if judge else source.as_linked()
    async with aclosing(conversations) as found:
        async for conversation in found:
            tally.segmented += len(conversation.messages)
            tally.conversations += 1
            pieces = cut(conversation, rules, personas, most_tokens)
            for why in pieces.dropped:
                tally.came("segment")
                tally.dropped("segment", why)
            for segment in pieces.segments:
                tally.confidences.add(segment.confidence)
                tally.came("segment")
                tally.went("segment")
                yield segment
                await asyncio.sleep(0)
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where conversations come from: the channels that are collected, one after another."""

    collection: Collection
    archive: Archive
    linking: Linking
    start: int

    async def as_linked(self) -> AsyncGenerator[Conversation, None]:
        for channel in self.collection.channels:
            await self.collection.ready(channel)
            linking = self.linking.within(channel)
            async with aclosing(read_conversations(self.archive, channel.id, linking, self.start)) as found:
                async for conversation in found:
                    yield conversation

    def as_judged(self, judge: Judging, personas: frozenset[int]) -> AsyncGenerator[Conversation, None]:
        stretches = self._stretches(judge.share, personas)
        return joined(judge.judge(stretches), stretches)

    async def _stretches(self, share: float, personas: frozenset[int]) -> AsyncGenerator[Stretch, None]:
        """All links, those of one channel after another."""
        for channel in self.collection.channels:
            if not self.collection.is_ready(channel):
                yield Stretch(channel, waits=True)  # nothing that was read before has to wait for it
            await self.collection.ready(channel)
            doubts = Doubts(share, personas)
            found = read_stretches(self.archive, channel, self.linking.within(channel), doubts, self.start)
            async with aclosing(found):
                async for stretch in found:
                    yield stretch


async def joined(
    decided: AsyncGenerator[Stretch, None], *sources: AsyncGenerator[Stretch, None]
) -> AsyncGenerator[Conversation, None]:
    """The conversations that links make, channel after channel; closes what the links come from, too."""
    joining = Joining()
    async with AsyncExitStack() as stack:
        for source in (*sources, decided):
            await stack.enter_async_context(aclosing(source))
        async for stretch in decided:
            for conversation in joining.join(stretch.links):
                yield conversation
            if stretch.ends:
                for conversation in joining.rest():
                    yield conversation
                joining = Joining()


async def read_stretches(
    archive: Archive, channel: Channel, linking: Linking, doubts: Doubts, start: int = 0
) -> AsyncGenerator[Stretch, None]:
    """A stored channel's links, and which of them are doubtful. The loop breathes as in reading conversations."""
    linker = Linker(linking.weights, linking.calibration, linking.min_confidence, with_options=True)

    def stretches(links: Sequence[Link]) -> Iterator[Stretch]:
        found = doubts.among(links, linker.undecided)
        return (Stretch(channel, *portion) for portion in portions(links, found, MOST_CASES))

    async with aclosing(archive.messages(channel.id, start)) as batches:
        async for batch in batches:
            for message in batch:
                if links := linker.add(message):
                    await asyncio.sleep(0)
                    for stretch in stretches(links):
                        yield stretch
                        await asyncio.sleep(0)
            await asyncio.sleep(0)
    for stretch in stretches(linker.finish()):
        yield stretch
    yield Stretch(channel, ends=True)


async def read_conversations(
    archive: Archive, channel_id: int, linking: Linking, start: int = 0
) -> AsyncGenerator[Conversation, None]:
    """A stored channel's conversations, each as soon as it can't grow.

    The loop breathes between batches, and whenever the linker has worked.
    """
    stream = ConversationStream(linking)
    async with aclosing(archive.messages(channel_id, start)) as batches:
        async for batch in batches:
            for message in batch:
                before = stream.decided
                ended = stream.add(message)
                if stream.decided > before:
                    await asyncio.sleep(0)
                for conversation in ended:
                    yield conversation
            await asyncio.sleep(0)
    for conversation in stream.finish():
        yield conversation
