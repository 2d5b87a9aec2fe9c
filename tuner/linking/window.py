"""The stretch of a channel the linker can see: messages as columns, and how each stands to its neighbours.

Everything about a message follows from at most `REACH` messages before it and `AHEAD` after it, whatever
else the window holds: so links do not depend on how the channel was cut into pages or blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import chain

import numpy as np

from tuner import snowflake
from tuner.linking.arrays import Bools, Floats, Ints, SmallInts
from tuner.linking.reading import NAMED_AT_MOST, Reader, weights
from tuner.linking.vocabulary import KINDS
from tuner.models import Message

RECENT = 32  # candidates: this many messages back,
REACH = 256  # and a few people's latest, this many messages back at most,
FAR_MS = 6 * 3600 * 1000  # and this long ago
AHEAD = 32  # messages after one that are looked at
EXCHANGES = 4  # of a speaker with others, the last ones that count
RHYTHM = 64  # messages whose gaps make a channel's rhythm at a point
NEVER = 1 << 40  # a position after everything
_FURTHEST = 2  # places before or after, by a key, that are asked for
_OUTSIDE = 1 << 62  # a key's position after every other
_USUAL_GAP = 12  # half powers of two of a quarter second, where a channel has no gap yet


def half_powers(values: Ints) -> SmallInts:
    """Twice the binary logarithm of positive integers, rounded down, the mantissa taken as linear. Exact."""
    return (values.astype(np.float32).view(np.int32) >> 22) - 254


def quarters(milliseconds: Ints) -> SmallInts:
    """Time on the linker's scale: half powers of two of (about) a quarter second."""
    return half_powers((milliseconds >> 8) + 1)


@dataclass(slots=True)
class Columns:
    """Messages, a list a property."""

    id: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)  # unix milliseconds
    speaker: list[int] = field(default_factory=list)
    target: list[int] = field(
        default_factory=list
    )  # position replied to, NEVER out of sight, -1 for no reply
    named: list[tuple[int, ...]] = field(default_factory=list)  # others; a native reply names whom it answers
    kind: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    words: list[list[int]] = field(default_factory=list)
    times: list[list[int]] = field(default_factory=list)  # messages that held each of the words by then
    of: list[int] = field(default_factory=list)  # messages by then

    def part(self, start: int, end: int | None = None) -> Columns:
        return Columns(*(getattr(self, f.name)[start:end] for f in fields(self)))


