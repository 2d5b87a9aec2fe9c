"""Is a file what a trainer accepts? The rules of the chat fine-tuning format, line by line.

Source of the rules: OpenAI's fine-tuning guide and the answers of its file checker (read 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tuner.amounts import counted
from tuner.dataset.contents import AssistantContent, SystemContent, TextPart, ToolContent, UserContent
from tuner.dataset.functions import (
    FUNCTIONS_NOTE,
    MOST_FUNCTIONS,
    FunctionCall,
    FunctionDefinition,
    FunctionResult,
)
from tuner.dataset.functions import Strict as _Strict
from tuner.dataset.tokens import TokenCounter
from tuner.errors import UsageError
from tuner.text.inert import is_blank

MOST_TOKENS = 65_536
FEWEST_LINES = 10
MOST_BYTES = 512 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
BOM_NOTE = "the file begins with a byte order mark, which one provider asks for and others stumble over"

Profile = Literal["records", "openai"]


class _ToolCall(_Strict):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: FunctionCall


_Name = Annotated[str, Field(min_length=1)]


class _System(_Strict):
    role: Literal["system"]
    content: SystemContent
    name: _Name | None = None


class _User(_Strict):
    role: Literal["user"]
    content: UserContent
    name: _Name | None = None


class _Spoken(_Strict):
    id: str = Field(min_length=1)


class _Assistant(_Strict):
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


class _Tool(_Strict):
    role: Literal["tool"]
    content: ToolContent
    tool_call_id: str


_Message = Annotated[_System | _User | _Assistant | _Tool | FunctionResult, Field(discriminator="role")]


class _Definition(FunctionDefinition):
    strict: bool | None = None


class _ToolDefinition(_Strict):
    type: Literal["function"]
    function: _Definition


class _Line(_Strict):
    messages: list[_Message] = Field(min_length=1)
    tools: list[_ToolDefinition] = Field(default_factory=list, min_length=1)
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] = Field(default_factory=list, min_length=1, max_length=MOST_FUNCTIONS)


class _Metadata(_Strict):
    channel_id: int
    message_ids: list[str] = Field(min_length=1)
    assistant_user_id: int
    synthetic_tool_calls: int
    target_message_id: int


class _Record(_Line):
    metadata: _Metadata


_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {"openai": TypeAdapter(_Line), "records": TypeAdapter(_Record)}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where; line 0 is the file as a whole."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of checking a file. `notes` are no faults."""

    profile: Profile
    lines: int
    tokens: int
    exact: bool
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()


def check_line(line: object, profile: Profile, counter: TokenCounter, tokens: int | None = None) -> list[str]:
    """Everything that is wrong with one line; empty when a trainer accepts it.

    `tokens` is the line's length where the caller has counted it already.
    """
    try:
        parsed = _ADAPTERS[profile].validate_python(line)
    except ValidationError as error:
        return [_in_words(item) for item in error.errors()]
    assert isinstance(line, dict)  # it fits the model
    faults = [*_order(parsed), *_tool_use(parsed), *_function_use(parsed)]
    if tokens is None:
        try:
            json.dumps(line, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError):
            return [*faults, "holds half a character (a lone surrogate), or is nested too deeply"]
        tokens = counter.sample(line)
    if tokens > MOST_TOKENS:
        faults.append(
            f"has {counted(tokens, 'token')}, more than {MOST_TOKENS}: a trainer would cut off its end, the answer"
        )
    return faults


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
    offered = {tool.function.name for tool in line.tools}
    waiting: set[str] = set()
    seen: set[str] = set()
    for position, message in enumerate(line.messages):
        where = f"messages.{position}"
        if isinstance(message, _Tool):
            if message.tool_call_id not in waiting:
                yield f"{where}: answers no open tool call"
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            yield f"{where}: comes before the tool's answer"
            waiting.clear()
        for call in (message.tool_calls or ()) if isinstance(message, _Assistant) else ():
            if call.id in seen:
                yield f"{where}: the tool call id {call.id!r} is used twice"
            if call.function.name not in offered:
                yield f"{where}: calls {call.function.name!r}, which tools does not offer"
            if not _is_object(call.function.arguments):
                yield f"{where}: the arguments are no JSON object in a string"
            seen.add(call.id)
            waiting.add(call.id)


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
            if call.name not in offered:
                yield f"{where}: calls {call.name!r}, which functions does not offer"
            if not _is_object(call.arguments):
                yield f"{where}: the arguments are no JSON object in a string"


