"""Segment: stored history into conversations, and those into segments, channel after channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from tuner import snowflake
from tuner.config.settings import Dataset, SegmentRules
from tuner.linking.calibrate import Calibrator
from tuner.linking.conversations import ConversationStream, Linking
from tuner.linking.linker import Weights
from tuner.models import Channel, Conversation, Message, Segment
from tuner.progress import CalibrationTally, Tally
from tuner.stages.collect import Collection
from tuner.stages.cut import MOST_TOKENS, cut


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


async def read_segments(
    collection: Collection,
    archive: Archive,
    dataset: Dataset,
    rules: SegmentRules,
    tally: Tally,
    personas: frozenset[int] = frozenset(),
    most_tokens: int = MOST_TOKENS,
) -> AsyncGenerator[Segment, None]:
    """Segments of one channel after another, each channel as soon as it has been read; of about `most_tokens`.

    A channel is not cut while it is being read: a native reply further on may still join two of its
    conversations, and the result must not depend on where a page ended. The loop breathes after every segment.
    """
    linking = await calibrated(archive, rules.min_confidence, tally, collection)
    earliest = dataset.earliest
    start = snowflake.first_id(earliest) if earliest else 0
    for channel in collection.channels:
        await collection.ready(channel)
        async with aclosing(read_conversations(archive, channel.id, linking.within(channel), start)) as found:
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
