"""Samples to look at, of a dry run: who says what, and what the model is to learn to answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tuner.models import ChatMessage, Sample

LONGEST_SHOWN = 160  # characters of a message


def sample_lines(sample: Sample) -> Iterator[str]:
    """The talk of a sample, a line a message, without what production says first."""
    for message in sample.messages:
        if message["role"] != "system" and message.get("weight") != 0:
            yield f"{message['role']:<9} {_text(message)}"


def _text(message: ChatMessage) -> str:
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    called = ", ".join(f"{call['name']} {call['arguments']}" for call in calls)
    text = str(message.get("content") or called).replace("\n", " ↵ ")
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
