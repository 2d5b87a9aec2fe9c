"""Readers of services that tune: their own checks of a file, or of a line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.readers.reading import Reader, Refusals, in_short, lines, minor, since


@cache
def _openai() -> Any:
    from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
    from pydantic import TypeAdapter

    return TypeAdapter(list[ChatCompletionMessageParam]), TypeAdapter(list[ChatCompletionFunctionToolParam])


def _as_openai_types(path: Path) -> Refusals:
    """The official client's types for what is sent. Its service checks more."""
    messages, tools = _openai()
    found: Refusals = {}
    for number, line in lines(path):
        try:
            messages.validate_python(line["messages"])
            tools.validate_python(line.get("tools", []))
        except ValueError as error:
            found[number] = in_short(error)
    return found


def _mistral(validator: str) -> Callable[[Path], Refusals]:
    def refusals(path: Path) -> Refusals:
        from mistral_common.exceptions import MistralCommonException
        from mistral_common.protocol.instruct import validator as rules
        from mistral_common.protocol.instruct.request import ChatCompletionRequest

        check = getattr(rules, validator)(rules.ValidationMode.finetuning)
        found: Refusals = {}
        for number, line in lines(path):
            try:
                check.validate_request(ChatCompletionRequest(**line))
            except (MistralCommonException, ValueError) as error:
                found[number] = in_short(error)
        return found

    return refusals


def _together(path: Path) -> Refusals:
    """Its check ends at the first line that it refuses: the rest is shown to it again."""
    from together.lib.utils.files import check_file

    os.environ["TOGETHER_DISABLE_TQDM"] = "true"
    found: Refusals = {}
    left = path.read_text(encoding="utf-8").split("\n")[:-1]
    numbers = list(range(1, len(left) + 1))
    with tempfile.TemporaryDirectory() as folder:
        rest = Path(folder) / "rest.jsonl"
        while left:
            rest.write_text("".join(f"{line}\n" for line in left), encoding="utf-8")
            report = check_file(rest)
            if report["is_check_passed"]:
                break
            at = report.get("line_number", 1) - 1
            found[numbers[at]] = report["message"]
            del left[at], numbers[at]
    return found


VALIDATORS = ("", "V3", "V5", "V11", "V13", "V15")

READERS = (
    Reader("OpenAI's types", "openai", ("openai",), _as_openai_types),
    *(
        Reader(
            f"Mistral, rules {version or 'V1'}",
            "mistral-common",
            ("portable", "plain"),
            _mistral(f"MistralRequestValidator{version}"),
            fits=since(1, 13),
        )
        for version in VALIDATORS
    ),
    # Up to 2.14 the client checks; 2.15 leaves it to the server.
    Reader(
        "Together, with tools",
        "together",
        ("portable", "plain"),
        _together,
        fits=lambda found: (2, 10) <= minor(found) < (2, 15),
    ),
    Reader(
        "Together, turns alternate",
        "together",
        ("plain",),
        _together,
        fits=lambda found: minor(found) < (2, 10),
    ),
)
