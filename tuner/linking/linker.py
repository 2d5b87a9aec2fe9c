"""Which earlier message does each message answer? A stream of messages in, a stream of links out.

Two looks. The first scores every message against its candidates and against starting something new; the
second sees the conversations that came of it, also those of the messages just after. A native reply is
taken as it is. What is decided about a message depends on a bounded stretch around it, never on pages.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from tuner.linking import features
from tuner.linking.arrays import Floats, Ints
from tuner.linking.calibration import UNCHANGED, Calibration
from tuner.linking.features import Pairs
from tuner.linking.membership import Memberships, Question, questions
from tuner.linking.network import ONE, Network, probabilities
from tuner.linking.structure import SHORTLIST, FirstLook, Second, Structure, shortlisted
from tuner.linking.window import AHEAD, REACH, View, Window
from tuner.models import Message

BLOCK = 768  # messages decided together; more hold the event loop longer, fewer are slower


@dataclass(frozen=True, slots=True)
class Weights:
    """The trained networks. `caution` is added to the score of starting something new.

    With it, `usual_start` is the mean probability of a start that messages get which answer something.
    """

    first: Network
    second: Network
    caution: float
    usual_start: float

    @classmethod
    def shipped(cls) -> Weights:
        return _shipped()


@cache
def _shipped() -> Weights:
    stored = json.loads((resources.files("tuner.linking") / "weights.json").read_text(encoding="utf-8"))
    first, second = Network.from_integers(stored["first"]), Network.from_integers(stored["second"])
    return Weights(first, second, stored["caution"], stored["usual_start"])


Options = tuple[tuple[int | None, int], ...]


class Link(NamedTuple):
    """What a message answers."""

    message: Message
    target: int | None  # message id; None: it starts something
    confidence: float  # 0 to 1: how likely it belongs to that conversation, or starts one; 1: a native reply
    options: Options = ()  # targets and their probabilities in parts of ONE; none of a native reply


@dataclass(frozen=True, slots=True)
class Look:
    """What the second look made of consecutive messages."""

    view: View
    rows: Ints
    second: Second
    situation: Floats  # features of the messages, [messages, len(MESSAGE) + len(SITUATION)]
    candidates: Floats  # features of the view's rows as what is answered, [rows of the view, len(CANDIDATE)]
    scores: Floats  # of the shortlist and then of a start, [messages, SHORTLIST + 1]
    roots: (
        Ints  # where the first look has the conversations of the view's rows begin; of all it has looked at
    )


class Looker:
    """Takes messages, gives the second look's scores, a block of messages at a time."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.window = Window()
        self._first = FirstLook.nothing()
        self._first_start = 0  # position of its first message
        self._pairs = np.zeros((len(features.PAIR), 0, SHORTLIST), np.float32)  # of those looked at but once
        self._looked = 0  # positions before this have had their first look
        self._decided = 0  # and before this their second
        self._sizes: dict[int, int] = {}  # conversation's first position → its messages so far

    def add(self, message: Message) -> Look | None:
        self.window.add(message)
        if self.window.end < self._looked + BLOCK + AHEAD:
            return None
        return self._advance(self._looked + BLOCK, self._looked + BLOCK - AHEAD)

    def finish(self) -> Look | None:
        """No message follows."""
        end = self.window.end
        return self._advance(end, end) if self._decided < end else None

    def _advance(self, looked: int, decided: int) -> Look:
        start = max(0, self._decided - 2 * REACH)
        self._forget(start)
        view = self.window.view(start, self.window.end)
        messages, candidates = features.messages(view), features.candidates(view)
        if looked > self._looked:
            self._look(view, messages, candidates, np.arange(self._looked, looked) - start)
        rows = np.arange(self._decided, decided) - start
        found = Structure(view, self._first).second(rows, self._pairs[:, : len(rows)])
        self._pairs = self._pairs[:, len(rows) :]
        situation = np.concatenate([messages[rows], found.situation], 1)
        scores = self._second_scores(found, situation, candidates)
        self._looked, self._decided = looked, decided
        return Look(view, rows, found, situation, candidates, scores, self._first.root)

    def _second_scores(self, found: Second, situation: Floats, candidates: Floats) -> Floats:
        network = self._weights.second
        query, candidate = network.halves(situation, candidates)
        scores = network.pairs(query, candidate, found.candidates, found.values)
        scores = np.where(found.open, scores, -(2.0**20))
        starts = network.starts(situation)[:, None] + self._weights.caution
        return np.concatenate([scores, starts], 1)

    def _look(self, view: View, messages: Floats, candidates: Floats, rows: Ints) -> None:
        """The first look at consecutive rows."""
        network = self._weights.first
        pairs = features.pairs(view, rows)
        query, candidate = network.halves(messages[rows], candidates)
        scores = network.pairs(query, candidate, pairs.candidates, pairs.values)
        starts = network.starts(messages[rows])
        self._first = self._first.followed_by(self._conclude(view, pairs, scores, starts))

    def _conclude(self, view: View, pairs: Pairs, scores: Floats, starts: Floats) -> FirstLook:
        rows = pairs.rows
        masked = np.where(pairs.open, scores, -(2.0**20))
        options = np.concatenate([masked, starts[:, None]], 1)
        parts = probabilities(options)
        columns = shortlisted(pairs, scores)
        is_open = np.take_along_axis(pairs.open, columns, 1)
        shortlist = np.where(is_open, np.take_along_axis(pairs.candidates, columns, 1) + view.start, -1)
        below = np.where(
            is_open, np.take_along_axis(masked, columns, 1) - options.max(1, keepdims=True), -12
        ).astype(np.float32)
        chosen = np.where(masked.max(1) >= starts, shortlist[:, 0], rows + view.start)
        flat = columns + features.CANDIDATES * np.arange(len(rows))[:, None]
        kept = pairs.values.take(flat.ravel(), axis=1).reshape(-1, len(rows), SHORTLIST)
        self._pairs = np.concatenate([self._pairs, kept], 1)
        likely, begins = np.take_along_axis(parts, columns, 1), parts[:, -1]
        known = view.is_reply[rows]
        target = view.target[rows]
        in_sight = known & (target >= 0)
        shortlist[known], likely[known], below[known], begins[known] = -1, 0, -12, 0
        shortlist[in_sight, 0] = target[in_sight] + view.start
        likely[in_sight, 0], below[in_sight, 0] = ONE, 0
        chosen = np.where(in_sight, target + view.start, np.where(known, rows + view.start, chosen))
        root, nth = self._roots(rows + view.start, chosen)
        return FirstLook(shortlist, below, np.where(shortlist >= 0, likely, 0), begins, chosen, root, nth)

    def _roots(self, positions: Ints, chosen: Ints) -> tuple[Ints, Ints]:
        """Where each message's conversation begins, and how many of it came before."""
        start, sizes = self._first_start, self._sizes
        roots: list[int] = self._first.root.tolist()
        nth = []
        for position, target in zip(positions.tolist(), chosen.tolist(), strict=True):
            begin = position if target == position else roots[target - start]
            roots.append(begin)
            before = sizes.get(begin, 0)
            nth.append(before)
            sizes[begin] = before + 1
        return np.array(roots[-len(nth) :], dtype=np.int64), np.array(nth, dtype=np.int64)

    def _forget(self, before: int) -> None:
        drop = before - self._first_start
        if drop > 0:
            self._first, self._first_start = self._first.since(drop), before
            kept = set(self._first.root.tolist())
            self._sizes = {root: size for root, size in self._sizes.items() if root in kept}
            self.window.forget(before)


