"""What `validate` accepts, the readers accept: lines with all kinds of mistakes in them, through both."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.readers.everyone import READERS
from tests.readers.reading import Line, Reader
from tuner.dataset.tokens import TokenCounter
from tuner.dataset.validation import check_line
from tuner.profiles import SHAPES, ExportProfile

COUNTER = TokenCounter(len, exact=False)
EXAMPLES = int(os.environ.get("READER_EXAMPLES", "25"))
PROFILES: tuple[ExportProfile, ...] = ("trl", "portable", "plain")

texts = st.text(max_size=12) | st.sampled_from(["", " ", "\u200b", "Hal said:\nhm", "\u2028", "{}", "null"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
schemas = st.recursive(
    st.fixed_dictionaries(
        {"type": kinds}, optional={"description": texts, "enum": st.lists(texts, max_size=2)}
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(texts, inner, max_size=3)},
        optional={
            "required": st.lists(texts, max_size=2, unique=True),
            "additionalProperties": st.booleans(),
        },
    ),
    max_leaves=4,
)
names = st.sampled_from(["find", "keep", "a-b_9"])


@st.composite
def tools(draw: st.DrawFn) -> list[Line]:
    offered = draw(st.lists(names, min_size=1, max_size=3))
    functions = st.fixed_dictionaries({"parameters": schemas, "description": texts})
    return [{"type": "function", "function": {"name": name, **draw(functions)}} for name in offered]


@st.composite
def nearly_right(draw: st.DrawFn, profile: ExportProfile) -> Line:
    """A line as it should be, with up to three mistakes in it."""
    shape = SHAPES[profile]
    offered = [] if shape.tools == "none" else draw(tools() | st.just([]))
    messages: list[Line] = [{"role": "system", "content": draw(texts)}] * draw(st.integers(0, 1))
    for number in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(texts)})
        if offered and draw(st.booleans()):
            arguments: Any = draw(st.dictionaries(texts, values, max_size=2))
            if shape.arguments == "text":
                arguments = json.dumps(arguments)
            function = {"name": offered[0]["function"]["name"], "arguments": arguments}
            call = {"id": f"abcdefg{number:02}", "type": "function", "function": function}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": draw(texts)})
        messages.append({"role": "assistant", "content": draw(texts)})
    line: Line = {"messages": messages}
    if offered:
        line["tools"] = json.dumps(offered) if shape.tools == "text" else offered
    line = copy.deepcopy(line)
    for _ in range(draw(st.integers(0, 2))):
        _spoil(draw, line)
    return line


def _spoil(draw: st.DrawFn, line: Line) -> None:
    """One mistake, anywhere."""
    place: Any = line
    while place:
        key = draw(st.sampled_from([*place] if isinstance(place, dict) else [*range(len(place))]))
        if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
            place = place[key]
            continue
        match draw(st.sampled_from(["other", "gone", "twice", "more"])):
            case "other":
                place[key] = draw(values)
            case "gone":
                del place[key]
            case "twice" if isinstance(place, list):
                place.insert(key, copy.deepcopy(place[key]))
            case "more" if isinstance(place, dict):
                place[draw(st.sampled_from(["weight", "name", "id", "x"]))] = draw(values)
        return


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_valid_is_accepted(profile: ExportProfile) -> None:
    readers = [reader for reader in READERS if profile in reader.profiles and reader.version]
    if not readers:
        pytest.skip("no reader is installed: pip install '.[trainers]'")

    @settings(max_examples=EXAMPLES, phases=[Phase.generate])  # a line in a report is short enough
    @given(st.lists(nearly_right(profile), min_size=1, max_size=6))
    def check(drawn: list[Line]) -> None:
        valid = [line for line in drawn if check_line(line, profile, COUNTER) == []]
        if valid:
            _accepted(readers, valid)

    check()


def _accepted(readers: list[Reader], valid: list[Line]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in valid), encoding="utf-8")
        for reader in readers:
            assert {reader.name: reader.refusals(path)} == {reader.name: {}}
