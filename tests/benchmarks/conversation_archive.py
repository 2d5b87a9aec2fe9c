"""Archives of annotated chat, as large as one likes, and the one place where benchmarks read conversations."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import annotated
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.linking.conversations import Linking
from tuner.models import Channel, Conversation
from tuner.people.intake import Incoming, User, admit_page
from tuner.progress import CalibrationTally, Tally
from tuner.stages.segment import calibrated, read_conversations

REPLIES = 20  # percent of the messages that are native replies
NAMING = 10  # names are left in every tenth channel; half of the messages there name somebody
SEED = 0
BUSY = 100_000_000_000_000_000
PAGE = 2000
PAUSE_MS = 60_000  # between two stretches of a busy channel
FAR = 0.003  # share of a busy channel's messages that answer something long ago
REACH = 20_000  # messages; how long ago


async def fitted(history: History) -> tuple[Linking, CalibrationTally]:
    """How the archive's messages are linked, and what its native replies had to do with it."""
    tally = Tally()
    return await calibrated(history, 0.0, tally), tally.calibration


def conversations(history: History, channel_id: int, linking: Linking) -> AsyncGenerator[Conversation, None]:
    """What is measured."""
    return read_conversations(history, channel_id, linking)


def chat() -> list[Any]:
    """Channels where about as many messages name somebody as on Discord: all that may be tuned on."""
    hidden, visible = (
        [c for split in ("dev", "train") for c in annotated.load(split, hide_names=hide)]
        for hide in (True, False)
    )
    return [v if n % NAMING == 0 else h for n, (h, v) in enumerate(zip(hidden, visible, strict=True))]


async def store_channels(path: Path, channels: Sequence[Any]) -> None:
    """An archive with every channel as it is."""
    async with open_store(path) as store:
        history = History(store)
        for channel in channels:
            document = annotated.export(channel, annotated.replies_throughout(channel, REPLIES, SEED))
            stored = Channel(int(document["channel"]["id"]), channel.name)
            await _store(history, stored, [_incoming(record) for record in document["messages"]])


async def store_busy_channel(path: Path, channels: Sequence[Any], count: int) -> None:
    """An archive with one channel of `count` messages: the given ones, one after another, over and over."""
    rng, busy = random.Random(SEED), Channel(BUSY, "busy")
    recent: list[int] = []
    stored, number = 0, 0
    async with open_store(path) as store:
        while stored < count:
            channel = channels[number % len(channels)]
            replies = annotated.replies_throughout(channel, REPLIES, SEED + number // len(channels))
            records = annotated.export(channel, replies)["messages"][: count - stored]
            first = int(records[0]["id"])
            start = recent[-1] + (PAUSE_MS << 22) if recent else first
            shift = start - first >> 22 << 22  # whole milliseconds
            incoming = [_incoming(record, shift, _far(rng, recent)) for record in records]
            await _store(History(store), busy, incoming)
            recent = [*recent, *(item.id for item in incoming)][-REACH:]
            stored, number = stored + len(incoming), number + 1


def _far(rng: random.Random, recent: Sequence[int]) -> int | None:
    return rng.choice(recent) if recent and rng.random() < FAR else None


def _incoming(record: dict[str, Any], shift: int = 0, instead: int | None = None) -> Incoming:
    """A message of an export, moved by `shift` (of ids), a native reply to `instead` when that is given."""
    reference = record.get("reference")
    return Incoming(
        id=int(record["id"]) + shift,
        author=_user(record["author"]),
        text=record["content"],
        reply_to=instead or (int(reference["messageId"]) + shift if reference else None),
        mentions=tuple(map(_user, record["mentions"])),
    )


def _user(record: dict[str, Any]) -> User:
    return User(int(record["id"]), record["nickname"], record["isBot"])


async def _store(history: History, channel: Channel, incoming: list[Incoming]) -> None:
    audience = await history.audience(())
    await history.save_channel(channel)
    for start in range(0, len(incoming), PAGE):
        page = admit_page(channel.id, incoming[start : start + PAGE], audience)
        await history.store_page(channel.id, page, None)
