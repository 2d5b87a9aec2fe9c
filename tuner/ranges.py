"""Cursors as ranges: a channel's stored history is a list of closed id ranges.

A range says "every message from first to last is stored". An interrupted first read, an ordinary
incremental read and an `earliest` that was moved back are then one rule: read on after the range
that holds the wanted start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Ids from `first` to `last`, both included."""

    first: int
    last: int


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The same coverage as sorted ranges that neither overlap nor touch."""
    merged: list[Range] = []
    for item in sorted(ranges):
        if merged and item.first <= merged[-1].last + 1:
            merged[-1] = Range(merged[-1].first, max(merged[-1].last, item.last))
        else:
            merged.append(item)
    return merged


def without(ranges: Iterable[Range], taken: Range) -> list[Range]:
    """The same coverage less the ids that are `taken`."""
    left = []
    for item in merge(ranges):
        parts = (
            Range(item.first, min(item.last, taken.first - 1)),
            Range(max(item.first, taken.last + 1), item.last),
        )
        left += [part for part in parts if part.first <= part.last]
    return merge(left)


def resume_after(ranges: Iterable[Range], start: int) -> int:
    """The id after which reading goes on, so that nothing from `start` on is missed or read twice."""
    for item in merge(ranges):
        if item.first <= start <= item.last + 1:
            return item.last
    return start - 1


def reaches(ranges: Iterable[Range], start: int) -> bool:
    """Whether what is stored goes back to `start`."""
    return any(item.first <= start <= item.last + 1 for item in ranges)
