"""Files take their places whole and together, or not at all."""

import errno
import hashlib
import json
import os
import resource
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from tests.support.loopback_gateway import PATIENCE
from tuner.adapters.dataset_files import DatasetWriter, encode_stats, upload_path
from tuner.adapters.switch import finish_switches, replacing, switching
from tuner.errors import FatalError, UsageError

OLD = b"old\n"


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file can grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def dataset_writer(path: Path, *, dry_run: bool = False) -> AsyncIterator[DatasetWriter]:
    async with switching() as switch:
        writer = DatasetWriter(switch, path, ["openai"], dry_run)
        yield writer
        await switch.commit()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_bytes(OLD)
    return path


async def test_the_new_file_appears_when_the_block_ends(target: Path) -> None:
    async with replacing(target) as file:
        file.write(b"new\n")
        assert target.read_bytes() == OLD
    assert target.read_bytes() == b"new\n"
    assert names(target.parent) == ["records.jsonl"]


async def test_folders_are_made(tmp_path: Path) -> None:
    async with replacing(tmp_path / "a" / "b" / "c.txt") as file:
        file.write(b"new")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"new"


async def test_a_fault_in_the_block_leaves_the_old_file_and_nothing_else(target: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with replacing(target) as file:
            file.write(b"new\n" * 100_000)
            raise ZeroDivisionError
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl"]


@pytest.mark.parametrize("fault", [TimeoutError(), OSError(errno.ENOENT, "No such file", "an export")])
async def test_somebody_elses_fault_is_not_taken_for_the_files(target: Path, fault: OSError) -> None:
    with pytest.raises(OSError) as raised:
        async with replacing(target):
            raise fault
    assert raised.value is fault
    assert names(target.parent) == ["records.jsonl"]


async def test_a_fault_of_writing_names_the_file(target: Path) -> None:
    with (
        small_files(100_000),
        pytest.raises(FatalError, match=r"records\.jsonl could not be written: File too large"),
    ):
        async with replacing(target) as file:
            for _ in range(10_000):
                file.write(b"new\n" * 100)
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl"]


async def test_a_folder_in_its_place_is_seen_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="could not be written: Is a directory"):
        async with replacing(tmp_path):
            pytest.fail("the work would be for nothing")


async def test_the_files_of_a_dataset_are_the_same_lines(target: Path) -> None:
    async with dataset_writer(target) as writer:
        for number in range(3):
            writer.add(b'{"record": %d}\n' % number, b'{"upload": %d}\n' % number)
        assert target.read_bytes() == OLD
    records, upload = target.read_bytes(), upload_path(target, "openai").read_bytes()
    assert records == b'{"record": 0}\n{"record": 1}\n{"record": 2}\n'
    assert upload == b'{"upload": 0}\n{"upload": 1}\n{"upload": 2}\n'
    assert [(o.path.name, o.lines, o.size, o.sha256) for o in writer.outputs] == [
        ("records.jsonl", 3, len(records), hashlib.sha256(records).hexdigest()),
        ("records.openai.jsonl", 3, len(upload), hashlib.sha256(upload).hexdigest()),
    ]


async def test_a_broken_off_dataset_changes_neither_file(target: Path) -> None:
    upload_path(target, "openai").write_bytes(OLD)
    with pytest.raises(ZeroDivisionError):
        async with dataset_writer(target) as writer:
            writer.add(b"new\n", b"new\n")
            raise ZeroDivisionError
    assert target.read_bytes() == upload_path(target, "openai").read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl", "records.openai.jsonl"]


async def test_the_files_of_a_dataset_are_replaced_together_or_not_at_all(target: Path) -> None:
    """A last piece that does not fit any more is noticed before the first file has taken its place."""
    upload_path(target, "openai").write_bytes(OLD)
    with (
        small_files(3),
        pytest.raises(FatalError, match=r"records\.jsonl could not be written: File too large"),
    ):
        async with dataset_writer(target) as writer:
            writer.add(b"new\n", b"new\n")
    assert target.read_bytes() == upload_path(target, "openai").read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl", "records.openai.jsonl"]


