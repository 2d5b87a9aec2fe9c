"""Does fitting the links to a server's native replies help? Half of them are hidden and found, then the rest."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from tests.benchmarks import annotated
from tests.benchmarks.conversation_archive import REPLIES, fitted
from tests.benchmarks.report import table
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.cli.archive import import_exports
from tuner.config.settings import Settings
from tuner.progress import CalibrationTally

TITLES = {"dev": "dev", "newdomains": "new domains", "train": "train, which the model has seen"}
SEEN = "train"  # and large: one seed is enough


def calibration(splits: Sequence[str], seeds: Sequence[int]) -> bool:
    """Print the share of hidden replies whose conversation is found before and after; whether no archive loses.

    Of others: where a start is no answer. A fit that finds no more is not kept, and chat like that which the
    model was trained on gives none: what is shown is that it does no harm.
    """
    print(f"Names hidden, {REPLIES} % of the annotated messages native replies.\n", flush=True)
    lines = [
        [
            "archive",
            "seed",
            "replies used",
            "found of others before, %",
            "after, %",
            "found before, %",
            "after, %",
            "verdict",
        ]
    ]
    kept = True
    for split in splits:
        chosen = seeds[:1] if split == SEEN else seeds
        runs = [asyncio.run(fitted_to(split, seed)) for seed in chosen]
        lines += [row(TITLES[split], str(seed), [run], "") for seed, run in zip(chosen, runs, strict=True)]
        gain = mean(run.others_after - run.others_before for run in runs)
        kept &= gain >= 0
        lines.append(
            row(TITLES[split], "mean", runs, "better" if gain > 0 else "as good" if gain == 0 else "worse")
        )
    print(table(lines) + "\n", flush=True)
    return kept


def row(title: str, seed: str, runs: Sequence[CalibrationTally], judged: str) -> list[str]:
    found = [
        f"{100 * mean(shares):.2f}"
        for shares in (
            [run.others_before for run in runs],
            [run.others_after for run in runs],
            [run.accuracy_before for run in runs],
            [run.accuracy_after for run in runs],
        )
    ]
    return [title, seed, f"{mean(run.replies for run in runs):,.0f}", *found, judged]


async def fitted_to(split: str, seed: int) -> CalibrationTally:
    """What the native replies of an archive that exports were imported to change."""
    with tempfile.TemporaryDirectory(prefix="tuner-calibration-") as name:
        folder = Path(name)
        for channel in annotated.load(split, hide_names=True):
            document = annotated.export(channel, annotated.annotated_replies(channel, REPLIES, seed))
            path = folder / f"{document['channel']['id']}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
        async with open_store(folder / "archive.db") as store:
            await import_exports(store, Settings(), [str(folder)])
            return (await fitted(History(store)))[1]
