"""What a run reports while it goes: typed events, and the tally they are snapshots of.

Stages count into a `Tally`; whoever listens decides how it looks (bars, log lines, an embed, a row).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

STAGES = ("collect", "segment", "refine", "relabel", "synthesize", "export")


@dataclass(slots=True)
class StageTally:
    """What came into a stage, what left it, and why the rest did not."""

    came: int = 0
    went: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


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


@dataclass(frozen=True, slots=True)
class CalibrationTally:
    """How many native replies the link model was fitted to, and the share it finds without them and with them."""

    replies: int = 0
    accuracy_before: float = 0.0
    accuracy_after: float = 0.0


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
    """Model calls so far; `cost` in US dollars, None when a price is not known."""

    calls: int = 0
    failed: int = 0
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
    stages: dict[str, StageTally] = field(default_factory=lambda: {s: StageTally() for s in STAGES})
    channels: dict[int, ChannelTally] = field(default_factory=dict)
    spending: Spending = field(default_factory=Spending)
    notes: list[str] = field(default_factory=list)
    conversations: int = 0
    confidences: Confidences = field(default_factory=Confidences)
    calibration: CalibrationTally = CalibrationTally()
    samples: int = 0
    synthetic_tool_calls: int = 0
    requests: int = 0
    sample_tokens: int = 0
    sample_tokens_exact: bool = True
    started: float = field(default_factory=time.monotonic)

    def begin(self, run_id: int) -> None:
        self.run_id = run_id
        self._send(Started(self))

    def came(self, stage: str, count: int = 1) -> None:
        self.stages[stage].came += count

    def went(self, stage: str, count: int = 1) -> None:
        self.stages[stage].went += count
        self.changed()

    def dropped(self, stage: str, why: str, count: int = 1) -> None:
        self.stages[stage].dropped[why] += count
        self.changed()

    def changed(self) -> None:
        self._send(Advanced(self))

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
        reading = any(channel.state in ("waiting", "reading") for channel in self.channels.values())
        if not self.stages["segment"].came:
            return "reading history"
        return "reading history, making samples" if reading else "making samples"

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1: by samples where a number is wanted, else by channels."""
        if self.max_samples:
            return min(1.0, self.samples / self.max_samples)
        if not self.channels:
            return 0.0
        return sum(channel.share for channel in self.channels.values()) / len(self.channels)

    @property
    def eta_seconds(self) -> float | None:
        """Time left at the pace so far; None while there is nothing to go by."""
        share = self.share
        return self.seconds * (1 - share) / share if 0.02 < share < 1 else None

    def snapshot(self) -> dict[str, Any]:
        """Counts as plain JSON values; what `stats_path` and the runs table hold."""
        return {
            "stages": {
                name: {"in": s.came, "out": s.went, "dropped": dict(sorted(s.dropped.items()))}
                for name, s in self.stages.items()
            },
            "channels": {str(i): asdict(c) for i, c in self.channels.items()},
            "models": asdict(self.spending),
            "messages": self.messages,
            "doing": self.doing,
            "share": round(self.share, 4),
            "eta_seconds": None if self.eta_seconds is None else round(self.eta_seconds),
            "conversations": self.conversations,
            "segment_confidence": {
                "tenths": list(self.confidences.tenths),
                "mean": None if self.confidences.mean is None else round(self.confidences.mean, 4),
            },
            "calibration": asdict(self.calibration),
            "max_samples": self.max_samples,
            "samples": self.samples,
            "synthetic_tool_calls": self.synthetic_tool_calls,
            "sample_tokens": {"count": self.sample_tokens, "exact": self.sample_tokens_exact},
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }
