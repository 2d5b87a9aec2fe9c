"""Is a file what a trainer accepts? Line by line, by the rules of its profile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError

from tuner.dataset import alternating, definitions
from tuner.dataset.definitions import Strict, ToolDefinition
from tuner.dataset.tokens import TokenCounter
from tuner.errors import UsageError
from tuner.profiles import EXPORT_PROFILES, SHAPES, ExportProfile

MOST_TOKENS = 65_536
FEWEST_LINES = 10
MOST_BYTES = 512 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
SUFFIX_NOTE = "its name does not end in .jsonl, which services want"
BOM_FAULT = "begins with a byte order mark, which Together, LLaMA-Factory and mlx-lm take for no JSON"
BOM_NOTE = "the file begins with a byte order mark, which one provider asks for and others stumble over"

Profile = Literal["records"] | ExportProfile


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
        fitting, faults = (
            alternating.faults(line, SHAPES[profile]) if _alternates(profile) else _canonical(line, profile)
        )
    except RecursionError:
        return ["is nested too deeply"]
    if not fitting:
        return faults
    assert isinstance(line, dict)  # it fits the model
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


def _alternates(profile: Profile) -> TypeGuard[ExportProfile]:
    """Whether those who read it know no weights."""
    return profile != "records" and not SHAPES[profile].weights


def _canonical(line: object, profile: Profile) -> tuple[bool, list[str]]:
    """Whether a line has the form, and what is wrong with it."""
    try:
        parsed = _CANONICAL[profile].validate_python(line)
    except ValidationError as error:
        return False, [in_words(item) for item in error.errors()]
    return True, [*_order(parsed), *_tool_use(parsed)]


def _order(line: _Line) -> Iterator[str]:
    last = line.messages[-1]
    if not isinstance(last, _Assistant):
        yield f"the last message is the {last.role}'s, not the assistant's"
    elif last.weight == 0:
        yield "the last message has weight 0: nothing would be learned from the answer"
    elif last.tool_calls:
        yield "the last message is a tool call, not an answer"
    if not any(isinstance(message, _User) for message in line.messages):
        yield "no message is the user's"
    for position, message in enumerate(line.messages):
        if isinstance(message, _System) and position:
            yield f"messages.{position}: a system message after the first"
        if isinstance(message, _Assistant) and not message.tool_calls and not message.says_something:
            yield f"messages.{position}: an assistant message without content"


def _tool_use(line: _Line) -> Iterator[str]:
    if line.parallel_tool_calls is not None and not line.tools:
        yield "parallel_tool_calls without tools"
    yield from definitions.faults(line.tools)
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
            if not isinstance(definitions.read(call.function.arguments), dict):
                yield f"{where}: the arguments are no JSON object in a string"
            seen.add(call.id)
            waiting.add(call.id)


def check_file(path: Path, profile: Profile | None, counter: TokenCounter, most_faults: int = 100) -> Report:
    """Check a JSONL file as a stream. Without `profile`, the file's name says it, or whether lines have metadata."""
    profile = profile or _named(path)
    faults: list[Fault] = []
    marked = False
    count = tokens = 0
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                if number == 1 and raw.startswith(BOM):
                    raw, marked = raw.removeprefix(BOM), True
                line, reason = _parsed(raw)
                if profile is None and isinstance(line, dict):  # a broken first line says nothing
                    profile = "records" if "metadata" in line else "openai"
                reasons = [reason] if reason else check_line(line, profile or "openai", counter)
                if not reasons and isinstance(line, dict):
                    tokens += counter.sample(line)
                    if FUNCTIONS_NOTE not in notes and canonical.is_deprecated(line):
                        notes.append(FUNCTIONS_NOTE)
                faults += [Fault(number, r) for r in reasons][: most_faults - len(faults)]
                count = number
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    profile = profile or "openai"
    if marked and _alternates(profile):
        faults.insert(0, Fault(1, BOM_FAULT))
    if profile != "records":
        fewest = 1 if ".valid." in path.name else FEWEST_LINES
        faults += [Fault(0, r) for r in file_faults(count, path.stat().st_size, fewest)]
    elif count == 0:
        faults.append(Fault(0, "the file is empty"))
    return Report(profile, count, tokens, counter.exact, tuple(faults), tuple(_notes(path, profile, marked)))


def _notes(path: Path, profile: Profile, marked: bool) -> Iterator[str]:
    if marked and not _alternates(profile):
        yield BOM_NOTE
    if profile != "records" and path.suffix != ".jsonl":
        yield SUFFIX_NOTE


def _named(path: Path) -> Profile | None:
    """The profile that a file's name tells: records.trl.train.jsonl."""
    return next((profile for profile in EXPORT_PROFILES if f".{profile}." in path.name), None)


def file_faults(lines: int, size: int, fewest: int = FEWEST_LINES) -> list[str]:
    """What is wrong with a file for upload as a whole."""
    faults = []
    if lines < fewest:
        faults.append(f"the file has {counted(lines, 'line')}; a trainer wants at least {fewest}")
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
