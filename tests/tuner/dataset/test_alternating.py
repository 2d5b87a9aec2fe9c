"""What is refused for readers that know no weights, in whose name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tuner.dataset import validation
from tuner.dataset.tokens import TokenCounter
from tuner.dataset.validation import check_file, check_line
from tuner.profiles import SHAPES, ExportProfile

Line = dict[str, Any]
COUNTER = TokenCounter(len, exact=False)
SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
PROFILES: tuple[ExportProfile, ...] = ("trl", "portable")


def tool(name: str = "find", **changes: Any) -> Line:
    return {
        "type": "function",
        "function": {"name": name, "description": "", "parameters": SCHEMA, **changes},
    }


def call(profile: ExportProfile, number: int = 1, arguments: Any = None) -> Line:
    given = {"query": "tin"} if arguments is None else arguments
    if SHAPES[profile].arguments == "text" and not isinstance(given, str):
        given = json.dumps(given)
    return {"id": f"abcdefgh{number}", "type": "function", "function": {"name": "find", "arguments": given}}


def line(
    profile: ExportProfile, tools: Any = None, content: str = "", calls: list[Line] | None = None
) -> Line:
    """A question, a call, what it found, an answer."""
    tools = [tool()] if tools is None else tools
    calls = [call(profile)] if calls is None else calls
    found = [{"role": "tool", "tool_call_id": one["id"], "content": "by the door"} for one in calls]
    return {
        "messages": [
            {"role": "user", "content": "Hal said:\nwhere is the tin?"},
            {"role": "assistant", "content": content, "tool_calls": calls},
            *found,
            {"role": "assistant", "content": "by the door"},
        ],
        "tools": json.dumps(tools) if SHAPES[profile].tools == "text" else tools,
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_call_is_taken(profile: ExportProfile) -> None:
    assert check_line(line(profile), profile, COUNTER) == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ([tool(), tool()], "tools.1: a second tool called 'find'"),
        (
            [{"type": "function", "function": {"name": "find"}}],
            "tools.0.function.parameters is missing: Mistral",
        ),
        (
            [{"type": "function", "function": {"name": "find", "parameters": {}}}],
            "tools.0.function.description is missing: chat templates",
        ),
        ([tool(strict=None)], "tools.0.function.strict: should be true or false: Mistral"),
        (
            [tool(parameters={"type": "thing"})],
            "tools.0.function.parameters.type: should be one or several of",
        ),
        (
            [tool(parameters={"properties": {"a": {"minLength": -1}}})],
            "tools.0.function.parameters.properties.a.minLength: should be a whole number",
        ),
        (
            [tool(parameters={"required": ["a", "a"]})],
            "parameters.required: should be a list of names, each once",
        ),
        ([tool(parameters={"anyOf": []})], "parameters.anyOf: should be a list of schemas"),
        ([tool(parameters={"items": [5]})], "parameters.items.0: should be a JSON Schema, an object"),
        ([], "tools: list should have at least 1 item"),
    ],
)
def test_tools_that_are_refused(profile: ExportProfile, tools: Any, reason: str) -> None:
    assert any(reason in fault for fault in check_line(line(profile, tools), profile, COUNTER))


@pytest.mark.parametrize("profile", PROFILES)
def test_calls_that_are_refused(profile: ExportProfile) -> None:
    beside = check_line(line(profile, content="let me see"), profile, COUNTER)
    assert beside == [
        "messages.1: a text beside a tool call: Mistral refuses it, Llama's chat template leaves it out"
    ]
    two = check_line(line(profile, calls=[call(profile, 1), call(profile, 2)]), profile, COUNTER)
    assert two == ["messages.1: several tool calls at once: Llama's chat template takes one"]


@pytest.mark.parametrize("arguments", ['{"query": NaN}', '{"query": "\\ud800"}', "[1]", "tin"])
def test_arguments_that_cannot_be_read(arguments: str) -> None:
    wrong = line("portable", calls=[call("portable", arguments=arguments)])
    assert check_line(wrong, "portable", COUNTER) == [
        "messages.1: the arguments are no JSON object in a string"
    ]


@pytest.mark.parametrize("profile", [*PROFILES, "plain"])
def test_a_byte_order_mark_is_a_fault(profile: ExportProfile, tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    file = tmp_path / f"records.{profile}.train.jsonl"
    file.write_text("".join(json.dumps(good) + "\n" for _ in range(10)), encoding="utf-8-sig")
    assert [str(fault) for fault in check_file(file, None, COUNTER).faults] == [
        f"line 1: {validation.BOM_FAULT}"
    ]


def test_a_name_that_services_do_not_take_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "records.txt"
    file.write_text(json.dumps(line("portable")) + "\n")
    assert check_file(file, "portable", COUNTER).notes == (validation.SUFFIX_NOTE,)


def test_schemas_that_go_on_for_ever_are_a_fault_and_no_crash() -> None:
    schema: Line = {}
    for _ in range(700):
        schema = {"not": schema}
    for profile in PROFILES:
        assert check_line(line(profile, [tool(parameters=schema)]), profile, COUNTER) != []
