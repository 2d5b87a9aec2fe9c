"""Why was a message linked to that one? Reasons in words, each as strong as the score falls without it.

What says one thing is neutralised together, in the first look and in the second, and the pair is scored again;
the conversations that the first look found elsewhere stay as they were.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tuner.linking.arrays import Floats
from tuner.linking.calibration import UNCHANGED, Calibration
from tuner.linking.explaining.groups import LINK, START
from tuner.linking.explaining.scene import Group, Neutral, Scene, is_doubt, merged
from tuner.linking.features import CANDIDATE, MESSAGE, PAIR
from tuner.linking.linker import Look, Looker, Weights, questions_of
from tuner.linking.membership import LEAST, Decision, Memberships
from tuner.linking.network import ONE, Network, logs, probabilities
from tuner.linking.reading import Reader, Reading
from tuner.linking.reading import weights as rarity
from tuner.linking.structure import SHORTLIST, SITUATION, STRUCTURE
from tuner.models import Message
from tuner.text.scripts import plain, words

MOST_REASONS = 3
WEAKEST = 0.2  # a reason changes the score by no less, in natural logarithms of odds
WEAKEST_AGAINST = 0.7

_CONVERSATION = [  # what is the same for all messages of one conversation, as one message sees it
    STRUCTURE.index(name) for name in ("conversation's probability", "conversation's length", "conversation idle")
]  # fmt: skip
_PARTS = {
    "message": MESSAGE,
    "situation": SITUATION,
    "candidate": CANDIDATE,
    "structure": STRUCTURE,
    "pair": PAIR,
}


class Reason(NamedTuple):
    """A fact, and by how much the score of what was decided falls without it (below 0: rises)."""

    group: str
    text: str
    effect: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a message was linked to, and why."""

    message: Message
    target: int | None  # message id; None: it starts something
    confidence: float  # 0 to 1
    reasons: tuple[Reason, ...]  # in favour, the strongest first
    against: Reason | None = None
    otherwise: tuple[int | None, float] | None = (
        None  # likeliest of other conversations or none, and how likely
    )
    conversation: int = 0  # id of the message that its conversation starts with


class Seen(NamedTuple):
    """A message, and how the linker read it."""

    message: Message
    reading: Reading


class Inputs(NamedTuple):
    """What the networks are given about one message and its shortlist."""

    message: Floats  # [len(MESSAGE)]
    situation: Floats  # [len(SITUATION)]
    candidate: Floats  # [SHORTLIST, len(CANDIDATE)]
    structure: Floats  # [len(STRUCTURE), SHORTLIST]
    pair: Floats  # [len(PAIR), SHORTLIST]


class Explainer:
    """Feed the messages of a channel oldest first; it explains the wanted ones, as soon as they are decided."""

    def __init__(
        self,
        weights: Weights,
        wanted: Collection[int],
        calibration: Calibration = UNCHANGED,
        min_confidence: float = 0.0,
    ) -> None:
        """`wanted`: ids. Calibration and the least confidence are those of the linker explained."""
        self._weights, self._calibration, self._least = weights, calibration, min_confidence
        self._wanted = frozenset(wanted)
        self._looker, self._reader, self._memberships = Looker(weights), Reader(), Memberships()
        self._seen: dict[int, Seen] = {}  # by position; those in sight
        self._count = 0
        self._home: dict[
            int, int
        ] = {}  # id → that of its conversation's first message; what can be answered yet
        self._awaiting: dict[int, int] = {}  # id out of sight → that of the newest native reply to come

    def add(self, message: Message) -> list[Explanation]:
        """Take the next message; what can be explained now, in order."""
        self._seen[self._count] = Seen(message, self._reader.read(message))
        self._count += 1
        return self._explained(self._looker.add(message))

    def finish(self) -> list[Explanation]:
        """No message follows: what was still open."""
        return self._explained(self._looker.finish())

    def _explained(self, look: Look | None) -> list[Explanation]:
        if look is None:
            return []
        first, found = look.view.start, []
        self._forget(first)
        questions = list(questions_of(look, self._calibration, self._least))
        decisions = self._memberships.decided(questions)
        asked = [(question.least / ONE, self._least) for question in questions]
        for index, (row, decision) in enumerate(zip(look.rows.tolist(), decisions, strict=True)):
            message = self._seen[row + first].message
            target, column = message.reply_to, decision.column
            if target is None and column < SHORTLIST:
                target = self._seen[int(look.second.candidates[index, column]) + first].message.id
            self._home[message.id] = home = self._home.get(target or 0, message.id)
            if message.id in self._wanted:
                case = Case(look, index, self._weights, self._calibration)
                why = explain(look, case, decision, self._seen, *asked[index])
                found.append(replace(why, conversation=home))
        return found

    def _forget(self, before: int) -> None:
        """Let go of the messages before a position, but for what a native reply to come needs."""
        for position in [p for p in self._seen if p < before]:
            message = self._seen.pop(position).message
            self._awaiting[message.id] = message.last_reply
        oldest = self._seen[before].message.id
        for message_id in [i for i, reply in self._awaiting.items() if reply < oldest]:
            del self._awaiting[message_id], self._home[message_id]


