"""The files of a build: the records and, line for line, what providers take; counts; readable transcripts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner import snowflake
from tuner.adapters.switch import File, Switch
from tuner.models import Channel, Message
from tuner.text import render
from tuner.text.names import person


def upload_path(records: Path, profile: str) -> Path:
    """Where the file for a provider lies: records.jsonl → records.openai.jsonl."""
    return records.with_name(f"{records.stem}.{profile}{records.suffix or '.jsonl'}")


@dataclass(slots=True)
class Output:
    """A dataset file: how much was written, and its SHA-256. A dry run has no `file`, and only counts."""

    path: Path
    file: File | None
    lines: int = 0
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    def add(self, line: bytes) -> None:
        if self.file:
            self.file.write(line)
        self.lines += 1
        self.size += len(line)
        self.digest.update(line)

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class DatasetWriter:
    """The records and, line for line, the files for providers. The switch puts them in their places."""

    def __init__(self, switch: Switch, path: Path, profiles: Sequence[str], dry_run: bool) -> None:
        places = (path, *(upload_path(path, profile) for profile in profiles))
        self.outputs = [Output(place, None if dry_run else switch.open(place)) for place in places]

    def add(self, record: bytes, upload: bytes) -> None:
        records, *uploads = self.outputs
        records.add(record)
        for output in uploads:
            output.add(upload)


def encode_stats(stats: Mapping[str, Any]) -> bytes:
    """The run's counts as JSON."""
    return json.dumps(stats, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


async def write_transcript(
    switch: Switch,
    folder: Path,
    channel: Channel,
    batches: AsyncIterator[list[Message]],
    channel_names: Mapping[int, str],
) -> None:
    """A channel as text, one message after another; people outside the audience leave a gap mark."""
    name = re.sub(r"[^\w-]+", "-", channel.name).strip("-")[:60] or "channel"
    target = folder / f"{name}-{channel.id}.txt"
    file = switch.open_in(folder, target.name)
    async for batch in batches:
        file.write("".join(_transcript_line(m, channel_names) for m in batch).encode("utf-8", "replace"))
    await file.end()  # there may be a thousand of them
    for old in folder.glob(f"*-{channel.id}.txt"):  # the channel had another name, which may have to go
        if old != target:
            switch.remove(old)


def _transcript_line(message: Message, channel_names: Mapping[int, str]) -> str:
    when = f"[{snowflake.moment(message.id):%Y-%m-%d %H:%M:%S}]"
    if message.is_stub:
        return f"{when} (a message that is not kept)\n"
    text = render.readable(message, channel_names).replace("\n", "\n    ")
    return f"{when} {person(message.name)}: {text}\n"
