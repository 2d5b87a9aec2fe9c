"""Libraries quote what they choke on. What is told, stored and logged of a fault holds no word of the chat."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.exports import Said, write_exports
from tuner.adapters.sqlite_store import open_store
from tuner.cli.main import main
from tuner.errors import FatalError

SECRET = "xylophone"
TALK = [
    Said("Mika", f"is the {SECRET} full of locked water?"),
    Said("Jonas", "@Mika it is not a database, so disk I/O is readonly"),
] * 8

DAMAGES = {
    "a text": f"UPDATE messages SET content = CAST('full {SECRET} locked ' || X'FFC3' AS TEXT)",
    "a name": f"UPDATE authors SET name = CAST('{SECRET}' || X'FF' AS TEXT)",
    "a channel": f"UPDATE channels SET name = CAST('{SECRET}' || X'FF' AS TEXT)",
    "extras": f'UPDATE messages SET extras = \'{{"poll": "{SECRET}\'',
    "extras of another kind": f"UPDATE messages SET extras = '[\"{SECRET}\"]'",
    "extras of another form": f'UPDATE messages SET extras = \'{{"mentions": 5, "poll": "{SECRET}"}}\'',
    "text that is no text": f"UPDATE messages SET content = CAST('{SECRET}' AS BLOB)",
    "a name that is no text": f"UPDATE authors SET name = CAST('{SECRET}' AS BLOB)",
}
COMMANDS = {
    "build": ["build-dataset", "--from-export", "exports"],
    "explain": ["segment", "--explain", "games", "--around", "{asked}"],
    "forget": ["forget", "77"],
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", {"games": TALK})
    assert main(COMMANDS["build"]) == 0
    return tmp_path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_row_is_not_shown(
    damage: str,
    command: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    archive_path = place / "data" / "tuner.db"
    with closing(sqlite3.connect(archive_path)) as archive, archive:
        [(asked,)] = archive.execute("SELECT min(id) FROM messages")
        archive.execute("DROP TRIGGER words_removed")  # they would notice
        archive.execute("DROP TRIGGER words_changed")
        archive.execute(DAMAGES[damage])
    capsys.readouterr()
    with caplog.at_level(logging.INFO):
        code = main([word.format(asked=asked) for word in COMMANDS[command]])
    told = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "Traceback" not in told.err
    assert code == 0 or told.err.rstrip().splitlines()[-1].startswith("tuner: ")
    with closing(sqlite3.connect(archive_path)) as archive:
        runs = archive.execute("SELECT message, progress FROM runs ORDER BY id DESC LIMIT 1").fetchall()
    if code and damage != "a channel":  # a channel's name is shown
        assert SECRET not in f"{told.out}{told.err}{runs}{caplog.text}"


async def test_not_even_the_cause_of_the_fault_is_kept(tmp_path: Path) -> None:
    """A log with a traceback prints it."""
    async with open_store(tmp_path / "tuner.db") as store:
        with pytest.raises(FatalError) as caught:
            await store.fetch(f"SELECT json('{SECRET}')")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("query", [f"SELECT {SECRET}", f"SELECT json('{SECRET}')", f"SELECT '{SECRET}"])
async def test_a_faulty_query_is_not_quoted(query: str, tmp_path: Path) -> None:
    async with open_store(tmp_path / "tuner.db") as store:
        with pytest.raises(FatalError, match="failed: SQLITE_ERROR") as caught:
            await store.fetch(query)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "end",
    [b"\xff\xfe", b'", "content": zap}', b'"\x01', b'\\q"', b'" "two"'],
    ids=["utf-8", "symbol", "control", "escape", "two"],
)
def test_a_damaged_export_is_not_quoted(
    end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_exports(tmp_path / "exports", {"games": TALK}) / "games.json"
    whole = file.read_bytes()
    position = whole.rindex(SECRET.encode()) + len(SECRET)
    file.write_bytes(whole[:position] + end + b"ylophone" * 20)
    main(["build-dataset", "--from-export", str(file)])
    told = capsys.readouterr()
    assert "games.json" in told.err
    assert "Traceback" not in told.err
    assert "ylophone" not in told.err + told.out
