"""How a run looks in a terminal: bars where there is one, a line now and then where there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from tuner.amounts import counted, dry_run, duration, money, percent, ranked
from tuner.cli.printing import printable
from tuner.dataset.shown import sample_lines
from tuner.learned import in_words
from tuner.models import Sample
from tuner.progress import STAGES, Advanced, Ended, Event, Listener, Noted, StageTally, Tally
from tuner.screening import wording as screening

HEARTBEAT = 10.0  # seconds between two lines
MOST_BARS = 10
WIDEST_NAME, WIDEST_BAR = 32, 24  # columns, in a terminal that has room for them
MOST_LANGUAGES = 6  # that a summary names
LEAST_SHARE = 0.01  # of one of them
LEFT_ALONE = {
    "failed": "without a usable answer",
    "unasked": "not asked about",
}  # doubtful links, and why no model decided them
COUNTED = {"collect": "messages", "segment": "stretches of talk"}

log = logging.getLogger("tuner")


@contextmanager
def shown(console: Console, heartbeat: float = HEARTBEAT) -> Iterator[Listener]:
    """A listener that shows a run on this console."""
    if not console.is_terminal:
        yield Lines(heartbeat)
        return
    with BarsAndWords(console) as progress:
        yield Bars(progress)


class BarsAndWords(Progress):
    """Bars of a fixed width, and below them what they do not say, over as many lines as that takes."""

    def __init__(self, console: Console) -> None:
        self.below = ""
        super().__init__(
            _cut("{task.description}", min(WIDEST_NAME, console.width // 4)),
            BarColumn(min(WIDEST_BAR, console.width // 5)),
            _cut("{task.fields[share]:>5}"),
            _cut("{task.fields[text]}"),
            console=console,
            refresh_per_second=4,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.below)


def _cut(template: str, widest: int | None = None) -> TextColumn:
    """A text that is cut where it does not fit: a thread's name may be long, and hold [brackets]."""
    column = Column(max_width=widest, no_wrap=True, overflow="ellipsis")
    return TextColumn(template, markup=False, table_column=column)


class Lines:
    """Progress as log lines, one every `heartbeat` seconds and whenever there is something to know."""

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat = heartbeat
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        match event:
            case Advanced(run):
                if time.monotonic() - self._last >= self._heartbeat:
                    self._last = time.monotonic()
                    for line in heartbeat_lines(run):
                        log.info(line)
            case Noted(text, warning):
                log.log(logging.WARNING if warning else logging.INFO, text)
            case Ended(outcome, run, _):
                if outcome != "finished" and (cost := spent_in_vain(run)):
                    log.info(cost)


class Bars:
    """Progress as bars: one for each channel that is being read, one for the samples."""

    def __init__(self, progress: BarsAndWords) -> None:
        self._progress = progress
        self._channels: dict[int, TaskID] = {}
        self._samples = self._add("samples")
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        match event:
            case Advanced(run) if time.monotonic() - self._last >= 0.1:
                self._last = time.monotonic()
                self._draw(run)
            case Noted(text, warning):
                self._progress.console.print(
                    printable(text), style="yellow" if warning else "", highlight=False, markup=False
                )
            case Ended(outcome, run, _):
                self._draw(run)
                self._progress.below = _work(run)
                if outcome == "finished":  # though with the samples that were wanted, not all may be read
                    self._progress.update(self._samples, completed=1.0, share=percent(1.0))
                elif cost := spent_in_vain(run):
                    self._progress.console.print(cost, highlight=False, markup=False)

    def _draw(self, run: Tally) -> None:
        for channel_id, channel in run.channels.items():
            if channel.state == "waiting" or channel_id in self._channels:
                continue
            if channel.state == "reading":
                self._make_room(run)
            if len(self._channels) < MOST_BARS:
                self._channels[channel_id] = self._add(printable(f"#{channel.name}"))
        for channel_id, task in self._channels.items():
            channel = run.channels[channel_id]
            text = f"{counted(channel.messages, 'message')}, {channel.state}"
            self._show(task, channel.share, text)
        wanted = f" of {run.max_samples:,}" if run.max_samples else ""
        self._show(self._samples, run.share, f"{run.samples:,}{wanted}")
        self._progress.below = f"{run.doing} · {_work(run)} · {duration(run.seconds)} so far{_left(run)}"

    def _add(self, name: str) -> TaskID:
        return self._progress.add_task(name, total=1.0, text="", share="")

    def _show(self, task: TaskID, share: float, text: str) -> None:
        self._progress.update(task, completed=share, share=percent(share), text=text)

    def _make_room(self, run: Tally) -> None:
        """A channel that is done gives its bar to one that is being read."""
        done = next((i for i in self._channels if run.channels[i].state != "reading"), None)
        if done is not None and len(self._channels) == MOST_BARS:
            self._progress.remove_task(self._channels.pop(done))


def heartbeat_lines(run: Tally) -> list[str]:
    """Where a run is: each channel that is being read, the stages, the whole."""
    lines = [
        f"#{channel.name}: {counted(channel.messages, 'message')}, {percent(channel.share)} of the time window"
        for channel in run.channels.values()
        if channel.state == "reading"
    ]
    lines += [_stage_line(name, run.stages[name]) for name in STAGES[1:] if run.stages[name].came]
    return [
        *lines,
        f"{percent(run.share)} done, {run.doing} · {counted(run.samples, 'sample')} · {_work(run)}{_left(run)}",
    ]


def _stage_line(name: str, stage: StageTally) -> str:
    dropped = f", left out: {ranked(stage.dropped)}" if stage.dropped else ""
    return f"{name}: {stage.came} in, {stage.went} out{dropped}"


