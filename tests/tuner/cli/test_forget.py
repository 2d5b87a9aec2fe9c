"""Opting out: words are erased from the archive for good, and never come back."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.export_files import at, person, said, write
from tuner.adapters.sqlite_store import builder_lock
from tuner.cli.main import main

ANN, BEN, OZ = person(101, "Ann"), person(102, "Ben"), person(201, "Oz")
SECRET = b"zanzibarquartz"
ARCHIVE = Path("data/tuner.db")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server where Oz says things that Ann and Ben answer, and an archive and a dataset of it."""
    monkeypatch.chdir(tmp_path)
    talk = []
    for i in range(12):
        start = i * 7200
        talk += [
            said(at(start), OZ, f"do you like {SECRET.decode()} number {i}?"),
            said(at(start + 5), ANN, f"yes, I like number {i}", reply_to=at(start)),
            said(at(start + 3600), ANN, f"is the shop open on day {i}?"),
            said(at(start + 3605), BEN, f"it is open on day {i}", reply_to=at(start + 3600)),
        ]
    write(tmp_path / "export.json", talk)
    build()
    return tmp_path


def build() -> str:
    assert main(["build-dataset", "--from-export", "export.json", "--raw-dump-dir", "raw"]) == 0
    return Path("data/finetune/records.jsonl").read_text("utf-8")


def written(*names: str) -> bytes:
    return b"".join(file.read_bytes() for name in names for file in sorted(Path().glob(name)))


def index() -> bytes:
    """The word index alone."""
    with closing(sqlite3.connect(ARCHIVE)) as db:
        return b"".join(block for (block,) in db.execute("SELECT block FROM words_data"))


def test_no_trace_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert SECRET in written("data/tuner.db*")
    assert SECRET in index()
    assert main(["forget", "201"]) == 0
    assert "12 messages lost their text" in capsys.readouterr().out
    assert SECRET not in written("data/tuner.db*")
    assert SECRET not in index()
    with closing(sqlite3.connect(ARCHIVE)) as db:
        assert db.execute("SELECT count(*) FROM messages WHERE speaker = 201").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM messages WHERE erased AND content IS NULL").fetchone() == (
            12,
        )
        assert db.execute("SELECT id FROM authors ORDER BY id").fetchall() == [(101,), (102,)]
        db.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_reading_it_again_does_not_bring_it_back() -> None:
    before = build()
    assert SECRET.decode() in before
    main(["forget", "201"])
    after = build()
    assert SECRET not in written("data/tuner.db*", "data/finetune/*", "raw/*")
    assert all(f'it is open on day {i}"' in after for i in range(12))
    answers = [json.loads(line)["messages"][-1]["content"] for line in after.splitlines()]
    assert all(text.startswith("it is open") for text in answers)  # what answers the erased is no sample


def test_edits_that_come_later_are_not_stored_either(folder: Path) -> None:
    main(["forget", "201"])
    edited = said(at(0), OZ, "brindlewhort", timestampEdited="2025-01-01T00:00:00+00:00")
    write(
        folder / "export.json",
        [edited, said(at(99_999), OZ, "brindlewhort too"), said(at(100_000), ANN, "hm")],
    )
    build()
    assert b"brindlewhort" not in written("data/tuner.db*", "raw/*", "data/finetune/*")


def test_even_if_they_are_on_the_list_again() -> None:
    main(["forget", "201"])
    assert main(["build-dataset", "--from-export", "export.json", "--allowed-users", "101,102,201"]) == 0
    assert SECRET not in written("data/tuner.db*", "data/finetune/records*")


def test_several_people_and_people_never_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "201", "102", "999"]) == 0
    assert "24 messages lost" in capsys.readouterr().out
    assert main(["forget", "201"]) == 0
    assert "0 messages lost" in capsys.readouterr().out


def test_not_while_somebody_builds(capsys: pytest.CaptureFixture[str]) -> None:
    with builder_lock(ARCHIVE) as free:
        assert free
        assert main(["forget", "201"]) == 1
    assert "is being built from" in capsys.readouterr().err
    assert SECRET in index()


def test_opt_outs_that_cannot_be_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is erased then: other archives would not know of it."""
    Path("file").write_text("")
    assert main(["forget", "201", "--set", "people.opt_outs=file/gone.txt"]) == 2
    assert "file/gone.txt" in capsys.readouterr().err
    assert SECRET in index()


def test_without_an_archive(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "201", "--set", "store.path=elsewhere.db"]) == 2
    assert "There is no archive at elsewhere.db" in capsys.readouterr().err
    assert not Path("elsewhere.db").exists()


def test_other_peoples_words_no_longer_name_them() -> None:
    talk = [
        said(at(90_000), OZ, "who knows?"),
        said(at(90_005), ANN, "ask <@201> or @Oz, not @Ozzy", mentions=[OZ]),
        said(at(90_010), BEN, "will do, thank you Ann"),
    ]
    write(Path("more.json"), talk)
    assert main(["build-dataset", "--from-export", "more.json"]) == 0
    assert main(["forget", "201"]) == 0
    with closing(sqlite3.connect(ARCHIVE)) as db:
        [(content, extras)] = db.execute(
            "SELECT content, extras FROM messages WHERE content LIKE 'ask %'"
        ).fetchall()
    assert content == "ask @someone or @someone, not @Ozzy"
    [speaker] = json.loads(extras)["mentions"]
    assert speaker < 0
