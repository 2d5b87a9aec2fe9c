"""What a message has in common with whole conversations: their words, and whose turn it is in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.linking.arrays import Bools, Doubles, Floats, Ints
from tuner.linking.features import GRID
from tuner.linking.vocabulary import KINDS
from tuner.linking.window import AHEAD, REACH, Keyed, View, half_powers, neighbours, quarters

WORDS = (
    "its words", "its rare words", "its words lately", "its words to come", "most words", "others' words",
)  # fmt: skip
TURNS = (
    "people in it lately", "since own last in it", "last in it is own", "last but one in it is own",
    "last in it is the author's", "last in it asks", "last in it names the speaker", "last in it names another",
    "messages since last in it", "its share of late", "goes on in", "goes on with the speaker",
)  # fmt: skip
ABOUT = ("rare words", "words of some conversation", "words of no conversation")
_ASKS = KINDS.index("asks")
_LATE = 16  # messages of the channel that are late ones,
_LATELY = 8  # and of a conversation
_MOST_SAID = 256  # weight of words; more says no more
_NEVER = 3.5  # how long ago the speaker was in a conversation, who was not


@dataclass(slots=True)
class Spots:
    """Rows, one a line, their candidates, and the conversations of those; all as wide as the candidates but `q`."""

    q: Ints
    c: Ints
    there: Ints  # the candidate's conversation
    last: Ints  # its last row before q
    next: Ints  # and its first after, NEVER for none
    own: Ints  # the last row before q in which its speaker wrote there, -1 for none in reach
    next_own: Ints  # and the first after, NEVER for none


class Talks:
    """The conversations of a view's rows but for a few at its end: who is in them, and what is said."""

    def __init__(self, view: View, root: Ints) -> None:
        """`root`: a number for the conversation of each row."""
        self.view = view
        self.size = size = len(root)
        self.rows = view.rows[:size]
        _, numbers = np.unique(root, return_inverse=True)
        self.conversation: Ints = numbers.astype(np.int64)  # of each row
        self.people = int(view.speaker.max()) + 1
        span = view.size + 1
        self.before, self.next = neighbours(self.conversation)
        self.members = Keyed(self.conversation * self.people + view.speaker[:size], self.rows, span)
        self.inside = Keyed(self.conversation, self.rows, span)

    def spots(self, q: Ints, c: Ints, there: Ints) -> Spots:
        """What surrounds rows in the conversations of their candidates."""
        last, after = self.inside.around(there, q)
        own, next_own = self.members.around(there * self.people + self.view.speaker[q], q)
        last, own = np.where(last >= 0, last, c), np.where(q - own <= REACH, own, -1)
        return Spots(q, c, there, last, after, own, next_own)

    def places(self) -> Ints:
        """How many rows of its conversation are in sight before each row."""
        order = np.argsort(self.conversation, kind="stable")
        ordered = self.conversation[order]
        result = np.empty(self.size, dtype=np.int64)
        result[order] = self.rows - np.searchsorted(ordered, ordered)
        return result

    def speakers_lately(self) -> Ints:
        """How many people wrote the last few messages of its conversation, for each row."""
        row, seen = self.rows, [self.view.speaker[: self.size]]
        for _ in range(_LATELY - 1):
            row = np.where(row >= 0, self.before[row], -1)
            row = np.where(self.rows - row <= REACH, row, -1)
            seen.append(np.where(row >= 0, self.view.speaker[row], seen[0]))
        lined_up = np.sort(np.stack(seen, 1), axis=1)
        different: Ints = 1 + (lined_up[:, 1:] != lined_up[:, :-1]).sum(1)
        return different


# -- words -------------------------------------------------------------------------