def _left(run: Tally) -> str:
    eta = run.eta_seconds
    return f" · about {duration(eta)} left" if eta and eta >= 1 else ""


def _work(run: Tally) -> str:
    stages = run.stages
    spending = run.spending
    parts = [counted(stages["segment"].went, "segment"), f"{stages['refine'].went} approved"]
    if spending.calls:
        parts.append(f"{counted(spending.calls, 'model call')}, {money(spending.cost)}")
    return ", ".join(parts)


def summary(counts: dict[str, Any]) -> list[str]:
    """What came out of a run, from its counts."""
    dry = " (dry run: no dataset written)" if counts["dry_run"] else ""
    tokens = counts["sample_tokens"]
    about = "" if tokens["exact"] else "about "
    lines = [
        f"Run {counts['run']}: {counted(counts['samples'], 'sample')}{dry}, "
        f"{counted(counts['synthetic_tool_calls'], 'synthetic tool call')}, "
        f"{about}{counted(tokens['count'], 'token')}, in {duration(counts['seconds'])}."
    ]
    for name in STAGES:
        lines.append(_stage_summary(name, counts["stages"][name]))
    sure = counts["segment_confidence"]
    if sure["mean"] is not None:
        unsure = sum(sure["tenths"][:5])
        lines.append(f"  segment confidence: {sure['mean']:.2f} on average, below 0.5 in {unsure}")
    if counts["calibration"]["replies"]:
        lines.append(f"  {_fitted(counts['calibration'])}")
    if counts["judge"]["doubtful"]:
        lines.append(f"  {_judged(counts['judge'])}")
    lines += [f"  {line}" for line in in_words(counts["learned"])] if "learned" in counts else []
    if found := screening.in_words(counts["screened"]):
        lines.append(f"  {found}")
    if counts["languages"]["samples"]:
        lines.append(f"  {_languages(counts['languages'])}")
    models = counts["models"]
    if counts["dry_run"]:
        lines.append(f"  {dry_run(models['calls'], models['cost'])}")
    if models["calls"] or models["reused"]:
        lines.append(f"  {spent(models)}")
    lines += [f"  note: {note}" for note in counts["notes"]]
    lines += [
        f"  wrote {f['path']} ({counted(f['lines'], 'line')}, {counted(f['size'], 'byte')}, sha256 {f['sha256'][:12]}…)"
        for f in counts["files"]
    ]
    if counts.get("card"):
        lines.append(f"  about it: {counts['card']}")
    return lines


def spent(models: Mapping[str, Any]) -> str:
    """What a run asked of models, and what that cost."""
    return (
        f"model calls: {models['calls']} ({models['failed']} failed), {counted(models['reused'], 'decision')} reused, "
        f"{models['prompt_tokens']:,} + {counted(models['completion_tokens'], 'token')}, {money(models['cost'])}"
    )


def spent_in_vain(run: Tally) -> str:
    """What a run that came to nothing cost; empty when it asked nothing."""
    if not run.spending.calls:
        return ""
    return f"Spent by run {run.run_id}: {spent(asdict(run.spending))}."


def shown_samples(samples: Sequence[Sample]) -> list[str]:
    """Samples to look at: who says what, and what the model is to learn to answer."""
    lines = []
    for number, sample in enumerate(samples, 1):
        lines += [f"Sample {number}:", *(f"  {line}" for line in sample_lines(sample))]
    return lines


def _stage_summary(name: str, stage: Mapping[str, Any]) -> str:
    """In is out and left out together; what the two first stages count is said, the others count samples."""
    dropped, unchanged = ranked(stage["dropped"]), ranked(stage.get("unchanged", {}))
    remarks = [
        COUNTED.get(name, ""),
        f"left out: {dropped}" if dropped else "",
        f"went on as they were: {unchanged}" if unchanged else "",
    ]
    text = ", ".join(filter(None, remarks))
    return f"  {name:<11}{stage['in']:>8} in {stage['out']:>8} out" + (f"   {text}" if text else "")


def _languages(languages: dict[str, Any]) -> str:
    """The shares of the commonest languages, or of the scripts where languages cannot be told."""
    samples = languages["samples"]
    total = sum(samples.values())
    named = [(name, count) for name, count in samples.items() if count / total >= LEAST_SHARE][
        :MOST_LANGUAGES
    ]
    rest = total - sum(count for _, count in named)
    shown = [*named, ("others", rest)] if rest / total >= LEAST_SHARE else named
    text = ", ".join(f"{name} {count / total:.0%}" for name, count in shown)
    if languages["by"] == "language":
        return f"languages of the samples: {text}"
    return f"scripts of the samples: {text} (pip install 'tuner[languages]' tells languages)"


def _fitted(calibration: dict[str, Any]) -> str:
    """What the native replies changed about links."""
    replies, before, after = (calibration[f] for f in ("replies", "others_before", "others_after"))
    if after == before:
        hidden = counted(replies, "hidden native reply", "hidden native replies")
        return f"links: as trained, they find {before:.0%} of {hidden}; fitting found no more"
    found = counted(replies, "native reply", "native replies")
    return f"links: fitted to {found}; of hidden ones {after:.0%} are found ({before:.0%} before)"


def _judged(judge: dict[str, int]) -> str:
    """What a model made of doubtful links."""
    decided = judge["asked"] - judge["failed"] + judge["reused"]
    left = [f"{judge[why]} {words}" for why, words in LEFT_ALONE.items() if judge[why]]
    return (
        f"doubtful links: {judge['doubtful']:,}, {decided:,} judged by the model, {judge['changed']:,} of them changed "
        f"({judge['moved']:,} to another conversation, {judge['split']:,} split off, {judge['joined']:,} joined)"
        + "".join(f"; {text}" for text in left)
    )
