"""The prompt stack: what comes before the turns, from the configuration or from a production bot."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.export_files import at, person, said, write
from tuner import config
from tuner.cli.main import main
from tuner.errors import UsageError
from tuner.models import Channel
from tuner.prompt.stack import Assets, Header, PromptRequest, build, load_assets, load_builder

ANN, BEN = 101, 102
CHANNEL = Channel(7, "general", 1, "Canal Row", parent_id=6)


def assets(**settings: Any) -> Assets:
    return load_assets(config.load({"prompt": {"announce_tools": True} | settings}, [], "The test").prompt)


def header(assets: Assets, when: str = "2024-06-01", channel: Channel = CHANNEL) -> Header:
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return build(PromptRequest(channel, BEN, "Ben", {ANN: "Ann"}, moment, assets))


def contents(header: Header) -> list[str]:
    return [message["content"] for message in header.messages]


def test_the_default_header() -> None:
    found = header(assets(channels={"7": {"topic": "Plants"}}, profiles={"101": {"text": "Gardener."}}))
    system, tools, context = found.messages
    assert system["role"] == "system"
    assert system["content"].startswith(
        'You are Ben, a member of the Discord server "Canal Row", in #general.'
    )
    assert tools["content"].startswith("### Tools\n- retrieve_context: Searches")
    assert context["content"] == "### Context\n#general: Plants\nPeople here:\n- Ann: Gardener."
    assert [(m["role"], m["weight"]) for m in (tools, context)] == [("assistant", 0)] * 2
    assert [tool["function"]["name"] for tool in found.tools] == ["retrieve_context"]


def test_tools_are_described_once_unless_the_note_is_wanted() -> None:
    for wanted in (True, False):
        found = header(assets(announce_tools=wanted))
        assert ("### Tools" in "".join(contents(found))) is wanted
    default = load_assets(config.load({}, [], "The test").prompt)
    assert "### Tools" not in "".join(contents(header(default)))


def test_parts_can_be_left_out() -> None:
    found = header(assets(announce_tools=False, context=False, channels={"7": {"topic": "Plants"}}))
    assert [m["role"] for m in found.messages] == ["system"]
    assert found.tools
    assert len(header(assets()).messages) == 2  # nothing known: no context block


def test_the_personas_profile_is_part_of_the_instructions() -> None:
    found = header(assets(profiles={"102": {"text": "Answers in lowercase."}}))
    assert contents(found)[0].endswith("\n\nAnswers in lowercase.")
    assert "### Context" not in "".join(contents(found))


@pytest.mark.parametrize(
    ("when", "topic", "profile"),
    [
        ("2023-12-31", "", ""),
        ("2024-01-01", "first", ""),
        ("2024-05-31", "first", "- Ann: new here"),
        ("2024-06-01", "second", "- Ann: new here"),
        ("2025-06-01", "second", "- Ann: runs the place"),
    ],
)
def test_context_is_what_was_known_then(when: str, topic: str, profile: str) -> None:
    stack = assets(
        channels={
            "7": {
                "topic": [{"text": "second", "since": "2024-06-01"}, {"text": "first", "since": "2024-01-01"}]
            }
        },
        profiles={
            "101": {
                "text": [
                    {"text": "new here", "since": "2024-02-01"},
                    {"text": "runs the place", "since": "2025-01-01T00:00:00+02:00"},
                ]
            }
        },
    )
    context = "\n".join(contents(header(stack, when))[2:])
    assert (f"#general: {topic}" in context, profile in context) == (bool(topic), True)
    others = {"first", "second", "new here", "runs the place"} - {topic, profile.removeprefix("- Ann: ")}
    assert [text for text in others if text in context] == []


def test_a_thread_has_its_parents_topic_unless_it_has_its_own() -> None:
    parent = {"6": {"topic": "of the parent"}}
    assert "#general: of the parent" in contents(header(assets(channels=parent)))[2]
    both = {**parent, "7": {"topic": "of its own"}}
    assert "#general: of its own" in contents(header(assets(channels=both)))[2]


def test_the_topic_on_discord_is_used_where_none_is_configured() -> None:
    channel = replace(CHANNEL, topic="Plants and pots")
    assert contents(header(assets(), channel=channel))[2] == "### Context\n#general: Plants and pots"
    for key in ("7", "6"):  # its own, or its parent's
        set_by_hand = assets(channels={key: {"topic": "Ours"}})
        assert "#general: Ours" in contents(header(set_by_hand, channel=channel))[2]
    later = assets(channels={"7": {"topic": [{"text": "Ours", "since": "2025-01-01"}]}})
    for stack in (later, assets(channels={"7": {"topic": ""}})):
        assert len(contents(header(stack, channel=channel))) == 2


# -- files -------------------------------------------------------------------------


def test_files_replace_what_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "system.md").write_text("Be $persona in ${channel}. It costs $5, US$ or $unknown.\n")
    (tmp_path / "notes.md").write_text("Pays in $server$ and $persona.\n")
    tool = {"type": "function", "function": {"name": "look", "description": "Looks."}}
    (tmp_path / "tools.json").write_text(json.dumps([tool]))
    stack = assets(
        system_file=str(tmp_path / "system.md"),
        persona_notes_file=str(tmp_path / "notes.md"),
        tools_file=str(tmp_path / "tools.json"),
    )
    found = header(stack)
    assert contents(found) == [
        "Be Ben in general. It costs $5, US$ or $unknown.\n\nPays in $server$ and $persona.",
        "### Tools\n- look: Looks.",
    ]
    assert found.tools == (tool,)


def test_no_tools(tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text("[]")
    found = header(assets(tools_file=str(tmp_path / "tools.json")))
    assert (len(found.messages), found.tools) == (1, ())


@pytest.mark.parametrize("key", ["system_file", "persona_notes_file", "tools_file"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    for name in ("gone.md", "latin1", "."):
        with pytest.raises(UsageError, match=rf"prompt\.{key} = .*cannot be read"):
            assets(**{key: str(tmp_path / name)})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{nope", "should hold a JSON list"),
        ("5", "should hold a JSON list"),
        ('{"type": "function"}', "should hold a JSON list"),
        ('[{"name": "look"}]', "should hold a JSON list"),
        ('[{"function": {"name": "look"}}, {"function": {"name": "look"}}]', "names a tool twice"),
    ],
)
def test_wrong_tools_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "tools.json").write_text(text)
    with pytest.raises(UsageError, match=why):
        assets(tools_file=str(tmp_path / "tools.json"))


# -- another builder ---------------------------------------------------------------


def test_the_default_builder_is_named_like_any_other() -> None:
    assert load_builder("tuner.prompt.stack:build") is build


@pytest.mark.parametrize(
    "name", ["nowhere.at.all:build", "json:nothing", "json", "", ":build", "json:__name__"]
)
def test_a_builder_that_cannot_be_loaded_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=r"prompt\.stack = .*cannot be loaded"):
        load_builder(name)


PRODUCTION = '''
from tuner.prompt.stack import Header


def prompt(request):
    """What an invented production bot sends."""
    return Header(
        (
            {"role": "system", "content": f"PRODUCTION {request.persona_name} {sorted(request.participants.values())}"},
            {"role": "assistant", "content": "scaffolding", "weight": 1},
            {"role": "assistant", "content": f"at {request.at:%Y-%m-%d} in {request.channel.name}"},
        ),
        (),
    )
'''


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "invented_bot").mkdir()
    (tmp_path / "invented_bot/prompts.py").write_text(PRODUCTION)
    monkeypatch.syspath_prepend(tmp_path)
    yield "invented_bot.prompts:prompt"
    for name in [name for name in sys.modules if name.startswith("invented_bot")]:
        del sys.modules[name]


def test_samples_are_built_by_the_production_bots_own_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, production: str
) -> None:
    monkeypatch.chdir(tmp_path)
    talk = [
        said(at(0), person(ANN, "Ann"), "is it open?"),
        said(at(5), person(BEN, "Ben"), "yes it is open", reply_to=at(0)),
    ]
    write(tmp_path / "export.json", talk)
    assert main(["build-dataset", "--from-export", "export.json", "--set", f"prompt.stack={production}"]) == 0
    [record] = map(json.loads, (tmp_path / "data/finetune/records.jsonl").read_text().splitlines())
    assert record["messages"] == [
        {"role": "system", "content": "PRODUCTION Ben ['Ann']"},
        {"role": "assistant", "content": "scaffolding", "weight": 0},
        {"role": "assistant", "content": "at 2023-11-14 in general", "weight": 0},
        {"role": "user", "content": "Ann said:\nis it open?"},
        {"role": "assistant", "content": "yes it is open"},
    ]
    assert "tools" not in record
    assert "parallel_tool_calls" not in record
