"""How runs look in Discord. Pure: counts in, embeds out, within Discord's limits whatever names are like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import discord

from bot.wording import code, fit, inert, plain
from tuner import snowflake
from tuner.adapters.sqlite_history import Reach
from tuner.adapters.sqlite_runs import Run
from tuner.amounts import counted, duration, money, ranked
from tuner.learned import in_words
from tuner.ranges import reaches
from tuner.screening import wording as screening

DESCRIPTION, FIELD_NAME, FIELD_VALUE, TOTAL = 4096, 256, 1024, 6000
MOST_CHANNELS = 12
ESTIMATED = ("collect", "segment")  # the stages that an estimate goes through; it makes nothing
COLOURS = {
    "running": discord.Colour.blurple(),
    "finished": discord.Colour.green(),
    "interrupted": discord.Colour.orange(),
    "failed": discord.Colour.red(),
}


def title(run_id: int, state: str, *, estimate: bool = False) -> str:
    return f"{'Estimate' if estimate else 'Build'} #{run_id}: {state}"


def goes_on(embed: discord.Embed, url: str) -> discord.Embed:
    """What a message shows when a newer one, at `url`, shows its run."""
    return discord.Embed(title=f"{str(embed.title).partition(':')[0]}: shown further down", url=url)


def run_embed(
    run_id: int, state: str, counts: Mapping[str, Any], message: str = "", *, estimate: bool = False
) -> discord.Embed:
    """A run with its counts, running or over; in `message` what others wrote is inert.

    `estimate`: it was asked for one, also where the counts hold none because it is not done, or never was.
    """
    estimate = estimate or "estimate" in counts
    embed = discord.Embed(
        title=title(run_id, state, estimate=estimate),
        colour=COLOURS.get(state),
        description=fit(message, DESCRIPTION // 2),
    )
    if not counts:
        return embed
    if state == "running":
        _add(embed, "Progress", _progress(counts), inline=False)
    _add(embed, "Channels", _channels(counts["channels"].values()), inline=False)
    stages = {name: one for name, one in counts["stages"].items() if not estimate or name in ESTIMATED}
    _add(embed, "Messages read", _read(counts))
    segments = counted(stages["segment"]["out"], "segment")
    _add(embed, "Conversations", f"{counts['conversations']:,}, cut into {segments}")
    if not estimate:
        _add_made(embed, counts)
    _add(embed, "Stages", " · ".join(_flow(name, s) for name, s in stages.items() if s["in"]), inline=False)
    _add(embed, "Left out", _dropped(stages), inline=False)
    _add(embed, "Screened", screening.in_words(counts.get("screened", {})), inline=False)
    if counts["notes"]:
        _add(embed, "Notes", "\n".join(f"• {plain(note, 300)}" for note in counts["notes"]), inline=False)
    return _within_total(embed)


def _add_made(embed: discord.Embed, counts: Mapping[str, Any]) -> None:
    """What a build made, and what it asked for that."""
    models = counts["models"]
    _add(embed, "Approved", f"{counts['stages']['refine']['out']:,}")
    _add(embed, "Samples", _samples(counts))
    if learned := counts.get("learned"):
        _add(embed, "Learned from", "\n".join(in_words(learned, plain)), inline=False)
    _add(embed, "Synthetic tool calls", f"{counts['synthetic_tool_calls']:,}")
    _add(
        embed,
        "Model calls",
        f"{models['calls']:,} ({models['failed']:,} failed, {counted(models['reused'], 'decision')} reused)\n"
        f"{counted(models['prompt_tokens'] + models['completion_tokens'], 'token')}, {money(models['cost'])}",
    )


def idle_embed(
    runs: Sequence[Run], reaches_: Sequence[Reach], newest: Mapping[int, int], start: int
) -> discord.Embed:
    """When nothing runs: the last runs, and what is stored of each channel.

    `newest` maps channels to the id of their newest message, where that is known; `start` is the id of
    `dataset.earliest`.
    """
    embed = discord.Embed(title="No build is running", colour=discord.Colour.light_grey())
    _add(embed, "Last builds", "\n".join(map(_run_line, runs)) or "none yet", inline=False)
    lines = [_reach_line(reach, newest.get(reach.channel.id), start) for reach in reaches_]
    _add(embed, "Archive", _some(lines) or "nothing stored yet", inline=False)
    return _within_total(embed)


def closed_embed(
    run_id: int, state: str, counts: Mapping[str, Any], where: str, *, estimate: bool = False
) -> discord.Embed:
    """What is left of the status message when the run is over: the whole result stands in the announcement."""
    estimate = estimate or "estimate" in counts
    embed = discord.Embed(
        title=title(run_id, state, estimate=estimate),
        colour=COLOURS.get(state),
        description=f"The result: {where}" if where else "",
    )
    if counts and not estimate:
        _add(embed, "Samples", _samples(counts))
    return embed


def without_prospects(counts: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a run that is over: what it was at, and how long it would take, is true no more."""
    return {key: value for key, value in counts.items() if key not in ("doing", "share", "eta_seconds")}


