"""Which turns recall earlier talk, what to search for, which of what is found fits, and whether an answer leans on it.

Pure. The phrases and common words of each language are in `tuner.stages.phrases`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from tuner.models import Dialogue
from tuner.screening.placeholders import PLACEHOLDER
from tuner.stages.phrases import LANGUAGES
from tuner.text.terms import gram_size, grams, is_unspaced, words

MOST_RESULTS = 3
MOST_WORDS = 8  # of a query
LEAST_LEANING = 4  # one in so many of an answer's words at least is in what it leans on
MOST_TERMS = 32  # that a query is searched by; a run of Thai letters holds many

_SENTENCE = re.compile(r"[^.!?。！？؟।\n]{1,400}[.!?。！？؟।]*")
_ASKING = re.compile(r"[?？؟]\W*$")
_KANA = re.compile("[\u3041-\u30ff]")
_HIRAGANA = re.compile("[\u3041-\u309f]+")
_SYLLABLES = re.compile("[\u0900-\u0dff\uac00-\ud7a3]")  # of Korean, and of India's scripts
_PLAIN = str.maketrans("أإآٱىة’", "اااايه'", "ـ\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652")
_ACCENTS = re.compile("[\u0300-\u036f]")
_NOT_ONE = re.compile(r"(?:i|you|he|she|it|we|they|that|there|what|who)'(?:ve|d|ll|m|re|s)")


@dataclass(frozen=True, slots=True)
class Recall:
    """A turn of the persona's that answers a turn recalling earlier talk, in the words of one sentence."""

    place: int  # of the persona's turn
    language: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Phrases:
    asks: re.Pattern[str]
    recalls: re.Pattern[str]
    question: re.Pattern[str]


def recalls(dialogue: Dialogue) -> list[Recall]:
    """The persona's turns that answer a turn which asks about earlier talk."""
    turns = dialogue.turns
    found = []
    for place in range(1, len(turns)):
        before, turn = turns[place - 1], turns[place]
        answers = turn.speaker == dialogue.persona and turn.learned and before.speaker != dialogue.persona
        if answers and (asked := recalled(before.text)):
            found.append(Recall(place, *asked))
    return found


def recalled(text: str) -> tuple[str, str] | None:
    """The language in which a text asks about earlier talk, and the sentence that does; None where none does."""
    for match in _SENTENCE.finditer(text):
        sentence = plain(match[0]).strip()
        for language in LANGUAGES:
            if language == "zh" and _KANA.search(sentence):
                continue
            phrases = _phrases(language)
            asking = _ASKING.search(sentence) or phrases.question.search(sentence)
            if phrases.asks.search(sentence) or (asking and phrases.recalls.search(sentence)):
                return language, match[0].strip()
    return None


def plain(text: str) -> str:
    """A text for comparing: casefolded, without accents and optional marks."""
    if text.isascii():
        return text.casefold()
    return _without_accents(text.casefold()).translate(_PLAIN)


def keywords(text: str, names: Sequence[str] = (), language: str = "en") -> list[str]:
    """The words of a text worth searching for, in order, without repeats."""
    ignored = {plain(part) for name in names for part in words(name)}
    found = dict.fromkeys(_telling(text, language))
    return [word for word in found if plain(word) not in ignored][:MOST_WORDS]


def terms(found: Sequence[str]) -> list[str]:
    """What keywords are searched by: words as they are, runs of letters without spaces by their terms."""
    return list(dict.fromkeys(term for word in found for term in grams(word)))[:MOST_TERMS]


def best(hits: Mapping[str, Sequence[int]]) -> list[int]:
    """Ids of the messages that answer a query best, oldest first.

    `hits` maps each word to the messages that hold it. A message counts with the sum of its words' weights,
    less the oftener a word is found. It must hold two words, or one that is rare, and weigh at least a third of the
    best: what is best may be the same question, asked before, and its answer repeats less of it.
    """
    weights: dict[int, Fraction] = {}  # exact: the order of the words must not decide
    counts: dict[int, int] = {}
    for found in hits.values():
        for i in found:
            weights[i] = weights.get(i, Fraction(0)) + Fraction(1, len(found).bit_length())
            counts[i] = counts.get(i, 0) + 1
    rare = {i for found in hits.values() if len(found) <= MOST_RESULTS for i in found}
    most = max(weights.values(), default=Fraction(0))
    fit = [i for i in weights if (counts[i] >= 2 or i in rare) and weights[i] >= most / 3]
    return sorted(sorted(fit, key=lambda i: (-weights[i], -i))[:MOST_RESULTS])


