"""Datasets that a build replaced: kept beside the new one under the number of the run that made them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.adapters.dataset_files import card_path, manifest_path, upload_paths


@dataclass(frozen=True, slots=True)
class Former:
    """A dataset file that is about to be replaced. `made` is when, in unix time."""

    path: Path
    lines: int
    sha256: str
    made: float


def former(path: Path) -> Former | None:
    """What lies at a dataset's place, None for nothing. It is read as a whole."""
    try:
        made = path.lstat().st_mtime
        digest, lines, last = hashlib.sha256(), 0, b"\n"
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                lines += block.count(b"\n")
                last = block
    except FileNotFoundError:
        return None
    return Former(path, lines + (not last.endswith(b"\n")), digest.hexdigest(), made)


def kept_path(records: Path, maker: int | None, run_id: int, profiles: Sequence[str]) -> Path:
    """A free name for records that run `run_id` replaces: records.jsonl → records.run-12.jsonl.

    The maker is not known of files that were made by other archives, by hand, or by an older version.
    """
    mark = f"before-run-{run_id}" if maker is None else f"run-{maker}"
    wanted, number = _marked(records, mark), 1
    while any(os.path.lexists(path) for path in with_uploads([wanted], profiles)):
        number += 1
        wanted = _marked(records, f"{mark}-{number}")
    return wanted


def kept_before(records: Path) -> list[Path]:
    """Records that earlier builds replaced and that are still there, the latest made first."""
    kept = re.compile(
        rf"{re.escape(records.stem)}\.(before-)?run-\d+(-\d+)?{re.escape(records.suffix or '.jsonl')}"
    )
    try:
        found = [path for path in records.parent.iterdir() if kept.fullmatch(path.name) and path.is_file()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: (-path.stat().st_mtime, path.name))


def described_before(records: Path) -> list[Path]:
    """Those, and such of which only the manifest is left, or that stands beside files that somebody changed."""
    end = re.escape(manifest_path(records).name.removeprefix(records.stem))
    kept = re.compile(rf"({re.escape(records.stem)}\.(before-)?run-\d+(-\d+)?){end}")
    found = [kept.fullmatch(path.name) for path in records.parent.glob("*.json")]
    described = [records.with_name(f"{match[1]}{records.suffix or '.jsonl'}") for match in found if match]
    return list(dict.fromkeys([*kept_before(records), *sorted(described)]))


def with_uploads(records: Sequence[Path], profiles: Sequence[str]) -> list[Path]:
    """Records, and what lies beside them: the page about them, the manifest, and the profiles' files."""
    return [
        path
        for one in records
        for path in (one, card_path(one), manifest_path(one), *_uploads(one, profiles))
    ]


def _uploads(records: Path, profiles: Sequence[str]) -> list[Path]:
    return [path for profile in profiles for path in upload_paths(records, profile).values()]


def _marked(records: Path, mark: str) -> Path:
    return records.with_name(f"{records.stem}.{mark}{records.suffix or '.jsonl'}")
