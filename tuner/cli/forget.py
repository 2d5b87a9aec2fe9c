"""`forget`: erase people's words and never use them again; or take back an id that was mistyped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tuner.adapters.opt_outs import remove_opt_outs
from tuner.adapters.sqlite_people import People
from tuner.amounts import counted, word
from tuner.cli.held import held, trainers
from tuner.cli.refresh import told
from tuner.cli.running import run as run_to_the_end
from tuner.cli.running import say, settings_of
from tuner.config.settings import Settings
from tuner.errors import UsageError
from tuner.runs.audiences import audience_for
from tuner.runs.erasing import Erased, clear_files, erase_people
from tuner.runs.withdrawing import Receipt


def run(arguments: argparse.Namespace) -> int:
    settings, user_ids = settings_of(arguments, needed=False), list(dict.fromkeys(arguments.user))
    if arguments.undo:
        run_to_the_end(_take_back(settings, user_ids))
        say(f"{_ids(user_ids)}: taken back. Words of theirs are stored again where they are allowed.")
        return 0
    erased, receipt = run_to_the_end(_forget(settings, user_ids))
    if erased.strangers:
        ids = _ids(erased.strangers)
        say(
            f"Nothing of {ids} is stored, so nothing was erased; from now on their words will not be stored. If an id "
            f"is mistyped, take it back: tuner forget --undo {ids.replace(',', '')}"
        )
    known, lost = len(user_ids) - len(erased.strangers), erased.messages
    if known:
        say(
            f"{counted(lost, 'message')} lost {word(lost, 'its', 'their')} text, and the words of "
            f"{word(known, 'this person', 'these people')} will not be stored again."
        )
    return told(receipt)


async def _forget(settings: Settings, user_ids: Sequence[int]) -> tuple[Erased, Receipt]:
    """Erase people's words for good: from the archive, then from every file and upload."""
    async with held(settings) as store:
        erased = await erase_people(store, settings, user_ids)
        return erased, await clear_files(store, settings, trainers(settings), user_ids)


async def _take_back(settings: Settings, user_ids: Sequence[int]) -> None:
    async with held(settings) as store:
        people = People(store)
        opted_out = await people.opted_out(user_ids)
        if unknown := [i for i in user_ids if i not in opted_out]:
            raise UsageError(
                f"{_ids(unknown)}: not forgotten in this archive, so there is nothing to take back."
            )
        if erased := [i for i in user_ids if opted_out[i]]:
            raise UsageError(
                f"{_ids(erased)}: words were erased, which cannot be taken back. Nothing was changed."
            )
        audience = await audience_for(store, settings)
        if settings.people.opt_outs:
            await remove_opt_outs(Path(settings.people.opt_outs), user_ids)
        await people.take_back(user_ids, reread=bool(await people.seen(user_ids, audience)))


def _ids(user_ids: Sequence[int]) -> str:
    return ", ".join(map(str, user_ids))
