"""The files of a build: the records and, for each profile, what trainers take; counts; readable transcripts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal, get_args

from tuner import snowflake
from tuner.adapters.switch import File, Switch, in_words
from tuner.dataset.manifest import RECORDS
from tuner.dataset.split import Entry, Split, split
from tuner.models import Channel, Message
from tuner.profiles import ExportProfile
from tuner.text import render
from tuner.text.names import person

BOM = b"\xef\xbb\xbf"
Part = Literal["train", "valid"]
PARTS: tuple[Part, ...] = get_args(Part)


def upload_paths(records: Path, profile: str) -> dict[Part, Path]:
    """Where a profile's files lie: records.jsonl → records.openai.train.jsonl, and valid."""
    stem, suffix = records.stem, records.suffix or ".jsonl"
    return {part: records.with_name(f"{stem}.{profile}.{part}{suffix}") for part in PARTS}


def card_path(records: Path) -> Path:
    """Where the page about the records lies: records.jsonl → records.md."""
    return records.with_suffix(".md")


def manifest_path(records: Path) -> Path:
    """Where it stands which message is in which line: records.jsonl → records.manifest.json."""
    return records.with_suffix(".manifest.json")


def part_path(records: Path, part: str) -> Path:
    """Where a part of a dataset lies: "records", "openai.train"."""
    profile, _, which = part.rpartition(".")
    return upload_paths(records, profile)["valid" if which == "valid" else "train"] if profile else records


def former_upload_path(records: Path, profile: str) -> Path:
    """Where older versions wrote what is now in two files."""
    return records.with_name(f"{records.stem}.{profile}{records.suffix or '.jsonl'}")


@dataclass(slots=True)
class Output:
    """A dataset file: how much was written, and its SHA-256. A dry run has no `file`, and only counts."""

    path: Path
    file: File | None
    lines: int = 0
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)
    mark: bytes = b""  # what the file begins with
    name: str = RECORDS  # of the part of the dataset that it is
    samples: list[int] = field(default_factory=list)  # the number of each line's

    def add(self, line: bytes, number: int = 0) -> None:
        if not self.lines:
            line = self.mark + line
        if self.file:
            self.file.write(line)
        self.lines += 1
        self.samples.append(number)
        self.size += len(line)
        self.digest.update(line)

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class _Aside:
    """Lines put aside in a file without a name beside `path`: it is gone with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._starts = [0]
        self._lengths: list[tuple[int, ...]] = []

    def add(self, lines: Sequence[bytes]) -> None:
        """The lines of one sample."""
        with in_words(self._path):
            if self._file is None:
                self._file = TemporaryFile(dir=self._path.parent)  # noqa: SIM115 - lives as long as this
            self._file.writelines(lines)
        self._lengths.append(tuple(map(len, lines)))
        self._starts.append(self._starts[-1] + sum(self._lengths[-1]))

    def lines(self, position: int) -> list[bytes]:
        """The lines of a sample, by when it was added."""
        lengths = self._lengths[position]
        whole = self._read(position, sum(lengths))
        ends = [*accumulate(lengths)]
        return [whole[end - length : end] for end, length in zip(ends, lengths, strict=True)]

    def record(self, position: int) -> dict[str, Any]:
        """The first of the lines, parsed."""
        line: dict[str, Any] = json.loads(self._read(position, self._lengths[position][0]))
        return line

    def _read(self, position: int, length: int) -> bytes:
        assert self._file is not None  # something was added
        with in_words(self._path):
            self._file.seek(self._starts[position])
            return self._file.read(length)

    def close(self) -> None:
        if self._file:
            with suppress(OSError):  # what cannot be flushed is not wanted any more
                self._file.close()


class DatasetWriter:
    """The records, and for each profile those to train on and those held out. The switch puts them in their places.

    Lines are kept aside until it is known which are wanted, where, and in which order.
    """

    def __init__(
        self,
        switch: Switch,
        path: Path,
        profiles: Sequence[ExportProfile],
        dry_run: bool,
        *,
        bom: bool = False,
    ) -> None:
        def output(place: Path, name: str = RECORDS, mark: bytes = b"") -> Output:
            return Output(place, None if dry_run else switch.open(place), mark=mark, name=name)

        self._switch = switch
        self.records = output(path)
        self._uploads = [
            {
                part: output(place, f"{profile}.{part}", BOM if bom and profile == "openai" else b"")
                for part, place in upload_paths(path, profile).items()
            }
            for profile in profiles
        ]
        self._aside = None if dry_run else _Aside(path)
        self.entries: list[Entry] = []
        self.lines = 0

    @property
    def outputs(self) -> list[Output]:
        """The records first."""
        return [self.records, *(output for parts in self._uploads for output in parts.values())]

    def add(self, entry: Entry, record: bytes, uploads: Sequence[bytes]) -> None:
        self.entries.append(entry)
        self.lines += 1
        if self._aside:
            self._aside.add((record, *uploads))

    def arrange(self, share: float, gone: Collection[int] = ()) -> Split:
        """Write what was added but those that are `gone`, a `share` of it held out.

        Takes as long as reading and writing it all.
        """
        wanted = [position for position in range(len(self.entries)) if position not in gone]
        self.lines = len(wanted)
        if self._aside is None:
            return Split(frozenset())
        aside = self._aside
        made = split([self.entries[p] for p in wanted], lambda i: aside.record(wanted[i]), share)
        for place, position in enumerate(wanted):
            record, *uploads = aside.lines(position)
            self.records.add(record, position)
            part: Part = "valid" if place in made.held_out else "train"
            for parts, line in zip(self._uploads, uploads, strict=True):
                parts[part].add(line, position)
        aside.close()
        self._leave_out_empty()
        return made

    def _leave_out_empty(self) -> None:
        """No file of held-out samples where there are none; trainers stumble over an empty one."""
        for parts in self._uploads:
            for part, output in [*parts.items()]:
                if not output.lines:
                    del parts[part]
                    self._switch.drop(output.path)
                    self._switch.remove(output.path)

    def close(self) -> None:
        if self._aside:
            self._aside.close()


def encode_stats(stats: Mapping[str, Any]) -> bytes:
    """The run's counts as JSON."""
    return json.dumps(stats, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


async def write_transcript(
    switch: Switch,
    folder: Path,
    channel: Channel,
    batches: AsyncIterator[list[Message]],
    channel_names: Mapping[int, str],
) -> File:
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
    return file


def _transcript_line(message: Message, channel_names: Mapping[int, str]) -> str:
    when = f"[{snowflake.moment(message.id):%Y-%m-%d %H:%M:%S}]"
    if message.is_stub:
        return f"{when} (a message that is not kept)\n"
    text = render.readable(message, channel_names).replace("\n", "\n    ")
    return f"{when} {person(message.name)}: {text}\n"