def add_result(embed: discord.Embed, counts: Mapping[str, Any]) -> discord.Embed:
    """The embed with where the dataset is, with samples of a dry run, or with what a build would cost."""
    files = "\n".join(
        f"{code(file['path'])} {counted(file['lines'], 'line')}, {counted(file['size'], 'byte')}\n"
        f"sha256 {code(file['sha256'])}"
        for file in counts.get("files", ())
    )
    if card := counts.get("card"):
        files += f"\nabout it: {code(card)}"
    _add(embed, "Dataset", files, inline=False)
    if estimate := counts.get("estimate"):
        about = "" if estimate["tokens_exact"] else "about "
        answers = counted(estimate["completion_tokens"], "token")
        text = (
            f"{counted(estimate['segments'], 'segment')}, {counted(estimate['calls'], 'model call')}\n{about}"
            f"{estimate['prompt_tokens']:,} + {answers}, {money(estimate['cost'])}"
        )
        _add(embed, "Estimate", text, inline=False)
    for number, text in enumerate(counts.get("examples", ()), 1):
        _add(embed, f"Sample {number}", inert(text), inline=False)
    return _within_total(embed)


def _progress(counts: Mapping[str, Any]) -> str:
    share = counts.get("share") or 0.0
    filled = round(share * 20)
    eta = counts.get("eta_seconds")
    left = f" · about {duration(eta)} left" if eta is not None else ""
    rate = counts["messages"] / counts["seconds"] if counts["seconds"] else 0
    bar = f"`{'█' * filled}{'░' * (20 - filled)}` {share:.0%}{left}"
    doing = f"{counts['doing']} · " if counts.get("doing") else ""
    return f"{bar}\n{doing}{rate:,.0f} messages/s · {duration(counts['seconds'])} so far"


def _samples(counts: Mapping[str, Any]) -> str:
    wanted = f" of {counts['max_samples']:,}" if counts["max_samples"] else ""
    return f"{counts['samples']:,}{wanted}"


def _read(counts: Mapping[str, Any]) -> str:
    """Pages that held nothing new were read for edits and deletions, or for people who were added."""
    new, requests = counts["messages"], counts["requests"]
    failed = any(channel["state"] == "failed" for channel in counts["channels"].values())
    if requests and not new and not failed:
        return f"nothing new; {counted(requests, 'request')} looked for changes"
    return f"{new:,} in {counted(requests, 'request')}"


def _flow(name: str, stage: Mapping[str, Any]) -> str:
    out = sum(stage["dropped"].values())
    return f"{name} {stage['in']:,} → {stage['out']:,}" + (f" ({out:,} left out)" if out else "")


def _channels(channels: Iterable[Mapping[str, Any]]) -> str:
    order = {"reading": 0, "failed": 1, "stopped": 2, "waiting": 3}
    ranked = sorted(channels, key=lambda c: (order.get(c["state"], 4), -c["messages"]))
    return _some([f"{plain(c['name'])} {c['messages']:,}, {_channel_state(c)}" for c in ranked])


def _channel_state(channel: Mapping[str, Any]) -> str:
    return (
        f"{channel['share']:.0%} of the time window"
        if channel["state"] == "reading"
        else str(channel["state"])
    )


def _some(lines: Sequence[str], most: int = MOST_CHANNELS) -> str:
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def _dropped(stages: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{name}: {ranked(stage['dropped'], lambda why: plain(why, 120))}"
        for name, stage in stages.items()
        if stage["dropped"]
    )


def _run_line(run: Run) -> str:
    if run.options.get("estimate"):  # it makes nothing, and pays for nothing
        kind, made = " (estimate)", ""
    else:
        kind = " (dry run)" if run.options.get("dry_run") else ""
        made = _made(run.progress)
    why = f": {plain(run.message, 120)}" if run.message else ""
    return f"#{run.id}{kind} {run.state}, {run.started_at[:16].replace('T', ' ')} UTC{made}{why}"


def _made(progress: Mapping[str, Any]) -> str:
    return (
        f", {counted(progress['samples'], 'sample')}, {money(progress['models']['cost'])}" if progress else ""
    )


def _reach_line(reach: Reach, newest: int | None, start: int) -> str:
    name = plain(reach.channel.name)
    if reach.first is None or reach.last is None:
        return f"{name} nothing stored"
    span = f"{snowflake.moment(reach.first):%Y-%m-%d} to {snowflake.moment(reach.last):%Y-%m-%d}"
    reached = "" if not reach.ranges or reaches(reach.ranges, start) else ", does not reach `earliest` yet"
    return f"{name} {counted(reach.messages, 'message')}, {span}{reached}{_since(reach, newest)}"


def _since(reach: Reach, newest: int | None) -> str:
    """What came since a channel was read; counting it would mean reading it."""
    if newest is None or not reach.ranges:
        return ""
    if newest <= reach.ranges[-1].last:
        return ", nothing new"
    return f", new messages since, up to {snowflake.moment(newest):%Y-%m-%d %H:%M} UTC"


def _add(embed: discord.Embed, name: str, value: str, *, inline: bool = True) -> None:
    if value:
        embed.add_field(name=fit(name, FIELD_NAME), value=fit(value, FIELD_VALUE), inline=inline)


def _within_total(embed: discord.Embed) -> discord.Embed:
    """Take fields from the end until the whole is within Discord's limit."""
    while len(embed) > TOTAL and embed.fields:
        embed.remove_field(len(embed.fields) - 1)
    return embed
