"""The validator finds what a trainer would refuse, says where and why, and never breaks itself."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tuner.cli.main import main
from tuner.dataset import validation
from tuner.dataset.functions import FUNCTIONS_NOTE
from tuner.dataset.tokens import TokenCounter
from tuner.dataset.validation import check_file, check_line
from tuner.errors import UsageError
from tuner.text.inert import is_blank

Line = dict[str, Any]
COUNTER = TokenCounter(len, exact=False)
ROBUST = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def call(identity: str = "call_1", name: str = "find", arguments: str = '{"query": "tin"}') -> Line:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def tools(*names: str) -> list[Line]:
    return [
        {"type": "function", "function": {"name": name, "description": "", "parameters": {}}}
        for name in names
    ]


def line(**changes: Any) -> Line:
    """A valid upload line with everything that the format has."""
    return {
        "messages": [
            {"role": "system", "content": "You are Mira."},
            {"role": "assistant", "content": "### Tools", "weight": 0},
            {"role": "user", "content": "Jonas said:\nwhere is the tin?"},
            {"role": "assistant", "content": None, "tool_calls": [call()]},
            {"role": "tool", "tool_call_id": "call_1", "content": "by the door"},
            {"role": "assistant", "content": "By the door."},
        ],
        "parallel_tool_calls": False,
        "tools": tools("find"),
        **changes,
    }


def record(**changes: Any) -> Line:
    metadata = {
        "channel_id": 1,
        "message_ids": ["2"],
        "assistant_user_id": 3,
        "synthetic_tool_calls": 1,
        "target_message_id": 4,
    }
    return line(metadata={**metadata, **changes})


def with_message(position: int, message: object) -> Line:
    changed = line()
    changed["messages"][position] = message
    return changed


def with_key(position: int, key: str, value: object) -> Line:
    return with_message(position, {**line()["messages"][position], key: value})


def without(position: int, key: str | None = None) -> Line:
    changed = line()
    removed = changed["messages"].pop(position)
    if key:
        del removed[key]
        changed["messages"].insert(position, removed)
    return changed


def before_tools(**changes: Any) -> Line:
    """A line with a call as they were written before there were tools."""
    return {
        "messages": [
            {"role": "user", "content": "where is the tin?"},
            {"role": "assistant", "function_call": {"name": "find", "arguments": '{"query": "tin"}'}},
            {"role": "function", "name": "find", "content": "by the door"},
            {"role": "assistant", "content": "By the door."},
        ],
        "functions": [{"name": "find", "description": "", "parameters": {}}],
        **changes,
    }


def before_tools_with(position: int, key: str, value: object) -> Line:
    changed = before_tools()
    changed["messages"][position][key] = value
    return changed


USER = {"role": "user", "content": "hello"}
PLAIN = [USER, {"role": "assistant", "content": "hi"}]


def test_a_valid_line_has_no_faults() -> None:
    assert check_line(line(), "openai", COUNTER) == []
    assert check_line(record(), "records", COUNTER) == []
    assert check_line({"messages": PLAIN}, "openai", COUNTER) == []


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}
TEXT = {"type": "text", "text": "look"}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "file-1"}}


@pytest.mark.parametrize(
    "allowed",
    [
        with_key(0, "name", "rules"),
        with_key(2, "name", "jonas"),
        with_key(5, "name", "mira"),
        with_key(0, "content", [TEXT]),
        with_key(2, "content", [TEXT, IMAGE, TEXT]),
        with_key(4, "content", [TEXT]),
        with_key(5, "content", [TEXT]),
        with_key(5, "content", [{"type": "refusal", "refusal": "I would rather not."}]),
        with_key(5, "refusal", None),
        with_message(5, {"role": "assistant", "content": None, "refusal": "I would rather not."}),
        with_message(5, {"role": "assistant", "audio": {"id": "audio_1"}}),
        with_key(2, "content", [TEXT, SOUND, FILE]),
        with_key(5, "weight", 1),
        line(parallel_tool_calls=True),
        line(messages=[USER, {"role": "assistant", "tool_calls": [call()]}]),
        line(messages=[USER, {"role": "assistant", "tool_calls": [call(), call("call_2")]}]),
        before_tools(),
        before_tools_with(1, "content", None),
        before_tools_with(1, "weight", 0),
        before_tools_with(2, "content", None),
        before_tools(messages=before_tools()["messages"][:2]),
        {"messages": PLAIN, "functions": before_tools()["functions"]},
    ],
)
def test_what_the_published_schema_allows_is_accepted(allowed: Line) -> None:
    assert check_line(allowed, "openai", COUNTER) == []
    assert COUNTER.sample(allowed) > 0


RULES: list[tuple[Line, str]] = [
    ({}, "messages is missing"),
    (line(messages=[]), "messages: list should have at least 1 item after validation, not 0"),
    (line(messages="hello"), "messages: should be a valid list"),
    (line(prompt="x"), "contains an extra key: prompt"),
    (line(user="x"), "contains an extra key: user"),
    (line(metadata={}), "contains an extra key: metadata"),
    (line(parallel_tool_calls="no"), "parallel_tool_calls: should be a valid boolean"),
    (with_message(2, "hello"), "messages.2: should be a JSON object"),
    (with_message(2, {"content": "x"}), "messages.2.role is missing"),
    (
        with_message(2, {"role": "developer", "content": "x"}),
        "messages.2.role: should be system, user, assistant or tool, not 'developer'",
    ),
    (with_key(4, "name", "find"), "contains an extra key: messages.4.name"),
    (with_key(2, "name", ""), "messages.2.name: string should have at least 1 character"),
    (
        with_key(2, "content", []),
        "messages.2.content: list should have at least 1 item after validation, not 0",
    ),
    (with_key(2, "content", [{"type": "text"}]), "messages.2.content.0.text is missing"),
    (with_key(2, "content", [{"text": "x"}]), "messages.2.content.0.type is missing"),
    (with_key(2, "content", ["x"]), "messages.2.content.0: should be a JSON object"),
    (
        with_key(2, "content", [{"type": "refusal", "refusal": "x"}]),
        "messages.2.content.0.type: should be 'text', 'image_url', 'input_audio', 'file', not 'refusal'",
    ),
    (with_key(0, "content", [IMAGE]), "messages.0.content.0.type: should be 'text'"),
    (with_key(5, "refusal", 5), "messages.5.refusal: should be a valid string"),
    (
        with_key(5, "content", [{"type": "text", "text": " "}]),
        "messages.5: an assistant message without content",
    ),
    *(
        (with_key(5, "content", blank), "messages.5: an assistant message without content")
        for blank in (" ", "\n\t ", "\u3000\xa0", "\u200b", "\ufeff \u2060", "ㅤ")
    ),
    (with_key(1, "content", " "), "messages.1: an assistant message without content"),
    (line(tools=[]), "tools: list should have at least 1 item after validation, not 0"),
    (with_key(2, "tool", "x"), "contains an extra key: messages.2.tool"),
    (with_key(2, "content", ""), "messages.2.content: string should have at least 1 character"),
    (with_key(2, "content", None), "messages.2.content: should be a valid string"),
    (with_key(2, "weight", 0), "contains an extra key: messages.2.weight"),
    (with_key(0, "content", ""), "messages.0.content: string should have at least 1 character"),
    (with_key(1, "weight", 2), "messages.1.weight: should be less than or equal to 1"),
    (with_key(1, "weight", True), "messages.1.weight: should be a valid integer"),
    (with_key(1, "weight", 0.5), "messages.1.weight: should be a valid integer"),
    (with_key(1, "content", None), "messages.1: an assistant message without content"),
    (with_key(5, "content", ""), "messages.5: an assistant message without content"),
    (with_key(5, "weight", 0), "the last message has weight 0: nothing would be learned from the answer"),
    (line(messages=[*PLAIN, USER]), "the last message is the user's, not the assistant's"),
    (without(5), "the last message is the tool's, not the assistant's"),
    (with_key(2, "content", [SOUND | {"input_audio": {"data": "x"}}]), "input_audio.format is missing"),
    (before_tools(functions=[]), "functions: list should have at least 1 item after validation, not 0"),
    (
        before_tools(functions=before_tools()["functions"] * 129),
        "functions: list should have at most 128 items after validation, not 129",
    ),
    (before_tools(functions=[{"description": "x"}]), "functions.0.name is missing"),
    (before_tools(function_call="auto"), "contains an extra key: function_call"),
    (before_tools(parallel_tool_calls=False), "parallel_tool_calls without tools"),
    (before_tools_with(1, "function_call", "find"), "messages.1.function_call: should be a JSON object"),
    (
        before_tools_with(1, "function_call", {"name": "find"}),
        "messages.1.function_call.arguments is missing",
    ),
    (
        before_tools_with(1, "function_call", {"name": "drop", "arguments": "{}"}),
        "messages.1: calls 'drop', which functions does not offer",
    ),
    (
        before_tools_with(1, "function_call", {"name": "find", "arguments": "tin"}),
        "messages.1: the arguments are no JSON object in a string",
    ),
    (before_tools_with(2, "name", "drop"), "messages.2: answers no call of 'drop' before it"),
    (before_tools_with(2, "weight", 0), "contains an extra key: messages.2.weight"),
    (line(messages=PLAIN[1:]), "no message is the user's"),
    (
        line(messages=[USER, {"role": "system", "content": "x"}, PLAIN[1]]),
        "messages.1: a system message after the first",
    ),
    (
        with_key(3, "tool_calls", []),
        "messages.3.tool_calls: list should have at least 1 item after validation, not 0",
    ),
    (
        with_key(3, "tool_calls", [call(identity="")]),
        "messages.3.tool_calls.0.id: string should have at least 1 character",
    ),
    (with_key(3, "tool_calls", [call(name="drop")]), "messages.3: calls 'drop', which tools does not offer"),
    (
        with_key(3, "tool_calls", [call(arguments="tin")]),
        "messages.3: the arguments are no JSON object in a string",
    ),
    (
        with_key(3, "tool_calls", [call(arguments="[1]")]),
        "messages.3: the arguments are no JSON object in a string",
    ),
    (with_key(3, "tool_calls", [call(), call()]), "messages.3: the tool call id 'call_1' is used twice"),
    (with_key(4, "tool_call_id", "call_2"), "messages.4: answers no open tool call"),
    (without(4, "tool_call_id"), "messages.4.tool_call_id is missing"),
    (without(4), "messages.4: comes before the tool's answer"),
    (without(3), "messages.3: answers no open tool call"),
    ({"messages": PLAIN, "parallel_tool_calls": False}, "parallel_tool_calls without tools"),
    (
        {"messages": PLAIN, "tools": tools("no spaces")},
        "tools.0.function.name: string should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
    ),
    ({"messages": PLAIN, "tools": [{"type": "function"}]}, "tools.0.function is missing"),
    (
        with_key(2, "content", "x" * validation.MOST_TOKENS),
        "tokens, more than 65536: a trainer would cut off its end, the answer",
    ),
]


@pytest.mark.parametrize(("wrong", "reason"), RULES, ids=[reason[:50] for _, reason in RULES])
def test_every_rule_is_found_on_its_line(wrong: Line, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "records.openai.jsonl"
    lines = [line()] * 6 + [wrong] + [line()] * 6
    file.write_text("".join(json.dumps(item) + "\n" for item in lines))
    report = check_file(file, None, COUNTER)
    assert {fault.line for fault in report.faults} == {7}
    assert any(str(fault).startswith("line 7: ") and fault.reason.endswith(reason) for fault in report.faults)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (line(), "metadata is missing"),
        (line(metadata=5), "metadata: should be a JSON object"),
        (
            record(message_ids=[]),
            "metadata.message_ids: list should have at least 1 item after validation, not 0",
        ),
        (record(message_ids=[5]), "metadata.message_ids.0: should be a valid string"),
        (
            record() | {"messages": [USER, {"role": "assistant", "tool_calls": [call()]}]},
            "the last message is a tool call, not an answer",
        ),
        (record(channel_id="1"), "metadata.channel_id: should be a valid integer"),
        (record(note="x"), "contains an extra key: metadata.note"),
    ],
)
def test_records_say_where_they_come_from(wrong: Line, reason: str) -> None:
    assert check_line(wrong, "records", COUNTER) == [reason]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty"),
        (b"   ", "is empty"),
        (b"{'messages': []}", "is not JSON: Expecting property name enclosed in double quotes"),
        (b'{"messages": [', "is not JSON: "),
        (b'{"messages": NaN}', "is not JSON: NaN is no JSON number"),
        (b"1" * 5000, "is not JSON: Exceeds the limit"),
        (b"[" * 100_000, "is not JSON: "),
        (b'{"messages": "\xff"}', "is not UTF-8"),
        (b'{"messages": [], "messages": []}', "names a key twice: 'messages'"),
        (b'{"messages": [{"role": "user", "content": "a", "role": "system"}]}', "names a key twice: 'role'"),
        (b'\xef\xbb\xbf{"messages": []}', "is not JSON: Unexpected UTF-8 BOM"),
        (b"[]", "should be a JSON object"),
        (b"null", "should be a JSON object"),
    ],
)
def test_what_is_no_json_object_is_found(raw: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    good = json.dumps(line()).encode() + b"\n"
    file.write_bytes(good * 10 + raw + b"\n")
    [fault] = check_file(file, None, COUNTER).faults
    assert fault.line == 11
    assert fault.reason.startswith(reason)


# -- files -------------------------------------------------------------------------


def written(path: Path, *lines: Line) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in lines))
    return path


def test_a_valid_file_passes(tmp_path: Path) -> None:
    report = check_file(written(tmp_path / "x.jsonl", *[line()] * 10), None, COUNTER)
    assert (report.profile, report.lines, report.faults) == ("openai", 10, ())
    assert report.tokens == 10 * COUNTER.sample(line())
    report = check_file(written(tmp_path / "x.jsonl", record()), None, COUNTER)
    assert (report.profile, report.lines, report.faults) == ("records", 1, ())


def test_the_end_of_the_last_line_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(json.dumps(record()).encode() + b"\r\n" + json.dumps(record()).encode())
    report = check_file(file, None, COUNTER)
    assert (report.lines, report.faults) == (2, ())


def test_a_byte_order_mark_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "x.jsonl", *[line()] * 10)
    assert check_file(file, None, COUNTER).notes == ()
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    report = check_file(file, None, COUNTER)
    assert (report.faults, report.notes) == ((), (validation.BOM_NOTE,))
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{file}: {validation.BOM_NOTE}"


def test_calls_of_before_there_were_tools_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "records.openai.jsonl"
    file.write_text(f"{json.dumps(before_tools())}\n" * 10)
    report = check_file(file, None, COUNTER)
    assert (report.faults, report.notes) == ((), (FUNCTIONS_NOTE,))
    assert report.tokens > 10 * COUNTER.sample({"messages": PLAIN})


def test_a_broken_first_line_does_not_decide_what_the_file_is(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"messages": [\n' + json.dumps(record()) + "\n")
    report = check_file(file, None, COUNTER)
    assert report.profile == "records"
    assert [fault.line for fault in report.faults] == [1]


def test_a_profile_can_be_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl", *[record()] * 10)
    report = check_file(file, "openai", COUNTER)
    assert [str(fault) for fault in report.faults[:1]] == ["line 1: contains an extra key: metadata"]


def test_a_file_for_upload_needs_enough_lines_and_not_too_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "x.jsonl", *[line()] * 9)
    [fault] = check_file(file, "openai", COUNTER).faults
    assert str(fault) == "the file has 9 lines; a trainer wants at least 10"
    monkeypatch.setattr(validation, "MOST_BYTES", file.stat().st_size - 1)
    faults = check_file(file, "openai", COUNTER).faults
    assert str(faults[1]).startswith(f"the file has {file.stat().st_size:,} bytes; an upload takes at most")


def test_an_empty_file_is_no_dataset(tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl")
    assert [str(f) for f in check_file(file, "records", COUNTER).faults] == ["the file is empty"]
    assert check_file(file, None, COUNTER).faults


def test_a_file_that_is_all_wrong_does_not_flood(tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl", *[{"a": 1}] * 500)
    report = check_file(file, None, COUNTER, most_faults=20)
    assert (len(report.faults), report.lines) == (20, 500)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="cannot be read"):
            check_file(path, None, COUNTER)


def test_the_command_prints_lines_and_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "x.jsonl", *[line()] * 9, without(5))
    assert main(["validate", str(file)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"{file}: line 10: the last message is the tool's, not the assistant's"
    assert last.startswith(f"{file}: 1 fault as openai, 10 lines, ")
    written(file, *[line()] * 10)
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file}: valid as openai, 10 lines, ")
    assert main(["validate", str(tmp_path / "nowhere")]) == 2
    assert (
        capsys.readouterr().err
        == f"tuner: {tmp_path / 'nowhere'} cannot be read: No such file or directory.\n"
    )


# -- whatever comes ----------------------------------------------------------------

words = st.text(min_size=1, max_size=20).filter(lambda text: not is_blank(text))


@st.composite
def valid_lines(draw: st.DrawFn) -> Line:
    """Turns of all kinds, in any number."""
    messages: list[Line] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(words)})
    messages.append({"role": "user", "content": draw(words)})
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["user", "assistant", "tool"]))
        if kind == "tool":
            arguments = json.dumps({"query": draw(words)})
            messages.append(
                {"role": "assistant", "content": None, "tool_calls": [call(f"c{number}", "find", arguments)]}
            )
            messages.append(
                {"role": "tool", "tool_call_id": f"c{number}", "content": draw(st.text(max_size=20))}
            )
        else:
            messages.append({"role": kind, "content": draw(words)})
    messages.append({"role": "assistant", "content": draw(words)})
    return {"messages": messages, "tools": tools("find"), "parallel_tool_calls": False}


def roles(item: Line, role: str) -> Iterator[Line]:
    return (message for message in item["messages"] if message["role"] == role)


def first(item: Line, role: str) -> Line:
    found = next(roles(item, role), None)
    assume(found is not None)
    assert found is not None
    return found


BREAKS: dict[str, Callable[[Line], object]] = {
    "no answer": lambda x: x["messages"].append({"role": "user", "content": "x"}),
    "no messages": lambda x: x["messages"].clear(),
    "messages gone": lambda x: x.pop("messages"),
    "no user": lambda x: x.update(messages=[m for m in x["messages"] if m["role"] != "user"]),
    "unlearned answer": lambda x: x["messages"][-1].update(weight=0),
    "empty answer": lambda x: x["messages"][-1].update(content=""),
    "null answer": lambda x: x["messages"][-1].update(content=None),
    "number": lambda x: x["messages"][0].update(content=5),
    "strange role": lambda x: x["messages"][0].update(role="function"),
    "no role": lambda x: x["messages"][0].pop("role"),
    "extra key": lambda x: x["messages"][-1].update(function_call="mira"),
    "extra key outside": lambda x: x.update(id=5),
    "late system": lambda x: x["messages"].insert(1, {"role": "system", "content": "x"}),
    "unlimited weight": lambda x: x["messages"][-1].update(weight=-1),
    "no result": lambda x: x["messages"].remove(first(x, "tool")),
    "another's result": lambda x: first(x, "tool").update(tool_call_id="zzz"),
    "no such tool": lambda x: first(x, "tool") and x.update(tools=tools("other")),
    "tools gone": lambda x: x.update(tools=[]),
    "half a character": lambda x: x["messages"][-1].update(content="\ud800"),
}


@ROBUST
@given(valid_lines())
def test_any_valid_line_passes(item: Line) -> None:
    assert check_line(item, "openai", COUNTER) == []


@ROBUST
@given(valid_lines(), st.sampled_from(sorted(BREAKS)))
def test_any_break_of_a_valid_line_is_found(item: Line, how: str) -> None:
    broken = copy.deepcopy(item)
    BREAKS[how](broken)
    assert check_line(broken, "openai", COUNTER) != []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "messages", "tools", "function", "weight", "x"]), inner
        )
    ),
    max_leaves=12,
)


@ROBUST
@given(valid_lines(), anything, st.data())
def test_nothing_in_a_line_breaks_the_validator(item: Line, value: object, data: st.DataObject) -> None:
    """Any JSON value in any place of a line: it is checked and never raises."""
    assert check_line(value, "openai", COUNTER) != []
    place: Any = item
    while isinstance(place, dict | list) and place:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place))))
        )
        if data.draw(st.booleans()) or not isinstance(place[key], dict | list):
            place[key] = value
            break
        place = place[key]
    for reason in check_line(item, "openai", COUNTER):
        assert reason


@ROBUST
@given(st.lists(st.binary(max_size=60) | valid_lines().map(lambda x: json.dumps(x).encode()), max_size=4))
def test_no_bytes_break_the_validator(tmp_path: Path, lines: list[bytes]) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\n".join(lines))
    assert check_file(file, None, COUNTER).faults  # there are fewer lines than an upload needs


@pytest.mark.parametrize("parameters", [{"a": "\ud800"}, {"\ud800": 1}])
def test_half_a_character_in_a_tool_is_a_fault(parameters: Line) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": parameters}}
    [fault] = check_line({"messages": PLAIN, "tools": [tool]}, "openai", COUNTER)
    assert fault.startswith("holds half a character")