def _is_deprecated(line: Mapping[str, Any]) -> bool:
    return "functions" in line or any(message.get("function_call") for message in line["messages"])


def check_file(path: Path, profile: Profile | None, counter: TokenCounter, most_faults: int = 100) -> Report:
    """Check a JSONL file as a stream; without `profile`, lines with metadata are taken for records."""
    faults: list[Fault] = []
    notes: list[str] = []
    count = tokens = 0
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                if number == 1 and raw.startswith(BOM):
                    raw = raw.removeprefix(BOM)
                    notes.append(BOM_NOTE)
                line, reason = _parsed(raw)
                if profile is None and isinstance(line, dict):  # a broken first line says nothing
                    profile = "records" if "metadata" in line else "openai"
                reasons = [reason] if reason else check_line(line, profile or "openai", counter)
                if not reasons and isinstance(line, dict):
                    tokens += counter.sample(line)
                    if FUNCTIONS_NOTE not in notes and _is_deprecated(line):
                        notes.append(FUNCTIONS_NOTE)
                faults += [Fault(number, r) for r in reasons][: most_faults - len(faults)]
                count = number
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    profile = profile or "openai"
    faults += [Fault(0, r) for r in file_faults(count, path.stat().st_size)] if profile == "openai" else []
    if count == 0 and profile == "records":
        faults.append(Fault(0, "the file is empty"))
    return Report(profile, count, tokens, counter.exact, tuple(faults), tuple(notes))


def file_faults(lines: int, size: int) -> list[str]:
    """What is wrong with a file for upload as a whole."""
    faults = []
    if lines < FEWEST_LINES:
        faults.append(f"the file has {counted(lines, 'line')}; a trainer wants at least {FEWEST_LINES}")
    if size > MOST_BYTES:
        faults.append(f"the file has {counted(size, 'byte')}; an upload takes at most {MOST_BYTES:,}")
    return faults


def _parsed(raw: bytes) -> tuple[object, str]:
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return None, "is not UTF-8"
    if not text.strip():
        return None, "is empty"
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_key_once), ""
    except _TwiceError as error:
        return None, str(error)
    except (ValueError, RecursionError) as error:
        return None, f"is not JSON: {error}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


class _TwiceError(ValueError):
    """Readers differ in which of two values they take."""


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"names a key twice: {key!r}")
        found[key] = value
    return found


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _in_words(item: Any) -> str:
    place = [str(part) for part in item["loc"]]
    if place[:1] == ["messages"]:
        del place[2:3]  # the role, by which the rules for a message are chosen
        if place[2:3] == ["content"]:
            del place[3:4]  # likewise the form
            del place[4 : 5 if len(place) > 5 else 4]  # and the type of a part
    where = ".".join(place)
    match item["type"]:
        case "extra_forbidden":
            return f"contains an extra key: {where}"
        case "missing":
            return f"{where} is missing"
        case "union_tag_not_found":
            return f"{where}.{item['ctx']['discriminator'][1:-1]} is missing"
        case "union_tag_invalid" if item["ctx"]["discriminator"] != "'role'":
            return f"{where}.type: should be {item['ctx']['expected_tags']}, not {item['ctx']['tag']!r}"
        case "union_tag_invalid":
            return f"{where}.role: should be system, user, assistant or tool, not {item['ctx']['tag']!r}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: should be a JSON object".removeprefix(": ")
        case _:
            text = str(item["msg"]).removeprefix("Input ")
            return f"{where}: {text[:1].lower()}{text[1:]}".removeprefix(": ")
