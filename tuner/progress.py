"""What a run reports while it goes: typed events, and the tally they are snapshots of.

Stages count into a `Tally`; whoever listens decides how it looks (bars, log lines, an embed, a row).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tuner.amounts import duration
from tuner.learned import Learned

UNDER_WAY = "not needed any more, or not settled when the run ended"
PACE_SECONDS = 60.0
LEAST_PROGRESS = 1e-9  # a share that grew by less says nothing of a pace
LOOK_SECONDS = 0.5  # between two looks at the pace
STAGES = ("collect", "segment", "screen", "refine", "relabel", "synthesize", "export")

SCREENING = ("collect", "screen")  # where secrets and personal details are taken out


@dataclass(slots=True)
class StageTally:
    """What came into a stage, what left it, and why the rest did not."""

    came: int = 0
    went: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(
        default_factory=Counter
    )  # why some of what went on got nothing from the stage

    @property
    def under_way(self) -> int:
        """How many came in of which nothing is settled yet."""
        return max(0, self.came - self.went - self.dropped.total())

    def counts(self) -> dict[str, Any]:
        return {
            "in": self.came,
            "out": self.went,
            "dropped": dict(sorted(self.dropped.items())),
            **({"unchanged": dict(sorted(self.unchanged.items()))} if self.unchanged else {}),
        }

    def final_counts(self) -> dict[str, Any]:
        """Counts that add up: what came in went out, or is left out for a reason."""
        left = {UNDER_WAY: self.under_way} if self.under_way else {}
        counts = self.counts()
        return counts | {"dropped": counts["dropped"] | left}


@dataclass(slots=True)
class Confidences:
    """How sure the links of the segments are: how many segments lie in each tenth from 0 to 1, and their mean."""

    tenths: list[int] = field(default_factory=lambda: [0] * 10)
    total: float = 0.0

    def add(self, confidence: float) -> None:
        self.tenths[min(9, int(confidence * 10))] += 1
        self.total += confidence

    @property
    def mean(self) -> float | None:
        count = sum(self.tenths)
        return self.total / count if count else None


@dataclass(slots=True)
class Pace:
    """How fast a share of 0 to 1 grows, by its last minute: history lies thick in one place and thin in another."""

    since: float  # when it began, for as long as nothing has grown
    points: deque[tuple[float, float]] = field(default_factory=deque)  # time, share

    def see(self, now: float, share: float) -> None:
        if not self.points or share == self.points[0][1]:
            self.points.clear()
            self.since = now
        self.points.append((now, share))
        while len(self.points) > 2 and now - self.points[1][0] > PACE_SECONDS:
            self.points.popleft()

    def left(self, now: float, share: float) -> float | None:
        """Seconds until it is whole; None while there is nothing to go by."""
        then, before = self.points[0] if self.points else (self.since, 0.0)
        if share >= 1:
            return 0.0
        if share - before < LEAST_PROGRESS or now <= then:
            return None
        return (1 - share) * (now - then) / (share - before)


@dataclass(frozen=True, slots=True)
class CalibrationTally:
    """How many native replies the link model was fitted to, and the share whose conversation it finds.

    Before and after; `others_…`: where it has to choose among others' messages, and a start is no choice.
    """

    replies: int = 0
    accuracy_before: float = 0.0
    accuracy_after: float = 0.0
    others_before: float = 0.0
    others_after: float = 0.0


@dataclass(slots=True)
class JudgeTally:
    """What a model made of the links that are most doubtful, in links.

    Of the `doubtful` ones a model was `asked` about most in this run, or an earlier run's answer was `reused`; the
    others stand as they were. Changed ones `moved` to another conversation, `split` off, or `joined` one.
    """

    doubtful: int = 0
    asked: int = 0
    reused: int = 0
    unasked: int = 0  # the budget was spent, or the model had given no answer too often
    failed: int = 0  # no answer, or none that was offered
    moved: int = 0
    split: int = 0
    joined: int = 0

    @property
    def changed(self) -> int:
        return self.moved + self.split + self.joined

    def counts(self) -> dict[str, int]:
        return {**asdict(self), "changed": self.changed}


Outcome = Literal["finished", "interrupted", "failed"]
ChannelState = Literal["waiting", "reading", "up to date", "read", "stopped", "failed"]


@dataclass(slots=True)
class ChannelTally:
    """How far a channel has been read in this run. `share` is of the wanted time window, 0 to 1."""

    name: str
    state: ChannelState = "waiting"
    messages: int = 0
    share: float = 0.0
    note: str = ""


@dataclass(slots=True)
class Spending:
    """Model calls so far; `cost` in US dollars, None when a price is not known.

    Of the calls, `failed` brought nothing usable; `unusable` of those brought an answer, which was paid for.
    """

    calls: int = 0
    failed: int = 0
    unusable: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Started:
    """The run holds the archive and has a number."""

    run: Tally


@dataclass(frozen=True, slots=True)
class Advanced:
    """Counts changed. Sent often; listeners slow it down to their own pace."""

    run: Tally


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the reader should know; `warning` when it costs them something."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over, however it ended."""

    outcome: Outcome
    run: Tally
    text: str


