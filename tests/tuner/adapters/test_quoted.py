"""Paid-for answers and the messages that they may quote."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.exports import Said, messages
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import migrations, open_store
from tuner.people.intake import Page

SECRET = "sesame"


async def test_answers_of_an_older_archive_go_when_it_is_opened_for_they_do_not_say_whom_they_quote(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tuner.db"
    with closing(sqlite3.connect(path)) as archive, archive:
        for number, sql in migrations():
            if number <= 2:
                archive.executescript(f"{sql}; PRAGMA user_version = {number};")
        archive.execute("INSERT INTO decisions VALUES ('verdict', '{}', 0, '')")
        archive.execute("INSERT INTO decisions VALUES ('query', ?, 1, '')", (SECRET,))
    async with open_store(path) as store:
        assert await store.fetch("SELECT key FROM decisions") == [("verdict",)]
        await History(store).purge()
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


async def test_an_answer_goes_with_the_first_of_its_sources_and_no_other(tmp_path: Path) -> None:
    talk = messages([Said("Mika", "one"), Said("Jonas", "two"), Said("Mika", "three")])
    async with open_store(tmp_path / "tuner.db") as store:
        history, decisions = History(store), Decisions(store)
        await history.store_page(talk[0].channel_id, Page(talk, {}), None)
        await decisions.keep({"a": {"query": "1"}}, quotes=True, sources=talk[:2])
        await decisions.keep({"b": {"query": "2"}}, quotes=True, sources=talk[2:])
        await decisions.keep({"c": {"keep": False}}, quotes=False)
        await history.store_page(talk[0].channel_id, Page(talk, {}), None)  # nothing new in it
        assert (await decisions.find(["a", "b", "c"])).keys() == {"a", "b", "c"}
        await history.erase([talk[1].id])
        assert (await decisions.find(["a", "b", "c"])).keys() == {"b", "c"}
        assert await store.fetch("SELECT key FROM quoted") == [("b",)]
