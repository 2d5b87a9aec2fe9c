"""People who opted out, in a text file that is carried from archive to archive (`people.opt_outs`): one id a line."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from tuner.adapters.places import OWNER_ONLY, make_folder
from tuner.adapters.switch import in_words, replacing
from tuner.errors import UsageError

LARGEST_ID = (1 << 63) - 1


def read_opt_outs(path: Path) -> frozenset[int]:
    """The ids in the file, none where there is no file yet. What follows a # is for people."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return frozenset()
    except UnicodeDecodeError:
        raise UsageError(f"people.opt_outs: {path} is not UTF-8 text. Save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"people.opt_outs: {path} cannot be read: {why}.") from None
    return frozenset(_id(path, number, text) for number, line in enumerate(lines, 1) if (text := _bare(line)))


def add_opt_outs(path: Path, user_ids: Iterable[int]) -> None:
    """Append those that are missing."""
    missing = sorted(set(user_ids) - read_opt_outs(path))
    if not missing:
        return
    with in_words(path, opening=True):
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
        with os.fdopen(descriptor, "rb+") as stream:
            held = stream.read()
            ended = b"" if held.endswith(b"\n") or not held else b"\n"
            stream.write(ended + b"".join(b"%d\n" % user_id for user_id in missing))
            stream.flush()
            os.fsync(stream.fileno())


async def remove_opt_outs(path: Path, user_ids: Collection[int]) -> None:
    """Take ids out again; everything else in the file stays."""
    if read_opt_outs(path).isdisjoint(user_ids):
        return
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    unwanted = {str(user_id) for user_id in user_ids}
    async with replacing(path) as file:
        file.write("".join(f"{line}\n" for line in lines if _bare(line) not in unwanted).encode())


def _bare(line: str) -> str:
    return line.partition("#")[0].strip()


def _id(path: Path, number: int, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= LARGEST_ID:
        raise UsageError(
            f"people.opt_outs: {path}, line {number}: {text[:40]!r} is not a Discord id, a number such as "
            "123456789012345678. It takes one a line; what follows a # is left alone."
        )
    return int(text)
