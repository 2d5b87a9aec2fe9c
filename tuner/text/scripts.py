"""Scripts: which put no space between words, which marks belong to a letter, and one sign where scripts differ.

What counts or compares words in any language starts here.
"""

from __future__ import annotations

import re
import unicodedata

# Letters of scripts that put no space between words: those in which one or two say something,
IDEOGRAPHS = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U000323af"
)
# and those of Thai, Lao, Tibetan, Burmese and Khmer, that spell words.
SPELLED = "\u0e00-\u0e4f\u0e80-\u0ecf\u0edc-\u0f1f\u0f40-\u0fff\u1000-\u103f\u1050-\u108f\u1780-\u17d7"
UNSPACED = (
    (2, re.compile(f"[{IDEOGRAPHS}]")),
    (3, re.compile(f"[{SPELLED}]")),
)
"""About how many letters make a word, and one of these letters."""
# ASCII with a space for whatever is in no word; many times as fast as an expression.
_SPACED = bytes(code if chr(code).isalnum() or chr(code) in "_'" else ord(" ") for code in range(128)).ljust(
    256
)
_UNSPACED = re.compile(f"[{IDEOGRAPHS}{SPELLED}]")
SYLLABLES = re.compile("[\uac00-\ud7a3]")  # of Korean, which does put spaces, and endings to words:
_ENDING = re.compile(
    "(?<=[\uac00-\ud7a3]{2})(?:에서[는도]?|에게[는도]?|한테[는도]?|으로[는도]?|까지[는도]?|부터[는도]?|이랑|이나|처럼|보다|하고"
    "|[은는이가을를에의도로와과만랑])$"
)
_RUN = re.compile(
    rf"([{IDEOGRAPHS}]+)|([{SPELLED}]+)|[^\W{IDEOGRAPHS}{SPELLED}](?:[^\W{IDEOGRAPHS}{SPELLED}]|')*"
)

_ASKING = "\u055e\u061f\u1367\u2753\u2754\u2cfa\u2cfb\u2e2e\ua60f\ua6f7\xbf"  # ՞ ؟ ፧ ❓ and their kind, ¿
_SIGNS = {
    **dict.fromkeys(map(ord, _ASKING), "?"),
    **dict.fromkeys(map(ord, "\u055c\u07f9\u1944\u2755\u2757\u203c\xa1"), "!"),  # ՜ ❗ ¡
    **dict.fromkeys(map(ord, "\u3002\uff61\u30fb\uff65"), "."),  # 。・
    **dict.fromkeys(map(ord, "\u2026\u22ef"), "..."),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u02b9\uff07\u05f3"), "'"),
    **dict.fromkeys(map(ord, "\u2048\u2049"), "?!"),
    0x2047: "??",
}
# Marks that are written or left out as one likes: accents, the vowels of Arabic and Hebrew; and joiners.
_LOOSE = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20f0\ufe00-\ufe0f]"
)
_GREEK = re.compile("(?<=[\u0370-\u03ff\u1f00-\u1fff]);")  # a Greek question ends so
# Their letters are the same with an accent and without: Latin, Greek, Cyrillic, Hebrew, Arabic.
_ACCENTED = re.compile("[\xc0-\u06ff\u1e00-\u1fff]")


# Vowels and tones that stand over and under the letters of SPELLED.
_MARKS = re.compile(
    "[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc\u0fc6"
    "\u0f18\u0f19\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d"
    "\u108f\u17b4-\u17d3]"
)


class _Plain(dict[int, str]):
    """Character → what is compared in its place. Learned as characters come."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(chr(code))
        return plain


class _Letters(dict[int, str]):
    """Character → itself, or a letter for a mark that Python takes for the end of a word. Learned likewise."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        is_mark = unicodedata.category(sign)[0] == "M" and not _UNSPACED.match(sign)
        self[code] = letter = "x" if is_mark else sign
        return letter


def _plain(sign: str) -> str:
    if ord(sign) in _SIGNS:
        return _SIGNS[ord(sign)]
    folded = unicodedata.normalize("NFKC", sign)
    if _ACCENTED.match(folded):
        folded = unicodedata.normalize("NFD", folded)
    return _LOOSE.sub("", folded).translate(_SIGNS)


_PLAIN, _LETTERS = _Plain(), _Letters()


def plain(text: str) -> str:
    """A text with one sign for what scripts write differently: “？” asks as “?” does, é is e."""
    if text.isascii():
        return text
    return _GREEK.sub("?", unicodedata.normalize("NFC", text)).translate(_PLAIN)


def has_pieces(text: str) -> bool:
    """Whether there are no spaces, or endings, so that words are better sought as pieces of the text."""
    return bool(_UNSPACED.search(text) or SYLLABLES.search(text))


def words(text: str) -> tuple[list[str], int]:
    """The words of a plain text in order, and about how many they are.

    Where scripts put no space between words, every two letters are one (every three, where letters spell). The
    endings of Korean nouns are left off.
    """
    if text.isascii():
        found = text.encode().translate(_SPACED).decode().split()
        if "'" in text:
            found = [bare for word in found if (bare := word.lstrip("'"))]
        return found, len(found)
    found, letters = [], [0, 0]
    for match in _RUN.finditer(text.translate(_LETTERS)):
        run = text[match.start() : match.end()]
        kind = match.lastindex
        if kind is None:
            found.append(_ENDING.sub("", run) if SYLLABLES.match(run) else run)
        else:
            letters[kind - 1] += len(run) - len(_MARKS.findall(run))
            wide = UNSPACED[kind - 1][0]
            found += [run[n : n + wide] for n in range(max(1, len(run) - wide + 1))]
    spaced = sum(1 for word in found if not _UNSPACED.match(word))
    return found, spaced + sum(-(-count // wide) for count, (wide, _) in zip(letters, UNSPACED, strict=True))
