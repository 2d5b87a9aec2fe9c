"""Is a file what a trainer accepts? Line by line, by the rules of its profile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

from tuner.amounts import counted
from tuner.dataset import alternating, canonical
from tuner.dataset.functions import FUNCTIONS_NOTE
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
            alternating.faults(line, SHAPES[profile])
            if _alternates(profile)
            else canonical.faults(line, record=profile == "records")
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


def check_file(path: Path, profile: Profile | None, counter: TokenCounter, most_faults: int = 100) -> Report:
    """Check a JSONL file as a stream. Without `profile`, the file's name says it, or whether lines have metadata."""
    profile = profile or _named(path)
    faults: list[Fault] = []
    notes: set[str] = set()
    count = tokens = 0
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                if number == 1 and raw.startswith(BOM):
                    raw = raw.removeprefix(BOM)
                    notes.add(BOM_NOTE)
                line, reason = _parsed(raw)
                if profile is None and isinstance(line, dict):  # a broken first line says nothing
                    profile = "records" if "metadata" in line else "openai"
                reasons = [reason] if reason else check_line(line, profile or "openai", counter)
                if not reasons and isinstance(line, dict):
                    tokens += counter.sample(line)
                    if canonical.is_deprecated(line):
                        notes.add(FUNCTIONS_NOTE)
                faults += [Fault(number, r) for r in reasons][: most_faults - len(faults)]
                count = number
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    profile = profile or "openai"
    if BOM_NOTE in notes and _alternates(profile):
        notes.remove(BOM_NOTE)
        faults.insert(0, Fault(1, BOM_FAULT))
    if profile != "records":
        fewest = 1 if ".valid." in path.name else FEWEST_LINES
        faults += [Fault(0, r) for r in file_faults(count, path.stat().st_size, fewest)]
    elif count == 0:
        faults.append(Fault(0, "the file is empty"))
    if profile != "records" and path.suffix != ".jsonl":
        notes.add(SUFFIX_NOTE)
    return Report(profile, count, tokens, counter.exact, tuple(faults), tuple(sorted(notes)))


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
