"""How well conversations are told apart: the command line against the benchmark's baselines, and the floors."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

from tests.benchmarks import annotated
from tests.benchmarks.annotated import Replies, Segments
from tests.benchmarks.conversation_judge import Judge, judged
from tests.benchmarks.report import table, verdict

COLUMNS = ("purity", "parent*", "clean", "yield", "per 100", "recall", "ctx", "VI")
SILENCES = (30, 60, 90, 120, 180, 240, 300, 600, 1800, 3600)  # seconds
OURS = "ours"
JUDGED = "ours, judged"
Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """Chat as one kind of server has it, and what is required there (percent)."""

    title: str
    split: str
    hide_names: bool
    replies: float  # percent of the annotated messages that are native replies
    weights: str  # the prototype's
    floors: Mapping[str, float]
    strict: bool = False  # the floors must be passed, not just reached
    judged_floors: Mapping[str, float] = field(default_factory=dict)  # with a judge of 10 %, right in 90 %

    def floors_of(self, system: str) -> Mapping[str, float]:
        """What is required of one of the systems that are compared."""
        return {OURS: self.floors, JUDGED: self.judged_floors}.get(system, {})

    def unmet(self, system: str, scores: Scores) -> list[str]:
        def passed(name: str, floor: float) -> bool:
            return scores[name] > floor if self.strict else scores[name] >= floor

        return [name for name, floor in self.floors_of(system).items() if not passed(name, floor)]

    def required(self, system: str) -> str:
        sign = ">" if self.strict else "≥"
        return ", ".join(f"{name} {sign} {floor:g}" for name, floor in self.floors_of(system).items())


SETTINGS = (
    Setting(
        "(a) dev, names visible",
        "dev",
        False,
        0,
        "model.json",
        {"purity": 93, "parent*": 91, "clean": 89},
    ),
    Setting(
        "(b) dev, names hidden, 20 % native replies",
        "dev",
        True,
        20,
        "model-discord.json",
        {"purity": 81, "parent*": 77, "clean": 69, "per 100": 62},
        judged_floors={"purity": 85, "parent*": 84, "clean": 76},
    ),
    Setting(
        "(c) new domains, names hidden, 20 % native replies",
        "newdomains",
        True,
        20,
        "model-discord.json",
        {"purity": 82, "parent*": 84, "clean": 72},
    ),
    Setting(
        "(d) new domains, names hidden, no replies",
        "newdomains",
        True,
        0,
        "model-noname.json",
        {"VI": 83.4},
        strict=True,
    ),
)


def quality(splits: Sequence[str], seeds: Sequence[int], judge: Judge | None = None) -> bool:
    """Print one table per setting; whether every floor is met. Seeds choose which messages are replies."""
    met = True
    for setting in SETTINGS:
        if setting.split in splits:
            chosen = seeds if setting.replies else seeds[:1]
            rows = averaged([systems(setting, seed, judge) for seed in chosen])
            over = f", mean of seeds {', '.join(map(str, chosen))}" if len(chosen) > 1 else ""
            print(f"### {setting.title}{over}\n", flush=True)
            print(shown(setting, rows) + "\n", flush=True)
            met &= not any(setting.unmet(name, scores) for name, scores in rows.items())
    return met


def shown(setting: Setting, rows: Mapping[str, Scores]) -> str:
    lines = [["conversations from", *COLUMNS, "required", "verdict"]]
    for name, scores in rows.items():
        unmet = setting.unmet(name, scores)
        outcome = (
            [setting.required(name), verdict(not unmet) + (f": {', '.join(unmet)}" if unmet else "")]
            if setting.floors_of(name)
            else ["", ""]
        )
        lines.append([name, *(f"{scores[column]:.1f}" for column in COLUMNS), *outcome])
    return table(lines)


def averaged(runs: Sequence[Mapping[str, Scores]]) -> dict[str, Scores]:
    """Mean scores per system, and of the fixed silences only the best one by VI."""
    rows: dict[str, Scores] = {
        name: {column: mean(run[name][column] for run in runs) for column in COLUMNS} for name in runs[0]
    }
    silences = [name for name in rows if name.startswith("silence")]
    best = max(silences, key=lambda name: rows[name]["VI"])
    return {
        f"{name}, best by VI" if name == best else name: scores
        for name, scores in rows.items()
        if name not in silences or name == best
    }


def systems(setting: Setting, seed: int, judge: Judge | None = None) -> dict[str, Scores]:
    """Scores of ours and of every baseline, all with the same native replies."""
    channels = annotated.load(setting.split, hide_names=setting.hide_names)
    replies = {c.name: annotated.annotated_replies(c, setting.replies, seed) for c in channels}
    rules, model = annotated.segbench("baselines"), annotated.prototype(setting.weights)

    def linked(link: Any) -> Segments:
        return {c.name: rules.segments_from_links(c, link(c, known=replies[c.name])) for c in channels}

    found: dict[str, Segments] = {OURS: segmented(channels, replies)}
    if judge and setting.replies:
        found[JUDGED], asked = judged(channels, replies, replace(judge, seed=seed))
        print(f"Judge right in {judge.right:.0%}: {asked}.\n", flush=True)
    found["run limits 180 s/40/4/5"] = {c.name: rules.run_with_limits(c) for c in channels}
    for seconds in SILENCES:
        found[f"silence > {seconds} s"] = {c.name: rules.time_gap(c, seconds) for c in channels}
    found["hand rules of segbench"] = linked(rules.link_rules)
    found["prototype link model, 2 passes"] = linked(model.predict)
    return {name: annotated.score(channels, segments) for name, segments in found.items()}


def segmented(channels: Sequence[Any], replies: Mapping[str, Replies]) -> Segments:
    """What `python -m tuner segment` makes of the channels' exports."""
    with tempfile.TemporaryDirectory(prefix="tuner-quality-") as name:
        exports, out = Path(name) / "exports", Path(name) / "conversations.jsonl"
        exports.mkdir()
        for channel in channels:
            document = annotated.export(channel, replies[channel.name])
            (exports / f"{channel.name}.json").write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "tuner", "segment", "--from-export", str(exports), "--out", str(out)]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        segments: Segments = {channel.name: [] for channel in channels}
        for line in out.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            segments[found["channel"]].append([annotated.index_of(i) for i in found["messages"]])
    return segments
