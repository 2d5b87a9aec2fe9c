"""Alike: what says the same as a sample before it teaches nothing, and what is said too often outweighs the rest.

As dialogues come, one after another: near copies of reply and context, the same reply over and over, and more of one
persona than is wanted are left out. What is remembered of those before is bounded: the newest count.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from rensa import RMinHash, RMinHashLSH

from tuner.config.settings import Screen
from tuner.models import Dialogue

NEAR_COPY, SAME_REPLY, TOO_MUCH_OF_ONE = "near copy", "the same reply again", "too much of one persona"
REMEMBERED = 20_000  # dialogues, and as many before them
FEWEST = 20  # samples of one persona that any share allows
_PERMUTATIONS, _BANDS = 64, 16
_RUN = 3  # words that are compared together
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|\w+")


@dataclass(slots=True)
class _Generation:
    """Dialogues that were let through, and their replies."""

    index: RMinHashLSH
    prints: list[RMinHash] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)

    def holds(self, print_: RMinHash, near: float) -> bool:
        return any(print_.jaccard(self.prints[i]) >= near for i in self.index.query(print_))

    def add(self, print_: RMinHash, reply: str) -> None:
        self.index.insert(len(self.prints), print_)
        self.prints.append(print_)
        self.replies[reply] += 1


class Alike:
    """Lets dialogues through that are unlike those before."""

    def __init__(self, settings: Screen) -> None:
        self._settings = settings
        self._now, self._before = _fresh(), _fresh()
        self._personas: Counter[int] = Counter()

    def objection(self, dialogue: Dialogue) -> str:
        """Why a dialogue is left out; empty when it is not, and then it counts."""
        settings, reply = self._settings, _reply(dialogue)
        print_ = _print(dialogue)
        if settings.near_copies and any(
            generation.holds(print_, settings.near_copies) for generation in (self._now, self._before)
        ):
            return NEAR_COPY
        told = self._now.replies[reply] + self._before.replies[reply]
        if settings.same_reply and told >= settings.same_reply:
            return SAME_REPLY
        if self._is_too_much(dialogue.persona):
            return TOO_MUCH_OF_ONE
        self._remember(print_, reply, dialogue.persona)
        return ""

    def _is_too_much(self, persona: int) -> bool:
        share = self._settings.persona_share
        most = max(FEWEST, share * (self._personas.total() + 1))
        return share < 1 and self._personas[persona] + 1 > most

    def _remember(self, print_: RMinHash, reply: str, persona: int) -> None:
        if len(self._now.prints) >= REMEMBERED:
            self._now, self._before = _fresh(), self._now
        self._now.add(print_, reply)
        self._personas[persona] += 1


def _fresh() -> _Generation:
    return _Generation(RMinHashLSH(0.5, _PERMUTATIONS, _BANDS))


def _reply(dialogue: Dialogue) -> str:
    text = dialogue.turns[-1].text
    return " ".join(_words(text)) or text


def _words(text: str) -> list[str]:
    """Words; in scripts that put no space between them, letters."""
    return _WORD.findall(text.casefold())


def _print(dialogue: Dialogue) -> RMinHash:
    """A fingerprint of what is said, and by which of them the persona is: alike where the texts are."""
    said = [word for turn in dialogue.turns for word in (*_words(turn.text), "\n")]
    made = RMinHash(_PERMUTATIONS, 1)
    made.update([" ".join(said[i : i + _RUN]) for i in range(max(1, len(said) - _RUN + 1))])
    return made
