"""On which words of a line loss falls, by TRL's call and its own training templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.readers.reading import Line
from tests.readers.templates import TRAINED, WITH_TOOLS, trained
from tests.readers.tokenizer import SPECIAL
from tuner.profiles import ExportProfile

pytest.importorskip("transformers")
pytest.importorskip("trl")

Lines = Callable[[ExportProfile], list[Line]]
AROUND = re.compile(r"<think>\s*</think>|<\|start\|>assistant[^{]*?<\|message\|>|<tool_call>|</tool_call>")


CASES: list[tuple[ExportProfile, str]] = [
    *(("trl", template) for template in TRAINED if template in WITH_TOOLS),
    *(("plain", template) for template in TRAINED),
]


@pytest.mark.parametrize(("profile", "template"), CASES)
def test_loss_falls_on_the_assistants_turns_alone(
    profile: ExportProfile, template: str, sample_lines: Lines
) -> None:
    for line in sample_lines(profile):
        turns = [m for m in line["messages"] if m["role"] == "assistant"]
        spans = trained(line, template)
        assert len(spans) == len(turns)
        for span, turn in zip(spans, turns, strict=True):
            assert _is(span, turn)


def test_the_canonical_form_would_teach_its_headers(sample_lines: Lines) -> None:
    """Why there are profiles: TRL knows no weights."""
    assert any("### Context" in span for line in sample_lines("openai") for span in trained(line, "qwen2_5"))


@pytest.mark.parametrize("template", ["llama3", "phi3"])
def test_a_template_without_tools_would_teach_to_say_nothing(template: str, sample_lines: Lines) -> None:
    """Why those are for `plain`: of a call they leave the end."""
    spans = [span for line in sample_lines("trl") for span in trained(line, template)]
    assert any(not SPECIAL.sub("", span).strip() for span in spans)


def _is(span: str, turn: dict[str, Any]) -> bool:
    """Whether a trained text is a turn's, in whatever marks a template sets around it."""
    words = SPECIAL.sub("", AROUND.sub("", span)).strip()
    if "tool_calls" not in turn:
        return words == turn["content"].strip()
    [call] = turn["tool_calls"]
    known = [call["function"]["name"], *call["function"]["arguments"].values()]
    return all(word in span for word in known) and len(words) < sum(map(len, known)) + 100
