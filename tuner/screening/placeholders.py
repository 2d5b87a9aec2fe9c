"""What stands in the place of a secret or a personal detail: its kind, and the same number for the same value. Pure.

Until a sample is whole nobody knows which number a value gets, so it carries a mark: a keyed digest, too short to tell
anything. `numbered` makes numbers of the marks of one sample, turns and tool results alike.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tuner.screening.kinds import ALL, DETAILS, SECRET, SECRETS_ONLY, Found, Kind, Wanted
from tuner.screening.scan import replaced, scan

MARK = 4  # letters
HIDDEN = f"[{SECRET}]"
_KINDS = "|".join(map(re.escape, DETAILS))
_MARKED = re.compile(rf"([\[(])({_KINDS}) ([a-z2-7]{{{MARK}}})([\])])")
PLACEHOLDER = re.compile(rf"\[(?:{SECRET}|(?:{_KINDS})(?: [a-z0-9]{{1,{MARK}}})?)\]")
_SPACED = ("phone", "card", "bank account", "ID number")  # whose digits people group as they like
_GROUPING = re.compile(r"[\W_]")


@dataclass(slots=True)
class Placeholders:
    """Puts them into texts, and counts of which kind they were. `key` keeps the marks from meaning anything elsewhere."""

    key: bytes
    wanted: Wanted = ALL
    counts: Counter[str] = field(default_factory=Counter)

    def marked(self, text: str) -> str:
        """The text with a mark in place of each value, the same for the same value."""
        return self._changed(text, self._mark)

    def bare(self, text: str) -> str:
        """The text with nothing but the kind of each value."""
        return self._changed(text, lambda kind, _: f"[{kind}]")

    def _changed(self, text: str, place: Callable[[Kind, str], str]) -> str:
        founds = scan(text, self.wanted)
        self.counts.update(found.kind for found in founds)
        return replaced(text, founds, place) if founds else text

    def _mark(self, kind: Kind, value: str) -> str:
        if kind == SECRET:
            return HIDDEN
        meant = (_GROUPING.sub("", value) if kind in _SPACED else value).casefold()
        digest = hashlib.blake2b(f"{kind}\0{meant}".encode("utf-8", "replace"), digest_size=5, key=self.key)
        return f"[{kind} {base64.b32encode(digest.digest()).decode()[:MARK].lower()}]"


class Numbers:
    """The numbers of one sample's values, in the order in which they are met."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], int] = {}
        self._last: Counter[str] = Counter()

    def numbered(self, text: str) -> str:
        return _MARKED.sub(self._number, text) if "[" in text or "(" in text else text

    def _number(self, match: re.Match[str]) -> str:
        opening, kind, mark, closing = match.groups()
        if (kind, mark) not in self._of:
            self._last[kind] += 1
            self._of[kind, mark] = self._last[kind]
        return f"{opening}{kind} {self._of[kind, mark]}{closing}"


def without_secrets(text: str) -> str:
    """The text as it may be stored."""
    return Placeholders(b"", SECRETS_ONLY).bare(text)


def without_details(text: str, wanted: Wanted = ALL) -> str:
    """A title as it may be stored: no sample numbers what is in it."""
    return Placeholders(b"", wanted).bare(text)


def masked(found: Found, text: str) -> str:
    """Enough of what was found to know it again, and no more."""
    value = " ".join(text[found.start : found.end].split())
    shown = 2 if len(value) > 7 else 1
    hidden = "•" * min(12, max(3, len(value) - 2 * shown))
    return f"{value[:shown]}{hidden}{value[-shown:] if len(value) > 7 else ''}"