Event = Started | Advanced | Noted | Ended
Listener = Callable[[Event], None]


@dataclass(slots=True)
class Tally:
    """The counts of one run and whom to tell about them."""

    listeners: tuple[Listener, ...] = ()
    run_id: int = 0
    max_samples: int | None = None
    best_first: bool = False  # whether all is gone through before the first sample is made
    asks: bool = False  # whether a model decides: then making samples may take longer than reading
    stored: int = 0  # messages of the wanted channels that were there before
    segmented: int = 0  # messages whose conversations are complete
    stages: dict[str, StageTally] = field(default_factory=lambda: {s: StageTally() for s in STAGES})
    screened: dict[str, Counter[str]] = field(default_factory=lambda: {s: Counter() for s in SCREENING})
    channels: dict[int, ChannelTally] = field(default_factory=dict)
    spending: Spending = field(default_factory=Spending)
    notes: list[str] = field(default_factory=list)
    conversations: int = 0
    confidences: Confidences = field(default_factory=Confidences)
    calibration: CalibrationTally = CalibrationTally()
    judge: JudgeTally = field(default_factory=JudgeTally)
    samples: int = 0
    learned: Learned = field(default_factory=Learned)
    synthetic_tool_calls: int = 0
    languages: Counter[str] = field(default_factory=Counter)  # samples of each
    languages_by: str = "script"  # or "language", where that can be told
    requests: int = 0
    sample_tokens: int = 0
    sample_tokens_exact: bool = True
    named: Callable[[str], str] = str  # what to call a setting, a `table.key`, before whoever set it
    started: float = field(default_factory=time.monotonic)
    _looked: float = float("-inf")
    _paces: dict[int, Pace] = field(
        default_factory=dict
    )  # of reading each channel; of making samples under 0

    def begin(self, run_id: int) -> None:
        self.run_id = run_id
        self._send(Started(self))

    def came(self, stage: str, count: int = 1) -> None:
        self.stages[stage].came += count

    def went(self, stage: str, count: int = 1) -> None:
        self.stages[stage].went += count
        self.changed()

    def dropped(self, stage: str, why: str, count: int = 1) -> None:
        """Left out for a reason. What is left out at the door, in collecting, was not counted as come before."""
        if stage == "collect":
            self.stages[stage].came += count
        self.stages[stage].dropped[why] += count
        self.changed()

    def unchanged(self, stage: str, why: str) -> None:
        """Goes on without what the stage may add, for a reason."""
        self.stages[stage].unchanged[why] += 1
        self.changed()

    def changed(self) -> None:
        now = time.monotonic()
        if (
            now - self._looked >= LOOK_SECONDS
        ):  # it is called for every message, and goes through every channel
            self._looked = now
            self._look(now)
        self._send(Advanced(self))

    def _look(self, now: float) -> None:
        for channel_id, channel in self.channels.items():
            if channel.state == "reading":
                self._pace(channel_id).see(now, channel.share)
        self._pace(0).see(now, self.made)

    def note(self, text: str, *, warning: bool = False) -> None:
        """Tell people something now, and repeat it in the summary."""
        if text not in self.notes:
            self.notes.append(text)
            self._send(Noted(text, warning))

    def end(self, outcome: Outcome, text: str) -> None:
        self._send(Ended(outcome, self, text))

    def _send(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def still_wanted(self) -> int | None:
        """How many more samples the run can use; None for all there are."""
        return None if self.max_samples is None else max(0, self.max_samples - self.samples)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def messages(self) -> int:
        """Messages read in this run."""
        return sum(channel.messages for channel in self.channels.values())

    @property
    def doing(self) -> str:
        """What the run is at, in words."""
        if not self.channels:
            return "looking at the channels"
        if not self.segmented:
            left = self._reading_left(time.monotonic()) if self.asks else None
            return "reading history" + (f", about {duration(left)} of that left" if left else "")
        return "reading history, making samples" if self._reading else "making samples"

    @property
    def read(self) -> float:
        """How much of the wanted history has been read, 0 to 1: of the time it covers, channel by channel."""
        shares = [channel.share for channel in self.channels.values()]
        return sum(shares) / len(shares) if shares else 0.0

    @property
    def made(self) -> float:
        """How much of what is wanted has been made, 0 to 1: of the samples, or of all there is to make them from."""
        expected = self.stored + (self.messages / self.read if self.read else 0)
        gone_through = min(1.0, self.segmented / expected) if expected else 0.0
        wanted = min(1.0, self.samples / self.max_samples) if self.max_samples else 0.0
        if self.max_samples and self.best_first:
            return (gone_through + wanted) / 2
        return max(gone_through, wanted)

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1: half of it is reading, where there is something to read."""
        return (self.read + self.made) / 2 if self.messages or self._reading else self.made

    @property
    def _reading(self) -> bool:
        return any(channel.state in ("waiting", "reading") for channel in self.channels.values())

    @property
    def eta_seconds(self) -> float | None:
        """Time left at the pace of the last minute; None while there is nothing to go by."""
        now = time.monotonic()
        some = self.samples or not self.max_samples  # before the first, nothing says how many are to come
        making = self._pace(0).left(now, self.made) if some else None
        if making is None and self.asks:
            return None
        if self.asks and self.max_samples:
            return making
        # Rules make all samples of a channel at once, when it is read: until then reading is what takes time.
        reading = self._reading_left(now) if self._reading else 0.0
        if reading is None or (making is None and not self._reading):
            return None
        return max(reading, making or 0.0)

    def _reading_left(self, now: float) -> float | None:
        """Until the slowest channel is read, and those that wait for their turn are."""
        busy = [(i, channel.share) for i, channel in self.channels.items() if channel.state == "reading"]
        times = [self._pace(i).left(now, share) for i, share in busy]
        known = [seconds for seconds in times if seconds is not None]
        if not known or len(known) < len(times):
            return None
        waiting = sum(channel.state == "waiting" for channel in self.channels.values())
        return max(known) + waiting * sum(known) / len(known) / len(known)

    def _pace(self, of: int) -> Pace:
        return self._paces.setdefault(of, Pace(self.started))

    def snapshot(self) -> dict[str, Any]:
        """Where the run is, as plain JSON values; what the runs table holds meanwhile."""
        eta = self.eta_seconds
        return self._counts({name: stage.counts() for name, stage in self.stages.items()}) | {
            "doing": self.doing,
            "share": round(self.share, 4),
            "eta_seconds": None if eta is None else round(eta),
        }

    def final_counts(self) -> dict[str, Any]:
        """What a run that is over came to; what `stats_path` and the runs table keep."""
        return self._counts({name: stage.final_counts() for name, stage in self.stages.items()})

    def _counts(self, stages: dict[str, Any]) -> dict[str, Any]:
        return {
            "stages": stages,
            "screened": {
                stage: dict(sorted(kinds.items())) for stage, kinds in self.screened.items() if kinds
            },
            "channels": {str(i): asdict(c) for i, c in self.channels.items()},
            "models": asdict(self.spending),
            "messages": self.messages,
            "segmented": self.segmented,
            "conversations": self.conversations,
            "segment_confidence": {
                "tenths": list(self.confidences.tenths),
                "mean": None if self.confidences.mean is None else round(self.confidences.mean, 4),
            },
            "calibration": asdict(self.calibration),
            "judge": self.judge.counts(),
            "max_samples": self.max_samples,
            "samples": self.samples,
            "synthetic_tool_calls": self.synthetic_tool_calls,
            "languages": {"by": self.languages_by, "samples": dict(self.languages.most_common())},
            "sample_tokens": {"count": self.sample_tokens, "exact": self.sample_tokens_exact},
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }
