"""How an archive stands, without opening it for writing: nothing is made, migrated or locked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tuner.adapters.sqlite_store import is_building, lock_path, migrations
from tuner.amounts import counted
from tuner.config.readiness import Finding

LARGE = 256 << 20  # bytes; looking through more takes too long for a check
RECOVER = (
    "Restore a copy, or make a new archive of what can be read: sqlite3 {path} .recover | sqlite3 new.db; or set "
    "store.path to another file and read again."
)


def check_archive(path: Path) -> Finding:
    """The archive's state. Blocks while a small one is looked through."""
    if not path.exists():
        return Finding("archive", "good", f"{path} is made by the first build.")
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)
        ) as db:
            return _look(db, path)
    except sqlite3.Error as error:
        if "not a database" in str(error):
            return Finding("archive", "bad", f"{path} is no archive.", "Set store.path to another file.")
        damaged = "malformed" in str(error)
        todo = (
            RECOVER.format(path=path) if damaged else "Check its permissions, and that nothing else holds it."
        )
        return Finding("archive", "bad", f"{path} cannot be read: {error}.", todo)


def _look(db: sqlite3.Connection, path: Path) -> Finding:
    [version] = db.execute("PRAGMA user_version").fetchone()
    newest = migrations()[-1][0]
    if version > newest:
        todo = "Update Tuner, or set store.path to another file."
        return Finding("archive", "bad", f"{path} was written by a newer version of Tuner.", todo)
    if version == 0 and db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        todo = "Set store.path to another file."
        return Finding("archive", "bad", f"{path} is a database of some other program.", todo)
    if path.stat().st_size <= LARGE and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        return Finding("archive", "bad", f"{path} is damaged.", RECOVER.format(path=path))
    if lock_path(path).exists() and is_building(path):
        return Finding(
            "archive", "bad", f"{path} is being built from.", "Wait until that is done, or end it."
        )
    [count] = db.execute("SELECT count(*) FROM messages").fetchone() if version else (0,)
    return Finding("archive", "good", f"{path} holds {counted(count, 'message')}.")
