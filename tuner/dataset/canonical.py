"""What readers of the chat fine-tuning format refuse who know weights: a key too many, a call that nothing answers.

Source of the rules: OpenAI's fine-tuning guide, its published schema, and the answers of its file checker (2026-11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tuner.dataset import calls, definitions
from tuner.dataset.definitions import Strict, ToolDefinition
from tuner.dataset.functions import MOST_FUNCTIONS, FunctionCall, FunctionDefinition, FunctionResult
from tuner.dataset.message_parts import AssistantContent, SystemContent, TextPart, ToolContent, UserContent
from tuner.dataset.wording import in_words
from tuner.text.inert import is_blank


class _ToolCall(Strict):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: FunctionCall


_Name = Annotated[str, Field(min_length=1)]


class _System(Strict):
    role: Literal["system"]
    content: SystemContent
    name: _Name | None = None


class _User(Strict):
    role: Literal["user"]
    content: UserContent
    name: _Name | None = None


class _Spoken(Strict):
    id: str = Field(min_length=1)


class _Assistant(Strict):
    role: Literal["assistant"]
    content: AssistantContent | None = None
    refusal: str | None = None
    name: _Name | None = None
    audio: _Spoken | None = None
    tool_calls: list[_ToolCall] | None = Field(default=None, min_length=1)
    function_call: FunctionCall | None = None
    weight: int = Field(default=1, ge=0, le=1)

    @property
    def calls(self) -> bool:
        return bool(self.tool_calls or self.function_call)

    @property
    def says_something(self) -> bool:
        """Whether there is anything to see or hear: an answer, or a refusal."""
        parts = self.content if isinstance(self.content, list) else []
        texts = [part.text if isinstance(part, TextPart) else part.refusal for part in parts]
        texts += [text for text in (self.content, self.refusal) if isinstance(text, str)]
        return self.audio is not None or not all(map(is_blank, texts))


class _Tool(Strict):
    role: Literal["tool"]
    content: ToolContent
    tool_call_id: str


_Message = Annotated[_System | _User | _Assistant | _Tool | FunctionResult, Field(discriminator="role")]


class _Line(Strict):
    messages: list[_Message] = Field(min_length=1)
    tools: list[ToolDefinition] = Field(default_factory=list, min_length=1)
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] = Field(default_factory=list, min_length=1, max_length=MOST_FUNCTIONS)


class _Metadata(Strict):
    channel_id: int
    message_ids: list[str] = Field(min_length=1)
    assistant_user_id: int
    synthetic_tool_calls: int
    target_message_id: int


class _Record(_Line):
    metadata: _Metadata


_LINE, _RECORD = TypeAdapter[_Line](_Line), TypeAdapter[_Record](_Record)


def faults(line: object, *, record: bool) -> tuple[bool, list[str]]:
    """Whether a line has the form, with where it comes from in a `record`; and what is wrong with it."""
    try:
        parsed = (_RECORD if record else _LINE).validate_python(line)
    except ValidationError as error:
        return False, [in_words(item) for item in error.errors()]
    return True, [*_order(parsed), *_tool_use(parsed), *_function_use(parsed)]


def is_deprecated(line: Mapping[str, Any]) -> bool:
    """Whether a line calls functions as they were called before there were tools."""
    return "functions" in line or any(message.get("function_call") for message in line["messages"])


def _order(line: _Line) -> Iterator[str]:
    last = line.messages[-1]
    if not isinstance(last, _Assistant):
        yield f"the last message is the {last.role}'s, not the assistant's"
    elif last.weight == 0:
        yield "the last message has weight 0: nothing would be learned from the answer"
    elif last.calls and isinstance(line, _Record):  # to call can be learned, but answers nobody
        yield "the last message is a tool call, not an answer"
    if not any(isinstance(message, _User) for message in line.messages):
        yield "no message is the user's"
    for position, message in enumerate(line.messages):
        if isinstance(message, _System) and position:
            yield f"messages.{position}: a system message after the first"
        if isinstance(message, _Assistant) and not message.calls and not message.says_something:
            yield f"messages.{position}: an assistant message without content"


def _tool_use(line: _Line) -> Iterator[str]:
    if line.parallel_tool_calls is not None and not line.tools:
        yield "parallel_tool_calls without tools"
    yield from definitions.faults(line.tools)
    offered = {tool.function.name for tool in line.tools}
    yield from calls.faults(
        map(_calls, line.messages), lambda call: _call_faults(call.function, offered, "tools")
    )


def _calls(message: _Message) -> str | Sequence[_ToolCall]:
    if isinstance(message, _Tool):
        return message.tool_call_id
    return (message.tool_calls or ()) if isinstance(message, _Assistant) else ()


def _call_faults(call: FunctionCall, offered: Collection[str], where: str) -> Iterator[str]:
    if call.name not in offered:
        yield f"calls {call.name!r}, which {where} does not offer"
    if not isinstance(definitions.read(call.arguments), dict):
        yield "the arguments are no JSON object in a string"


def _function_use(line: _Line) -> Iterator[str]:
    offered = {function.name for function in line.functions}
    called: str | None = None
    for position, message in enumerate(line.messages):
        where = f"messages.{position}"
        if isinstance(message, FunctionResult):
            if message.name != called:
                yield f"{where}: answers no call of {message.name!r} before it"
            called = None
        if isinstance(message, _Assistant) and (call := message.function_call):
            called = call.name
            yield from (f"{where}: {fault}" for fault in _call_faults(call, offered, "functions"))
