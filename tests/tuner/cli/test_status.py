"""`tuner status`: the last runs and what is stored, also of runs that ended without a word."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.export_files import CHANNEL, at, person, said, write
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import builder_lock, open_store
from tuner.cli.main import main
from tuner.models import Channel, Message
from tuner.people.intake import Page
from tuner.ranges import Range

ANN, BEN, OZ = person(101, "Ann"), person(102, "Ben"), person(201, "Oz")
ARCHIVE = Path("data/tuner.db")
READ = Channel(9, "read")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    talk = [
        said(at(0), ANN, "open?"),
        said(at(60), BEN, "yes it is", reply_to=at(0)),
        said(at(7200), OZ, "hm"),
    ]
    write(tmp_path / "export.json", talk)
    return tmp_path


def build(*flags: str) -> None:
    assert main(["build-dataset", "--from-export", "export.json", "--allowed-users", "101,102", *flags]) == 0


def status(capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    capsys.readouterr()
    assert main(["status", *flags]) == 0
    return capsys.readouterr().out.splitlines()


def start_run_and_die() -> None:
    async def start() -> None:
        async with open_store(ARCHIVE) as store:
            await Runs(store).start("a process that died", {})

    asyncio.run(start())


def store_range(*ranges: Range) -> None:
    async def keep() -> None:
        async with open_store(ARCHIVE) as store:
            history = History(store)
            await history.save_channel(READ)
            for covered in ranges:
                page = Page((Message(covered.last, READ.id, 101, "Ann", "hi"),), {101: "Ann"})
                await history.store_page(READ.id, page, covered)

    asyncio.run(keep())


def test_after_builds_from_an_export(capsys: pytest.CaptureFixture[str]) -> None:
    build()
    build("--dry-run")
    head, blank, runs, second, first, *rest = status(capsys)
    assert (head, blank, runs) == ("Archive data/tuner.db", "", "Last runs:")
    assert second.startswith("  2 (dry run) finished, ")
    assert "0 messages read, 1 approved, 1 sample, 0 tool calls" in second
    assert first.startswith("  1 finished, ")
    assert "3 messages read, 1 approved, 1 sample" in first
    assert rest[-2:] == [
        "Channels:",
        f"  #general ({CHANNEL}): 2 messages and 1 stub, 2023-11-14 22:13 to 2023-11-15 00:13 UTC, from exports",
    ]


def test_a_failed_run_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "export.json"
    path.write_text(path.read_text()[:-400])
    assert main(["build-dataset", "--from-export", "export.json"]) == 1
    lines = status(capsys)
    assert lines[3].startswith("  1 failed, ")
    assert "export.json ends in the middle or is damaged" in lines[4]


def test_a_run_whose_owner_died_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    build()
    start_run_and_die()
    assert status(capsys)[3].startswith("  2 interrupted, ")
    build()
    lines = status(capsys)
    assert lines[3].startswith("  3 finished, ")
    assert lines[4].startswith("  2 interrupted, ")


def test_a_run_whose_owner_lives_is_running(capsys: pytest.CaptureFixture[str]) -> None:
    build()
    start_run_and_die()
    with builder_lock(ARCHIVE) as free:
        assert free
        assert status(capsys)[3].startswith("  2 running, ")


@pytest.mark.parametrize(
    ("first", "earliest", "said"),
    [
        (at(0), "2023-11-14T22:13:20Z", "reaches dataset.earliest"),
        (at(0), "2023-11-15", "reaches dataset.earliest"),
        (at(0), "2023-11-14", "does not reach dataset.earliest yet"),
        (0, "", "reaches the channel's beginning"),
    ],
)
def test_whether_a_channel_reaches_back(
    capsys: pytest.CaptureFixture[str], first: int, earliest: str, said: str
) -> None:
    store_range(Range(first, at(99_999)))
    line = status(capsys, "--set", f"dataset.earliest={earliest}")[-1]
    assert line == f"  #read (9): 1 message, 2023-11-16 01:59 to 2023-11-16 01:59 UTC, {said}"


def test_gaps_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    ranges = [Range(at(0), at(10)), Range(at(100), at(110)), Range(at(200), at(210))]
    store_range(*(replace(r) for r in ranges))
    assert status(capsys)[-1].endswith("does not reach dataset.earliest yet, 2 gaps")


def test_an_empty_archive_and_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "There is no archive at data/tuner.db yet" in capsys.readouterr().err
    assert not ARCHIVE.exists()
    store_range()
    assert [line for line in status(capsys) if "none yet" in line or "#" in line] == [
        "  none yet",
        "  #read (9): nothing stored",
    ]
