"""What speaks for and against a link: the numbers the network is given.

Every value is a multiple of 1/GRID, so that the network's sums are exact in 32-bit floats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.linking.arrays import Bools, Floats, Ints
from tuner.linking.vocabulary import KINDS
from tuner.linking.window import AHEAD, FAR_MS, REACH, RECENT, View, half_powers, quarters

GRID = 32
EXTRAS = 3
CANDIDATES = RECENT + EXTRAS

MESSAGE = (
    "one", "naming rate", "reply rate", "rhythm", "gap before", "since own last", "has not spoken", "spoke just before",
    "times spoken", "first words here", "names someone", "names several", "was called since own last",
    "was called before own last", "will be called", "will call someone", "how soon called", "messages since own last",
    "channel begins", "goes on at once", "is replied to soon", "length",
    *KINDS,
)  # fmt: skip
CANDIDATE = (
    "first words here", "times spoken", "names someone", "goes on", "is a reply", "length", "spoke after long",
    *KINDS,
)  # fmt: skip
PAIR = (
    "same author", "names the author first", "names the author too", "author named the speaker first",
    "author named the speaker too", "author named somebody else", "names somebody else",
    "author spoke once since", "author spoke more since", "speaker spoke once since", "speaker spoke more since",
    "author was called once since", "author was called more since", "speaker called author lately",
    "author called speaker lately", "latest partner", "called the speaker last", "author will call the speaker",
    "speaker will call the author", "author will call the speaker soon", "time", "time in the channel's rhythm",
    "distance", "just before", "one between", "at most three between", "longest silence between", "shares words",
    "word overlap", "changes of speaker between", "own last", "own just before", "own within minutes",
    "right after own last", "messages after own last", "was replied to", "author is quiet and uncalled since",
    "answered the speaker's last", "is far back", "is own last, far back",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pairs:
    """The candidates of some messages, [messages, CANDIDATES], and each pair's features, a row a feature."""

    rows: Ints
    candidates: Ints  # rows of the view, 0 where `open` is false
    open: Bools
    values: Floats  # [len(PAIR), messages * CANDIDATES]


def messages(view: View) -> Floats:
    """Features of every message as the one that answers, [messages, len(MESSAGE)]."""
    rows, own, size = view.rows, view.own, view.size
    none = own < 0
    since = quarters(view.at - view.at[own]) - view.rhythm
    called = view.call >= 0
    fresh = called & (view.call > own)
    columns = [
        np.ones(size),
        view.naming / 16,
        view.replying / 16,
        view.rhythm / 16,
        np.clip(view.gap - view.rhythm, -8, 16) / 8,
        np.where(none, 24, np.clip(since, -8, 24)) / 8,
        none,
        own == rows - 1,
        view.times_spoken / 4,
        view.times_spoken == 1,
        view.names_anyone > 0,
        view.names_anyone > 1,
        fresh,
        called & ~fresh,
        view.will_be_called_by >= 0,
        view.will_call >= 0,
        (AHEAD - view.called_in) / 32,
        np.where(none, 64, np.minimum(rows - own, 64)) / 16,
        view.positions < 3,
        view.next_own == rows + 1,
        view.next_reply - rows <= AHEAD,
        np.minimum(view.length, 40) / 16,
    ]
    return np.concatenate([np.stack(columns, 1).astype(np.float32), view.kinds], 1)


def candidates(view: View) -> Floats:
    """Features of every message as one that may be answered, [messages, len(CANDIDATE)]."""
    rows, own = view.rows, view.own
    columns = [
        view.times_spoken == 1,
        view.times_spoken / 4,
        view.addressed >= 0,
        own == rows - 1,
        view.target >= 0,
        np.minimum(view.length, 40) / 16,
        (own < 0) | (view.at - view.at[own] > 1_800_000),
    ]
    return np.concatenate([np.stack(columns, 1).astype(np.float32), view.kinds], 1)


def _candidates(view: View, rows: Ints) -> tuple[Ints, Bools]:
    """The RECENT rows before, then the latest of the people concerned where that is further back."""
    recent = rows[:, None] - np.arange(RECENT, 0, -1)
    further = np.stack([view.own[rows], view.call[rows], view.addressed_last[rows]], 1)
    useful = (further >= 0) & (further < rows[:, None] - RECENT) & (further >= rows[:, None] - REACH)
    useful &= view.at[rows][:, None] - view.at[further] <= FAR_MS
    useful[:, 1] &= further[:, 1] != further[:, 0]
    useful[:, 2] &= (further[:, 2] != further[:, 0]) & (further[:, 2] != further[:, 1])
    found = np.concatenate([recent, further], 1)
    is_open = np.concatenate([recent >= 0, useful], 1)
    return np.where(is_open, found, 0), is_open


