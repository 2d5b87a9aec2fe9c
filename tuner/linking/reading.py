"""What a message looks like before anything is known about its neighbours: its kind, its words, whom it names."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from tuner.linking.arrays import Ints
from tuner.models import Message

WORD = re.compile(r"\w[\w']*")
_MENTION = re.compile(r"<@!?\d+>")
_COMMON = frozenset(
    """a about all also am an and any are as at be been but by can could did do does doing don't for from get got
    had has have he her here him his how i i'm if in into is isn't it it's its just like me my no not now of off on
    one or our out over own s she should so some t than that that's the their them then there these they thing this
    those to too try u up use using want was we well were what when where which who why will with would yes you
    your ok yeah need know think see good way work works sure really even much only still""".split()
)

KINDS = (
    "asks", "begins like a question", "thanks", "agrees", "greets", "goes on", "shows code", "shows something",
    "is a command", "says you", "speaks to everyone", "says I", "exclaims", "trails off", "is a stub", "has no words",
    "has up to 2 words", "has up to 5 words", "has up to 10 words", "has up to 18 words",
)  # fmt: skip
"""What each bit of `Reading.kind` says, the lowest first."""


def _bit(kind: str) -> int:
    return 1 << KINDS.index(kind)


def _bits(**words: str) -> dict[str, int]:
    """Word → the bits of the kinds it speaks for."""
    bits: dict[str, int] = {}
    for kind, listed in words.items():
        for word in listed.split():
            bits[word] = bits.get(word, 0) | _bit(kind.replace("_", " "))
    return bits


_ANYWHERE = _bits(
    thanks="thanks thx thank ty cheers tnx thanx",
    says_you="you your you're u ur yours",
    speaks_to_everyone="anyone anybody someone somebody everyone everybody all guys folks",
    says_I="i i'm i've my me im ive",
)
_MARKED = frozenset(_ANYWHERE)
_EARLY = _bits(
    agrees="yes yeah yep yup no nope nah ok okay k sure right true exactly ya yea indeed correct",
    greets="hi hello hey hiya yo greetings morning hola",
)
_FIRST = _bits(
    begins_like_a_question="what how why where who which when is are does do can could anyone anybody has did would "
    "should",
    goes_on="and but or so because cause also then which like plus though it that its it's",
)
_ASKS, _CODE, _SHOWS = _bit("asks"), _bit("shows code"), _bit("shows something")
_COMMAND, _EXCLAIMS, _TRAILS = _bit("is a command"), _bit("exclaims"), _bit("trails off")
_STUB = _bit("is a stub")
_COMMAND_SIGNS = ("!", ".", "/")
_LENGTHS = [
    sum(_bit(kind) for kind, most in zip(KINDS[15:], (0, 2, 5, 10, 18), strict=True) if words <= most)
    for words in range(20)
]
NAMED_AT_MOST = 4

_KNOWN_WORDS = 50_000  # different words after which those rarely seen are forgotten
_FIRST_MESSAGES = 99  # as if so many had come before, so that a channel's first words are not all rare
_TOO_COMMON = 17
_WEIGHTS = np.array([max(0, round(8 * math.log2(max(n, 1))) - _TOO_COMMON) for n in range(4097)])


class Reading(NamedTuple):
    """A message as the linker sees it."""

    kind: int  # bits of KINDS
    length: int  # words, at most 120
    named: tuple[int, ...]  # others named, the one addressed first
    words: list[int]  # hashes of the words that are not among the commonest
    times: list[int]  # how many messages so far hold each of them
    of: int  # messages so far


class Reader:
    """Reads the messages of one channel in their order, and learns meanwhile which words are rare in it."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._messages = 0

    def read(self, message: Message) -> Reading:
        text = message.text
        named = _named(message) if message.extras.mentions else ()
        if text is None:
            return Reading(_STUB, 0, named, [], [], 1)
        low = text.lower()
        if "<@" in low:
            low = _MENTION.sub(" ", low)
        tokens = WORD.findall(low)
        different = set(tokens)
        kind = _kind(message, text, low, tokens, different)
        content = different - _COMMON
        for _, name in message.extras.mentions:
            content.difference_update(WORD.findall(name.lower()))
        seen = self._seen
        times = [seen.get(word, 0) + 1 for word in content]
        seen.update(zip(content, times, strict=True))
        self._messages += 1
        if len(seen) > _KNOWN_WORDS:
            self._seen = {word: count // 2 for word, count in seen.items() if count > 1}
            self._messages //= 2
        return Reading(
            kind,
            min(len(tokens), 120),
            named,
            list(map(hash, content)),
            times,
            self._messages + _FIRST_MESSAGES,
        )


def weights(times: Ints, of: Ints) -> Ints:
    """How much words say that so many of so many messages hold: 0 for a common one. The logarithm, exactly."""
    result: Ints = _WEIGHTS[np.minimum(of // times, len(_WEIGHTS) - 1)]
    return result


def _kind(message: Message, text: str, low: str, tokens: list[str], different: set[str]) -> int:
    kind = _LENGTHS[min(len(tokens), len(_LENGTHS) - 1)]
    for word in different & _MARKED:
        kind |= _ANYWHERE[word]
    for word in tokens[:3]:
        kind |= _EARLY.get(word, 0)
    if tokens:
        kind |= _FIRST.get(tokens[0], 0)
    if "?" in text:
        kind |= _ASKS
    if "`" in text or "$ " in text:
        kind |= _CODE
    if "http" in low or "www." in low or message.extras.attachments:
        kind |= _SHOWS
    if text[:1] in _COMMAND_SIGNS:
        kind |= _COMMAND
    if "!" in text:
        kind |= _EXCLAIMS
    if "..." in text:
        kind |= _TRAILS
    return kind


def _named(message: Message) -> tuple[int, ...]:
    """Others named in a message, the one addressed first."""
    text = message.text or ""

    def place(mention: tuple[int, str]) -> int:
        speaker, name = mention
        spots = [text.find(f"<@{speaker}>"), text.find(f"<@!{speaker}>"), text.find(name) if name else -1]
        return min((s for s in spots if s >= 0), default=len(text))

    others = [m for m in message.extras.mentions if m[0] != message.speaker]
    ordered = sorted(others, key=place) if len(others) > 1 else others
    return tuple(speaker for speaker, _ in ordered[:NAMED_AT_MOST])
