"""Takes samples out of a dataset that lies on the disk: out of every file of it, all at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.adapters.dataset_files import BOM, card_path, manifest_path, part_path
from tuner.adapters.former_datasets import former
from tuner.adapters.switch import Switch
from tuner.dataset.manifest import Manifest, Part, decode, encode

AT_ONCE = 200  # samples whose texts are held at once


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset as it lies there: which parts are as they were written, and which somebody changed or took away."""

    records: Path
    manifest: Manifest
    whole: tuple[Part, ...]
    changed: tuple[Part, ...]
    missing: tuple[Part, ...]


def read_manifest(records: Path) -> Manifest | None:
    """The manifest of the dataset there, None where there is none that can be read."""
    try:
        return decode(manifest_path(records).read_bytes())
    except OSError:
        return None


def look(records: Path, manifest: Manifest) -> Found:
    """What is there of a dataset. Reads all of it."""
    there = {part: former(part_path(records, part.name)) for part in manifest.parts}
    whole = [part for part, file in there.items() if file and file.sha256 == part.sha256]
    changed = [part for part, file in there.items() if file and file.sha256 != part.sha256]
    missing = [part for part, file in there.items() if file is None]
    return Found(records, manifest, tuple(whole), tuple(changed), tuple(missing))


def texts(found: Found) -> Iterator[dict[int, list[str]]]:
    """What is said in the samples in which somebody may be named, by their numbers, in portions; no system prompts."""
    portion: dict[int, list[str]] = {}
    for part in found.whole:
        with part_path(found.records, part.name).open("rb") as stream:
            for number, raw in zip(part.samples, stream, strict=False):
                if b"@" in raw or b"\xef\xbc\xa0" in raw or b"\xef\xb9\xab" in raw:
                    portion.setdefault(number, []).extend(_said(raw))
                if len(portion) >= AT_ONCE:
                    yield portion
                    portion = {}
    yield portion


def without(switch: Switch, found: Found, gone: Collection[int]) -> Manifest:
    """Write every whole part without the samples that are gone, to take their places when the switch commits.

    A part of which nothing is left goes. One that somebody changed stays as it is.
    """
    kept = []
    for part in found.manifest.parts:
        left = _left(switch, found.records, part, gone) if part in found.whole else part
        kept += [left] if left else []
    if all(part in found.missing for part in kept):  # nothing is there any more that could be named again
        kept = []
    return found.manifest.without(gone, kept)


def write_about(
    switch: Switch, records: Path, manifest: Manifest, page: Callable[[Mapping[str, Any]], str]
) -> None:
    """The manifest and, where it is still there, the page. That goes with the last sample, the manifest with the last
    part: one that somebody changed has to be named for as long as it is there."""
    card, place = card_path(records), manifest_path(records)
    if not manifest.samples:
        switch.claim(card)
        switch.remove(card)
    elif card.exists():
        switch.open(card).write(page(manifest.counts).encode("utf-8", "replace"))
    if manifest.parts:
        switch.open(place).write(encode(manifest))
    else:
        switch.claim(place)
        switch.remove(place)


def _left(switch: Switch, records: Path, part: Part, gone: Collection[int]) -> Part | None:
    """A part without some of its lines, None when it has no other; the part itself when it has none of them."""
    samples = tuple(number for number in part.samples if number not in gone)
    path = part_path(records, part.name)
    if len(samples) == len(part.samples):
        return part
    if not samples:
        switch.claim(path)
        switch.remove(path)
        return None
    digest, size, file = hashlib.sha256(), 0, switch.open(path)
    with path.open("rb") as stream:
        for line in _kept(stream, part, gone):
            file.write(line)
            digest.update(line)
            size += len(line)
    return replace(part, sha256=digest.hexdigest(), size=size, samples=samples)


def _kept(stream: Iterator[bytes], part: Part, gone: Collection[int]) -> Iterator[bytes]:
    """The lines that stay, the mark that a file begins with in front of the first of them."""
    mark = b""
    for place, (number, line) in enumerate(zip(part.samples, stream, strict=False)):
        if not place and line.startswith(BOM):
            mark, line = BOM, line.removeprefix(BOM)
        if number not in gone:
            yield mark + line
            mark = b""


def _said(raw: bytes) -> list[str]:
    messages = json.loads(raw.removeprefix(BOM))["messages"]
    return [
        message["content"]
        for message in messages
        if message.get("role") != "system" and isinstance(message.get("content"), str)
    ]
