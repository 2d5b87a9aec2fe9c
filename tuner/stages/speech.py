"""Saying something: how much a text says, in any script, and where what one person says ends. Pure."""

from __future__ import annotations

import re
import unicodedata

from tuner.models import Message
from tuner.text.inert import is_blank
from tuner.text.scripts import SYLLABLES, UNSPACED

PAUSE = 600  # seconds of silence after which somebody begins anew

_LINK = re.compile(r"https?://[!-~]*", re.IGNORECASE)
_EMOJI = re.compile(r":\w{2,32}:")
_PLACEHOLDER = re.compile(r"^\[(?:(?:attachment|sticker|poll): [^\n]*|forwarded message)\]$", re.MULTILINE)
_WITHOUT_FRAME = dict.fromkeys(map(ord, "<>()[]|*_~`.,:;-"))  # marks that may stand around a link
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def word_count(text: str) -> int:
    """How many words a text holds, links and emoji apart; about as many as its translations do."""
    text = _without_marks(_EMOJI.sub(" ", _LINK.sub(" ", text)))
    count = 0
    for length, letters in UNSPACED:
        spaced, found = letters.subn(" ", text)
        count += -(-found // length)
        text = spaced
    return count + len(_WORD.findall(text))


def least_letters(word: str) -> int:
    """How many letters a word needs to mean something by itself: two where one sign is a syllable or more."""
    return 2 if any(letters.search(word) for letters in (SYLLABLES, *(row[1] for row in UNSPACED))) else 3


def with_marks_as_letters(text: str) -> str:
    """The text, as long as before, with a letter for every accent and vowel sign: Python ends a word there."""
    return text if text.isascii() else "".join("x" if unicodedata.category(c)[0] == "M" else c for c in text)


def says_something(text: str) -> bool:
    """Whether a text holds more than a link."""
    rest, links = _LINK.subn("", text)
    return not is_blank(rest.translate(_WITHOUT_FRAME) if links else rest)


def without_placeholders(text: str) -> str:
    """A text without the lines that stand for a picture or the like."""
    return _PLACEHOLDER.sub("", text).strip()


def goes_on(before: Message, message: Message) -> bool:
    """Whether somebody who spoke goes on, rather than begins anew after a pause."""
    return message.speaker == before.speaker and message.at - before.at < PAUSE


def _without_marks(text: str) -> str:
    """Accents and vowel signs left out: Python takes them for the end of a word."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] != "M")