class Linker:
    """Which earlier message does each message answer? Feed the messages of a channel oldest first."""

    def __init__(
        self,
        weights: Weights,
        calibration: Calibration = UNCHANGED,
        min_confidence: float = 0.0,
        *,
        with_options: bool = False,
    ) -> None:
        """No conversation is joined that is less likely than `min_confidence` (0 to 1).

        `with_options`: each link says what else was possible, for whoever doubts it.
        """
        self._with_options = with_options
        self._looker = Looker(weights)
        self._calibration, self._least = calibration, min_confidence
        self._memberships = Memberships()
        self._waiting: deque[Message] = deque()

    def add(self, message: Message) -> list[Link]:
        """Take the next message; what is decided now of the messages before, in their order."""
        self._waiting.append(message)
        look = self._looker.add(message)
        return self._links(look) if look else []

    @property
    def undecided(self) -> Sequence[Message]:
        """The messages taken of which nothing is decided yet, oldest first."""
        return self._waiting

    def finish(self) -> list[Link]:
        """No message follows: what was still open."""
        look = self._looker.finish()
        return self._links(look) if look else []

    def _links(self, look: Look) -> list[Link]:
        asked: Iterable[Question] = questions_of(look, self._calibration, self._least)
        if self._with_options:
            asked = list(asked)
        decisions = self._memberships.decided(asked)
        ids, listed = look.view.ids, look.second.candidates.tolist()
        links = []
        for candidates, (column, parts, _, _) in zip(listed, decisions, strict=True):
            message = self._waiting.popleft()
            target = message.reply_to
            if target is None and column < SHORTLIST:
                target = ids[candidates[column]]
            links.append(Link(message, target, parts / ONE))
        if self._with_options:
            found = zip(links, asked, strict=True)
            return [link._replace(options=_options(question, look.view)) for link, question in found]
        return links


def _options(question: Question, view: View) -> Options:
    """The targets that are possible and how likely, a start (None) included; nothing of a native reply."""
    if question.replied is not None:
        return ()
    targets = ((view.ids[position - view.start], parts) for parts, _, position in question.candidates)
    return (*targets, (None, question.start))


def questions_of(look: Look, calibration: Calibration, min_confidence: float) -> Iterator[Question]:
    """What a look asks about its messages, as a server's calibration has it."""
    parts = calibration.parts(look.scores, look.second.values)
    return questions(look.view, look.rows, look.second, look.situation, parts, min_confidence)
