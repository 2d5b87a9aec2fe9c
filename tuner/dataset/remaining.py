"""What the counts of a dataset say once samples were taken out of it, and people or titles withdrawn. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tuner.dataset.contents import Contents
from tuner.dataset.manifest import RECORDS, Line, Manifest

Counts = dict[str, Any]


def remaining(manifest: Manifest) -> Counts:
    """The counts of what is left. Tokens, languages, stages and answers stay as the build counted them."""
    counts, lines = dict(manifest.counts), manifest.samples.values()
    contents = contents_of(lines, counts["contents"]["learned_tokens"])
    names = {one["id"]: one["name"] for one in counts["contents"]["channels"]}
    left = {part.name: part for part in manifest.parts}
    held_out = {n for name, part in left.items() if name.endswith(".valid") for n in part.samples}
    return counts | {
        "samples": len(lines),
        "taken_out": manifest.taken_out,
        "split": {
            "train": len(lines) - len(held_out),
            "valid": len(held_out),
            "kept_back": counts["split"]["kept_back"],
        },
        "files": [
            {**one, "lines": len(left[name].samples), "size": left[name].size, "sha256": left[name].sha256}
            for one in counts["files"]
            if (name := one.get("part", RECORDS)) in left
        ],
        "contents": contents.report(names),
        "learned": _learned(counts["learned"], Counter(line.persona for line in lines)),
    }


def contents_of(lines: Iterable[Line], learned_tokens: int) -> Contents:
    """What these samples hold, of as many learned tokens as the build counted."""
    contents = Contents(learned_tokens=learned_tokens)
    for line in lines:
        contents.add(line.channel, line.speakers, line.messages, 0)
    return contents


def withdrawn(counts: Mapping[str, Any], gone: Collection[int], titles: Mapping[int, str]) -> Counts:
    """Counts that name none of the people who are `gone`, and channels as they are called now."""
    learned = counts.get("learned")
    kept = dict(counts)
    if isinstance(learned, Mapping):
        kept["learned"] = _without(learned, gone)
    changed = {old: titles[i] for i, old in _titles(counts) if i in titles and titles[i] != old and old}
    return _changed(kept, _replacing(changed)) if changed else kept


def named_in(counts: Mapping[str, Any]) -> set[int]:
    """The people whom counts name."""
    learned = counts.get("learned") or {}
    helpers = learned.get("helpers", {}).get("most", ())
    return {one["user_id"] for one in (*learned.get("most", ()), *helpers)}


def _learned(learned: Mapping[str, Any], samples: Mapping[int, int]) -> Counts:
    """Nobody is learned of whom no sample is left."""
    return _without(learned, {one["user_id"] for one in learned["most"]} - samples.keys())


def _without(learned: Mapping[str, Any], gone: Collection[int]) -> Counts:
    most = [one for one in learned["most"] if one["user_id"] not in gone]
    fewer = learned["people"] - (len(learned["most"]) - len(most))
    kept: Counts = {**learned, "people": fewer, "most": most}
    if helpers := learned.get("helpers"):
        left = [one for one in helpers["most"] if one.get("user_id") not in gone]
        people = helpers["people"] - (len(helpers["most"]) - len(left))
        kept["helpers"] = {**helpers, "people": people, "most": left}
    return kept


def _titles(counts: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
    for i, channel in counts.get("channels", {}).items():
        yield int(i), channel["name"]
    for channel in counts.get("contents", {}).get("channels", ()):
        yield channel["id"], channel["name"]


def _replacing(changed: Mapping[str, str]) -> Callable[[str], str]:
    found = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, changed)) + r")(?!\w)")
    return lambda text: found.sub(lambda match: changed[match[0]], text)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every string in it changed, keys left alone."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    return {k: _changed(v, change) for k, v in value.items()} if isinstance(value, Mapping) else value
