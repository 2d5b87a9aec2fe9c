"""Which samples are held out, so that a model can be measured on what it has not seen. Pure.

The newest of each channel, whole conversations, and none that the training part gives away: no answer of theirs
shares a long run of words with it, and no near copy of them is in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rensa import RMinHash, RMinHashLSH

MOST_HELD_OUT = 256  # more would tell no more
FEWEST_TRAINED = 10  # trainers refuse fewer
RUN = 13  # words in a row that no two people write by chance
ALIKE = 0.8  # share of three-word runs in common, from which two samples are near copies

_BANDS, _PERMUTATIONS = 16, 128
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


Home = tuple[int, int]
"""A conversation: its channel, and its own number there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the split goes by: where and when a sample was said, and which conversation it was cut from."""

    channel: int
    conversation: int
    at: int  # id of the message that is learned last

    @property
    def home(self) -> Home:
        return self.channel, self.conversation


@dataclass(frozen=True, slots=True)
class Split:
    """The positions that are held out, and how many conversations were not because of what they share."""

    held_out: frozenset[int]
    kept_back: int = 0


def split(entries: Sequence[Entry], read: Callable[[int], Mapping[str, Any]], share: float) -> Split:
    """Hold out a `share` (0 to 1) of the samples. `read` gives the record at a position."""
    chosen = newest(entries, share)
    if not chosen:
        return Split(frozenset())
    ties = _ties(entries, read, chosen)
    held = {entries[i].home for i in chosen}
    before = len(held)
    while given_away := {home for home in held if ties[home] - held}:
        held -= given_away
    return Split(frozenset(i for i in chosen if entries[i].home in held), before - len(held))


def newest(entries: Sequence[Entry], share: float) -> list[int]:
    """Positions of the newest samples of each channel, in whole conversations."""
    room = min(MOST_HELD_OUT, len(entries) - FEWEST_TRAINED)
    share = min(share, room / len(entries)) if room > 0 else 0.0
    # What is too little for one conversation of a channel adds up with the next channels'.
    order = sorted(range(len(entries)), key=lambda i: entries[i].channel)
    chosen: list[int] = []
    wanted = 0.0
    for _, positions in groupby(order, key=lambda i: entries[i].channel):
        talks = _latest_first(entries, list(positions))
        wanted += share * sum(map(len, talks))
        for talk in talks:
            if len(talk) > wanted - len(chosen) + 1e-9:
                break
            chosen += talk
    return chosen


def _latest_first(entries: Sequence[Entry], positions: Sequence[int]) -> list[list[int]]:
    """The samples of a channel by conversation, the one that went on last first."""
    talks: dict[int, list[int]] = defaultdict(list)
    for i in positions:
        talks[entries[i].conversation].append(i)
    return sorted(talks.values(), key=lambda talk: -max(entries[i].at for i in talk))


def _ties(
    entries: Sequence[Entry], read: Callable[[int], Mapping[str, Any]], chosen: Sequence[int]
) -> dict[Home, set[Home]]:
    """Conversation → the others that give it away: a run of words of its answers is there, or a near copy of it."""
    given: dict[int, set[Home]] = defaultdict(set)
    copies, prints = RMinHashLSH(ALIKE, _PERMUTATIONS, _BANDS), {}
    for i in chosen:
        record = read(i)
        for answer in answers(record):
            for run in run_numbers(words(answer)):
                given[run].add(entries[i].home)
        prints[i] = _print(record)
        copies.insert(i, prints[i])
    ties: dict[Home, set[Home]] = defaultdict(set)
    for i, entry in enumerate(entries):
        record = read(i)
        found = {
            home for text in said(record) for run in run_numbers(words(text)) for home in given.get(run, ())
        }
        own = _print(record)
        found |= {entries[n].home for n in copies.query(own) if own.jaccard(prints[n]) >= ALIKE}
        for home in found - {entry.home}:
            ties[home].add(entry.home)
    return ties


def answers(record: Mapping[str, Any]) -> Iterator[str]:
    """What is learned."""
    for message in record["messages"]:
        own = message["role"] == "assistant" and message.get("weight") != 0
        if own and isinstance(message["content"], str):
            yield message["content"]


def said(record: Mapping[str, Any]) -> Iterator[str]:
    """All that stands in it but the system prompt: turns, blocks of context, what was retrieved."""
    for message in record["messages"]:
        if message["role"] != "system" and isinstance(message["content"], str):
            yield message["content"]


def words(text: str) -> list[str]:
    """Words; in scripts that put no space between them, letters."""
    return _WORD.findall(text.casefold())


def run_numbers(said: Sequence[str]) -> Iterator[int]:
    """A number for each `RUN` of words."""
    return (hash(tuple(said[i : i + RUN])) for i in range(len(said) - RUN + 1))


def _print(record: Mapping[str, Any]) -> RMinHash:
    """A fingerprint of the turns: alike where the texts are. The prompt is left out: it is the same in all."""
    turns = [m for m in record["messages"] if m.get("weight") != 0]
    heard = [word for text in said({"messages": turns}) for word in words(text)]
    made = RMinHash(_PERMUTATIONS, 1)
    made.update([" ".join(heard[i : i + 3]) for i in range(max(1, len(heard) - 2))])
    return made
