"""What of a text can be searched for: words, and where a script puts no spaces between them, short runs of letters.

Pure. The archive's index of words splits texts in the same way (its migration 0008, to the letter).
"""

from __future__ import annotations

import re
import unicodedata

SHORTEST_STEM = 4  # letters of a word that has other forms
LONGEST_ENDING = 3
INDEXED = 4000  # letters of a text; no message of Discord has more

# Letters of scripts without spaces: of the first, two make a term, as most Chinese words have two; of the others,
# three, as their letters are single sounds.
PAIRED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U000323af"
)
TRIPLED = "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3"

UNSPACED = re.compile(f"[{PAIRED}{TRIPLED}]")
_RUN = re.compile(f"(?P<pairs>[{PAIRED}]+)|(?P<triples>[{TRIPLED}]+)")
_PARTICLE = re.compile(
    "(.{2,}?)(?:은|는|이|가|을|를|에|의|도|로|으로|에서|에게|한테|와|과|랑|이랑|하고|까지|부터|만|요|이에요|예요)$"
)
_ARTICLE = re.compile("^(?:[وبكف]?ال|لل)(..)")
_FINAL_VOWEL = re.compile("(?<=..)[\u0900-\u0903\u093a-\u094f]+$")  # of Devanagari
_ELIDED = r"(?:(?:[cdjlmnst]|qu|dell|all|nell|sull)['’](?=\w))?"  # an article of French or Italian
_WORD = re.compile(rf"{_ELIDED}([^\W_][\w'’-]*)", re.IGNORECASE)


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script that puts no spaces between words."""
    return UNSPACED.match(word) is not None


def words(text: str) -> list[str]:
    """The words of a text in order, casefolded, and the runs of letters that nothing separates; accents and vowel
    signs are part of them."""
    found = []
    for match in _WORD.finditer(_with_marks_as_letters(text)):
        word = text[match.start(1) : match.end(1)]
        found += [part.casefold() for part in _parts(word)] if UNSPACED.search(word) else [word.casefold()]
    return found


def grams(word: str) -> list[str]:
    """The terms that a run of letters without spaces holds; any other word, and what is shorter, is one."""
    size = gram_size(word)
    if not is_unspaced(word) or len(word) <= size:
        return [word]
    return [word[i : i + size] for i in range(len(word) - size + 1)]


def gram_size(word: str) -> int:
    """How many letters of such a script make a term."""
    run = _RUN.match(word)
    return 2 if run is None or run["pairs"] else 3


def as_indexed(text: str) -> str:
    """A text as the index holds it: of each run of letters without spaces, what begins at every letter."""

    def split(run: re.Match[str]) -> str:
        size = gram_size(run[0])
        return f" {' '.join(run[0][i : i + size] for i in range(len(run[0])))} "

    return _RUN.sub(split, text[:INDEXED]) if UNSPACED.search(text) else text


def beginnings(word: str, language: str) -> tuple[str, ...]:
    """How other forms of a word may begin in a language; none in English, whose forms the index knows."""
    if is_unspaced(word) or word[:1].isdigit():
        return ()
    if language == "ko":
        return (_PARTICLE.sub(r"\1", word),)
    if language == "ar":
        bare = _ARTICLE.sub(r"\1", word).removesuffix("ة")
        return tuple(article + bare for article in ("", "ال", "وال", "بال", "لل")) if len(bare) > 2 else ()
    if language == "hi":  # what ends in a vowel ends in another, or in none
        return (_FINAL_VOWEL.sub("", word),) if len(word) > 2 else ()
    if language == "en" or len(word) < SHORTEST_STEM:
        return ()
    return (word[: len(word) - min(LONGEST_ENDING, (len(word) - SHORTEST_STEM + 1) // 2)],)


def _parts(word: str) -> list[str]:
    """What is written together in scripts with and without spaces."""
    spaced = (part for part in _RUN.split(word) if part)
    return [part for part in spaced if re.search(r"\w", part)]


def _with_marks_as_letters(text: str) -> str:
    """The text, as long as before, with a letter for every accent and vowel sign: Python ends a word there."""
    return text if text.isascii() else "".join("x" if unicodedata.category(c)[0] == "M" else c for c in text)
