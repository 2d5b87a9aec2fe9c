"""Which turns recall earlier talk, what to search for, and which of what is found fits. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from tuner.models import Dialogue
from tuner.stages.speech import least_letters, with_marks_as_letters

MOST_RESULTS = 3
MOST_WORDS = 8  # of a query

RECALL = re.compile(
    r"\b("
    r"(?<!'ll )(?<!will )(?<!to )remember (when|that|the|how|what|who|where|which|if|you|we|last)"
    r"|(do|does|did) (you|anyone|anybody|someone|somebody) (still )?(remember|recall)"
    r"|anyone (remember|recall)"
    r"|(what|which|who|where|when) (was|were) (that|the|it|those)\b.{0,80}\b"
    r"(again|you|mentioned|said|talked|back|last (week|month|time|year|night))"
    r"|you (mentioned|said|told|posted|recommended|suggested)\b.{0,60}\b"
    r"(last|earlier|before|back|ago|once|the other)"
    r"|(said|mentioned|talked|told) (about|us|me)?.{0,60}\b"
    r"(last (week|month|time|year)|the other (day|week)|a while (ago|back)|(weeks?|months?|days?) ago)"
    r"|what did .{1,60} (say|recommend|suggest|mention)"
    r")\b",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W_][\w'’-]*")
COMMON = frozenset(
    """
    a about after again ago all also am an and any anybody anyone are as at back be been before but by can could
    day days did do does doing don't done earlier else ever find for forget forgot from get got had has have he
    her here hey him his how i i'm if in into is it it's its just know last like maybe me mention mentioned month
    months my name no not now of off ok on once one or other our out over please post posted put question quick
    recall recommend recommended remember remembers said say says she so some somebody someone something still
    suggest suggested talk talked talking tell than thanks that that's the their them then there these they thing
    things think this those time to told too trying us use used using wanted was we week weeks well went were what
    what's when where which while who whose why will with work would year you your
    """.split()
)


def recalls(dialogue: Dialogue) -> list[int]:
    """Indices of the persona's turns that answer a turn which seems to recall earlier talk."""
    turns = dialogue.turns
    return [
        i
        for i in range(1, len(turns))
        if turns[i].speaker == dialogue.persona
        and turns[i].learned
        and turns[i - 1].speaker != dialogue.persona
        and RECALL.search(turns[i - 1].text)
    ]


def keywords(text: str, names: Sequence[str] = ()) -> list[str]:
    """The words of a text worth searching for, in order, without repeats."""
    ignored = COMMON | {part for name in names for part in _words(name)}
    found = dict.fromkeys(_words(text))
    return [w for w in found if w not in ignored and len(w) >= least_letters(w)][:MOST_WORDS]


def _words(text: str) -> list[str]:
    """The words of a text, casefolded; accents and vowel signs are part of them."""
    return [text[m.start() : m.end()].casefold() for m in WORD.finditer(with_marks_as_letters(text))]


def best(hits: Mapping[str, Sequence[int]]) -> list[int]:
    """Ids of the messages that answer a query best, oldest first.

    `hits` maps each word to the messages that hold it. A message counts with the sum of its words' weights,
    1 / number of hits. It must hold two words, or one that is rare, and weigh at least half of the best.
    """
    weights: dict[int, Fraction] = {}  # exact: the order of the words must not decide
    counts: dict[int, int] = {}
    for found in hits.values():
        for i in found:
            weights[i] = weights.get(i, Fraction(0)) + Fraction(1, len(found))
            counts[i] = counts.get(i, 0) + 1
    rare = {i for found in hits.values() if len(found) <= MOST_RESULTS for i in found}
    most = max(weights.values(), default=Fraction(0))
    fit = [i for i in weights if (counts[i] >= 2 or i in rare) and weights[i] >= most / 2]
    return sorted(sorted(fit, key=lambda i: (-weights[i], -i))[:MOST_RESULTS])