def explain(
    look: Look, case: Case, decision: Decision, seen: Mapping[int, Seen], needed: float, min_confidence: float
) -> Explanation:
    """What was decided about a message of a look, and why; `seen` holds the look's view, by position.

    `needed`: how likely a conversation had to be for the message to join it.
    """
    at = look.view.start
    message = seen[case.row + at].message
    if message.reply_to is not None:
        text = f"{message.name or 'somebody'} pressed the reply button"
        return Explanation(message, message.reply_to, 1.0, (Reason("reply", text, 1.0),))

    def target(column: int) -> int | None:
        return None if column == SHORTLIST else seen[int(case.candidates[column]) + at].message.id

    option, parts, other, other_parts = decision
    otherwise = (target(other), other_parts / ONE) if other_parts else None
    found = Explanation(message, target(option), parts / ONE, (), None, otherwise)
    starts = option == SHORTLIST
    best = case.likeliest(other) if starts else option
    if not case.open[best]:
        return replace(found, reasons=(Reason("first", "nothing comes before it", 1.0),))
    if starts and other_parts > parts:
        return replace(
            found, reasons=(Reason("unsure", _unsure(other_parts / ONE, needed, min_confidence), 1.0),)
        )
    scene = _scene(look, case, best, seen)
    reasons = case.reasons(best, scene, starts=starts)
    favour = tuple(r for r in reasons if r.effect >= WEAKEST)[:MOST_REASONS]
    doubts = [r for r in reasons if r.effect <= -WEAKEST_AGAINST and (starts or is_doubt(r.group, scene))]
    return replace(found, reasons=favour, against=doubts[-1] if doubts else None)


def _unsure(likely: float, needed: float, min_confidence: float) -> str:
    """Why the likeliest conversation was not joined."""
    if likely < min_confidence:
        return f"the likeliest conversation is less sure than segment.min_confidence, {min_confidence:.0%}"
    answered = ", because it seems to be answered itself" if needed > max(min_confidence, LEAST / ONE) else ""
    return f"the likeliest conversation is less sure than the {needed:.0%} that are needed{answered}"


