"""What readers refuse that know no weights: turns that do not alternate, a key too many, a call of another form.

Source of the rules: the readers' own checks and chat templates, run on lines of Tuner's (2026-11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tuner.dataset import calls, definitions
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


class _Offered(Strict):
    tools: list[ToolDefinition] = Field(min_length=1)


_LINE = TypeAdapter(_Line)


def faults(line: object, shape: Shape) -> tuple[bool, list[str]]:
    """Whether a line has the form, and what is wrong with it."""
    try:
        parsed = _LINE.validate_python(line)
    except ValidationError as error:
        return False, [in_words(item) for item in error.errors()]
    tools, wrong = _offered(parsed, shape)
    offered = {tool.function.name for tool in tools}
    used = calls.faults(map(_calls, parsed.messages), lambda call: _call_faults(call, offered, shape))
    return True, [*wrong, *_order(parsed.messages), *used]


def _offered(line: _Line, shape: Shape) -> tuple[Sequence[ToolDefinition], list[str]]:
    """The tools that are offered, and what is wrong with how they are."""
    if "tools" not in line.model_fields_set:
        return [], []
    if shape.tools == "none":
        return [], ["contains an extra key: tools"]
    tools = line.tools
    if shape.tools == "text":
        if not isinstance(tools, str):
            return [], [
                "tools: should be a JSON list in a string, for readers that make a table of the lines"
            ]
        tools = definitions.read(tools)
    try:
        parsed = _Offered.model_validate({"tools": tools}).tools
    except ValidationError as error:
        return [], [in_words(item) for item in error.errors()]
    return parsed, [*definitions.faults(parsed), *_incomplete(parsed)]


def _incomplete(tools: Sequence[ToolDefinition]) -> Iterator[str]:
    """What OpenAI's format lets a tool leave out, and these readers do not."""
    for position, tool in enumerate(tools):
        where, function = f"tools.{position}.function", tool.function
        if "parameters" not in function.model_fields_set:
            yield f"{where}.parameters is missing: Mistral and chat templates want it"
        if "description" not in function.model_fields_set:
            yield f"{where}.description is missing: chat templates want it, if only empty"
        if function.strict is None and "strict" in function.model_fields_set:
            yield f"{where}.strict: should be true or false: Mistral takes no null"


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
        if isinstance(message, _Assistant) and message.tool_calls:
            yield from (f"{where}: {fault}" for fault in _beside(message))
        elif not isinstance(message, _Tool) and is_blank(message.content):
            yield f"{where}: a message without content"
        before = message
    if not isinstance(before, _Assistant):
        yield f"the last message is the {messages[-1].role}'s, not the assistant's"
    elif before.tool_calls:
        yield "the last message is a tool call, not an answer"


def _beside(message: _Assistant) -> Iterator[str]:
    """What may not stand beside a tool call."""
    if message.content:
        yield "a text beside a tool call: Mistral refuses it, Llama's chat template leaves it out"
    if len(message.tool_calls) > 1:
        yield "several tool calls at once: Llama's chat template takes one"


def _calls(message: _Message) -> str | Sequence[_Call]:
    if isinstance(message, _Tool):
        return message.tool_call_id
    return message.tool_calls if isinstance(message, _Assistant) else ()


def _call_faults(call: _Call, offered: Collection[str], shape: Shape) -> Iterator[str]:
    if shape.tools == "none":
        yield "calls a tool, which not every chat template knows"
    elif call.function.name not in offered:
        yield f"calls {call.function.name!r}, which tools does not offer"
    arguments = call.function.arguments
    if shape.arguments == "object" and not isinstance(arguments, dict):
        yield "the arguments are no JSON object"
    if shape.arguments == "text" and not isinstance(definitions.read(arguments), dict):
        yield "the arguments are no JSON object in a string"
