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
LINK_TOKENS = 9  # of the answer about one link


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
    """Calls and tokens that a build would need; `length` counts a text's tokens."""

    length: Callable[[str], int]
    exact: bool
    segments: int = 0
    about_segments: Asked = field(default_factory=Asked)
    about_links: Asked = field(default_factory=Asked)
    about_tool: Asked = field(default_factory=Asked)

    def ask(self, question: Question, segments: int, lines: int) -> None:
        """Count a question about so many segments that show so many lines."""
        self._add(self.about_segments, question, ANSWER_TOKENS * segments + LINE_TOKENS * lines)

    def ask_about_links(self, question: Question, links: int) -> None:
        """Count a question about so many doubtful links."""
        self._add(self.about_links, question, LINK_TOKENS * links)

    def ask_about_tool(self, question: Question) -> None:
        """Count a question of the tool trigger."""
        self._add(self.about_tool, question, TOOL_ANSWER_TOKENS)

    def _add(self, asked: Asked, question: Question, answer_tokens: int) -> None:
        asked.calls += 1
        asked.prompt_tokens += self.length(question.system) + self.length(question.user)
        asked.completion_tokens += answer_tokens

    def counts(self, price: Price | None, tool_price: Price | None = None) -> dict[str, Any]:
        """As plain values; cost in US dollars, None when something is asked whose price is not known."""
        links, tool = self.about_links, self.about_tool
        parts = {"segments": self.segments, "tokens_exact": self.exact}
        return parts | in_all(self.about_segments, links, tool, price, tool_price)


def in_all(
    segments: Asked, links: Asked, tool: Asked, price: Price | None, tool_price: Price | None
) -> dict[str, Any]:
    """What is asked in all, and of the calls those about links and the tool trigger's."""
    costs = (segments.cost(price), links.cost(price), tool.cost(tool_price))
    asked = (segments, links, tool)
    return {
        "calls": sum(part.calls for part in asked),
        "link_calls": links.calls,
        "tool_calls": tool.calls,
        "prompt_tokens": sum(part.prompt_tokens for part in asked),
        "completion_tokens": sum(part.completion_tokens for part in asked),
        "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
    }
