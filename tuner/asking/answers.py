"""What a model is asked, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ABOUT_CONTENT = ("refusal", "content filter", "too long")  # faults of an answer that come of what was shown


@dataclass(frozen=True, slots=True)
class Question:
    """A request: fixed `system` text first, so that providers can cache it; the answer obeys `schema`."""

    model: str
    system: str
    user: str
    schema: dict[str, Any]
    longest_answer: int  # tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `fault` names why there is no usable text: "refusal", "cut", "content filter"."""

    text: str
    fault: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