async def test_an_upload_that_cannot_be_written_keeps_the_records_back(target: Path) -> None:
    upload_path(target, "openai").mkdir()
    with pytest.raises(FatalError, match=r"records\.openai\.jsonl could not be written"):
        async with dataset_writer(target) as writer:
            writer.add(b"new\n", b"new\n")
    assert target.read_bytes() == OLD


async def test_a_dry_run_counts_and_touches_nothing(tmp_path: Path) -> None:
    target = tmp_path / "not yet there" / "records.jsonl"
    async with dataset_writer(target, dry_run=True) as writer:
        writer.add(b"new\n", b"new\n")
    assert [o.lines for o in writer.outputs] == [1, 1]
    assert names(tmp_path) == []


def test_stats_are_readable_json() -> None:
    text = encode_stats({"samples": 5, "name": "Küche"}).decode()
    assert "Küche" in text
    assert json.loads(text) == {"samples": 5, "name": "Küche"}


@pytest.mark.parametrize(
    ("records", "upload"),
    [
        ("data/records.jsonl", "data/records.openai.jsonl"),
        ("a.b.jsonl", "a.b.openai.jsonl"),
        ("x", "x.openai.jsonl"),
    ],
)
def test_the_upload_lies_beside_the_records(records: str, upload: str) -> None:
    assert upload_path(Path(records), "openai") == Path(upload)


# -- one switch for all files --------------------------------------------------------

CALLS = ("replace", "hardlink_to", "unlink")  # each changes what a reader finds


def dies(folder: Path, call: str, count: int) -> int:
    """Write a new pair in a process that gets SIGKILL before its `count`-th call of this kind; its exit code."""
    program = f"""
import asyncio, os, pathlib, signal, sys
from tuner.adapters.dataset_files import DatasetWriter
from tuner.adapters.switch import switching
left, real = {count}, pathlib.Path.{call}
def call(*arguments, **options):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
async def main():
    records = pathlib.Path(sys.argv[1]) / "records.jsonl"
    async with switching() as switch:
        writer = DatasetWriter(switch, records, ["openai"], False)
        stats = switch.open(records.with_name("stats.json"))
        writer.add(b"new\\n", b"new\\n")
        stats.write(b"new\\n")
        pathlib.Path.{call} = call
        await switch.commit({{records: records.with_name("kept.jsonl")}})
asyncio.run(main())
"""
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)], timeout=PATIENCE, check=False
    ).returncode


@pytest.mark.parametrize("call", CALLS)
def test_killed_anywhere_all_files_are_old_or_all_are_new(tmp_path: Path, call: str) -> None:
    seen = set()
    for count in range(1, 20):
        folder = tmp_path / str(count)
        folder.mkdir()
        files = [folder / name for name in ("records.jsonl", "records.openai.jsonl", "stats.json")]
        for file in files:
            file.write_bytes(OLD)
        code = dies(folder, call, count)
        assert all(file.exists() for file in files)  # also before anybody finishes what was begun
        finish_switches(folder)
        state = {file.read_bytes() for file in files}
        assert len(state) == 1
        seen |= state
        kept = folder / "kept.jsonl"
        assert (kept.read_bytes() if kept.exists() else None) == (OLD if state == {b"new\n"} else None)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    else:
        pytest.fail("there are not so many calls")
    assert b"new\n" in seen


@pytest.mark.parametrize("call", CALLS)
async def test_the_next_run_finishes_and_clears_what_a_killed_one_left(tmp_path: Path, call: str) -> None:
    target = tmp_path / "records.jsonl"
    target.write_bytes(OLD)
    assert dies(tmp_path, call, 1) == -signal.SIGKILL
    async with dataset_writer(target) as writer, replacing(tmp_path / "stats.json") as stats:
        writer.add(b"newer\n", b"newer\n")
        stats.write(b"newer\n")
    left = {"kept.jsonl"} & set(names(tmp_path))
    assert names(tmp_path) == sorted({"records.jsonl", "records.openai.jsonl", "stats.json"} | left)
    assert target.read_bytes() == b"newer\n"


