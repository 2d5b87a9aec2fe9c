"""What exports hold, found out before anything of them is stored: whom they name, and what cannot be read.

A name may be written behind an `@` long before its owner says a word. So files are read twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tuner.adapters.bounded_json import UNREADABLE, BoundedJson, OutOfBoundsError
from tuner.adapters.export_message import FOREIGN, MALFORMED, SYSTEM, ExportedMessage, fault, read_message
from tuner.amounts import and_others, counted, word
from tuner.people.intake import User

BATCH = 500
SILENT_FILE = 5  # messages from which on a file without a word is odd, though others are not


@dataclass(slots=True)
class Survey:
    """What one file holds."""

    path: Path
    channel_id: int
    messages: int = 0  # talk that can be read
    faults: dict[str, int] = field(default_factory=dict)
    damage: str = ""  # what ended reading before the file did
    silent: int = 0  # of the messages, those without any content
    loud: bool = False  # whether one shows what a person said to no bot
    people: set[User] = field(default_factory=set)
    writers: set[int] = field(default_factory=set)
    beginners: dict[int, set[int]] = field(default_factory=dict)  # thread → who may have given it its title

    @property
    def is_silent(self) -> bool:
        """Whether it was exported by somebody who is not shown what messages hold."""
        return self.messages > 0 and not self.loud and self.silent > 0

    @property
    def complaint(self) -> str:
        """What is wrong with the file, and what to do; empty when nothing is."""
        if self.damage and self.messages:
            before = counted(self.messages, "message")
            return (
                f"{self.path} ends in the middle or is damaged ({self.damage}). The {before} before that "
                f"{word(self.messages, 'is', 'are')} read; export the channel again and run once more."
            )
        if self.damage:
            return f"{self.path} is damaged ({self.damage}). Export the channel again and run once more."
        if self.messages == 0 and self.faults.get(FOREIGN):
            return (
                f"{self.path}: its message ids are not Discord's, the times in them are years from the times beside "
                "them. Export the channel with DiscordChatExporter, which keeps the ids."
            )
        if self.messages == 0 and self.faults.get(MALFORMED):
            count = self.faults[MALFORMED]
            which = "its one message cannot" if count == 1 else f"none of its {counted(count, 'message')} can"
            return (
                f"{self.path}: {which} be read, {word(count, 'it lacks', 'they lack')} a valid id or author. "
                "Export the channel again with DiscordChatExporter."
            )
        return ""


def silence(paths: Sequence[Path]) -> str:
    """What to say of files that are without a word."""
    return (
        f"All messages in {', '.join(map(str, paths[:5]))}{and_others(len(paths) - 5)} are empty: the "
        "bot that exported them lacked the Message Content intent. Turn it on (Discord Developer Portal → the "
        "application → Bot → Message Content Intent) and export again."
    )


async def survey(path: Path, channel_id: int, threads: Collection[int]) -> Survey:
    """Read a file to its end, or to where it is damaged, and keep no word of it."""
    found = Survey(path, channel_id)
    try:
        with closing(BoundedJson(path)) as stream:
            raw = stream.items("messages.item")
            while True:
                items, found.damage = await asyncio.to_thread(take, raw, BATCH)
                for item in items:
                    _count(found, read_message(item), threads)
                if found.damage or len(items) < BATCH:
                    return found
    except OSError as error:
        found.damage = error.strerror or str(error)
        return found


def take(items: Iterator[Any], count: int) -> tuple[list[Any], str]:
    """Up to `count` items, and what ended them when that was no clean end."""
    taken: list[Any] = []
    try:
        for item in islice(items, count):
            taken.append(item)
    except (*UNREADABLE, OSError) as error:
        return taken, kind(error)
    return taken, ""


def kind(error: Exception) -> str:
    """What is wrong with a file, in words of ours: a parser's may quote what stands there."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, OutOfBoundsError):
        return str(error)
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else "not valid JSON"


def _count(found: Survey, message: ExportedMessage | None, threads: Collection[int]) -> None:
    why = fault(message)
    if why:
        found.faults[why] = found.faults.get(why, 0) + 1
    if message is None or why == FOREIGN:
        return
    author, *mentioned = message.people
    found.people.update((author, *mentioned))
    if begun := _begun(message, found.channel_id, threads):
        found.beginners.setdefault(begun, set()).add(author.id)
    if why == SYSTEM:
        return
    found.messages += 1
    found.writers.add(author.id)
    if message.is_silent:
        found.silent += 1
    elif not author.is_bot and not any(user.is_bot for user in mentioned):
        found.loud = True


def _begun(message: ExportedMessage, channel_id: int, threads: Collection[int]) -> int | None:
    """The thread whose title the author of this message may have given, which exports do not say outright.

    A message from which a thread was begun bears the thread's id.
    """
    if message.type == "ThreadCreated" and message.reference:
        return message.reference.channelId
    if message.type == "ThreadStarterMessage":
        return channel_id
    return message.id if message.id in threads else None
