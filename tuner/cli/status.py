"""`status`: the last runs, and what is stored of each channel. Changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner import snowflake
from tuner.adapters.sqlite_history import History, Reach
from tuner.adapters.sqlite_runs import Run, Runs
from tuner.adapters.sqlite_store import is_building, open_to_look
from tuner.adapters.switch import finish_switches
from tuner.amounts import counted, money
from tuner.cli.running import existing_archive, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings
from tuner.ranges import reaches

LAST_RUNS = 5


def run(arguments: argparse.Namespace) -> int:
    for line in run_to_the_end(status_lines(settings_of(arguments, needed=False))):
        say(line)
    return 0


async def status_lines(settings: Settings) -> list[str]:
    """The last runs, and what is stored of each channel."""
    path = existing_archive(settings)
    finish_switches(Path(settings.dataset.output_path).parent)
    async with open_to_look(path) as store:
        runs = await Runs(store).last(LAST_RUNS)
        alive = is_building(path)
        lines = [f"Archive {path}", "", "Last runs:"]
        lines += [_run_line(run, alive=alive) for run in runs] or ["  none yet"]
        lines += ["", "Channels:"]
        earliest = settings.dataset.earliest
        start = snowflake.first_id(earliest) if earliest else 0
        lines += [_reach_line(reach, start) for reach in await History(store).reach()] or ["  none yet"]
    return lines


def _run_line(run: Run, *, alive: bool) -> str:
    state = "interrupted" if run.state == "running" and not alive else run.state
    done = _done(run.progress) if run.progress else []
    dry = " (dry run)" if run.options.get("dry_run") else ""
    if run.options.get("estimate"):
        dry, done = " (estimate)", done[:1]
    text = f"  {run.id}{dry} {state}, {run.started_at} to {run.ended_at or 'now'}: {', '.join(done)}"
    return text + (f"\n      {run.message}" if run.message else "")


def _done(progress: Mapping[str, Any]) -> list[str]:
    """What a run has done, what was read first."""
    models = progress["models"]
    done = [
        f"{counted(sum(channel['messages'] for channel in progress['channels'].values()), 'message')} read",
        f"{progress['stages']['refine']['out']:,} approved",
        counted(progress["samples"], "sample"),
        counted(progress["synthetic_tool_calls"], "tool call"),
    ]
    if models["calls"]:
        done.append(f"{counted(models['calls'], 'model call')}, {money(models['cost'])}")
    return done


def _reach_line(reach: Reach, start: int) -> str:
    name = f"#{reach.channel.name} ({reach.channel.id})"
    if reach.first is None or reach.last is None:
        return f"  {name}: nothing stored"
    span = (
        f"{snowflake.moment(reach.first):%Y-%m-%d %H:%M} to {snowflake.moment(reach.last):%Y-%m-%d %H:%M} UTC"
    )
    held = counted(reach.messages, "message") + (
        f" and {counted(reach.stubs, 'stub')}" if reach.stubs else ""
    )
    if not reach.ranges:
        whole = "from exports"
    elif reaches(reach.ranges, start):
        whole = "reaches dataset.earliest" if start else "reaches the channel's beginning"
    else:
        whole = "does not reach dataset.earliest yet"
    gaps = f", {counted(len(reach.ranges) - 1, 'gap')}" if len(reach.ranges) > 1 else ""
    return f"  {name}: {held}, {span}, {whole}{gaps}"
