"""Names in text: where an `@` may name somebody, and what stands there instead when that person is hidden.

A name is compared as people read it: without regard to case, to the width of letters and to escapes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from tuner.text.render import SOMEONE

Hides = Callable[[str], bool | None]
"""Whether a name is one to hide; None when it is nobody's."""

LONGEST = 40  # characters; people may have 32
NOBODYS = ("everyone", "here")
_UNSEEN = "\u200b-\u200f\u2060\ufeff"
_AT = re.compile(f"[@＠﹫][@＠﹫{_UNSEEN}]*")
_DROPPED = re.compile(rf"[\\{_UNSEEN}]")
# Letters of scripts that part words with spaces. Elsewhere a name may end anywhere: 太郎さん names 太郎.
_LETTER = r"[0-9A-Za-z_\u00aa-\u024f\u0370-\u052f\u1e00-\u1fff]"
_END = re.compile(rf"(?<!\s)(?:(?<!{_LETTER})|(?!{_LETTER}))")
_NAMING = re.compile(rf"[@＠﹫](?!(?:{'|'.join(NOBODYS)})\b)[^\s@＠﹫]")
_MARKUP = re.compile(r"<@[!&]?\d{1,20}>")
_WORD = re.compile(rf"[@＠﹫{_UNSEEN}]+[\w.]*\w")
_DISCRIMINATOR = re.compile(r"#\d{4}(?!\d)")


def plain(name: str) -> str:
    """A name as it is compared."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    return " ".join(_DROPPED.sub("", name).casefold().split()).lstrip("@")


def may_name(text: str) -> bool:
    """Whether a text may name somebody at all."""
    return any(sign in text for sign in "@＠﹫")


def may_name_anybody(text: str) -> bool:
    """Whether a text may name a person by what they are called, not by an id."""
    return may_name(text) and bool(_NAMING.search(_MARKUP.sub("", text)))


def candidates(text: str) -> set[str]:
    """Everything in a text that would be a name if somebody were called so, as it is compared."""
    return {plain(text[at:end]) for at, ends in _places(text) for end in ends}


def hide_names(text: str, hides: Hides, *, strangers: bool = False) -> str:
    """The text with `@` and a hidden name replaced. The longest name that fits is the one meant.

    `strangers` hides also the one word behind an `@` that is nobody's name.
    """
    parts: list[str] = []
    done = 0
    for at, ends in _places(text):
        if at < done:
            continue
        end = _hidden_until(text, at, ends, hides, strangers)
        if end > at:
            parts += [text[done:at], SOMEONE]
            discriminator = _DISCRIMINATOR.match(text, end)
            done = discriminator.end() if discriminator else end
    return "".join([*parts, text[done:]]) if parts else text


def _places(text: str) -> Iterator[tuple[int, list[int]]]:
    """Where an `@` stands, and where the name behind it may end, the longest first."""
    for sign in _AT.finditer(text):
        start = sign.end()
        if start < len(text) and not text[start].isspace():
            ends = [m.start() for m in _END.finditer(text, start + 1, start + LONGEST)]
            yield sign.start(), ends[::-1]


def _hidden_until(text: str, at: int, ends: list[int], hides: Hides, strangers: bool) -> int:
    """The end of the hidden name behind the `@`, or `at` where none is."""
    for end in ends:
        name = plain(text[at:end])
        if name in NOBODYS:
            return at
        hidden = hides(name)
        if hidden is not None:
            return end if hidden else at
    before = text[at - 1 : at]
    if not strangers or before.isalnum() or before == "<":  # an address, an id
        return at
    word = _WORD.match(text, at)
    return word.end() if word else at