class Window:
    """The messages in sight, oldest first; positions count from the channel's first message."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._columns = Columns()
        self._position: dict[int, int] = {}  # message id → position
        self.start = 0
        self.end = 0

    def add(self, message: Message) -> None:
        reading = self._reader.read(message)
        columns, named, target = self._columns, reading.named, -1
        if message.reply_to is not None:
            target = self._position.get(message.reply_to, NEVER)
            if target < self.end - REACH:
                target = NEVER
            if target < NEVER:
                answered = columns.speaker[target - self.start]
                if answered != message.speaker:
                    named = (answered, *(other for other in named if other != answered))
        columns.id.append(message.id)
        columns.at.append(snowflake.at_ms(message.id))
        columns.speaker.append(message.speaker)
        columns.target.append(target)
        columns.named.append(named)
        columns.kind.append(reading.kind)
        columns.length.append(reading.length)
        columns.words.append(reading.words)
        columns.times.append(reading.times)
        columns.of.append(reading.of)
        self._position[message.id] = self.end
        self.end += 1

    def forget(self, before: int) -> None:
        """Let go of the messages before a position."""
        count = before - self.start
        if count > 0:
            for message_id in self._columns.id[:count]:
                self._position.pop(message_id, None)
            self._columns = self._columns.part(count)
            self.start = before

    def view(self, start: int, end: int) -> View:
        """The messages from one position to another, and their neighbourhoods."""
        start = max(start, self.start)
        return View(self._columns.part(start - self.start, end - self.start), start)


class Keyed:
    """Positions by a key, to be asked for the last before and the first after some position."""

    def __init__(self, keys: Ints, positions: Ints, span: int) -> None:
        self._span = span
        around = np.array([_OUTSIDE] * _FURTHEST)
        self._sorted = np.concatenate([-around, np.sort(keys * span + positions), around])

    def _at(self, index: Ints, base: Ints, missing: int) -> Ints:
        found = self._sorted.take(index + _FURTHEST) - base
        return np.where((found >= 0) & (found < self._span), found, missing)

    def before(self, keys: Ints, positions: Ints, back: int = 1) -> Ints:
        """The `back`-th position with this key before a position, -1 for none."""
        base = keys * self._span
        index = np.searchsorted(self._inner, base + positions) - back
        return self._at(index, base, -1)

    def after(self, keys: Ints, positions: Ints, ahead: int = 1) -> Ints:
        """The `ahead`-th position with this key after a position, NEVER for none."""
        base = keys * self._span
        index = np.searchsorted(self._inner, base + positions, side="right") + ahead - 1
        return self._at(index, base, NEVER)

    def around(self, keys: Ints, positions: Ints) -> tuple[Ints, Ints]:
        """The last before and the first after, at once."""
        base = keys * self._span
        index = np.searchsorted(self._inner, base + positions)
        at = self._sorted.take(index + _FURTHEST) == base + positions
        return self._at(index - 1, base, -1), self._at(index + at, base, NEVER)

    @property
    def _inner(self) -> Ints:
        inner: Ints = self._sorted[_FURTHEST:-_FURTHEST]
        return inner


def neighbours(keys: Ints) -> tuple[Ints, Ints]:
    """For every row, the row before it and after it with the same key; -1 and NEVER for none."""
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    before = np.full(len(keys), -1)
    after = np.full(len(keys), NEVER)
    before[order[1:][same]] = order[:-1][same]
    after[order[:-1][same]] = order[1:][same]
    return before, after


def following(after: Ints, rows: Ints) -> Ints:
    """One more step along a chain."""
    inside = rows < len(after)
    return np.where(inside, after[np.where(inside, rows, 0)], NEVER)


class View:
    """Columns of a stretch, as arrays. Rows count from the stretch's first message."""

    def __init__(self, columns: Columns, start: int) -> None:
        self.start = start
        self.size = size = len(columns.id)
        rows = np.arange(size)
        self.rows = rows
        self.positions = rows + start
        self.ids = columns.id
        self.at = np.array(columns.at, dtype=np.int64)
        self.kind = np.array(columns.kind, dtype=np.int64)
        self.length = np.array(columns.length, dtype=np.int64)
        target = np.array(columns.target, dtype=np.int64)
        self.is_reply = target >= 0
        self.target = np.where(
            (target >= start) & (target < NEVER), target - start, -1
        )  # row, -1 out of sight
        self._columns = columns
        self._number_people(columns)
        self._find_own()
        self._find_rhythm()
        self._find_calls()
        self.kinds = ((self.kind[:, None] >> np.arange(len(KINDS))) & 1).astype(np.float32)

    def _number_people(self, columns: Columns) -> None:
        """Speakers as small numbers; `calls`: rows in which somebody names somebody."""
        calls = [(row, other) for row, named in enumerate(columns.named) for other in named]
        speakers = np.array(columns.speaker, dtype=np.int64)
        others = np.array([other for _, other in calls], dtype=np.int64)
        _, numbers = np.unique(np.concatenate([speakers, others]), return_inverse=True)
        self.speaker: Ints = numbers[: self.size].astype(np.int64)
        self.call_rows = np.array([row for row, _ in calls], dtype=np.int64)
        self.called: Ints = numbers[self.size :].astype(np.int64)
        self.addressed = np.full(self.size, -1)
        self.addressed[self.call_rows[::-1]] = self.called[::-1]
        self.also_named = np.full((self.size, NAMED_AT_MOST - 1), -2)
        nth = np.zeros(len(calls), dtype=np.int64)  # place of each call in its message
        for back in range(1, NAMED_AT_MOST):
            nth[back:] += self.call_rows[back:] == self.call_rows[:-back]
        for n in range(NAMED_AT_MOST - 1):
            chosen = nth == n + 1
            self.also_named[self.call_rows[chosen], n] = self.called[chosen]
        self.names_anyone = (
            np.bincount(self.call_rows, minlength=self.size) if calls else np.zeros(self.size, int)
        )

    def _find_own(self) -> None:
        own, after = neighbours(self.speaker)
        self.own = np.where(self.rows - own <= REACH, own, -1)
        self.own_before = np.where(self.own >= 0, self.own[self.own], -1)
        self.next_own = after
        self.next_own_but_one = following(after, after)
        count = np.ones(self.size, dtype=np.int64)
        earlier = self.rows
        for _ in range(7):
            earlier = np.where(earlier >= 0, own[earlier], -1)
            count += (earlier >= 0) & (self.rows - earlier <= REACH)
        self.times_spoken = count  # at most 8
        self.by_speaker = Keyed(self.speaker, self.rows, self.size + 1)

    def _find_rhythm(self) -> None:
        gap = np.diff(self.at, prepend=self.at[:1])
        self.gap = quarters(np.maximum(gap, 0))
        known = (self.positions > 0).astype(np.int64)
        total = _over(self.gap * known, RHYTHM)
        count = _over(known, RHYTHM)
        rhythm = np.where(count > 0, total // np.maximum(count, 1), _USUAL_GAP)
        self.rhythm = rhythm.astype(np.int32)
        self.naming = _over((self.names_anyone > 0).astype(np.int64), 128) // 4  # of at most 32
        self.replying = _over(self.is_reply.astype(np.int64), 128) // 4
        self.switches = np.cumsum(
            np.concatenate([[0], (self.speaker[1:] != self.speaker[:-1]).astype(np.int64)])
        )

    def _find_calls(self) -> None:
        span = self.size + 1
        others = self.called != self.speaker[self.call_rows]
        rows, called = self.call_rows[others], self.called[others]
        callers = self.speaker[rows]
        by_called = Keyed(called, rows, span)
        last = by_called.before(self.speaker, self.rows)
        self.call = np.where(self.rows - last <= REACH, last, -1)  # the last message that names the speaker
        self.next_call = by_called.after(self.speaker, self.rows)
        self.next_call_but_one = by_called.after(self.speaker, self.rows, 2)
        coming = self.next_call
        near = coming - self.rows <= AHEAD
        self.will_be_called_by = np.where(near, self.speaker[np.where(near, coming, 0)], -1)
        self.called_in = np.where(near, coming - self.rows, AHEAD)
        calling = Keyed(callers, rows, span).after(self.speaker, self.rows)
        soon = calling - self.rows <= AHEAD
        self.will_call = np.where(soon, self.addressed[np.where(soon, calling, 0)], -1)
        self.addressed_last = self.by_speaker.before(self.addressed, self.rows)
        self.next_reply = np.full(self.size, NEVER)
        replies = np.flatnonzero(self.target >= 0)[::-1]
        self.next_reply[self.target[replies]] = replies
        self._find_partners(rows, callers, called)

    def _find_partners(self, rows: Ints, callers: Ints, called: Ints) -> None:
        """The last exchanges of each speaker before each row: with whom, how lately, and who named whom."""
        self.exchanges: list[tuple[Ints, Ints, Bools]] = []
        if not len(rows):
            return
        people = np.concatenate([callers, called])
        partners = np.concatenate([called, callers])
        happened = np.concatenate([rows, rows])
        outgoing = np.concatenate([np.ones(len(rows), bool), np.zeros(len(rows), bool)])
        order = np.lexsort((happened, people))  # stable: as the message names them
        people, partners, happened, outgoing = (
            people[order],
            partners[order],
            happened[order],
            outgoing[order],
        )
        keys = people * (self.size + 1) + happened
        end = np.searchsorted(keys, self.speaker * (self.size + 1) + self.rows)
        for back in range(1, EXCHANGES + 1):
            place = np.maximum(end - back, 0)
            since = self.rows - happened[place]
            found = (end >= back) & (people[place] == self.speaker) & (since <= REACH)
            recency = np.clip(8 - half_powers(np.maximum(since, 1)) // 2, 0, 8)
            self.exchanges.append(
                (np.where(found, partners[place], -1), np.where(found, recency, 0), outgoing[place])
            )

    @cached_property
    def words(self) -> tuple[Ints, Ints, Ints]:
        """The words of all messages that are not common, row by row: what they are, what each says, and the row."""
        columns = self._columns
        counts = [len(words) for words in columns.words]
        words = np.array([*chain.from_iterable(columns.words)], dtype=np.int64)
        times = np.array([*chain.from_iterable(columns.times)], dtype=np.int64)
        weight = weights(times, np.repeat(columns.of, counts))
        rare = weight > 0
        return words[rare], weight[rare], np.repeat(self.rows, counts)[rare]

    def overlaps(self, rows: Ints) -> Floats:
        """Shared rare words of these consecutive rows with each of the RECENT rows before: cosine, [rows, RECENT].

        Column j is the row `RECENT - j` before.
        """
        first, last = int(rows[0]), int(rows[-1])
        begin = max(0, first - RECENT)
        near = slice(*np.searchsorted(self.words[2], [begin, last + 1]).tolist())
        words, weight, places = (column[near] for column in self.words)
        norms = np.sqrt(np.maximum(np.bincount(places - begin, weight * weight, last + 1 - begin), 1))
        order = np.argsort(words, kind="stable")
        words, weight, places = words[order], weight[order], places[order]
        cells, products = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for lag in range(1, RECENT + 1):
            pairs = np.flatnonzero(
                (words[lag:] == words[:-lag])
                & (places[lag:] - places[:-lag] <= RECENT)
                & (places[lag:] >= first)
            )
            if not len(pairs):
                break
            later, earlier = places[pairs + lag], places[pairs]
            cells.append((later - first + 1) * RECENT - (later - earlier))
            products.append(weight[pairs + lag] * weight[pairs])
        shared = np.bincount(np.concatenate(cells), np.concatenate(products), len(rows) * RECENT)
        own = norms[-len(rows) :]
        before = np.concatenate([np.ones(max(0, RECENT - first)), norms[:-1]])
        windows = np.lib.stride_tricks.sliding_window_view(before, RECENT)
        cosines = shared.reshape(len(rows), RECENT) / (windows[: len(rows)] * own[:, None])
        return np.asarray(cosines, dtype=np.float32)


def _over(values: Ints, count: int) -> Ints:
    """Sums over the last `count` values."""
    total: Ints = np.concatenate([[0], np.cumsum(values)])
    before: Ints = total[np.maximum(np.arange(len(values)) + 1 - count, 0)]
    last: Ints = total[1:] - before
    return last
