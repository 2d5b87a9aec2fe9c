"""What a message looks like before anything is known about its neighbours: its kind, its words, whom it names."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from tuner.linking.arrays import Ints
from tuner.linking.vocabulary import ANYWHERE, COMMON, EARLY, FIRST, KINDS, bit, said_unspaced
from tuner.models import Message
from tuner.text.scripts import has_pieces, plain, words

_MENTION = re.compile(r"<@!?\d+>")
_MARKED = frozenset(ANYWHERE)
_ASKS, _CODE, _SHOWS = bit("asks"), bit("shows code"), bit("shows something")
_COMMAND, _EXCLAIMS, _TRAILS = bit("is a command"), bit("exclaims"), bit("trails off")
_STUB = bit("is a stub")
_COMMAND_SIGNS = ("!", ".", "/", "！", "／")
_LENGTHS = [
    sum(bit(kind) for kind, most in zip(KINDS[15:], (0, 2, 5, 10, 18), strict=True) if words <= most)
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
        text = plain(text)
        low = text.lower()
        if "<@" in low:
            low = _MENTION.sub(" ", low)
        tokens, length = words(low)
        different = set(tokens)
        kind = _kind(message, text, low, tokens, length, different)
        content = different - COMMON
        for _, name in message.extras.mentions:
            content.difference_update(words(plain(name).lower())[0])
        seen = self._seen
        times = [seen.get(word, 0) + 1 for word in content]
        seen.update(zip(content, times, strict=True))
        self._messages += 1
        if len(seen) > _KNOWN_WORDS:
            self._seen = {word: count // 2 for word, count in seen.items() if count > 1}
            self._messages //= 2
        return Reading(
            kind,
            min(length, 120),
            named,
            list(map(hash, content)),
            times,
            self._messages + _FIRST_MESSAGES,
        )


def weights(times: Ints, of: Ints) -> Ints:
    """How much words say that so many of so many messages hold: 0 for a common one. The logarithm, exactly."""
    result: Ints = _WEIGHTS[np.minimum(of // times, len(_WEIGHTS) - 1)]
    return result


def _kind(message: Message, text: str, low: str, tokens: list[str], length: int, different: set[str]) -> int:
    kind = _LENGTHS[min(length, len(_LENGTHS) - 1)]
    for word in different & _MARKED:
        kind |= ANYWHERE[word]
    for word in tokens[:3]:
        kind |= EARLY.get(word, 0)
    if tokens:
        kind |= FIRST.get(tokens[0], 0)
    if not low.isascii() and has_pieces(low):
        kind |= said_unspaced(low)
    if "?" in text:
        kind |= _ASKS
    if "`" in text or "$ " in text:
        kind |= _CODE
    if "http" in low or "www." in low or message.extras.attachments:
        kind |= _SHOWS
    if (message.text or "")[:1] in _COMMAND_SIGNS:
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
