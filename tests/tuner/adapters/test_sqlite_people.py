"""What becomes of names and titles in an archive that is older than the knowledge of whose they are."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import migrations, open_store

ROWS = """
INSERT INTO channels VALUES (6, 'general', 1, 'Tests', NULL, ''), (7, 'zanzibar', 1, 'Tests', 6, ''),
    (8, 'Oz, Ann', 0, 'Direct Messages', NULL, '');
INSERT INTO runs (state, started_at, owner, options, progress, message)
    VALUES ('finished', '', '', '{}', '{"channels": {"7": {"name": "zanzibar"}}, "notes": ["#zanzibar: read"]}', '');
"""


def old_archive(path: Path, *, everyone: bool) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for _, sql in migrations()[:2]:
            db.executescript(sql)
        db.executescript(ROWS + "PRAGMA user_version = 2;")
        audience = json.dumps({"everyone": everyone, "named": []})
        db.execute("INSERT INTO meta VALUES ('audience', ?)", (audience,))


@pytest.mark.parametrize("everyone", [False, True])
async def test_old_titles_stay_only_where_everyone_may_be_used(tmp_path: Path, everyone: bool) -> None:
    path = tmp_path / "tuner.db"
    old_archive(path, everyone=everyone)
    async with open_store(path) as store:
        history = History(store)
        await history.purge()
        titles = [channel.name for channel in await history.channels()]
        assert titles == ["general", "zanzibar" if everyone else "thread", "direct-message"]
    assert (b"zanzibar" in path.read_bytes()) is everyone
    assert b"Oz, Ann" not in path.read_bytes()
