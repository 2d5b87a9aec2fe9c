"""No name of people outside is left in any file: not an old one, not a title, not what others typed."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.export_files import CHANNEL, GUILD, at, export, person, said, write
from tuner.cli.main import main

ANN, BEN = person(101, "Ann"), person(102, "Ben")
THREAD = CHANNEL + 1


def dov(nickname: str, name: str = "dovusername") -> dict[str, Any]:
    return {**person(201, name, nickname=nickname), "name": name}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def talk(start: float, *texts: str, **fields: Any) -> list[dict[str, Any]]:
    """Ann and Ben say these in turns, each in answer to the one before."""
    moments = [at(start + i * 5) for i in range(1, len(texts) + 1)]
    return [
        said(moment, [ANN, BEN][i % 2], text, reply_to=moments[i - 1] if i else None, **fields)
        for i, (moment, text) in enumerate(zip(moments, texts, strict=True))
    ]


def build(*exports: str, allowed: str = "", code: int = 0) -> None:
    arguments = ["build-dataset", "--from-export", *exports, "--raw-dump-dir", "data/raw", "--yes"]
    assert main([*arguments, *(["--allowed-users", allowed] if allowed else [])]) == code


def traces(*words: str) -> list[str]:
    """Those of the words that any file of ours holds."""
    held = [file.read_bytes() + file.name.encode() for file in Path("data").rglob("*") if file.is_file()]
    return [word for word in words if any(word.encode() in content for content in held)]


def contents() -> list[str]:
    with closing(sqlite3.connect("data/tuner.db")) as db:
        rows = db.execute("SELECT content FROM messages WHERE content IS NOT NULL ORDER BY id")
        return [text for (text,) in rows]


NAMES = ("Captain", "DovTheGreat", "dovusername", "captain")


def renamed_twice() -> list[str]:
    """Exports in which Dov bears three names, and others use them all."""
    early = [
        *talk(0, "who knows pumps?", "@Captain does, ask @captain", mentions=[dov("Captain")]),
        said(at(100), dov("Captain"), "yes I know pumps well"),
    ]
    late = [
        said(at(10_000), dov("DovTheGreat"), "new month new pump"),
        *talk(10_000, "welcome back @DovTheGreat", "hello (@dovusername)", mentions=[dov("DovTheGreat")]),
        *talk(20_000, "is @Captain coming?", "we will see about that"),
        *talk(
            30_000,
            "what do you all think",
            "that is a good question",
            poll={"question": {"text": "Shall @Captain cook?"}},
            attachments=[{"fileName": "letter to @DovTheGreat.txt"}],
        ),
    ]
    write(Path("1.json"), early)
    write(Path("2.json"), late)
    return ["1.json", "2.json"]


def test_who_was_renamed_and_forgotten_leaves_no_name() -> None:
    exports = renamed_twice()
    build(*exports)
    assert traces("@Captain", "@DovTheGreat", "@dovusername") == ["@Captain", "@DovTheGreat", "@dovusername"]
    assert main(["forget", "201"]) == 0
    for file in Path("data").glob("*.json*"):
        file.unlink()
    build(*exports)
    assert traces(*NAMES) == []
    assert "@someone does, ask @someone" in contents()


def test_who_was_renamed_and_is_no_longer_allowed_leaves_no_name() -> None:
    exports = renamed_twice()
    build(*exports, allowed="101,102,201")
    assert traces("@Captain")
    build("2.json", allowed="101,102")
    assert traces(*NAMES) == []


def test_an_outsiders_names_are_known_over_all_files_and_runs() -> None:
    exports = renamed_twice()
    build(*exports, allowed="101,102")
    assert traces(*NAMES) == []
    write(Path("3.json"), talk(90_000, "and what about @DOVUSERNAME#1234?", "no idea what @Captain does now"))
    build("3.json", allowed="101,102")
    assert traces(*NAMES, "DOVUSERNAME") == []


def test_a_name_learnt_later_is_hidden_in_what_was_stored_before() -> None:
    dice = person(301, "Dicebot", bot=True)
    write(Path("1.json"), talk(0, "roll it @Dicebot please", "it does nothing at all"))
    build("1.json")
    assert traces("@Dicebot")
    write(
        Path("2.json"),
        [said(at(5000), dice, "rolled a six"), *talk(5000, "thanks for that", "you are welcome")],
    )
    build("2.json")
    assert traces("Dicebot") == []
    assert contents()[0] == "roll it @someone please"


def test_exports_without_mentions_hide_whoever_is_not_on_the_list() -> None:
    messages = [
        *talk(
            0,
            "@dovusername or @stranger may know, @Ann",
            "yes, write the whole story to me@example.org @everyone",
        ),
        said(at(60), dov("dovusername"), "late words"),
    ]
    for message in messages:
        del message["mentions"]
        message["author"] = {k: v for k, v in message["author"].items() if k != "nickname"}
    write(Path("old.json"), messages)
    build("old.json", allowed="101,102")
    assert traces("dovusername", "stranger", "late words") == []
    assert contents() == [
        "@someone or @someone may know, @Ann",
        "yes, write the whole story to me@example.org @everyone",
    ]


def test_two_people_of_one_name_are_told_apart_by_who_is_mentioned() -> None:
    other_ann = person(202, "Ann")
    write(
        Path("e.json"),
        [
            said(at(0), other_ann, "I am another Ann"),
            *talk(1, "what do you say?", "@Ann should know", mentions=[ANN]),
            *talk(100, "what do you say?", "@Ann knows nothing", mentions=[other_ann]),
            *talk(200, "what do you say?", "@Ann whoever that is"),
        ],
    )
    build("e.json", allowed="101,102")
    assert contents()[1::2] == ["@Ann should know", "@someone knows nothing", "@someone whoever that is"]


def test_widening_gives_names_back() -> None:
    write(
        Path("e.json"),
        [
            *talk(0, "who knows pumps well?", "<@201> does, and @Captain too", mentions=[dov("Captain")]),
            said(at(100), dov("Captain"), "I do indeed know pumps"),
        ],
    )
    build("e.json", allowed="101,102")
    assert contents() == ["who knows pumps well?", "@someone does, and @someone too"]
    build("e.json", allowed="101,102,201")
    assert contents() == ["who knows pumps well?", "<@201> does, and @Captain too", "I do indeed know pumps"]
    assert "@Captain does, and @Captain too" in Path("data/finetune/records.jsonl").read_text("utf-8")
    build("e.json", allowed="101,102")
    assert traces("Captain") == []


def test_an_old_archives_names_are_known_when_somebody_is_forgotten() -> None:
    write(
        Path("e.json"),
        [
            said(at(0), dov("Captain"), "good day"),
            *talk(0, "where does @Captain live?", "in the yellow house by the harbour"),
        ],
    )
    build("e.json")
    with closing(sqlite3.connect("data/tuner.db")) as db, db:
        db.execute("DELETE FROM names")
    assert main(["forget", "201"]) == 0
    assert contents() == ["where does @someone live?", "in the yellow house by the harbour"]


# -- titles ------------------------------------------------------------------------

TITLE = "zanzibar quartz plans"


def thread(*messages: dict[str, Any], title: str = TITLE) -> None:
    write(Path("in/thread.json"), messages, THREAD, title, type="GuildPublicThread", categoryId=str(CHANNEL))


def parent(*messages: dict[str, Any]) -> None:
    write(Path("in/general.json"), messages)


def created(author: dict[str, Any]) -> dict[str, Any]:
    reference = {"messageId": None, "channelId": str(THREAD), "guildId": str(GUILD)}
    return said(at(0), author, "started a thread.", type="ThreadCreated", reference=reference)


def chat() -> list[dict[str, Any]]:
    return talk(10, "what do you want to do then?", "I want to plant a tree there")


def channel_names() -> list[str]:
    with closing(sqlite3.connect("data/tuner.db")) as db:
        return [name for (name,) in db.execute("SELECT name FROM channels WHERE id = ?", (THREAD,))]


@pytest.mark.parametrize("began", ["post", "message", "created"])
def test_an_outsiders_title_is_nowhere(began: str) -> None:
    post = said(THREAD, dov("Captain"), "first", timestamp=None)
    thread(*([post] if began == "post" else []), *chat())
    parent(
        *([post] if began == "message" else []), *([created(dov("Captain"))] if began == "created" else [])
    )
    build("in")
    assert traces("zanzibar")
    assert main(["forget", "201"]) == 0
    assert channel_names() == ["thread"]
    assert traces("zanzibar") == []
    build("in")
    assert traces("zanzibar") == []
    assert ", in #thread. " in Path("data/finetune/records.jsonl").read_text("utf-8")


def test_on_a_whitelist_a_title_needs_an_author_who_is_on_it() -> None:
    thread(*chat())
    parent()
    build("in", allowed="101,102")
    assert traces("zanzibar") == []
    parent(created(ANN))
    build("in", allowed="101,102")
    assert channel_names() == [TITLE]
    for written in Path("data/finetune").glob("records*"):
        written.unlink()
    build("in", allowed="102", code=1)  # nobody is left to answer
    assert traces("zanzibar") == []


def test_a_title_of_unknown_author_goes_with_anybody_who_wrote_there() -> None:
    thread(said(at(1), dov("Captain"), "hi"), *chat())
    build("in")
    assert channel_names() == [TITLE]
    assert main(["forget", "201"]) == 0
    assert channel_names() == ["thread"]
    assert traces("zanzibar") == []  # in the dataset that was written before, too
    build("in")
    assert traces("zanzibar") == []


def test_titles_and_topics_name_nobody_either() -> None:
    thread(*chat(), title="ask @Captain or <@201>")
    write(
        Path("in/general.json"),
        [created(ANN), said(at(1), dov("Captain"), "hi")],
        topic="write to @captain",
    )
    build("in", allowed="101,102")
    assert channel_names() == ["ask @someone or @someone"]
    assert traces(*NAMES) == []


def test_titles_name_nobody_who_was_forgotten() -> None:
    thread(*chat(), title="ask @Captain")
    parent(created(ANN), said(at(1), dov("Captain"), "hi"))
    build("in")
    assert channel_names() == ["ask @Captain"]
    assert main(["forget", "201"]) == 0
    assert channel_names() == ["ask @someone"]
    build("in")
    assert traces(*NAMES) == []


# -- nobody ------------------------------------------------------------------------


def personas() -> set[int]:
    lines = Path("data/finetune/records.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["metadata"]["assistant_user_id"] for line in lines}


def deleted(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = person(456226577798135808, "Deleted User")
    return [{**m, "author": gone} if m["author"] is BEN else m for m in messages]


def test_deleted_user_is_nobody() -> None:
    texts = (
        "the pump is in the workshop again",
        "what kind of valve does it fit?",
        "the narrow one, and those of old tubes",
        "and where exactly do I find it?",
        "in the shed behind the house, beside the ladder",
    )
    write(Path("e.json"), deleted(talk(0, *texts)))
    build("e.json")
    assert personas() == {101}
    records = Path("data/finetune/records.jsonl").read_text("utf-8")
    assert "someone said:\\nwhat kind of valve does it fit?" in records
    assert "Deleted User" not in records
    with closing(sqlite3.connect("data/tuner.db")) as db:
        assert db.execute("SELECT name FROM authors").fetchall() == [("Ann",)]


def test_deleted_user_is_no_persona_even_when_asked_for() -> None:
    write(Path("e.json"), deleted(talk(0, "does anybody have a pump?", "I have one in the cellar")))
    main(["build-dataset", "--from-export", "e.json", "--set", "dataset.personas=[456226577798135808]"])
    assert not Path("data/finetune/records.jsonl").exists()


def test_a_direct_message_is_no_server() -> None:
    document = export(chat(), 900, "Dov the Captain", type="DirectTextChat")
    document["guild"] = {"id": "0", "name": "Direct Messages", "iconUrl": ""}
    Path("dm.json").write_text(json.dumps(document))
    build("dm.json")
    [system, *_] = json.loads(Path("data/finetune/records.jsonl").read_text("utf-8").splitlines()[0])[
        "messages"
    ]
    assert "server" not in system["content"]
    assert system["content"].startswith("You are Ben, in a private conversation on Discord.")
    assert traces("Captain") == []