def stray(hits: Mapping[str, Sequence[int]], ids: Iterable[int]) -> set[int]:
    """Those of the ids that hold but one word of the query, where others hold more: they may share it by chance."""
    held = {i: sum(worth(term) for term, found in hits.items() if i in found) for i in ids}
    most = max(held.values(), default=0)
    return {i for i, words in held.items() if words <= 1 < most}


def novel(answer: str, known: Sequence[str], names: Sequence[str], language: str) -> list[str]:
    """Terms of an answer that the talk before it and the names have not."""
    lacking = _Words(
        [*(w for text in known for w in words(text)), *(w for name in names for w in words(name))]
    )
    said = dict.fromkeys(term for word in _telling(answer, language) for term in grams(word))
    return [term for term in said if term not in lacking]


def shared(said: Sequence[str], found: str, language: str) -> list[str]:
    """Those of the terms that are in what was found; none where they are too few of them to be leant on."""
    told = _Words(_telling(found, language))
    common = [term for term in said if term in told]
    whole, part = sum(map(worth, said)), sum(map(worth, common))
    return common if part * LEAST_LEANING >= whole else []


def worth(term: str) -> Fraction:
    """How much of a word a term is: runs of letters without spaces share parts of words by chance."""
    return Fraction(1, gram_size(term)) if is_unspaced(term) else Fraction(1)


class _Words:
    """Words of a text, in any of their forms."""

    def __init__(self, found: Iterable[str]) -> None:
        self._terms = {plain(term) for word in found for term in grams(word)}
        self._inflected = [term for term in self._terms if len(term) >= 3 and not is_unspaced(term)]

    def __contains__(self, term: str) -> bool:
        wanted = plain(term)
        return wanted in self._terms or any(_alike(wanted, other) for other in self._inflected)


def _alike(one: str, other: str) -> bool:
    """Whether two words may be forms of one: they begin alike."""
    if one in (f"{other}s", other.removesuffix("s")):
        return True
    if one[:4] != other[:4] or one[0].isdigit() or is_unspaced(one):
        return False
    longer = max(len(one), len(other))
    alike = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return alike >= 4 and 10 * alike >= 6 * longer


def _telling(text: str, language: str) -> Iterator[str]:
    """The words of a text that are not everybody's. What stands for a detail that was left out is none."""
    text = PLACEHOLDER.sub(" ", text)
    common = _common(language) | _common("en")
    for word in words(text):
        if is_unspaced(word):
            yield from _split(word, language)
        elif _says_something(word) and (bare := plain(word)) not in common and not _NOT_ONE.fullmatch(bare):
            yield word


def _says_something(word: str) -> bool:
    """Whether a word is long enough to mean something by itself; there are scripts whose letters are syllables."""
    return len(word) >= (2 if word.isdecimal() or _SYLLABLES.search(word) else 3)


def _split(run: str, language: str) -> list[str]:
    """What is left of a run of letters without spaces when the common words are cut out of it.

    The letters of Japanese grammar are a script of their own: they stand between words, unless there is nothing else.
    There, one letter may be a word; elsewhere it is a remainder.
    """
    japanese = language == "ja" or _KANA.search(run) is not None
    least = gram_size(run)
    if japanese and not _HIRAGANA.fullmatch(run):
        run, least = _HIRAGANA.sub(" ", run), 1
    return [
        rest for rest in _cutting("ja" if japanese else language).sub(" ", run).split() if len(rest) >= least
    ]


@cache
def _phrases(language: str) -> _Phrases:
    phrases = LANGUAGES[language]
    return _Phrases(_any(phrases.asks), _any(phrases.recalls), _any((phrases.question,)))


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_without_accents(pattern)})" for pattern in patterns))


def _without_accents(text: str) -> str:
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


@cache
def _common(language: str) -> frozenset[str]:
    return frozenset(plain(word) for word in LANGUAGES[language].common.split())


@cache
def _cutting(language: str) -> re.Pattern[str]:
    """What is cut out of text without spaces, the longest first."""
    listed = [w for lang in {language, "zh", "th"} for w in LANGUAGES[lang].common.split() if is_unspaced(w)]
    return re.compile("|".join(map(re.escape, sorted(listed, key=lambda w: (-len(w), w)))))
