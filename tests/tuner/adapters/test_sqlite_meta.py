"""Rows beside the messages that something damaged: a sentence that names them, and nothing lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.export_files import at, person, said, write
from tuner.cli.main import main

ANN, BEN = person(101, "Ann"), person(102, "Ben")
BUILD = ["build-dataset", "--from-export", "in.json", "--allowed-users", "101,102", "--yes"]
COMMANDS = [BUILD, [*BUILD, "--dry-run"], ["status"], ["forget", "101"]]
TEXTS = (
    "what kind of valve does the pump in the workshop fit?",
    "the narrow one, and those of old tubes if you turn the head",
)
DAMAGE = {
    "audience": ["", "null", "[]", '{"everyone": true}', '{"everyone": 1, "named": [1]}', "[" * 5000],
    "salt": ["", "zz", "0"],
    "attended": ["", "soon", "nan", "inf", "-1"],
    "withdrawn": ["", "soon", "nan"],
}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    messages = [said(at(5), ANN, TEXTS[0]), said(at(20), BEN, TEXTS[1], reply_to=at(5))]
    write(tmp_path / "in.json", messages)
    assert main(BUILD) == 0
    return tmp_path / "data" / "tuner.db"


def messages(archive: Path) -> list[tuple[int, str | None]]:
    with closing(sqlite3.connect(archive)) as db:
        return db.execute("SELECT id, content FROM messages ORDER BY id").fetchall()


@pytest.mark.parametrize(("key", "rubbish"), [(key, one) for key, many in DAMAGE.items() for one in many])
def test_what_is_remembered_beside_messages_is_named_when_damaged(
    archive: Path, capsys: pytest.CaptureFixture[str], key: str, rubbish: str
) -> None:
    before = messages(archive)
    with closing(sqlite3.connect(archive)) as db, db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, rubbish))
    codes = [main(command) for command in COMMANDS]
    told = capsys.readouterr().err
    if 1 in codes[:3]:  # whatever needs the row; what does not goes on
        assert f"what stands under '{key}' in its table meta is not what was stored" in told
    assert messages(archive)[1:] == before[1:]  # whose words nobody wanted erased
    assert set(codes) <= {0, 1} and "Traceback" not in told


@pytest.mark.parametrize("rubbish", ["", "{", "[1", "null", "7"])
@pytest.mark.parametrize("column", ["options", "progress", "files"])
def test_what_is_remembered_of_runs_may_be_damaged(
    archive: Path, capsys: pytest.CaptureFixture[str], column: str, rubbish: str
) -> None:
    with closing(sqlite3.connect(archive)) as db, db:
        db.execute(f"UPDATE runs SET {column} = ?", (rubbish,))
    assert {main(command) for command in COMMANDS} <= {0, 1}
    assert "Traceback" not in capsys.readouterr().err
