"""Saying something: how much a text says, in any script, and where what one person says ends. Pure."""

from __future__ import annotations

import re
import unicodedata

from tuner.models import Message
from tuner.text.inert import is_blank
from tuner.text.scripts import UNSPACED

PAUSE = 600  # seconds of silence after which somebody begins anew

# Endings of names of servers that are no words, so that "yes.it was" is no link; before a path, any ending will do.
_ENDINGS = (
    "app|biz|blog|br|ca|ch|cloud|cn|co|com|cz|de|dev|dk|edu|es|eu|fi|fm|fr|gg|gov|hu|info|io|jp|kr|ly|mil|net|nl|org|pl|"
    "pt|ru|se|shop|site|tv|ua|uk|wiki|xyz"
)
LINK = re.compile(
    r"https?://[!-~]*|[a-z][a-z0-9+.-]{0,20}://[!-~]+|"
    r"(?<![\w.@/-])(?:www\.[\w-][!-~]*|"
    rf"(?:[\w-]{{1,63}}\.){{1,8}}(?:[^\W\d_]{{2,24}}(?::\d{{1,5}})?/[!-~]*|(?:{_ENDINGS})(?![\w-]|\.\w)))",
    re.IGNORECASE,
)
_MASKED = re.compile(r"\[[^][\n]{0,200}\]\(")  # what is shown in place of the link behind it
_EMOJI = re.compile(r":\w{2,32}:")
# As this package writes them, and as people and other programs do.
_STANDS_FOR = "attachment|audio|embed|emoji|file|gif|image|photo|picture|poll|sticker|video|voice message"
_PLACEHOLDER = re.compile(
    rf"^(?:[ \t]*\[(?:(?:{_STANDS_FOR})(?:: ?[^][\n]*)?|forwarded message)\])+[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_WITHOUT_FRAME = dict.fromkeys(map(ord, "<>()[]|*_~`.,:;-"))  # marks that may stand around a link
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def word_count(text: str) -> int:
    """How many words a text holds, links and emoji apart; about as many as its translations do."""
    text = _without_marks(_EMOJI.sub(" ", LINK.sub(" ", text)))
    count = 0
    for length, letters in UNSPACED:
        spaced, found = letters.subn(" ", text)
        count += -(-found // length)
        text = spaced
    return count + len(_WORD.findall(text))


def says_something(text: str) -> bool:
    """Whether a text holds more than a link, however that is written."""
    rest, links = LINK.subn("", text)
    rest = _MASKED.sub("", rest) if links else rest
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
