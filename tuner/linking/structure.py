"""What the conversations found by the first look say about a link."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tuner.linking.arrays import Bools, Floats, Ints
from tuner.linking.features import CANDIDATES, GRID, PAIR, Pairs
from tuner.linking.network import ONE, logs
from tuner.linking.talk import ABOUT, TURNS, WORDS, Spots, Talks, turns, words_in_common
from tuner.linking.window import AHEAD, REACH, Keyed, View, following, half_powers, quarters

SHORTLIST = 6

STRUCTURE = (
    "score below the best", "probability", "conversation's probability", "likeliest conversation",
    "conversation's log probability", "in own last's conversation", "newest of its conversation",
    "one after it", "two after it", "three to five after it", "six or more after it", "speaker is in conversation",
    "speaker was in it lately", "addressed is in conversation", "conversation's length", "nothing else in it",
    "conversation idle", "answered", "answered by the speaker", "answers the speaker", "answers own last",
    "speaker's next is there", "log of that", "who answers this was there", "who answers this is the author",
    "in it, but spoke elsewhere last", "spoke elsewhere last", "starts its conversation", "conversation went on since",
    *WORDS, *TURNS,
)  # fmt: skip
SITUATION = (
    "log probability of a start", "probability of a start", "likeliest conversation's probability",
    "its log", "answers to this", "likeliest answer to this", "speaker's next is somewhere",
    "who answers this was somewhere", "open conversations", "speaker's next, found", "speaker's next starts",
    "speaker goes on soon", *ABOUT,
)  # fmt: skip
_LATELY = 14  # half powers of two of the usual gap


@dataclass(slots=True)
class FirstLook:
    """What the first network made of consecutive messages; positions count from the channel's first."""

    shortlist: Ints  # positions of the likeliest candidates, -1 for none, [messages, SHORTLIST]
    scores: Floats  # how far below the best option each is, up to 0
    parts: Ints  # their probabilities in parts of ONE
    starts: Ints  # probability of a start, in parts of ONE, [messages]
    target: Ints  # the position linked to, its own for a start, [messages]
    root: Ints  # where its conversation begins, [messages]
    nth: Ints  # how many messages of its conversation came before, [messages]

    @classmethod
    def nothing(cls) -> FirstLook:
        none, wide = np.zeros(0, np.int64), np.zeros((0, SHORTLIST), np.int64)
        return cls(wide, wide.astype(np.float32), wide, none, none, none, none)

    def since(self, drop: int) -> FirstLook:
        """These messages without the first `drop`."""
        return FirstLook(*(getattr(self, f.name)[drop:] for f in fields(self)))

    def followed_by(self, other: FirstLook) -> FirstLook:
        both = [(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return FirstLook(*(np.concatenate(pair) for pair in both))


@dataclass(slots=True)
class Second:
    """The shortlisted candidates of some messages, and what the second network is given."""

    candidates: Ints  # rows, [messages, SHORTLIST]
    open: Bools
    values: Floats  # [len(STRUCTURE) + len(PAIR), messages * SHORTLIST]
    situation: Floats  # [messages, len(SITUATION)]


def shortlisted(pairs: Pairs, scores: Floats) -> Ints:
    """Columns of the SHORTLIST best candidates, the best first; ties go to the nearer, [messages, SHORTLIST]."""
    steps = np.where(pairs.open, scores * (-2 * GRID), 2.0**20).astype(np.int32)
    keys = steps * np.int32(CANDIDATES) + np.arange(CANDIDATES - 1, -1, -1, dtype=np.int32)
    best = np.sort(np.partition(keys, SHORTLIST, axis=1)[:, :SHORTLIST], axis=1)
    return CANDIDATES - 1 - best.astype(np.int64) % CANDIDATES


class Structure:
    """The conversations of the first look, as seen from a view's rows."""

    def __init__(self, view: View, first: FirstLook) -> None:
        """`first` covers the view's rows but for a few at its end, which take no part."""
        self.view, self.first = view, first
        self.talks = talks = Talks(view, first.root)
        self.size, self.rows, self.conversation = talks.size, talks.rows, talks.conversation
        span = view.size + 1
        self.target = first.target - view.start  # row; negative when out of sight
        answering = (self.target >= 0) & (self.target != self.rows)
        children, parents = self.rows[answering], self.target[answering]
        self.children = Keyed(parents, children, span)
        self.own_children = Keyed(parents * talks.people + view.speaker[children], children, span)
        self._find_answers()

    def _find_answers(self) -> None:
        """For each row the two likeliest answers that follow it soon, and how many there may be."""
        from_rows = np.repeat(self.rows, SHORTLIST)
        to_rows = self.first.shortlist.ravel() - self.view.start
        parts = self.first.parts.ravel()
        near = (parts > ONE // 10) & (to_rows >= 0) & (from_rows - to_rows <= AHEAD)
        near &= self.first.shortlist.ravel() >= 0
        rows, targets, parts = from_rows[near], to_rows[near], parts[near]
        order = np.lexsort((rows, -parts, targets))
        rows, targets, parts = rows[order], targets[order], parts[order]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = targets[1:] != targets[:-1]
        second = np.zeros(len(rows), dtype=bool)
        second[1:] = first[:-1] & ~first[1:]
        self.answers = []
        for chosen in (first, second):
            who, likely = np.full(self.size, -1), np.zeros(self.size, np.int64)
            who[targets[chosen]] = rows[chosen]
            likely[targets[chosen]] = parts[chosen]
            self.answers.append((who, likely))
        self.all_answers = np.bincount(targets, parts, self.size).astype(np.int64)

    def second(self, rows: Ints, pairs: Floats) -> Second:
        """What the second network is given for consecutive rows.

        `pairs`: features of their shortlisted pairs, [len(PAIR), messages, SHORTLIST].
        """
        shortlist = self.first.shortlist[rows]
        is_open = shortlist >= 0
        c = np.where(is_open, shortlist - self.view.start, 0)
        values = np.zeros((len(STRUCTURE) + len(PAIR), len(rows), SHORTLIST), dtype=np.float32)
        values[len(STRUCTURE) :] = pairs
        q = rows[:, None]
        there = self.conversation[c]
        mass = self._likelihoods(rows, c, is_open, values)
        spots = self.talks.spots(q, c, there)
        self._memberships(spots, values)
        self._places(spots, values)
        followed = self._what_follows(q, c, there, values)
        turned = len(STRUCTURE) - len(TURNS)
        values[turned : len(STRUCTURE)] = turns(self.talks, spots)
        values[turned - len(WORDS) : turned], about = words_in_common(self.talks, rows, there, is_open)
        situation = np.concatenate([self._situation(rows, is_open, values, mass, followed), about], 1)
        return Second(c, is_open, values.reshape(len(values), -1), situation)

    def _likelihoods(self, rows: Ints, c: Ints, is_open: Bools, values: Floats) -> Ints:
        parts = np.where(is_open, self.first.parts[rows], 0)
        there = np.where(is_open, self.conversation[c], -1)
        mass = np.zeros(c.shape, dtype=np.int64)
        for column in range(SHORTLIST):
            mass += parts[:, column : column + 1] * (there == there[:, column : column + 1])
        values[0] = np.floor(np.clip(self.first.scores[rows], -12, 0) * (GRID / 4)) / GRID
        values[1] = (parts * GRID // ONE) / GRID
        values[2] = (mass * GRID // ONE) / GRID
        values[3] = mass == mass.max(1, keepdims=True)
        values[4] = logs(mass)
        return mass

    def _memberships(self, spots: Spots, values: Floats) -> None:
        view, q, there, member = self.view, spots.q, spots.there, spots.own
        own = view.own[q]
        own_there = (own >= 0) & (self.conversation[own] == there)
        values[5] = own_there
        values[11] = member >= 0
        recency = np.clip(8 - half_powers(np.maximum(q - member, 1)) // 2, 0, 8)
        values[12] = np.where(member >= 0, recency, 0) / 4
        addressed = view.addressed[q]
        called = self.talks.members.before(there * self.talks.people + np.maximum(addressed, 0), q)
        values[13] = (addressed >= 0) & (called >= 0) & (q - called <= REACH)
        values[25] = (member >= 0) & ~own_there
        values[26] = (own >= 0) & ~own_there

    def _places(self, spots: Spots, values: Floats) -> None:
        view, q, c, last = self.view, spots.q, spots.c, spots.last
        one = self.talks.next[c]
        two = following(self.talks.next, one)
        three = following(self.talks.next, two)
        six = following(self.talks.next, following(self.talks.next, following(self.talks.next, three)))
        for place, (low, high) in enumerate(
            ((None, one), (one, two), (two, three), (three, six), (six, None)), 6
        ):
            values[place] = (True if low is None else low < q) & (True if high is None else high >= q)
        size = self.first.nth[last] + 1
        values[14] = np.minimum(size, 40) / 16
        values[15] = size == 1
        idle = quarters(np.maximum(view.at[q] - view.at[last], 0)) - view.rhythm[q]
        values[16] = np.clip(idle, -8, 24) / 8
        values[17] = (self.children.before(c, q) >= 0) / 2 + (self.children.before(c, q, 2) >= 0) / 2
        values[18] = self.own_children.before(c * self.talks.people + view.speaker[q], q) >= 0
        parent = self.target[c]
        answers = (parent >= 0) & (parent != c)
        values[19] = answers & (view.speaker[parent] == view.speaker[q])
        values[20] = answers & (parent == view.own[q])
        values[27] = ~answers
        values[28] = np.minimum(last - c, 20) / 8

    def _what_follows(self, q: Ints, c: Ints, there: Ints, values: Floats) -> tuple[Ints, Ints, Ints]:
        """The speaker's next message and the answers to this one: where do they or their authors belong?"""
        view, first = self.view, self.first
        after = view.next_own[q[:, 0]]
        soon = (after - q[:, 0] <= AHEAD) & (after < self.size)
        after = np.where(soon, after, 0)
        rows = first.shortlist[after] - view.start
        parts = np.where((rows >= 0) & (rows < q) & soon[:, None], first.parts[after], 0)
        conversations = self.conversation[np.maximum(rows, 0)]
        followed = np.zeros(c.shape, dtype=np.int64)
        for column in range(SHORTLIST):
            followed += parts[:, column : column + 1] * (conversations[:, column : column + 1] == there)
        values[21] = (followed * GRID // ONE) / GRID
        values[22] = logs(followed)
        for who, likely in self.answers:
            row = who[q]
            other = (row >= 0) & (view.speaker[row] != view.speaker[q])
            before = view.by_speaker.before(view.speaker[row], q)
            lately = quarters(np.maximum(view.at[q] - view.at[before], 0)) - view.rhythm[q] <= _LATELY
            known = other & (before >= 0) & (q - before <= REACH) & lately
            weight = (likely[q] * GRID // ONE) / GRID
            values[23] += weight * (known & (self.conversation[np.maximum(before, 0)] == there))
            values[24] += weight * (other & (view.speaker[row] == view.speaker[c]))
        return parts.sum(1), np.where(soon, first.starts[after], 0), soon.astype(np.int64)

    def _situation(
        self, rows: Ints, is_open: Bools, values: Floats, mass: Ints, followed: tuple[Ints, Ints, Ints]
    ) -> Floats:
        found, starts, soon = followed
        top = mass.max(1)
        begins = self.first.starts[rows]
        columns = [
            logs(begins),
            (begins * GRID // ONE) / GRID,
            (top * GRID // ONE) / GRID,
            logs(top),
            (np.minimum(self.all_answers[rows], 3 * ONE) * GRID // ONE) / GRID,
            (self.answers[0][1][rows] * GRID // ONE) / GRID,
            np.max(values[21], 1),
            np.max(values[23], 1),
            (is_open & (values[6] > 0)).sum(1) / 4,
            (found * GRID // ONE) / GRID,
            (starts * GRID // ONE) / GRID,
            soon,
        ]
        return np.stack(columns, 1).astype(np.float32)
