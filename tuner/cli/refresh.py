"""`refresh`: brings every written file up to date with what was withdrawn since: opt-outs, deletions, edits."""

from __future__ import annotations

import argparse

from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_history import History
from tuner.cli.held import held, trainers
from tuner.cli.running import remark, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings
from tuner.progress import Tally
from tuner.runs.adopting import carry_opt_outs
from tuner.runs.erasing import clear_files
from tuner.runs.withdrawing import Receipt

UP_TO_DATE = "Every written file is up to date with the archive."


def run(arguments: argparse.Namespace) -> int:
    receipt = run_to_the_end(_refreshed(settings_of(arguments, needed=False)))
    if not receipt.done and not receipt.missed and not receipt.later:
        say(UP_TO_DATE)
    return told(receipt)


async def _refreshed(settings: Settings) -> Receipt:
    async with held(settings) as store:
        tally = Tally()
        await carry_opt_outs(store, settings, tally)
        await Datasets(store).mark()
        await History(store).purge()
        receipt = await clear_files(store, settings, trainers(settings))
        receipt.done[:0] = tally.notes
        return receipt


def told(receipt: Receipt) -> int:
    """Say what was done, and what was not; the exit code."""
    for line in receipt.done:
        say(line)
    if receipt.missed:
        say("Not reached:")
    for line in receipt.missed:
        say(f"  {line}")
    for line in receipt.later:
        remark(f"Not done yet: {line} `tuner refresh` goes on with it.")
    return 1 if receipt.later else 0
