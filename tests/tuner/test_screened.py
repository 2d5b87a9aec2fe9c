"""A whole build of a server where people write secrets and personal details: nothing of them is anywhere it went."""

import json
import logging
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.export_files import CHANNEL, at, person, said, write
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all, build_with_model
from tests.support.planted import SECRETS, Planted, planted
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.pipeline import RunStats

ANN, BEN, CAT = person(101, "Ann"), person(102, "Ben Hollis"), person(103, "cat@example.com")
FERN = person(104, "Cat Ferndale")
LONGEST = 400  # characters of what is planted: a model is shown no more of a line


def chosen() -> list[Planted]:
    """Some lines of every kind, values that nothing else could hold."""
    lines = [one for n, one in enumerate(planted(5)) if n % 40 == 3 and len(one.value) >= 6]
    return [one for one in lines if "§" not in one.value and len(one.value) < LONGEST]


def talk(lines: list[Planted]) -> list[dict[str, Any]]:
    """Each line is asked about, is answered, and is recalled later."""
    made: list[dict[str, Any]] = []
    seconds = count(0, 40_000)
    for one in lines:
        start, text = next(seconds), one.line
        turns = (
            (ANN, f"can anybody look at this lamp for me: {text}"),
            (BEN, f"sure, the lamp needs a new wire, and {text} is for you"),
            (CAT, f"do you remember what was wrong with the lamp and {text}?"),
            (BEN, "yes, it was the wire of the lamp that had come loose there"),
        )
        for n, (author, said_then) in enumerate(turns):
            reply = {"reply_to": int(made[-1]["id"])} if n else {}
            made.append(said(at(start + 30 * n), author, said_then, **reply))
    return made


async def build(folder: Path, lines: list[Planted], server: LoopbackOpenAI, **changes: Any) -> RunStats:
    title = "ask jane.doe77@example.com or +49 170 1234567"
    exports = write(
        folder / "in" / "export.json", talk(lines), name=title, topic="mail jane.doe77@example.com"
    )
    raw = {"dataset.raw_dump_dir": str(folder / "raw"), "models.tool_trigger": MODEL}
    raw |= {"screen.same_reply": 0, "screen.near_copies": 0}  # they all end alike
    return await build_with_model(folder, exports, server, raw | changes)


def left_in(text: str, lines: list[Planted]) -> list[Planted]:
    return [one for one in lines if one.value in text or json.dumps(one.value)[1:-1] in text]


def written(folder: Path) -> str:
    """Every file below a folder but what was read and the archive."""
    files = [
        f
        for f in folder.rglob("*")
        if f.is_file() and f.parent.name != "in" and not f.name.startswith("tuner.db")
    ]
    return "\n".join(f"{file.name}\n{file.read_text('utf-8')}" for file in files)


async def test_nothing_planted_is_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tuner")
    lines = chosen()
    async with LoopbackOpenAI(approve_all) as server:
        stats = await build(tmp_path, lines, server)
        asked = "\n".join(request.text for request in server.requests)
    assert (
        len(lines) > 60
        and stats.counts["samples"] == len(lines)
        and stats.counts["synthetic_tool_calls"] > 10
    )
    files = written(tmp_path)
    for text in (files, asked, caplog.text, json.dumps(stats.counts, ensure_ascii=False)):
        assert left_in(text, lines) == []
        assert "jane.doe77" not in text and "cat@example.com" not in text
    assert "[phone 1]" in files and "[secret]" in files and "lamp" in asked
    screened = stats.counts["screened"]
    assert screened["collect"].keys() == {"secret"} and screened["screen"]["e-mail"] > 3
    card = (tmp_path / "records.md").read_text()
    assert "Screening: by rules" in card and "Taken out of what people wrote:" in card


async def test_secrets_are_never_stored(tmp_path: Path) -> None:
    lines = [one for one in chosen() if one.kind in SECRETS]
    async with LoopbackOpenAI(approve_all) as server:
        await build(tmp_path, lines, server)
    held = b"".join(file.read_bytes() for file in tmp_path.glob("tuner.db*")).decode("utf-8", "replace")
    assert left_in(held, lines) == []


async def test_asking_again_costs_nothing(tmp_path: Path) -> None:
    """What a model says of screened words is kept like any other answer."""
    lines = [one for one in chosen() if one.kind in ("mail", "ipv4")]
    async with LoopbackOpenAI(approve_all) as server:
        await build(tmp_path, lines, server)
        first, records = len(server.requests), (tmp_path / "records.jsonl").read_bytes()
        await build(tmp_path, lines, server)
        assert len(server.requests) == first
    assert (tmp_path / "records.jsonl").read_bytes() == records


