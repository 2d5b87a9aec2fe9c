"""What asking a model would cost, without asking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tuner.asking.answers import Question
from tuner.config.settings import Price

ANSWER_TOKENS = 30  # of one segment's verdict, besides its line numbers
LINE_TOKENS = 2  # of one line number


@dataclass(slots=True)
class Estimate:
    """Calls and tokens that a build would need; `length` counts a text's tokens."""

    length: Callable[[str], int]
    exact: bool
    segments: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def ask(self, question: Question, segments: int, lines: int) -> None:
        """Count a question about so many segments that show so many lines."""
        self.calls += 1
        self.prompt_tokens += self.length(question.system) + self.length(question.user)
        self.completion_tokens += ANSWER_TOKENS * segments + LINE_TOKENS * lines

    def counts(self, price: Price | None) -> dict[str, Any]:
        """As plain values; cost in US dollars, None when something is asked whose price is not known."""
        known = None if self.calls else 0.0
        if price:
            known = (self.prompt_tokens * price.input + self.completion_tokens * price.output) / 1e6
        return {
            "segments": self.segments,
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "tokens_exact": self.exact,
            "cost": known,
        }
