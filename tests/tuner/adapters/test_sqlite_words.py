"""The index of words: any script, archives of before, and nothing left of what is erased."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.export_files import at
from tests.support.loopback_gateway import PATIENCE
from tuner.adapters import sqlite_store
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import migrations, open_store
from tuner.errors import FatalError
from tuner.models import Message
from tuner.people.intake import Page
from tuner.text.terms import as_indexed, beginnings

CHANNEL, ANN = 7, 101
TEXTS = (
    "the blue kettles leak",
    "旧的水龙头要半英寸的垫圈",
    "この前の蛇口のパッキンと鍵",
    "กุญแจอยู่กับเพื่อนบ้านชั้นล่าง",
    "लाल केतली टूट गई, चाबियाँ भी",
    "열쇠를 이웃에게 맡겼어요",
    "تركت المفتاح عند الجارة",
    "я купил новый чайник",
    "die Schlüssel der Werkstatt",
    "Docker在服务器上 works",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tuner.db"


async def fill(path: Path, texts: Sequence[str] = TEXTS) -> None:
    async with open_store(path) as store:
        messages = tuple(Message(at(n), CHANNEL, ANN, "Ann", text) for n, text in enumerate(texts))
        await History(store).store_page(CHANNEL, Page(messages, {ANN: "Ann"}), None)


async def found(path: Path, word: str, language: str = "") -> list[str]:
    async with open_store(path) as store:
        history = History(store)
        starts = beginnings(word, language) if language else ()
        ids = await history.search(CHANNEL, word, at(99), 9, starts)
        return [message.text or "" for message in await history.by_id(ids)]


def index(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as db:
        return b"".join(block for (block,) in db.execute("SELECT block FROM words_data"))


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("kettle", 0),
        ("水龙头", 1),
        ("垫圈", 1),
        ("龙水", None),
        ("蛇口", 2),
        ("パッキン", 2),
        ("鍵", 2),  # one letter
        ("กุญแจ", 3),
        ("บ้าน", 3),
        ("केतली", 4),
        ("docker", 9),  # written without a space before the Chinese
        ("服务器", 9),
    ],
)
async def test_words_of_any_script_are_found(path: Path, word: str, place: int | None) -> None:
    await fill(path)
    assert await found(path, word) == ([] if place is None else [TEXTS[place]])


@pytest.mark.parametrize(
    ("language", "word", "place"),
    [
        ("hi", "चाबी", 4),
        ("ko", "열쇠가", 5),
        ("ar", "مفتاح", 6),
        ("ar", "بالمفتاح", 6),
        ("ru", "чайника", 7),
        ("de", "Schlüsseln", 8),
    ],
)
async def test_other_forms_of_a_word_are_found(path: Path, language: str, word: str, place: int) -> None:
    await fill(path)
    assert await found(path, word) == []
    assert await found(path, word.casefold(), language) == [TEXTS[place]]


# -- erasing -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["forget", "erase", "edit"])
async def test_nothing_is_left_of_what_is_erased(path: Path, how: str) -> None:
    await fill(path)
    terms = [term.encode() for text in TEXTS for term in as_indexed(text).split() if len(term.encode()) > 4]
    terms = [term for term in terms if term in index(path)]  # of some, the index keeps only how they end
    assert len(terms) > 10
    async with open_store(path) as store:
        history = History(store)
        stored = [m async for batch in history.messages(CHANNEL) for m in batch]
        if how == "forget":
            await history.forget([ANN], await history.audience([]))
        elif how == "erase":
            await history.erase([m.id for m in stored])
        else:
            edited = tuple(replace(m, text="gone", edited_ms=5) for m in stored)
            await history.store_page(CHANNEL, Page(edited, {ANN: "Ann"}), None)
        await history.purge()
    whole = index(path) + b"".join(file.read_bytes() for file in path.parent.glob("tuner.db*"))
    assert [term for term in terms if term in whole] == []
    assert await found(path, "水龙头") == []


async def test_another_program_that_deletes_a_message_keeps_the_index_right(path: Path) -> None:
    await fill(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM messages WHERE content = ?", (TEXTS[1],))
        db.commit()
    assert await found(path, "水龙头") == []
    assert await found(path, "蛇口") == [TEXTS[2]]


# -- archives of before ----------------------------------------------------------------


async def old_archive(path: Path, monkeypatch: pytest.MonkeyPatch, texts: Sequence[str] = TEXTS) -> None:
    with monkeypatch.context() as before:
        before.setattr(sqlite_store, "migrations", lambda: [m for m in migrations() if m[0] < 8])
        await fill(path, texts)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (7,)


async def test_an_archive_of_before_is_indexed_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await old_archive(path, monkeypatch)
    assert await found(path, "水龙头") == [TEXTS[1]]
    assert await found(path, "kettle") == [TEXTS[0]]
    async with open_store(path) as store:
        history = History(store)
        await history.forget([ANN], await history.audience([]))
    assert "水龙".encode() not in index(path) and b"kettl" not in index(path)


async def test_a_move_that_is_broken_off_is_begun_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await old_archive(path, monkeypatch)
    with monkeypatch.context() as broken:
        steps = [(n, f"{sql}\nSELECT nothing FROM nowhere;" if n == 8 else sql) for n, sql in migrations()]
        broken.setattr(sqlite_store, "migrations", lambda: steps)
        with pytest.raises(FatalError):
            async with open_store(path):
                pytest.fail("it broke off")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (7,)
        assert db.execute("SELECT count(*) FROM words WHERE words MATCH 'kettles'").fetchone() == (1,)
    assert await found(path, "水龙头") == [TEXTS[1]]


def statements(sql: str) -> list[str]:
    """The statements of a script, each with its semicolon; a trigger's own are no ends."""
    found, rest = [], ""
    for part in sql.split(";")[:-1]:
        rest += f"{part};"
        if sqlite3.complete_statement(rest):
            found.append(rest)
            rest = ""
    return found


STEPS = statements(dict(migrations())[8])
DIES = """
import asyncio, os, pathlib, signal, sys
from tuner.adapters import sqlite_store
path, sql = pathlib.Path(sys.argv[1]), sys.argv[2]
real = sqlite_store._migrate
async def migrate(connection, path):
    await connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
    await connection.execute("PRAGMA cache_size = 5")  # so that much is written before it is all
    await real(connection, path)
sqlite_store._migrate = migrate
steps = [(number, sql if number == 8 else text) for number, text in sqlite_store.migrations()]
sqlite_store.migrations = lambda: steps
async def main():
    async with sqlite_store.open_store(path):
        pass
asyncio.run(main())
"""


@pytest.mark.parametrize("done", [1, 4, 6, 7, len(STEPS) - 1, len(STEPS)])
async def test_a_move_that_is_killed_is_begun_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """After so many of its statements; the seventh fills the index."""
    await old_archive(path, monkeypatch, [*TEXTS, *(f"{text} {n}" for n in range(99) for text in TEXTS)])
    sql = "".join([*STEPS[:done], "\nSELECT die();", *STEPS[done:]])
    killed = subprocess.run([sys.executable, "-c", DIES, str(path), sql], timeout=PATIENCE, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(await found(path, "水龙头")) == len(await found(path, "kettle")) == 9
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        assert db.execute("SELECT count(*) FROM words WHERE words MATCH 'kettle'").fetchone() == (100,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
