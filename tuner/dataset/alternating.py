"""What readers refuse that know no weights: turns that do not alternate, a key too many, a call of another form.

Source of the rules: the readers' own checks and chat templates, run on lines of Tuner's (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tuner.dataset.definitions import Strict, ToolDefinition
from tuner.dataset.wording import in_words
from tuner.profiles import Shape
from tuner.text.inert import is_blank

_Filled = Annotated[str, Field(min_length=1)]
_CallId = Annotated[str, Field(pattern=r"^[a-zA-Z0-9]{9}$")]


class _Function(Strict):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    arguments: Any


class _Call(Strict):
    id: _CallId
    type: Literal["function"]
    function: _Function


class _System(Strict):
    role: Literal["system"]
    content: _Filled


class _User(Strict):
    role: Literal["user"]
    content: _Filled


class _Assistant(Strict):
    role: Literal["assistant"]
    content: str
    tool_calls: list[_Call] = Field(default=[], min_length=1)


class _Tool(Strict):
    role: Literal["tool"]
    content: str
    tool_call_id: _CallId


_Message = Annotated[_System | _User | _Assistant | _Tool, Field(discriminator="role")]


class _Line(Strict):
    messages: list[_Message] = Field(min_length=1)
    tools: Any = None


_LINE = TypeAdapter(_Line)
_TOOLS = TypeAdapter(Annotated[list[ToolDefinition], Field(min_length=1)])


def faults(line: object, shape: Shape) -> tuple[bool, list[str]]:
    """Whether a line has the form, and what is wrong with it."""
    try:
        parsed = _LINE.validate_python(line)
    except ValidationError as error:
        return False, [in_words(item) for item in error.errors()]
    offered, wrong = _offered(parsed, shape)
    return True, [*wrong, *_order(parsed.messages), *_tool_use(parsed.messages, offered, shape)]


def _offered(line: _Line, shape: Shape) -> tuple[set[str], list[str]]:
    """The names of the tools that are offered, and what is wrong with how they are."""
    if "tools" not in line.model_fields_set:
        return set(), []
    if shape.tools == "none":
        return set(), ["contains an extra key: tools"]
    tools = line.tools
    if shape.tools == "text":
        if not isinstance(tools, str):
            return set(), [
                "tools: should be a JSON list in a string, for readers that make a table of the lines"
            ]
        tools = _from_json(tools)
    try:
        return {tool.function.name for tool in _TOOLS.validate_python(tools)}, []
    except ValidationError as error:
        return set(), [f"tools: {in_words(item)}" for item in error.errors()]


def _order(messages: Sequence[_Message]) -> Iterator[str]:
    """The user's and the assistant's turns in turn, the user's first, the assistant's last."""
    before: _Message | None = None
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        match message:
            case _System() if position:
                yield f"{where}: a system message after the first"
            case _User() if isinstance(before, _User | _Tool):
                yield f"{where}: the user's, right after the {before.role}'s: turns must alternate"
            case _Assistant() if not isinstance(before, _User | _Tool):
                yield f"{where}: the assistant's, without a user's before it: turns must alternate"
        if not isinstance(message, _Tool) and is_blank(message.content) and not _calls(message):
            yield f"{where}: a message without content"
        before = message
    if not isinstance(before, _Assistant):
        yield f"the last message is the {messages[-1].role}'s, not the assistant's"
    elif before.tool_calls:
        yield "the last message is a tool call, not an answer"


def _calls(message: _Message) -> list[_Call]:
    return message.tool_calls if isinstance(message, _Assistant) else []


def _tool_use(messages: Sequence[_Message], offered: set[str], shape: Shape) -> Iterator[str]:
    waiting: set[str] = set()
    seen: set[str] = set()
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        if isinstance(message, _Tool):
            if message.tool_call_id not in waiting:
                yield f"{where}: answers no open tool call"
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            yield f"{where}: comes before the tool's answer"
            waiting.clear()
        for call in _calls(message):
            yield from (f"{where}: {fault}" for fault in _call_faults(call, seen, offered, shape))
            seen.add(call.id)
            waiting.add(call.id)


def _call_faults(call: _Call, seen: set[str], offered: set[str], shape: Shape) -> Iterator[str]:
    if call.id in seen:
        yield f"the tool call id {call.id!r} is used twice"
    if shape.tools == "none":
        yield "calls a tool, which not every chat template knows"
    elif call.function.name not in offered:
        yield f"calls {call.function.name!r}, which tools does not offer"
    arguments = call.function.arguments
    if shape.arguments == "object" and not isinstance(arguments, dict):
        yield "the arguments are no JSON object"
    if shape.arguments == "text" and not isinstance(_from_json(arguments), dict):
        yield "the arguments are no JSON object in a string"


def _from_json(text: object) -> object:
    """What a text holds, None where it is no JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
