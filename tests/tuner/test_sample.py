"""The embedded sample: the first thing anybody sees, built as the README says."""

import json
from contextlib import chdir
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.main import main

OUTSIDERS = {"791697652050821141": "Kestrel", "499203189061451778": "Oz"}
PLANTED = "zanzibarquartz plumbagothorn quillomander vexlefin brindlewhort quibblewick snorrelbit".split()

EXPORTS: list[dict[str, Any]] = [
    json.loads(file.read_text(encoding="utf-8"))
    for file in (resources.files("tuner.sample") / "export").iterdir()
    if file.name.endswith(".json")
]
TALK = [m for export in EXPORTS for m in export["messages"] if m["type"] in ("Default", "Reply")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    with chdir(folder):
        assert main(["build-dataset", "--sample", "--raw-dump-dir", "raw"]) == 0
    return folder


@pytest.fixture(scope="module")
def records(built: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in (built / "data/sample/finetune/records.jsonl").read_text("utf-8").splitlines()
    ]


# -- what the sample server is like ------------------------------------------------


def test_the_server_is_as_lively_as_a_real_one() -> None:
    kinds = {m["type"] for export in EXPORTS for m in export["messages"]}
    assert len(TALK) >= 400
    assert len({m["author"]["id"] for m in TALK if not m["author"]["isBot"]}) >= 6
    threads = [e for e in EXPORTS if e["channel"]["type"] == "GuildPublicThread"]
    assert (len(threads), len(EXPORTS) - len(threads)) == (1, 3)
    assert threads[0]["channel"]["categoryId"] in {e["channel"]["id"] for e in EXPORTS}
    assert kinds > {"Default", "Reply"}  # and system messages
    assert any(m["attachments"] for m in TALK)
    assert any(m["stickers"] for m in TALK)
    assert any(m["mentions"] for m in TALK)
    assert any(m["inlineEmojis"] for m in TALK)
    assert any(m["author"]["isBot"] for m in TALK)


def test_native_replies_answer_what_came_before() -> None:
    for export in EXPORTS:
        ids = [int(m["id"]) for m in export["messages"]]
        assert ids == sorted(set(ids))
        replies = {
            int(m["id"]): int(m["reference"]["messageId"]) for m in export["messages"] if m["type"] == "Reply"
        }
        assert sum(target in ids for target in replies.values()) >= 5
        assert [i for i, target in replies.items() if target >= i] == []


def test_the_planted_words_are_outsiders_words() -> None:
    for word in PLANTED:
        authors = {m["author"]["id"] for m in TALK if word in json.dumps(m).casefold()}
        assert authors, word
        assert authors <= OUTSIDERS.keys(), word


# -- what comes out of it ----------------------------------------------------------


def test_it_builds_a_valid_dataset(built: Path, records: list[dict[str, Any]]) -> None:
    assert len(records) >= 25
    folder = built / "data/sample/finetune"
    assert main(["validate", str(folder / "records.jsonl"), "--profile", "records"]) == 0
    assert main(["validate", str(folder / "records.openai.train.jsonl"), "--profile", "openai"]) == 0


def test_a_tool_call_finds_what_was_really_said_before(records: list[dict[str, Any]]) -> None:
    calls = 0
    for record in records:
        of_channel = next(e for e in EXPORTS if int(e["channel"]["id"]) == record["metadata"]["channel_id"])
        first = min(map(int, record["metadata"]["message_ids"]))
        older = [
            m["content"] for m in of_channel["messages"] if int(m["id"]) < first and len(m["content"]) > 10
        ]
        for result in (m["content"] for m in record["messages"] if m["role"] == "tool"):
            assert any(f": {content}" in result for content in older), result
            calls += 1
    assert calls >= 1
    assert calls == sum(r["metadata"]["synthetic_tool_calls"] for r in records)


def test_a_sample_is_what_was_said_in_order(records: list[dict[str, Any]]) -> None:
    said = {m["id"]: m for m in TALK}
    for record in records:
        sources = [said[i] for i in record["metadata"]["message_ids"]]
        assert {s["author"]["id"] for s in sources}.isdisjoint(OUTSIDERS)
        assert not any(s["author"]["isBot"] for s in sources)
        assert [int(s["id"]) for s in sources] == sorted(int(s["id"]) for s in sources)
        assert sources[-1]["author"]["id"] == str(record["metadata"]["assistant_user_id"])
        assert record["messages"][-1]["role"] == "assistant"
        assert "weight" not in record["messages"][-1]


def test_a_reply_to_what_is_gone_follows_nothing(records: list[dict[str, Any]]) -> None:
    usable = {m["id"] for m in TALK if m["author"]["id"] not in OUTSIDERS and not m["author"]["isBot"]}
    lost = {m["id"] for m in TALK if m["type"] == "Reply" and m["reference"]["messageId"] not in usable}
    assert len(lost) > 5
    assert [
        r["metadata"]["message_ids"] for r in records if lost.intersection(r["metadata"]["message_ids"][1:])
    ] == []


def test_no_word_of_people_outside_is_written_anywhere(built: Path) -> None:
    files = [file for file in built.rglob("*") if file.is_file()]
    assert {"records.jsonl", "records.openai.train.jsonl", "stats.json", "tuner.db"} <= {
        f.name for f in files
    }
    for file in files:
        found = [w for w in (*PLANTED, *OUTSIDERS) if w.encode() in file.read_bytes().lower()]
        assert found == [], file


def test_transcripts_show_every_channel(built: Path) -> None:
    transcripts = {file.name: file.read_text("utf-8") for file in (built / "raw").iterdir()}
    assert sorted(transcripts) == sorted(f"{e['channel']['name']}-{e['channel']['id']}.txt" for e in EXPORTS)
    whole = "".join(transcripts.values())
    stubs = [m for m in TALK if m["author"]["id"] in OUTSIDERS or m["author"]["isBot"]]
    assert whole.count("(a message that is not kept)") == len(stubs) > 0
    assert ("\n" + whole).count("\n[20") == len(TALK)


def test_a_second_run_writes_the_same_bytes(built: Path) -> None:
    folder = built / "data/sample/finetune"
    before = {name: (folder / name).read_bytes() for name in ("records.jsonl", "records.openai.train.jsonl")}
    with chdir(built):
        assert main(["build-dataset", "--sample"]) == 0
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert json.loads((folder / "stats.json").read_text())["stages"]["collect"]["out"] == 0


def test_a_fresh_archive_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert main(["build-dataset", "--sample"]) == 0
    name = "data/sample/finetune/records.jsonl"
    assert (tmp_path / name).read_bytes() == (built / name).read_bytes()
