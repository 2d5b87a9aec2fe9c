"""Files that a run writes: beside the target, then renamed. A reader sees the old file or the new one."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tuner import render, snowflake
from tuner.errors import FatalError
from tuner.models import Channel, Message
from tuner.names import person


def upload_path(records: Path, profile: str) -> Path:
    """Where the file for a provider lies: records.jsonl → records.openai.jsonl."""
    return records.with_name(f"{records.stem}.{profile}{records.suffix or '.jsonl'}")


class File:
    """A file that is being written. Its faults are in words that name `path`, the place it is meant for."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream

    def write(self, data: bytes) -> None:
        with _in_words(self._path):
            self._stream.write(data)

    async def to_disk(self) -> None:
        with _in_words(self._path):
            await asyncio.to_thread(_to_disk, self._stream)


@asynccontextmanager
async def replacing(path: Path, wanted: Callable[[], bool] = lambda: True) -> AsyncIterator[File]:
    """A file to write; it takes the place of `path` when the block ends well and it is still `wanted`.

    Otherwise it vanishes, and what was at `path` stays.
    """
    beside = path.with_name(f".{path.name}.part")  # one name, so that a killed run leaves one at most
    with _in_words(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = beside.open("wb")
    try:
        file = File(path, stream)
        yield file  # an OSError of the block is not this file's
        await file.to_disk()
        with _in_words(path):
            stream.close()
            if wanted():
                beside.replace(path)
    finally:
        with suppress(OSError):  # what cannot be flushed is not wanted any more
            stream.close()
        beside.unlink(missing_ok=True)


@dataclass(slots=True)
class Output:
    """A dataset file: how much was written, and its SHA-256."""

    path: Path
    lines: int = 0
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    def add(self, stream: File, line: bytes) -> None:
        stream.write(line)
        self.lines += 1
        self.size += len(line)
        self.digest.update(line)

    def is_wanted(self) -> bool:
        return self.lines > 0

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class DatasetWriter:
    """The records and, line for line, the files for providers."""

    def __init__(self, records: tuple[Output, File], uploads: list[tuple[Output, File]]) -> None:
        self._records = records
        self._uploads = uploads

    def add(self, record: bytes, upload: bytes) -> None:
        for (output, stream), line in ((self._records, record), *((u, upload) for u in self._uploads)):
            output.add(stream, line)

    @property
    def outputs(self) -> list[Output]:
        return [output for output, _ in (self._records, *self._uploads)]


@asynccontextmanager
async def dataset_writer(path: Path, profiles: Sequence[str], dry_run: bool) -> AsyncIterator[DatasetWriter]:
    """Write a dataset; the files take their places together at the end, if there is a sample and no dry run."""
    async with AsyncExitStack() as stack:
        files = []
        for target in (path, *(upload_path(path, profile) for profile in profiles)):
            output = Output(target)
            file = _nowhere() if dry_run else replacing(target, output.is_wanted)
            files.append((output, await stack.enter_async_context(file)))
        yield DatasetWriter(files[0], files[1:])
        for _, stream in files if not dry_run else ():  # all are on the disk before the first is renamed
            await stream.to_disk()


@asynccontextmanager
async def _nowhere() -> AsyncIterator[File]:
    with open(os.devnull, "wb") as stream:  # noqa: ASYNC230, PTH123 - not a file on a disk
        yield File(Path(os.devnull), stream)


async def write_stats(path: Path, stats: Mapping[str, Any]) -> None:
    """The run's counts as JSON."""
    async with replacing(path) as stream:
        stream.write(json.dumps(stats, ensure_ascii=False, indent=2).encode() + b"\n")


async def write_transcript(
    folder: Path, channel: Channel, batches: AsyncIterator[list[Message]], channel_names: Mapping[int, str]
) -> None:
    """A channel as text, one message after another; people outside the audience leave a gap mark."""
    name = re.sub(r"[^\w-]+", "-", channel.name).strip("-")[:60] or "channel"
    async with replacing(folder / f"{name}-{channel.id}.txt") as stream:
        async for batch in batches:
            stream.write(
                "".join(_transcript_line(m, channel_names) for m in batch).encode("utf-8", "replace")
            )


def _transcript_line(message: Message, channel_names: Mapping[int, str]) -> str:
    when = f"[{snowflake.moment(message.id):%Y-%m-%d %H:%M:%S}]"
    if message.is_stub:
        return f"{when} (a message that is not kept)\n"
    text = render.readable(message, channel_names).replace("\n", "\n    ")
    return f"{when} {person(message.name)}: {text}\n"


def _to_disk(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FatalError(
            f"{path} could not be written: {error.strerror or error}. What was there before is untouched, and the "
            "archive keeps what was read and decided; make room or choose another place, and run again."
        ) from error
