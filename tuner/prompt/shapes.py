"""In which shape a prompt and its turns reach a trainer, or a model that is served: one code for both.

`openai` is the canonical shape. Most open trainers know no `weight` and would train on what stands as the
assistant's, and most chat templates want one system message and then turns that alternate: there, the prompt's
notes stand in the system message, and turns of one side in a row are one. What of the persona's own words must
not be learned is told like anybody's. Source: the readers' own code, run on these lines (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tuner.models import ChatMessage, Talk
from tuner.profiles import SHAPES, ExportProfile, Shape
from tuner.prompt.stack import announcement
from tuner.prompt.turns import user_turn
from tuner.text.names import TOOL

BETWEEN = "\n\n"  # turns that became one


def shaped(talk: Talk, profile: ExportProfile) -> dict[str, Any]:
    """The line of a dataset, or the body of a request: `messages` and, where tools are offered, `tools`."""
    shape = SHAPES[profile]
    if shape.weights:
        return _canonical(talk)
    turns = _merged(_told(talk.turns, talk.persona, shape))
    line: dict[str, Any] = {"messages": [*_system(talk, shape), *turns]}
    if talk.tools and shape.tools != "none":
        tools = [_whole(tool) for tool in talk.tools]
        line["tools"] = tools if shape.tools == "list" else json.dumps(tools, ensure_ascii=False)
    return line


def _canonical(talk: Talk) -> dict[str, Any]:
    line: dict[str, Any] = {"messages": list(talk.messages)}
    if talk.tools:
        line["parallel_tool_calls"] = False
        line["tools"] = list(talk.tools)
    return line


def _whole(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool with all that OpenAI's format lets it leave out, and Mistral and chat templates do not."""
    given = {key: value for key, value in tool["function"].items() if value is not None}
    missing = {"description": "", "parameters": {"type": "object", "properties": {}}}
    return {**tool, "function": {**given, **{k: v for k, v in missing.items() if k not in given}}}


def _system(talk: Talk, shape: Shape) -> list[ChatMessage]:
    """The whole prompt as one system message; what only announces tools goes where none are offered."""
    texts = [text for message in talk.header if (text := _text(message))]
    if shape.tools == "none":
        texts = [text for text in texts if text != announcement(talk.tools)]
    return [{"role": "system", "content": BETWEEN.join(texts)}] if texts else []


def _told(turns: Sequence[ChatMessage], persona: str, shape: Shape) -> Iterator[ChatMessage]:
    """The turns as readers take them that know no weights: one a message, not yet merged."""
    for turn in turns:
        role = turn["role"]
        if turn.get("tool_calls"):
            if shape.tools != "none":
                yield {
                    "role": role,
                    "content": "",
                    "tool_calls": [_call(c, shape) for c in turn["tool_calls"]],
                }
        elif role == "tool":
            yield user_turn(TOOL, turn["content"]) if shape.tools == "none" else turn
        elif turn.get("weight") == 0:
            yield user_turn(persona, _text(turn))
        else:
            yield {"role": role, "content": _text(turn)}


def _call(call: dict[str, Any], shape: Shape) -> dict[str, Any]:
    function = call["function"]
    arguments = function["arguments"] if shape.arguments == "text" else json.loads(function["arguments"])
    return {**call, "function": {**function, "arguments": arguments}}


def _merged(turns: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Turns of one side that follow each other as one. Calls and their results stay as they are."""
    merged: list[ChatMessage] = []
    for turn in turns:
        last = merged[-1] if merged else None
        both_say = last is not None and set(last) == set(turn) == {"role", "content"}
        if last is not None and both_say and last["role"] == turn["role"]:
            merged[-1] = {"role": turn["role"], "content": BETWEEN.join((last["content"], turn["content"]))}
        else:
            merged.append(turn)
    return merged


def _text(message: ChatMessage) -> str:
    """What a message says. A prompt builder of others may give its content in parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else BETWEEN.join(part.get("text") or "" for part in content)
