"""What asking a model would cost, without asking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tuner.asking.answers import Question
from tuner.config.settings import Price

ANSWER_TOKENS = 30  # of one segment's verdict, besides its line numbers
LINE_TOKENS = 2  # of one line number
TOOL_ANSWER_TOKENS = 20  # a few words to search for, or a yes


@dataclass(slots=True)
class Asked:
    """Questions, and the tokens of them and of their answers."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def cost(self, price: Price | None) -> float | None:
        """In US dollars; None when the price is not known."""
        if price is None:
            return None if self.calls else 0.0
        return (self.prompt_tokens * price.input + self.completion_tokens * price.output) / 1e6


@dataclass(slots=True)
class Estimate:
    """Calls and tokens that a build would need; `length` counts a text's tokens.

    `tool` is what the tool trigger would be asked; the rest is about segments.
    """

    length: Callable[[str], int]
    exact: bool
    segments: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tool: Asked = field(default_factory=Asked)

    def ask(self, question: Question, segments: int, lines: int) -> None:
        """Count a question about so many segments that show so many lines."""
        self.calls += 1
        self.prompt_tokens += self.length(question.system) + self.length(question.user)
        self.completion_tokens += ANSWER_TOKENS * segments + LINE_TOKENS * lines

    def ask_about_tool(self, question: Question) -> None:
        """Count a question of the tool trigger."""
        self.tool.calls += 1
        self.tool.prompt_tokens += self.length(question.system) + self.length(question.user)
        self.tool.completion_tokens += TOOL_ANSWER_TOKENS

    def counts(self, price: Price | None, tool_price: Price | None = None) -> dict[str, Any]:
        """As plain values; cost in US dollars, None when something is asked whose price is not known."""
        segments, tool = Asked(self.calls, self.prompt_tokens, self.completion_tokens), self.tool
        costs = (segments.cost(price), tool.cost(tool_price))
        return {
            "segments": self.segments,
            "calls": segments.calls + tool.calls,
            "tool_calls": tool.calls,
            "prompt_tokens": segments.prompt_tokens + tool.prompt_tokens,
            "completion_tokens": segments.completion_tokens + tool.completion_tokens,
            "tokens_exact": self.exact,
            "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
        }
