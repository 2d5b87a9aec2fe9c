"""Exports of DiscordChatExporter (JSON), read as a stream: files of any size, partitions, threads."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import ijson  # type: ignore[import-untyped]
from pydantic import BaseModel, Field, ValidationError

from tuner.adapters.lenient import Id, Objects, Text, well_formed
from tuner.errors import UsageError
from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.intake import Incoming, User, admit_page
from tuner.progress import Tally
from tuner.stages.collect import Batch, Wanted

BATCH = 500
TALK = ("Default", "Reply")
THREADS = ("GuildNewsThread", "GuildPublicThread", "GuildPrivateThread")


class _User(BaseModel):
    id: Id
    name: Text = ""
    nickname: Text = ""
    isBot: bool = False

    def value(self) -> User:
        return User(self.id, self.nickname or self.name, self.isBot)


class _Reference(BaseModel):
    type: Text = ""
    messageId: Id | None = None


class _Message(BaseModel):
    id: Id
    type: Text
    timestampEdited: datetime | None = None
    content: Text = ""
    author: _User
    attachments: Objects = Field(default_factory=list)
    stickers: Objects = Field(default_factory=list)
    mentions: Objects = Field(default_factory=list)
    reference: _Reference | None = None
    forwardedMessage: dict[str, Any] | None = None
    poll: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file and the channel it holds a part of."""

    path: Path
    channel: Channel


def find_exports(paths: Sequence[str], tally: Tally) -> list[ExportFile]:
    """The exports at `paths`, files or folders; reads only their beginnings.

    A file named outright must be an export; other JSON in a folder is passed over with a note.
    """
    found: list[ExportFile] = []
    passed_over: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            candidates = sorted(path.rglob("*.json"))
            if not candidates:
                raise UsageError(f"There is no .json file in {path}. Export with --format Json.")
            for candidate in candidates:
                try:
                    found.append(read_header(candidate))
                except UsageError as error:
                    passed_over.append(str(error))
        elif path.is_file():
            found.append(read_header(path))
        else:
            raise UsageError(f"There is no file or folder {path}.")
    if passed_over:
        more = f" (and {len(passed_over) - 1} more files)" if len(passed_over) > 1 else ""
        tally.note(f"Passed over{more}: {passed_over[0]}", warning=True)
    if not found:
        raise UsageError(f"No DiscordChatExporter export was found in {', '.join(paths)}.")
    return found


def read_header(path: Path) -> ExportFile:
    """What a file says of its channel, before its messages."""
    wrong = (
        f"{path} is not a DiscordChatExporter export in JSON: {{}}. "
        "Export with --format Json, or point --from-export at another file."
    )
    values: dict[str, Any] = {}
    try:
        with closing(_open(path)) as stream:
            for prefix, event, value in ijson.parse(stream):
                if prefix == "messages" and event == "start_array":
                    break
                if event in ("string", "number", "null"):
                    values[prefix] = value
            else:
                raise UsageError(wrong.format("it has no list of messages"))
    except (ijson.JSONError, UnicodeDecodeError):
        raise UsageError(wrong.format("it is not valid JSON")) from None
    try:
        channel_id = _number(values["channel.id"])
        name = str(values["channel.name"])
        guild_id = _number(values["guild.id"])
        # The format has no field for a thread's parent: it stands where a channel's category does.
        threaded = values.get("channel.type") in THREADS and values.get("channel.categoryId")
        parent = _number(values["channel.categoryId"]) if threaded else None
    except (KeyError, TypeError, ValueError):
        raise UsageError(wrong.format("it does not name its guild and channel")) from None
    guild_name = str(values.get("guild.name") or "")
    topic = str(values.get("channel.topic") or "")
    return ExportFile(path, Channel(channel_id, name, guild_id, guild_name, parent, topic))


def _number(value: Any) -> int:
    """An id of the header; direct messages have guild 0."""
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(value)
    return number


class ExportSource:
    """Export files as a source of history."""

    repeatable = live = False

    def __init__(self, files: Sequence[ExportFile], audience: Audience, tally: Tally) -> None:
        self._files = files
        self._audience = audience
        self._tally = tally

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The channels in the files that were asked for (none asked: all), threads with their parents."""
        found = {file.channel.id: file.channel for file in self._files}
        missing = sorted(set(wanted) - found.keys() - {c.parent_id for c in found.values()})
        if missing:
            raise UsageError(
                f"dataset.channels names {', '.join(map(str, missing))}, which the exports do not hold. "
                f"They hold: {', '.join(f'{c.id} ({c.name})' for c in found.values())}."
            )
        kept = [c for c in found.values() if not wanted or c.id in wanted or c.parent_id in wanted]
        return sorted(kept, key=lambda c: c.id)

    async def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """Batches of the channel's messages from the wanted start on, file after file."""
        files = [file for file in self._files if file.channel.id == channel.id]
        sizes = [file.path.stat().st_size for file in files]
        for number, file in enumerate(files):
            with closing(_open(file.path)) as stream:
                raw = ijson.items(stream, "messages.item")
                while True:
                    chunk, fault = await asyncio.to_thread(_take, raw, BATCH)
                    incoming = [item for item in map(self._parse, chunk) if item and item.id >= wanted.start]
                    position = sum(sizes[:number]) + stream.tell()
                    page = admit_page(channel.id, incoming, self._audience)
                    if page.messages:
                        share = min(1.0, position / max(1, sum(sizes)))
                        yield Batch(page, None, share)
                    if fault:
                        raise UsageError(
                            f"{file.path} ends in the middle or is damaged ({fault}). The messages before "
                            "that are stored; export the channel again and run once more."
                        )
                    if len(chunk) < BATCH:
                        break

    def _parse(self, raw: object) -> Incoming | None:
        try:
            message = _Message.model_validate(raw)
        except ValidationError:
            self._tally.dropped("collect", "malformed message")
            return None
        if message.type not in TALK:
            self._tally.dropped("collect", "system message")
            return None
        reference = message.reference
        forwarded = message.forwardedMessage is not None or (
            reference is not None and reference.type == "Forward"
        )
        question = (message.poll or {}).get("question")
        return Incoming(
            id=message.id,
            author=message.author.value(),
            text="" if forwarded else message.content,
            reply_to=reference.messageId if reference and message.type == "Reply" else None,
            edited_ms=int(message.timestampEdited.timestamp() * 1000) if message.timestampEdited else 0,
            mentions=tuple(user.value() for user in well_formed(_User, message.mentions)),
            attachments=tuple(str(a.get("fileName") or "file") for a in message.attachments),
            stickers=tuple(str(s.get("name") or "sticker") for s in message.stickers),
            poll=str(question.get("text") or "") if isinstance(question, dict) else str(question or ""),
            forwarded=forwarded,
        )


def _take(items: Iterator[Any], count: int) -> tuple[list[Any], str]:
    """Up to `count` items, and what ended them when that was no clean end."""
    taken: list[Any] = []
    try:
        for item in islice(items, count):
            taken.append(item)
    except (ijson.JSONError, UnicodeDecodeError, OSError) as error:
        return taken, str(error).strip().splitlines()[0]
    return taken, ""


def _open(path: Path) -> IO[bytes]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    if stream.read(3) != b"\xef\xbb\xbf":
        stream.seek(0, io.SEEK_SET)
    return stream
