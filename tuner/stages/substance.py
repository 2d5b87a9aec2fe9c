"""How much a text tells, in any language: what is left of it without courtesies, laughter, commands and marks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.screening.placeholders import PLACEHOLDER
from tuner.stages.courtesies import is_courtesy, is_noise, told
from tuner.stages.speech import LINK, without_placeholders, word_count

LEAST = 3  # words that tell something, below which nothing is learned from an answer by the rules

_EMOJI = re.compile(r":\w{2,32}:")
_MENTION = re.compile(r"[@#]\w{1,64}")
_BREAK = re.compile(r"[^\w\s'-]+|\n")
# To a bot: a sign and a word without a space, and no sentence behind them.
_COMMAND = re.compile(
    r"[!/][a-z][\w-]*(?:\s+[^\s.,;:!?]+){0,6}|[.$%&+;?~>-][a-z][\w-]*(?:\s+\S+)?", re.IGNORECASE
)


def substance(text: str) -> int:
    """How many words of a text tell something; about as many as of its translations do."""
    if _COMMAND.fullmatch(text.strip()):
        return 0
    return sum(word_count(clause) for clause in _clauses(text) if not is_courtesy(clause))


def is_junk(text: str) -> bool:
    """Whether a text is no answer to anything: nothing but emoji, laughter, "ok", links, a command to a bot."""
    return bool(_COMMAND.fullmatch(text.strip())) or all(
        is_noise(clause) or not word_count(clause) for clause in _clauses(text)
    )


def without_links(text: str) -> str:
    """A text without links, named emoji, mentions and what was screened, in which question marks mean something."""
    return _MENTION.sub(" ", _EMOJI.sub(" ", LINK.sub(" ", PLACEHOLDER.sub(" ", text))))


def _clauses(text: str) -> Iterator[str]:
    """What stands between punctuation, emoji and line ends, as courtesies are compared."""
    for clause in _BREAK.split(told(without_links(without_placeholders(text)))):
        if clause := " ".join(word for word in clause.split() if word.strip("'-_")):
            yield clause