class Case:
    """One message of a look: its inputs, and its scores with some of them neutralised."""

    def __init__(
        self, look: Look, index: int, weights: Weights, calibration: Calibration = UNCHANGED
    ) -> None:
        self._first, self._second, self._caution = weights.first, weights.second, weights.caution
        self._calibration = calibration
        self.row = int(look.rows[index])
        self.candidates = look.second.candidates[index]
        self.open = look.second.open[index]
        values = look.second.values.reshape(len(STRUCTURE) + len(PAIR), -1, SHORTLIST)[:, index]
        self.inputs = Inputs(
            look.situation[index, : len(MESSAGE)],
            look.situation[index, len(MESSAGE) :],
            look.candidates[self.candidates],
            values[: len(STRUCTURE)],
            values[len(STRUCTURE) :],
        )

    def likeliest(self, column: int) -> int:
        """That column of the shortlist, or, where it is none, the one of the best score."""
        return column if column < SHORTLIST else int(self.scores(self.inputs)[:SHORTLIST].argmax())

    def reasons(self, column: int, scene: Scene, *, starts: bool) -> list[Reason]:
        """Every fact worth a word, that of most effect first: for the link to a candidate, or for a start."""
        whole = self.margin(column)
        sign = -1 if starts else 1
        found = []
        for group in merged(START if starts else LINK, scene):
            text = group.fact(scene)
            if text:
                effect = sign * (whole - self.margin(column, group))
                found.append(Reason(group.name, text, effect))
        return sorted(found, key=lambda reason: -reason.effect)

    def margin(self, column: int, without: Group | None = None) -> float:
        """How far the score of a candidate is above that of a start, a group's inputs neutralised."""
        scores = self.scores(self._changed(column, without) if without else self.inputs)
        return float(scores[column] - scores[SHORTLIST])

    def scores(self, inputs: Inputs) -> Floats:
        """The second look's scores of the shortlist and then of a start, as this server has them."""
        situation, values = np.concatenate([inputs.message, inputs.situation]), self.values(inputs)
        pairs, start = _scored(self._second, situation, inputs.candidate, values)
        scores = np.append(np.where(self.open, pairs, -(2.0**20)), start + self._caution)[None]
        applied: Floats = self._calibration.applied(scores.astype(np.float32), values)
        row: Floats = applied[0]
        return row

    @staticmethod
    def values(inputs: Inputs) -> Floats:
        """What the second network is given of the pairs, [len(STRUCTURE) + len(PAIR), SHORTLIST]."""
        return np.ascontiguousarray(np.concatenate([inputs.structure, inputs.pair]), dtype=np.float32)

    def _changed(self, column: int, group: Group) -> Inputs:
        """The inputs with what a group says neutralised, and what the first look then makes of it."""
        changed = Inputs(*(part.copy() for part in self.inputs))
        for part, names in _PARTS.items():
            neutral: Mapping[str, Neutral] = getattr(group, part)
            array = getattr(changed, part)
            for name, value in neutral.items():
                place = names.index(name)
                spot = {"message": place, "situation": place, "candidate": (column, place)}.get(
                    part, (place, column)
                )
                array[spot] = value(float(array[spot])) if callable(value) else value
        if group.candidate or group.pair or group.message:
            self._look_again(changed)
        return changed

    def _look_again(self, changed: Inputs) -> None:
        """Move what the second look takes from the first by as much as the first look changes."""
        before, after = self._at_first_sight, self._first_sight(changed)
        for names, array, old, new in (
            (STRUCTURE, changed.structure, before[0], after[0]),
            (SITUATION, changed.situation, before[1], after[1]),
        ):
            for name, value in new.items():
                array[names.index(name)] += value - old[name]

    @cached_property
    def _at_first_sight(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        return self._first_sight(self.inputs)

    def _first_sight(self, inputs: Inputs) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """What the first look says of the shortlist (for STRUCTURE) and of the message (for SITUATION)."""
        pairs, start = _scored(
            self._first, inputs.message, inputs.candidate, np.ascontiguousarray(inputs.pair)
        )
        options = np.append(np.where(self.open, pairs, -(2.0**20)), start)
        parts = probabilities(options)
        alike = self.inputs.structure[_CONVERSATION]
        together = (alike[:, :, None] == alike[:, None, :]).all(0) & self.open
        mass = (together * parts[:SHORTLIST]).sum(1)
        shortlist = {
            "score below the best": np.clip(options[:SHORTLIST] - options.max(), -12, 0) / 4,
            "probability": parts[:SHORTLIST] / ONE,
            "conversation's probability": mass / ONE,
            "likeliest conversation": (mass == mass.max()).astype(float),
            "conversation's log probability": logs(mass),
        }
        message = {
            "log probability of a start": logs(parts[SHORTLIST:])[0],
            "probability of a start": parts[SHORTLIST] / ONE,
            "likeliest conversation's probability": mass.max() / ONE,
            "its log": logs(mass).max(),
        }
        return shortlist, message


def _scored(network: Network, message: Floats, candidate: Floats, values: Floats) -> tuple[Floats, float]:
    """A network's scores of a message's pairs and of a start."""
    one = message[None].astype(np.float32)
    query, candidates = network.halves(one, candidate.astype(np.float32))
    pairs = network.pairs(query, candidates, np.arange(len(candidate))[None], values)
    return pairs[0], float(network.starts(one)[0])


def _scene(look: Look, case: Case, column: int, seen: Mapping[int, Seen]) -> Scene:
    view, row, other = look.view, case.row, int(case.candidates[column])
    this, that = seen[row + view.start], seen[other + view.start]
    own = int(view.own[row])
    names = {speaker: name for s in (that, this) for speaker, name in s.message.extras.mentions}
    values = {
        part: dict(zip(_PARTS[part], array.tolist(), strict=True))
        for part, array in (
            ("message", case.inputs.message),
            ("situation", case.inputs.situation),
            ("candidate", case.inputs.candidate[column]),
            ("structure", case.inputs.structure[:, column]),
            ("pair", case.inputs.pair[:, column]),
        )
    }
    return Scene(
        this.message,
        that.message,
        names={**names, **{s.message.speaker: s.message.name for s in (this, that)}},
        named=this.reading.named,
        named_there=that.reading.named,
        position=row + view.start,
        distance=row - other,
        length=this.reading.length,
        own_at=None if own < 0 else seen[own + view.start].message.at,
        before_at=seen[row - 1 + view.start].message.at if row + view.start - 1 in seen else None,
        shared=_shared(this, that),
        values=values,
    )


def _shared(this: Seen, that: Seen) -> tuple[str, ...]:
    """Words that both messages hold and that the linker counts, the rarest first."""
    here, there = _weighed(this.reading), _weighed(that.reading)
    common = {word: weight for word, weight in here.items() if weight and there.get(word)}
    if not common:
        return ()
    texts = [set(words(plain(s.message.text or "").lower())[0]) for s in (this, that)]
    found = []
    for word in sorted(texts[0] & texts[1]):
        alone = Reader().read(Message(0, 0, 0, text=word)).words
        if len(alone) == 1 and alone[0] in common:
            found.append((-common[alone[0]], word.strip("'")))
    return tuple(word for _, word in sorted(found))


def _weighed(reading: Reading) -> dict[int, int]:
    """A message's words as the linker tells them apart, and how much each says."""
    found = rarity(np.array(reading.times, dtype=np.int64), np.array(reading.of, dtype=np.int64))
    return dict(zip(reading.words, found.tolist(), strict=True))
