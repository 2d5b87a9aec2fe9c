"""Other names for everybody: the same for somebody throughout a dataset, another in every other dataset. Pure.

A name is covered wherever it stands: before what somebody says, behind an `@`, in a mention, typed in passing, and also
if it is one that they bore before. Names that are everyday words are taken for a name only as they are written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from tuner.people.audience import name_digest
from tuner.people.names import plain
from tuner.screening.placeholders import PLACEHOLDER
from tuner.text.terms import UNSPACED

MOST_WORDS = 4  # of a name
LONGEST = 40  # characters of one
SHORTEST = 3  # letters of a part of a name, or of a name that any case may write
LONGEST_UNSPACED = 8  # letters of a name of a script that puts no space between words
_ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "tr")
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("", "n", "l", "r", "s")
_WORD = re.compile(r"[^\W_](?:[\w'’.·-]*\w)?|_+\w+")
# What people are called and what they say every day: the first are a name only with their capital letter, the others
# only behind an @.
_GIVEN = frozenset(
    """art bill bob buddy drew eve fox frank grace grant guy hope jack joy june may mark moon nick pat pete pin rich rob
    rock rose ruby sky star sue summer sun tom will wolf""".split()
)
_SAID = frozenset(
    """a an and any are ask bee book bot can cat cool day dev dog dot ever fan fun game girl good guest happy he help
    hey hi home i ice it just king lol love man many me mod my new nice no not null of off ok old on one or own
    some so test that the this time to us user void wait we well what who win with yes you your
    ich du er es wir die der das und ja nein ist le la les un une et je tu il elle el los y yo si lo io e o eu os de da
    do na to jak nie tak het een ik je да нет я ты он мы и не что это как""".split()
)


class Aliases:
    """Who has which name, and what they are called instead.

    `names` are people's names as they are written now, `former` digests of all they were ever known by; both say
    whose they are, by speaker. `key` is the dataset's, `salt` the archive's.
    """

    def __init__(
        self, names: Iterable[tuple[int, str]], former: Mapping[int, int], key: bytes, salt: bytes
    ) -> None:
        self._owners: dict[str, int] = {}
        self._written: dict[str, int] = {}  # parts of names, and what is a word as well: in these letters
        self._behind_at: dict[str, int] = {}
        self._former = former
        self._key = key
        self._salt = salt
        for speaker, name in names:
            self._learn(speaker, name)
        self._owner = lru_cache(65_536)(self._find)

    def _learn(self, speaker: int, name: str) -> None:
        whole = plain(name)
        self._behind_at.setdefault(whole, speaker)
        if not _is_common(whole):
            self._owners.setdefault(whole, speaker)
        for part in (name, *_WORD.findall(name)):
            is_long = len(part) >= SHORTEST or (part == name and len(part) > 1)
            if is_long and plain(part) not in _SAID and not part.islower() and not part.isdigit():
                self._written.setdefault(part, speaker)

    def of(self, speaker: int) -> str:
        """What somebody is called."""
        for attempt in range(100):
            alias = self._drawn(speaker, attempt)
            if self._owner(alias) is None:
                break
        return alias

    def _drawn(self, speaker: int, attempt: int) -> str:
        seed = f"{speaker}:{attempt}".encode()
        number = int.from_bytes(hashlib.blake2b(seed, digest_size=8, key=self._key).digest(), "big")
        name = ""
        for letters in (_ONSETS, _VOWELS, _ONSETS, _VOWELS, _ONSETS, _VOWELS, _CODAS):
            number, choice = divmod(number, len(letters))
            name += letters[choice]
        return name.capitalize()

    def covered(self, text: str) -> str:
        """The text with an alias in place of every name; what stands for something else stays."""
        parts, done = [], 0
        for placeholder in PLACEHOLDER.finditer(text):
            parts += [self._covered(text[done : placeholder.start()]), placeholder[0]]
            done = placeholder.end()
        return "".join([*parts, self._covered(text[done:])])

    def _covered(self, text: str) -> str:
        parts, done = [], 0
        for start, ends in _places(text):
            if start < done:
                continue
            for end in ends:
                owner = self._owner(text[start:end])
                if owner is None and text[start - 1 : start] in ("@", "＠"):
                    owner = self._behind_at.get(plain(text[start:end]))
                if owner is not None:
                    parts += [text[done:start], self.of(owner)]
                    done = end
                    break
        return "".join([*parts, text[done:]])

    def _find(self, name: str) -> int | None:
        """Whose name it is, as far as anybody's."""
        if name in self._written:
            return self._written[name]
        compared = plain(name)
        if not compared or compared == "someone":
            return None
        owner = self._owners.get(compared)
        if owner is None and not _is_common(compared):
            owner = self._former.get(name_digest(compared, self._salt))
        return owner


def _is_common(compared: str) -> bool:
    short = len(compared) < SHORTEST and not UNSPACED.search(compared)
    return short or compared in _GIVEN or compared in _SAID or compared.isdigit()


def _places(text: str) -> Iterator[tuple[int, list[int]]]:
    """Where a name may begin, and where it may end, the longest first."""
    words = [match.span() for match in _WORD.finditer(text)]
    for number, (start, end) in enumerate(words):
        ends = [stop for _, stop in words[number : number + MOST_WORDS] if stop - start <= LONGEST]
        yield start, sorted({*ends, *_inner_ends(text, start, end)}, reverse=True)
        if UNSPACED.search(text, start, end):
            for inner in range(start + 1, end):
                last = min(end, inner + LONGEST_UNSPACED)
                yield inner, list(range(last, inner + 1, -1))


def _inner_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where a name may end within a word: before 's, before what hangs on it, anywhere in an unspaced script."""
    for sign in "'’-.·":
        if (stop := text.find(sign, start, end)) > start:
            yield stop
    if UNSPACED.search(text, start, end):
        yield from range(min(end, start + LONGEST_UNSPACED), start + 1, -1)