async def test_what_a_killed_run_was_writing_is_cleared(target: Path) -> None:
    for name in (
        ".records.jsonl.part",
        ".records.jsonl.0123abcd.part",
        ".records.openai.jsonl.0123abcd.part",
    ):
        target.with_name(name).write_bytes(b"words")
    others = target.with_name(".records.jsonl.jsonl.0123abcd.part")
    others.write_bytes(b"somebody writes records.jsonl.jsonl")
    async with dataset_writer(target):
        pass
    assert names(target.parent) == [others.name, "records.jsonl", "records.openai.jsonl"]


async def test_a_journal_of_somebody_else_is_not_obeyed(target: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(json.dumps({"moves": [], "gone": ["victim"]}))
    target.with_name(".records.jsonl.switch").symlink_to(elsewhere)
    finish_switches(tmp_path)
    async with dataset_writer(target) as writer:
        writer.add(b"new\n", b"new\n")
    assert victim.read_bytes() == OLD
    assert target.read_bytes() == b"new\n"


# -- whose place it is -----------------------------------------------------------------


async def test_two_runs_into_one_place(target: Path) -> None:
    async with replacing(target) as first:
        with pytest.raises(FatalError, match=r"records\.jsonl is being written by another run\. Wait"):
            async with dataset_writer(target):
                pytest.fail("two at once")
        first.write(b"the first\n")
    assert target.read_bytes() == b"the first\n"
    assert names(target.parent) == ["records.jsonl"]


async def test_a_planted_link_is_not_followed(target: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    target.with_name(".records.jsonl.part").symlink_to(victim)
    async with replacing(target) as file:
        file.write(b"new\n")
    assert victim.read_bytes() == OLD
    target.unlink()
    target.symlink_to(victim)
    with pytest.raises(UsageError, match=r"records\.jsonl is a link, which is not followed"):
        async with replacing(target):
            pytest.fail("a link")
    target.unlink()
    target.with_name(".records.jsonl.lock").symlink_to(victim)
    with pytest.raises(FatalError, match=r"its lock file .*\.records\.jsonl\.lock cannot be used"):
        async with replacing(target):
            pytest.fail("a link")
    assert victim.read_bytes() == OLD


async def test_what_is_read_or_no_file_or_an_archive_is_not_written(tmp_path: Path) -> None:
    export, alias = tmp_path / "export.json", tmp_path / "alias.json"
    export.write_bytes(OLD)
    alias.hardlink_to(export)
    with closing(sqlite3.connect(tmp_path / "tuner.db")) as archive:
        archive.execute("CREATE TABLE words (word)")
    os.mkfifo(tmp_path / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name, why in (
            ("export.json", "is read by this command"),
            ("alias.json", "is read by this command"),
            ("tuner.db", "is an archive or another database"),
            ("pipe", "is no ordinary file"),
            ("socket", "is no ordinary file"),
        ):
            before = (tmp_path / name).lstat()
            with pytest.raises(UsageError, match=why):
                async with replacing(tmp_path / name, [export]):
                    pytest.fail(name)
            assert (tmp_path / name).lstat() == before


@pytest.mark.parametrize("path", [".", "..", "/", "folder/..", "a\0b", "x" * 300])
async def test_what_is_no_name_of_a_file(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FatalError, match="could not be written: "):
        async with replacing(Path(path)):
            pytest.fail("no file")
    assert names(tmp_path) == []


async def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "records.jsonl"
    async with dataset_writer(target) as writer:
        writer.add(b"new\n", b"new\n")
        modes = {stat.S_IMODE(file.stat().st_mode) for file in target.parent.iterdir()}
        assert modes == {0o600}  # the locks too
    assert {stat.S_IMODE(file.stat().st_mode) for file in target.parent.iterdir()} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (target.parent, target.parent.parent)} == {
        0o700
    }
