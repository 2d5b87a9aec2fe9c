"""Text as the rules read it: what people and programs do to a word to get it past a filter is undone.

Full-width and other digits are plain, characters that nobody sees are left out, and so are the marks of Discord's
markdown that may stand inside or around a value. Each form knows where its characters stood.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e01ef"
)
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_MARKED = re.compile(f"[{_UNSEEN}]|\\|\\||\\*\\*|~~|__|[`\\\\]")


class _Plain(dict[int, str]):
    """Character → its plain form, one for one. Learned as characters come."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = unicodedata.normalize("NFKC", char)
        digit = unicodedata.digit(char, None)
        self[code] = str(digit) if digit is not None else plain if len(plain) == 1 else char
        return self[code]


_PLAIN = _Plain(
    {code: chr(code) for code in range(128)} | {0x2010: "-", 0x2011: "-", 0x2212: "-", 0x3002: "."}
)


@dataclass(frozen=True, slots=True)
class Form:
    """A text to look through; `places` says where each character stood, None where none was taken out."""

    text: str
    places: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stands in the text that it was made of."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def forms(text: str) -> Iterator[Form]:
    """The text as it is meant, and, where it holds marks, the same without them."""
    plain = text if text.isascii() else text.translate(_PLAIN)
    yield _without(_HIDDEN, plain) if not text.isascii() and _HIDDEN.search(plain) else Form(plain)
    if _MARKED.search(plain):
        yield _without(_MARKED, plain)


def _without(taken: re.Pattern[str], text: str) -> Form:
    places: list[int] = []
    parts, done = [], 0
    for mark in taken.finditer(text):
        parts.append(text[done : mark.start()])
        places.extend(range(done, mark.start()))
        done = mark.end()
    places.extend(range(done, len(text)))
    return Form("".join([*parts, text[done:]]), places)
