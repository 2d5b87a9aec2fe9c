"""Places that a command is going to write, looked at before it reads anything: what cannot work is refused at once."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.adapters.switch import NO_ROOM, TRANSCRIPT, identities, refuse
from tuner.errors import UsageError


def check_file(path: Path, name: str, reads: Iterable[Path] = ()) -> None:
    """Raise UsageError, naming the setting, where no file can be written, or one would destroy something."""
    with _in_words(path, name):
        refuse(path, identities(reads))
        _check_room(path.parent)


def check_signed(path: Path, name: str, signature: str) -> None:
    """Raise UsageError, naming the setting, where a text lies that does not hold the signature: it is not ours."""
    with _in_words(path, name):
        if not path.is_file() or not path.stat().st_size:
            return
        with path.open("rb") as stream:
            start = stream.read(10_000)
    if signature.encode() not in start:
        raise UsageError(
            f"{name}: {path} was not written by a build, and would be replaced by what one writes about the dataset. "
            "Choose another name for the dataset, or move that file."
        )


def check_folder(path: Path, name: str) -> None:
    """The same for a folder of transcripts."""
    with _in_words(path, name):
        if path.is_symlink():
            raise UsageError(
                f"{path} is a link, which is not followed. Name the folder itself, or remove the link."
            )
        if os.path.lexists(path) and not path.is_dir():
            raise UsageError(f"{path} is no folder. Name one, or remove what is there.")
        _check_room(path)
        if path.is_dir():
            for found in path.iterdir():
                if re.fullmatch(TRANSCRIPT, found.name):
                    refuse(found)


def _check_room(folder: Path) -> None:
    """Raise an OSError where no file can be made in a folder, or the folder not be made."""
    while not os.path.lexists(folder):
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def _in_words(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error.__cause__
    except (OSError, ValueError) as error:  # a ValueError: no file has such a name
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return  # there may be when it comes to writing
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(
            f"{name}: {path} could not be written: {why}. Choose another place and run again."
        ) from error
