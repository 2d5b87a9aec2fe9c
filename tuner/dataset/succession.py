"""May a new dataset take the place of the one before? Decided from the counts of the run that made it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time

from tuner.amounts import counted, word
from tuner.progress import STAGES, Tally

FAILED = "failed"  # how the reasons begin for which a segment got no verdict
SPENT = "the budget is spent"


def objection(tally: Tally, most_undecided: float, former_lines: int) -> str:
    """Why the dataset of a run must not take its place although there is one, and what to do; empty when it may.

    `former_lines` is how many samples the one before has, 0 for none.
    """
    return _undecided(tally, most_undecided) or _cut_short(tally, former_lines)


def nothing(tally: Tally, earliest: datetime | None = None) -> str:
    """Why no sample came out of what was said since `earliest`; empty when some did."""
    if tally.samples:
        return ""
    if not tally.stages["segment"].came:
        since = f" since {_moment(earliest)} ({tally.named('dataset.earliest')})" if earliest else ""
        why = f"No words of people who may be used are stored in these channels{since}."
    else:
        why = f"Left out: {left_out(tally)}."
    return f"No sample came out, so no dataset was written. {why} What was read and decided is kept."


def left_out(tally: Tally, stages: Iterable[str] = STAGES) -> str:
    """Why things were left out, most frequent first; empty when nothing was."""
    parts = []
    for stage in stages:
        reasons = sorted(tally.stages[stage].dropped.items(), key=lambda item: (-item[1], item[0]))
        if reasons:
            parts.append(f"{stage}: " + ", ".join(f"{count:,} {why}" for why, count in reasons))
    return "; ".join(parts)


def _moment(moment: datetime) -> str:
    """As one would write it into the configuration: a date where the time adds nothing."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M} UTC"


def _undecided(tally: Tally, most: float) -> str:
    refine = tally.stages["refine"]
    undecided = sum(count for why, count in refine.dropped.items() if why.startswith(FAILED))
    if undecided <= most * refine.came:
        return ""
    return (
        f"The model gave no verdict about {undecided:,} of {counted(refine.came, 'conversation')}, more than "
        f"models.most_undecided = {most:g} allows ({left_out(tally, ['refine'])}). Nothing was replaced, and what was "
        'decided is kept: see to the model and build again, or set models.on_failure = "rules".'
    )


def _cut_short(tally: Tally, former_lines: int) -> str:
    if SPENT not in tally.stages["refine"].dropped or not 0 < tally.samples < former_lines:
        return ""
    limits = ", ".join(map(tally.named, ("models.max_calls", "models.max_cost")))
    return (
        f"The budget ({limits}) is spent, and the {counted(tally.samples, 'sample')} made "
        f"{word(tally.samples, 'is', 'are')} fewer than the {former_lines:,} of the dataset that is there, which "
        "stays. What was decided is kept: build again to go on from there."
    )
