"""`forget`: erase people's words and never use them again; or take back an id that was mistyped."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner.adapters.former_datasets import kept_before
from tuner.adapters.opt_outs import add_opt_outs, remove_opt_outs
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_people import People
from tuner.adapters.sqlite_store import Store, builder_lock, open_store
from tuner.amounts import counted, word
from tuner.cli.running import existing_archive, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings
from tuner.errors import FatalError, UsageError


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting did: how many messages lost their text, and of whom nothing was stored."""

    messages: int
    strangers: tuple[int, ...]


def run(arguments: argparse.Namespace) -> int:
    settings, user_ids = settings_of(arguments, needed=False), list(dict.fromkeys(arguments.user))
    if arguments.undo:
        run_to_the_end(_take_back(settings, user_ids))
        say(f"{_ids(user_ids)}: taken back. Words of theirs are stored again where they are allowed.")
        return 0
    forgotten = run_to_the_end(_forget(settings, user_ids))
    if forgotten.strangers:
        ids = _ids(forgotten.strangers)
        say(
            f"Nothing of {ids} is stored, so nothing was erased; from now on their words will not be stored. If an id "
            f"is mistyped, take it back: tuner forget --undo {ids.replace(',', '')}"
        )
    known, erased = len(user_ids) - len(forgotten.strangers), forgotten.messages
    if known:
        say(
            f"{counted(erased, 'message')} lost {word(erased, 'its', 'their')} text, and the words of "
            f"{word(known, 'this person', 'these people')} will not be stored again. {_elsewhere(settings)}"
        )
    return 0


def _elsewhere(settings: Settings) -> str:
    records = Path(settings.dataset.output_path)
    there = [path for path in (records, *kept_before(records)) if path.exists()]
    named = f" ({', '.join(map(str, there))})" if there else ""
    return (
        f"Datasets and transcripts written before still hold them{named}: build again, and delete the old files. "
        "Former datasets that Tuner kept beside the new one go with that build."
    )


async def _forget(settings: Settings, user_ids: Sequence[int]) -> Forgotten:
    """Erase people's words from the archive for good, and note them for other archives too."""
    async with _held(settings) as store:
        history, people = History(store), People(store)
        if settings.people.opt_outs:
            add_opt_outs(Path(settings.people.opt_outs), user_ids)
        audience = await history.audience(settings.dataset.allowed_users, settings.dataset.personas)
        erasing = await people.stored(user_ids)
        known = erasing | await people.seen(user_ids, audience) | set(await people.opted_out(user_ids))
        await people.opt_out(user_ids, erasing)
        messages = await history.forget(user_ids, audience)
        await history.purge()  # also of what an earlier try could not clear
        return Forgotten(messages, tuple(i for i in user_ids if i not in known))


async def _take_back(settings: Settings, user_ids: Sequence[int]) -> None:
    async with _held(settings) as store:
        history, people = History(store), People(store)
        opted_out = await people.opted_out(user_ids)
        if unknown := [i for i in user_ids if i not in opted_out]:
            raise UsageError(
                f"{_ids(unknown)}: not forgotten in this archive, so there is nothing to take back."
            )
        if erased := [i for i in user_ids if opted_out[i]]:
            raise UsageError(
                f"{_ids(erased)}: words were erased, which cannot be taken back. Nothing was changed."
            )
        audience = await history.audience(settings.dataset.allowed_users, settings.dataset.personas)
        if settings.people.opt_outs:
            await remove_opt_outs(Path(settings.people.opt_outs), user_ids)
        await people.take_back(user_ids, reread=bool(await people.seen(user_ids, audience)))


@asynccontextmanager
async def _held(settings: Settings) -> AsyncIterator[Store]:
    path = existing_archive(settings)
    async with open_store(path) as store:
        with builder_lock(path) as free:
            if not free:
                raise FatalError(
                    f"The archive {path} is being built from. Wait until that is done, or end it first."
                )
            yield store


def _ids(user_ids: Sequence[int]) -> str:
    return ", ".join(map(str, user_ids))