def pairs(view: View, rows: Ints) -> Pairs:
    """Features of consecutive rows with each of their candidates."""
    c, is_open = _candidates(view, rows)
    values = np.empty((len(PAIR), len(rows), CANDIDATES), dtype=np.float32)
    q = rows[:, None]
    _people(view, c, q, values)
    _time_and_place(view, c, q, is_open, values)
    return Pairs(rows, c, is_open, values.reshape(len(PAIR), -1))


def _people(view: View, c: Ints, q: Ints, values: Floats) -> None:
    """Who names whom, who spoke or was called since, who talks with whom."""
    speaker, author = view.speaker[q], view.speaker[c]
    addressed, turned_to = view.addressed[q], view.addressed[c]
    also = np.zeros(c.shape, dtype=bool)
    called_too = np.zeros(c.shape, dtype=bool)
    for others in view.also_named.T:
        also |= others[q] == author
        called_too |= others[c] == speaker
    values[0] = author == speaker
    values[1] = addressed == author
    values[2] = also
    values[3] = turned_to == speaker
    values[4] = called_too
    values[5] = (turned_to >= 0) & (turned_to != speaker)
    values[6] = (addressed >= 0) & (addressed != author) & ~also
    spoke = view.next_own[c] < q
    spoke_more = view.next_own_but_one[c] < q
    values[7] = spoke & ~spoke_more
    values[8] = spoke_more
    own_since, more_since = view.own[q] > c, view.own_before[q] > c
    values[9] = own_since & ~more_since
    values[10] = more_since
    called, called_more = view.next_call[c] < q, view.next_call_but_one[c] < q
    values[11] = called & ~called_more
    values[12] = called_more
    _exchanges(view, author, q, values)
    values[16] = view.call[q] == c
    coming = view.will_be_called_by[q] == author
    values[17] = coming
    values[18] = view.will_call[q] == author
    values[19] = coming & (view.called_in[q] <= 4)
    values[35] = view.next_reply[c] < q
    values[36] = ~spoke & ~called
    values[37] = (view.target[c] >= 0) & (view.target[c] == view.own[q])


def _exchanges(view: View, author: Ints, q: Ints, values: Floats) -> None:
    """How lately the two named one another, 0 to 8."""
    values[13:16] = 0
    for latest, (partner, recency, outgoing) in enumerate(view.exchanges):
        match = partner[q] == author
        spoken = (recency[q] / 4).astype(np.float32)
        np.maximum(values[13], match * (spoken * outgoing[q]), out=values[13])
        np.maximum(values[14], match * (spoken * ~outgoing[q]), out=values[14])
        if latest == 0:
            values[15] = match


def _time_and_place(view: View, c: Ints, q: Ints, is_open: Bools, values: Floats) -> None:
    """Distance, time, what lies between, and words in common."""
    same = values[0] > 0
    distance = np.maximum(q - c, 1)
    time = quarters(np.maximum(view.at[q] - view.at[c], 0))
    values[20] = np.minimum(time, 48) / 16
    values[21] = np.clip(time - view.rhythm[q], -8, 24) / 8
    values[22] = half_powers(distance) / 4
    values[23] = distance == 1
    values[24] = distance == 2
    values[25] = distance <= 4
    values[26] = _longest_silence(view, c, q)
    overlap = np.zeros(c.shape, dtype=np.float32)
    overlap[:, :RECENT] = view.overlaps(q[:, 0])
    values[27] = overlap > 0
    values[28] = np.floor(np.minimum(overlap * 4, 2) * GRID) / GRID
    values[29] = np.minimum(view.switches[q] - view.switches[c], 24) / 8
    own = view.own[q]
    values[30] = same & (own == c)
    values[31] = same & (distance == 1)
    values[32] = same & (time < 16)
    after_own = np.where(own >= 0, c - own, 0)
    values[33] = after_own == 1
    values[34] = np.clip(after_own, 0, 16) / 8
    values[38] = np.arange(CANDIDATES) >= RECENT
    values[39] = np.arange(CANDIDATES) == RECENT


def _longest_silence(view: View, c: Ints, q: Ints) -> Floats:
    """The longest silence between the two, against the channel's rhythm at the later one."""
    gaps = np.where(c[:, :RECENT] < view.size - 1, view.gap[np.minimum(c[:, :RECENT] + 1, view.size - 1)], 0)
    longest = np.maximum.accumulate(gaps[:, ::-1], axis=1)[:, ::-1]
    everywhere = np.concatenate([longest, np.repeat(longest[:, :1], EXTRAS, axis=1)], 1)
    return np.asarray(np.clip(everywhere - view.rhythm[q], -8, 24) / 8, dtype=np.float32)
