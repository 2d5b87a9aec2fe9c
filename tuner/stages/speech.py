"""Saying something: how much a text says, in any script, and where what one person says ends. Pure."""

from __future__ import annotations

import re
import unicodedata

from tuner.models import Message
from tuner.text.inert import is_blank

PAUSE = 600  # seconds of silence after which somebody begins anew

_LINK = re.compile(r"https?://[!-~]*", re.IGNORECASE)
_EMOJI = re.compile(r":\w{2,32}:")
_PLACEHOLDER = re.compile(r"^\[(?:(?:attachment|sticker|poll): [^\n]*|forwarded message)\]$", re.MULTILINE)
_WITHOUT_FRAME = dict.fromkeys(map(ord, "<>()[]|*_~`.,:;-"))  # marks that may stand around a link
_WORD = re.compile(r"\w+(?:['’]\w+)*")
# Scripts that put no space between words: about how many of their letters make one, and their letters.
_UNSPACED = (
    (2, re.compile(
        "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U000323af]"
    )),
    (3, re.compile("[\u0e00-\u0e4f\u0e80-\u0ecf\u0edc-\u0f1f\u0f40-\u0fff\u1000-\u103f\u1050-\u108f\u1780-\u17d7]")),
)  # fmt: skip


def word_count(text: str) -> int:
    """How many words a text holds, links and emoji apart; about as many as its translations do."""
    text = _without_marks(_EMOJI.sub(" ", _LINK.sub(" ", text)))
    count = 0
    for length, letters in _UNSPACED:
        spaced, found = letters.subn(" ", text)
        count += -(-found // length)
        text = spaced
    return count + len(_WORD.findall(text))


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
