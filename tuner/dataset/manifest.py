"""What stands beside a dataset, `records.manifest.json`: which message is in which line. Pure.

Words can be withdrawn long after a dataset was written: somebody opts out, a message is deleted or edited. The manifest
says which lines hold them. It holds ids and counts, and nothing that anybody said.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tuner.config.settings import Settings
from tuner.models import Sample

FORMAT = 1
SIGNED = '"about": "which messages are in which line of the dataset beside it, for Tuner"'
RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Line:
    """Where a sample's words are from: messages → when each was last edited; people; threads whose titles are in it.

    `speakers` are those of the people who take turns, `persona` is whom it teaches to be.
    """

    messages: Mapping[int, int]
    people: frozenset[int]
    titles: frozenset[int]
    speakers: frozenset[int]
    persona: int
    channel: int


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the dataset: "records", or a profile's, such as "openai.train". `samples` has a number a line."""

    name: str
    sha256: str
    size: int
    samples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A dataset: which archive and run made it, with which settings (a hash), its files, its samples by number.

    `titles` are digests of the threads' titles that are in it. `counts` are those of stats.json, and `page` is what
    else the page about the dataset tells. `taken_out` counts the samples that were withdrawn since.
    """

    archive: str
    run: int
    settings: str
    parts: tuple[Part, ...]
    samples: Mapping[int, Line]
    titles: Mapping[int, int] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)
    taken_out: int = 0

    @property
    def people(self) -> set[int]:
        """Everybody whose words or name are in it."""
        return set().union(*(line.people for line in self.samples.values()))

    def holding(self, part: Part, numbers: Collection[int]) -> list[int]:
        """The lines of a part, counted from 0, that hold any of the samples."""
        wanted = set(numbers)
        return [place for place, number in enumerate(part.samples) if number in wanted]

    def without(self, gone: Collection[int], parts: Iterable[Part]) -> Manifest:
        """The manifest once samples were taken out, with its parts as they are then."""
        samples = {number: line for number, line in self.samples.items() if number not in gone}
        left = len(self.samples) - len(samples)
        return replace(self, parts=tuple(parts), samples=samples, taken_out=self.taken_out + left)


def line_of(sample: Sample) -> Line:
    """What is noted of a sample."""
    about, origin = sample.metadata, sample.origin
    return Line(
        dict(origin.messages),
        origin.people,
        frozenset(origin.titles),
        frozenset(sample.people),
        about["assistant_user_id"],
        about["channel_id"],
    )


def page_settings(settings: Settings) -> dict[str, Any]:
    """What the page about a dataset is made by, to be made anew without these settings; nobody's id is in it."""
    others = {"prompt", "discord", "openai", "training", "store", "collect"}
    kept = settings.model_dump(mode="json", exclude=others)
    listed = len(settings.dataset.allowed_users)
    kept["people"] |= {"opt_outs": "", "consent_text": ""}
    kept["dataset"] |= {"allowed_users": list(range(1, listed + 1)), "personas": [], "channels": []}
    return kept


def settings_of(manifest: Manifest) -> Settings:
    """The settings by which the page is made."""
    return Settings.model_validate_json(json.dumps(manifest.page))


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, a sample a line."""
    head = {
        "format": FORMAT,
        "archive": manifest.archive,
        "run": manifest.run,
        "settings": manifest.settings,
        "taken_out": manifest.taken_out,
        "files": [
            {"part": part.name, "sha256": part.sha256, "size": part.size, "samples": list(part.samples)}
            for part in manifest.parts
        ],
        "titles": {str(i): digest for i, digest in manifest.titles.items()},
        "counts": manifest.counts,
        "page": manifest.page,
    }
    lines = [f"  {_text(key)}: {_text(value)}" for key, value in head.items()]
    samples = [f"    {_text(str(number))}: {_text(_line(line))}" for number, line in manifest.samples.items()]
    body = ",\n".join([f"  {SIGNED}", *lines, '  "samples": {\n' + ",\n".join(samples) + "\n  }"])
    return f"{{\n{body}\n}}\n".encode("utf-8", "replace")


def decode(text: bytes) -> Manifest | None:
    """The manifest, None for what is none, or of a version to come."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            return None
        return Manifest(
            str(document["archive"]),
            int(document["run"]),
            str(document["settings"]),
            tuple(_part(one) for one in document["files"]),
            {int(number): _read(line) for number, line in document["samples"].items()},
            {int(i): int(digest) for i, digest in document["titles"].items()},
            dict(document["counts"]),
            dict(document["page"]),
            int(document["taken_out"]),
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _line(line: Line) -> dict[str, Any]:
    return {
        "channel": line.channel,
        "messages": {str(i): edited_ms for i, edited_ms in sorted(line.messages.items())},
        "people": sorted(line.people),
        "speakers": sorted(line.speakers),
        "persona": line.persona,
        "titles": sorted(line.titles),
    }


def _read(line: Mapping[str, Any]) -> Line:
    return Line(
        {int(i): int(edited_ms) for i, edited_ms in line["messages"].items()},
        frozenset(map(int, line["people"])),
        frozenset(map(int, line["titles"])),
        frozenset(map(int, line["speakers"])),
        int(line["persona"]),
        int(line["channel"]),
    )


def _part(part: Mapping[str, Any]) -> Part:
    return Part(str(part["part"]), str(part["sha256"]), int(part["size"]), tuple(map(int, part["samples"])))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