async def test_a_sample_numbers_its_values(tmp_path: Path) -> None:
    mails = [
        Planted("mail", f"{name}@example.com", f"{name}@example.com")
        for name in ("tom.miller1", "ann.smith2")
    ]
    async with LoopbackOpenAI(approve_all) as server:
        await build(tmp_path, mails, server)
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    for record in records:
        said_in = json.dumps(record["messages"])
        assert "[e-mail 1]" in said_in and "for me: [e-mail 1]" in said_in
    assert len(records) == 2


async def test_parts_can_be_turned_off(tmp_path: Path) -> None:
    mail = Planted("mail", "tom.miller1@example.com", "tom.miller1@example.com")
    off = {"screen.secrets": False, "screen.details": []}
    async with LoopbackOpenAI(approve_all) as server:
        stats = await build(tmp_path, [mail], server, **off)
    assert "tom.miller1@example.com" in (tmp_path / "records.jsonl").read_text()
    assert stats.counts["screened"] == {}
    assert "Screening: none." in (tmp_path / "records.md").read_text()


async def test_secrets_of_before_leave_the_archive(tmp_path: Path) -> None:
    """An archive from before there were rules: messages, index, titles and paid answers."""
    lines = [one for one in chosen() if one.kind in SECRETS][:40]
    off = {"screen.secrets": False, "screen.details": []}
    async with LoopbackOpenAI(approve_all) as server:
        await build(tmp_path, lines, server, **off)
        assert len(left_in(_archived(tmp_path), lines)) > 30
        stats = await build(tmp_path, [], server)
    assert left_in(_archived(tmp_path), lines) == []
    assert "jane.doe77" not in _archived(tmp_path)
    assert any(
        note.startswith("Secrets were taken out of what was stored before") for note in stats.counts["notes"]
    )
    async with open_store(tmp_path / "tuner.db") as store:
        assert await store.fetch("SELECT 1 FROM meta WHERE key = 'screened' AND value <> ''")
        assert await History(store).search(0, "hunter", 1 << 62, 5) == []


def _archived(folder: Path) -> str:
    """All that is in the file, index and free pages included."""
    with closing(sqlite3.connect(folder / "tuner.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"".join(file.read_bytes() for file in folder.glob("tuner.db*")).decode("utf-8", "replace")


async def test_with_aliases_nobody_is_called_by_a_name(tmp_path: Path) -> None:
    """Speakers, mentions, names behind an @ and typed ones, former ones, in every file; and two datasets differ."""
    former = {**ANN, "nickname": "Annabelle", "name": "annabelle77"}
    texts = (
        (former, "hello everybody, how does one mend a lamp that went dark?"),
        (BEN, "Annabelle77, open it and look at the wire, as Cat Ferndale said"),
        (ANN, "thanks Ben Hollis, and @Cat Ferndale too, that lamp works"),
        (FERN, "glad to hear that the lamp works again, annabelle"),
        (BEN, "do you remember what Cat Ferndale said about the lamp?"),
        (ANN, "she said that the wire of the lamp had come loose"),
    )
    made: list[dict[str, Any]] = []
    for n, (author, text) in enumerate(texts):
        reply = {"reply_to": int(made[-1]["id"])} if n not in (0, 4) else {}
        wait = 40_000 if n >= 4 else 0
        made.append(said(at(30 * n + wait), author, text, **reply))
    exports = write(tmp_path / "in" / "export.json", made, name="lamps of Ben Hollis")
    notes = {str(CHANNEL): {"topic": "the lamps that Cat Ferndale mends"}}
    changes = {
        "prompt.names": "alias",
        "prompt.channels": notes,
        "dataset.raw_dump_dir": str(tmp_path / "raw"),
    }
    async with LoopbackOpenAI(approve_all) as server:
        await build_with_model(tmp_path, exports, server, changes)
        first = (tmp_path / "records.jsonl").read_text()
        elsewhere = changes | {"dataset.output_path": str(tmp_path / "other.jsonl")}
        await build_with_model(tmp_path, exports, server, elsewhere)
        asked = "\n".join(request.text for request in server.requests)
    for text in (written(tmp_path), asked):
        for name in ("annabelle", "hollis", "ferndale"):
            assert name not in text.casefold(), text[max(0, text.casefold().find(name) - 200) :][:400]
    assert "mends" in first and first != (tmp_path / "other.jsonl").read_text()
