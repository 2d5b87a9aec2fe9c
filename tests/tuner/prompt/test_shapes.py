"""What trainers and served models are given: one system message, turns that alternate, and no word lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner import config
from tuner.dataset.tokens import TokenCounter
from tuner.dataset.validation import check_line
from tuner.models import ChatMessage, Talk
from tuner.profiles import EXPORT_PROFILES, SHAPES, ExportProfile
from tuner.prompt.shapes import shaped
from tuner.prompt.stack import announcement, load_assets
from tuner.prompt.turns import assistant_turn, tool_turns, user_turn

COUNTER = TokenCounter(len, exact=False)
ALTERNATING = [profile for profile in EXPORT_PROFILES if not SHAPES[profile].weights]
TOOLS = load_assets(config.load({"prompt": {}}, [], "The test").prompt).tools
HEADER: tuple[ChatMessage, ...] = (
    {"role": "system", "content": "You are Mira."},
    {"role": "assistant", "content": announcement(TOOLS), "weight": 0},
    {"role": "assistant", "content": "### Context\n#garden: plots", "weight": 0},
)
TURNS: tuple[ChatMessage, ...] = (
    assistant_turn("8 kilos of coffee grounds, who wants?", learned=False),
    user_turn("Hal", "me"),
    user_turn("Sefa", "what did Wren say about them?"),
    *tool_turns("a1b2c3d4e", "coffee grounds", "[2025-03-11 17:22] Wren: half a bucket"),
    assistant_turn("half a bucket per square metre"),
)
TALK = Talk(HEADER, TURNS, TOOLS, "Mira")


def test_openai_is_the_canonical_shape() -> None:
    line = shaped(TALK, "openai")
    assert line == {"messages": [*HEADER, *TURNS], "parallel_tool_calls": False, "tools": list(TOOLS)}


def test_trl() -> None:
    line = shaped(TALK, "trl")
    assert line["messages"] == [
        {
            "role": "system",
            "content": f"You are Mira.\n\n{announcement(TOOLS)}\n\n### Context\n#garden: plots",
        },
        {
            "role": "user",
            "content": "Mira said:\n8 kilos of coffee grounds, who wants?\n\nHal said:\nme\n\n"
            "Sefa said:\nwhat did Wren say about them?",
        },
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "a1b2c3d4e",
                    "type": "function",
                    "function": {"name": "retrieve_context", "arguments": {"query": "coffee grounds"}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "a1b2c3d4e", "content": "[2025-03-11 17:22] Wren: half a bucket"},
        {"role": "assistant", "content": "half a bucket per square metre"},
    ]
    assert json.loads(line["tools"]) == list(TOOLS)
    assert list(line) == ["messages", "tools"]


def test_portable_differs_in_the_arguments_and_the_tools() -> None:
    trl, portable = shaped(TALK, "trl"), shaped(TALK, "portable")
    [call] = portable["messages"][2]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"query": "coffee grounds"}
    assert portable["tools"] == list(TOOLS)
    assert portable["messages"][:2] == trl["messages"][:2]


def test_a_tool_gets_what_its_readers_miss() -> None:
    tool: dict[str, Any] = {"type": "function", "function": {"name": "find", "strict": None}}
    talk = Talk(HEADER, (user_turn("Hal", "hi"), assistant_turn("hello")), (tool,), "Mira")
    [whole] = shaped(talk, "portable")["tools"]
    assert whole["function"] == {
        "name": "find",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    }
    for profile in ALTERNATING:
        assert check_line(shaped(talk, profile), profile, COUNTER) == []
    assert shaped(talk, "openai")["tools"] == [tool]


def test_plain_has_what_was_found_in_the_user_turn() -> None:
    line = shaped(TALK, "plain")
    assert list(line) == ["messages"]
    system, user, answer = line["messages"]
    assert system["content"] == "You are Mira.\n\n### Context\n#garden: plots"
    assert user["content"].endswith(
        "what did Wren say about them?\n\nretrieve_context said:\n[2025-03-11 17:22] Wren: half a bucket"
    )
    assert answer == {"role": "assistant", "content": "half a bucket per square metre"}


def test_a_builder_of_others_may_give_parts_or_no_system_message() -> None:
    note = {
        "role": "assistant",
        "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
    }
    line = shaped(Talk((note,), TURNS[1:], (), "Mira"), "plain")
    assert line["messages"][0] == {"role": "system", "content": "one\n\ntwo"}
    assert shaped(Talk((), TURNS[1:], (), "Mira"), "trl")["messages"][0]["role"] == "user"


def test_the_talk_is_not_changed() -> None:
    before = json.dumps(TALK.messages)
    for profile in EXPORT_PROFILES:
        shaped(TALK, profile)
    assert json.dumps(TALK.messages) == before


WORD = st.sampled_from(["compost", "slug", "soup", "fuse", "zip"])
TURN = st.one_of(
    st.builds(user_turn, st.sampled_from(["Hal", "Sefa"]), WORD),
    st.builds(assistant_turn, WORD, st.booleans()),
)


@given(st.lists(TURN, max_size=8), st.booleans())
def test_any_talk_that_ends_on_an_answer_is_taken(turns: list[ChatMessage], with_tool: bool) -> None:
    call = tool_turns("a1b2c3d4e", "soup", "[2025-03-11 17:22] Wren: soup") if with_tool else []
    end = [user_turn("Hal", "and?"), *call, assistant_turn("so")]
    talk = Talk(HEADER, (*_settled(turns), *end), TOOLS, "Mira")
    for profile in ALTERNATING:
        line = shaped(talk, profile)
        assert check_line(line, profile, COUNTER) == []
        assert _words(line) == _words(shaped(talk, "openai"))


def _settled(turns: list[ChatMessage]) -> list[ChatMessage]:
    """As relabelling makes them: what is learned answers somebody."""
    made: list[ChatMessage] = []
    for turn in turns:
        learned = turn["role"] == "assistant" and "weight" not in turn
        if learned and not (made and made[-1]["role"] == "user"):
            turn = {**turn, "weight": 0}
        made.append(turn)
    return made


def _words(line: dict[str, Any]) -> list[str]:
    said = " ".join(m["content"] or "" for m in line["messages"] if m["role"] != "system")
    return [word for word in said.split() if word in ("compost", "slug", "soup", "fuse", "zip")]


@pytest.mark.parametrize("profile", ALTERNATING)
def test_another_profiles_line_is_refused(profile: ExportProfile) -> None:
    """But for `plain`, which all of them take."""
    for other in EXPORT_PROFILES:
        if other not in (profile, "plain"):
            assert check_line(shaped(TALK, other), profile, COUNTER) != [], other