def words_in_common(talks: Talks, rows: Ints, there: Ints, is_open: Bools) -> tuple[Floats, Floats]:
    """How much of what consecutive rows say is said in conversations, too: WORDS and ABOUT.

    `there`: each candidate's conversation. Shapes [len(WORDS), *there.shape] and [messages, len(ABOUT)].
    """
    said, (before, lately, later) = _said_there(talks, rows, there, is_open)
    total = np.maximum(said, 1)[:, None]
    best = before.max(1, keepdims=True)
    others = np.where(there[:, :, None] == there[:, None, :], 0, before[:, None, :]).max(2)
    words = [
        (before * GRID // total) / GRID,
        _amount(before),
        (lately * GRID // (8 * total)) / GRID,
        (later * GRID // total) / GRID,
        (best > 0) & (before == best),
        (others * GRID // total) / GRID,
    ]
    about = [_amount(said), (best * GRID // total)[:, 0] / GRID, _amount(said - best[:, 0])]
    return np.stack(words).astype(np.float32), np.stack(about, 1).astype(np.float32)


def _amount(weight: Ints) -> Doubles:
    result: Doubles = np.clip(weight, 0, _MOST_SAID) // 2 / GRID
    return result


def _said_there(talks: Talks, rows: Ints, there: Ints, is_open: Bools) -> tuple[Ints, list[Ints]]:
    """Weights of the words of consecutive rows: of all, and of those said in the candidates' conversations.

    The latter three times: said before, eight times that and the less the longer ago, and said soon after.
    """
    words, weight, row, said = _repeated_words(talks)
    many, first = talks.size + 1, int(rows[0])
    by_talk = Keyed(words * many + talks.conversation[row], row, talks.view.size + 1)
    mine = slice(*np.searchsorted(row, [first, first + len(rows)]).tolist())
    q, weight = row[mine, None], weight[mine, None]
    keys = words[mine, None] * many + there[q[:, 0] - first]
    before, after = by_talk.around(keys, q)
    since = q - before
    found = (before >= 0) & (since <= REACH)
    recency = found * np.clip(9 - half_powers(since) // 2, 0, 8)
    parts = (found, recency, after - q <= AHEAD)
    cells = ((q - first) * there.shape[1] + np.arange(there.shape[1])).ravel()
    sums = [np.bincount(cells, (part * weight).ravel(), there.size).reshape(there.shape) for part in parts]
    return said[rows], [np.where(is_open, one, 0).astype(np.int64) for one in sums]


def _repeated_words(talks: Talks) -> tuple[Ints, Ints, Ints, Ints]:
    """The words that several rows hold, by row: number, weight, and row; and what all words of each row weigh."""
    words, weight, row = talks.view.words
    said = np.bincount(row, weight, talks.view.size).astype(np.int64)
    order = np.argsort(words)
    ordered = words[order]
    other = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])  # than the one before
    number = np.empty(len(words), dtype=np.int64)
    number[order] = np.cumsum(other[:-1])
    repeated = np.empty(len(words), dtype=bool)
    repeated[order] = ~(other[:-1] & other[1:])
    useful = repeated & (row < talks.size)
    return number[useful], weight[useful], row[useful], said


# -- turns -------------------------------------------------------------------------


def turns(talks: Talks, spots: Spots) -> Floats:
    """Who has been speaking in the candidates' conversations, and who will: TURNS, [len(TURNS), *there.shape]."""
    values = [*_whose_turn(talks, spots), *_how_lively(talks, spots)]
    return np.stack(values).astype(np.float32)


def _whose_turn(talks: Talks, spots: Spots) -> list[Doubles | Ints | Bools]:
    view, q, last, own = talks.view, spots.q, spots.last, spots.own
    me = view.speaker[q]
    since = quarters(np.maximum(view.at[q] - view.at[own], 0)) - view.rhythm[q]
    earlier = talks.before[last]
    earlier = np.where(q - earlier <= REACH, earlier, -1)
    turned_to = view.addressed[last]
    return [
        np.minimum(talks.speakers_lately()[last], _LATELY) / 8,
        np.where(own >= 0, np.clip(since, -8, 24) / 8, _NEVER),
        view.speaker[last] == me,
        (earlier >= 0) & (view.speaker[earlier] == me),
        view.speaker[last] == view.speaker[spots.c],
        (view.kind[last] >> _ASKS) & 1,
        turned_to == me,
        (turned_to >= 0) & (turned_to != me),
    ]


def _how_lively(talks: Talks, spots: Spots) -> list[Doubles | Ints | Bools]:
    q, last, places = spots.q, spots.last, talks.places()
    older = talks.inside.before(spots.there, np.maximum(q - _LATE, 0))
    late = places[last] - np.where(older >= 0, places[older], -1)
    coming = spots.next - q
    soon = coming <= AHEAD
    return [
        half_powers(np.maximum(q - last, 1)) / 4,
        np.clip(late, 0, _LATE) / 8,
        np.where(soon, 12 - half_powers(np.where(soon, coming, 1)), 0) / 8,
        spots.next_own - q <= AHEAD,
    ]
