"""The one door for text that others wrote: what passes it stays as written in Discord, and does nothing.

Names, notes, reasons and the words of errors may hold what people typed. `plain` is for a name inside a line,
`inert` for a sentence. Whatever passes neither has to be a text of this package's own.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_LINE_START = re.compile(r"^(\s*)([#>+-])", re.MULTILINE)  # headings, quotes, lists, small print
_MARKUP = re.compile(r"[\\*~|`\[\]]|(?<=\])\(")
_EVERY_UNDERSCORE = re.compile("_")
_ACTIVE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # one between letters marks nothing up
_MASS_MENTION = re.compile(r"@(?=everyone|here)", re.IGNORECASE)
_LINK = re.compile(r"\b([a-z][a-z0-9+.-]*):(?=//)(?!//discord\.com/developers/)", re.IGNORECASE)
_INVITE = re.compile(r"\b(discord(?:app\.com/invite|\.com/invite|\.gg))(?=/)", re.IGNORECASE)
_NOTHING = "\u200b"  # a space without width


def plain(name: str, longest: int = 60) -> str:
    """Somebody's or something's name as inert text on one line, isolated: right-to-left names turn nothing else."""
    text = _CONTROL.sub(" ", name)
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return f"\u2068{_escaped(text, _EVERY_UNDERSCORE).strip()}\u2069"


def inert(text: str) -> str:
    """A sentence that may quote what others wrote: no markdown, link or mention in it works. Lines stay lines."""
    lines = (_CONTROL.sub(" ", line) for line in re.split(r"\r\n|\r|\n", text))
    return _escaped("\n".join(lines), _ACTIVE_UNDERSCORE)


def fit(text: str, limit: int) -> str:
    """The text, cut at the end of a line where that is possible, within the limit."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 2]
    head, newline, _ = cut.rpartition("\n")
    return (head if newline and len(head) > limit // 2 else cut) + "\n…"


def code(text: str) -> str:
    """A path or number as code: shown letter by letter."""
    return f"`{_CONTROL.sub(' ', text).replace('`', 'ˋ')}`"


def _escaped(text: str, underscores: re.Pattern[str]) -> str:
    text = _MARKUP.sub(r"\\\g<0>", text)
    text = underscores.sub(r"\\_", text)
    text = _LINE_START.sub(r"\1\\\2", text)
    text = _MASS_MENTION.sub(f"@{_NOTHING}", text)
    text = _LINK.sub(rf"\1:{_NOTHING}", text)
    text = _INVITE.sub(rf"\1{_NOTHING}", text)
    return text.replace("<", "‹")
