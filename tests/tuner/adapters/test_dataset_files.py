"""Files take their places whole and together, or not at all."""

import errno
import hashlib
import json
from pathlib import Path

import pytest

from tuner.adapters.dataset_files import dataset_writer, replacing, upload_path, write_stats
from tuner.errors import FatalError

OLD = b"old\n"
FULL = Path("/dev/full")  # Linux: a file on a full disk; what is written beside a file goes there


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


async def test_what_is_not_wanted_in_the_end_leaves_the_old_file(target: Path) -> None:
    async with replacing(target, lambda: False) as file:
        file.write(b"new\n")
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
    target.with_name(f".{target.name}.part").symlink_to(FULL)
    with pytest.raises(FatalError, match=r"records\.jsonl could not be written: No space left on device"):
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
    async with dataset_writer(target, ["openai"], dry_run=False) as writer:
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
        async with dataset_writer(target, ["openai"], dry_run=False) as writer:
            writer.add(b"new\n", b"new\n")
            raise ZeroDivisionError
    assert target.read_bytes() == upload_path(target, "openai").read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl", "records.openai.jsonl"]


async def test_the_files_of_a_dataset_are_replaced_together_or_not_at_all(target: Path) -> None:
    """A last piece that does not fit any more is noticed before the first file has taken its place."""
    upload_path(target, "openai").write_bytes(OLD)
    target.with_name(f".{target.name}.part").symlink_to(FULL)
    with pytest.raises(FatalError, match=r"records\.jsonl could not be written: No space left on device"):
        async with dataset_writer(target, ["openai"], dry_run=False) as writer:
            writer.add(b"new\n", b"new\n")
    assert target.read_bytes() == upload_path(target, "openai").read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl", "records.openai.jsonl"]


async def test_an_upload_that_cannot_be_written_keeps_the_records_back(target: Path) -> None:
    upload_path(target, "openai").mkdir()
    with pytest.raises(FatalError, match=r"records\.openai\.jsonl could not be written"):
        async with dataset_writer(target, ["openai"], dry_run=False) as writer:
            writer.add(b"new\n", b"new\n")
    assert target.read_bytes() == OLD


async def test_without_a_sample_the_old_dataset_stays(target: Path) -> None:
    async with dataset_writer(target, ["openai"], dry_run=False):
        pass
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["records.jsonl"]


async def test_a_dry_run_counts_and_touches_nothing(tmp_path: Path) -> None:
    target = tmp_path / "not yet there" / "records.jsonl"
    async with dataset_writer(target, ["openai"], dry_run=True) as writer:
        writer.add(b"new\n", b"new\n")
    assert [o.lines for o in writer.outputs] == [1, 1]
    assert names(tmp_path) == []


async def test_stats_are_readable_json(tmp_path: Path) -> None:
    await write_stats(tmp_path / "stats.json", {"samples": 5, "name": "Küche"})
    text = (tmp_path / "stats.json").read_text(encoding="utf-8")
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
