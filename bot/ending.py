"""How a build ended, as people are told. Pure: what is known of a run in, text and embeds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot import embeds
from bot.wording import inert
from tuner.adapters.sqlite_announcements import Owed
from tuner.adapters.sqlite_runs import Run
from tuner.amounts import counted, dry_run, duration

Counts = dict[str, Any]

REMEMBERED = ("files", "estimate", "dry_run")  # of the counts, beside those that the run's row holds
GOES_ON = "What was read and decided is kept; `/tuner build` goes on from there."


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one run. `message` is ready for Discord: what others wrote is inert in it."""

    run_id: int
    state: str  # finished, interrupted, failed
    counts: Counts
    message: str
    witnessed: bool = True  # not so when the process died before it could say anything
    estimate: bool = False  # asked for as one, whether or not it got as far as that

    def remembered(self) -> Counts:
        """What a later announcement needs beside the run's row."""
        kept = {key: self.counts[key] for key in REMEMBERED if key in self.counts}
        return {"state": self.state, "message": self.message, **kept}


def recalled(owed: Owed, run: Run) -> Ending:
    """The ending of a run as the archive knows it."""
    kept = {key: owed.ending[key] for key in REMEMBERED if key in owed.ending}
    counts = {"run": run.id, "dry_run": bool(run.options.get("dry_run")), "files": [], **run.progress, **kept}
    return Ending(
        run.id,
        owed.ending.get("state", run.state),
        counts if run.progress else {},
        owed.ending.get("message", "" if not owed.ending else inert(run.message)),
        witnessed=bool(owed.ending) or run.state != "interrupted",
        estimate=bool(run.options.get("estimate")),
    )


def text(ending: Ending, requester: int) -> str:
    """The line that announces the end, to the person who asked."""
    mention = f"<@{requester}> " if requester else ""
    return f"{mention}{_sentence(ending)}"


def _sentence(ending: Ending) -> str:
    counts = ending.counts
    if "estimate" in counts:
        return f"The estimate of build #{ending.run_id} is ready."
    build = f"{'Estimate' if ending.estimate else 'Build'} #{ending.run_id}"
    if not ending.witnessed:
        return f"{build} was interrupted. {GOES_ON}"
    if ending.state == "failed":
        return f"{build} failed."
    if ending.state != "finished" or not counts or ending.estimate:
        return f"{build} is {ending.state}."
    models = counts["models"]
    dry = f"; {dry_run(models['calls'], models['cost'])}" if counts["dry_run"] else ""
    return (
        f"{build} is finished: {counted(counts['samples'], 'sample')} in {duration(counts['seconds'])}{dry}."
    )


def embed(ending: Ending) -> discord.Embed:
    """Everything that can be said: it stands under the announcement."""
    shown = embeds.run_embed(
        ending.run_id, ending.state, ending.counts, ending.message, estimate=ending.estimate
    )
    return embeds.add_result(shown, ending.counts)


def attachments(counts: Mapping[str, Any], limit: int) -> list[Path]:
    """The dataset files that are still those of this run, as many as fit into one message of the server."""
    chosen, room = [], limit
    for file in counts.get("files", ()):
        path = Path(file["path"])
        if file["size"] <= room and path.is_file() and path.stat().st_size == file["size"]:
            chosen.append(path)
            room -= file["size"]
    return chosen
