"""How training jobs look in Discord. Pure: jobs in, embeds out; what providers say does nothing."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.embeds import COLOURS, DESCRIPTION, FIELD_VALUE
from bot.wording import code, fit, inert, plain
from tuner.training.forecast import Forecast
from tuner.training.jobs import UNDER_WAY, UNSENT, Job
from tuner.training.orders import Order
from tuner.training.wording import counted_people, hosting_words, plan_lines, progress_words, state_words

LONGEST_REASON = 1000
MOST_JOBS = 10


def plan_embed(order: Order, forecast: Forecast) -> discord.Embed:
    """What would be started, to be confirmed."""
    return discord.Embed(
        title="Train a model?",
        colour=discord.Colour.gold(),
        description=fit("\n".join(map(inert, plan_lines(order, forecast))), DESCRIPTION),
    )


def title(job: Job) -> str:
    return f"Training job #{job.id}: {job.state}"


def job_embed(job: Job, people: int | None, trouble: str = "") -> discord.Embed:
    """A job, under way or over; `trouble` is why its provider could not be asked."""
    state = (
        "running" if job.state in UNDER_WAY | UNSENT else "interrupted" if job.state == "lost" else job.state
    )
    embed = discord.Embed(title=title(job), colour=COLOURS.get(state, discord.Colour.light_grey()))
    order = job.order
    embed.description = f"{plain(order.model, 100)} at {order.place.title}: {state_words(job)}"
    share = job.progress.share
    if job.state in UNDER_WAY and share is not None:
        filled = round(share * 20)
        _add(embed, "Progress", f"`{'█' * filled}{'░' * (20 - filled)}` {share:.0%}", inline=False)
    _add(embed, "So far", progress_words(job), inline=False)
    if job.remote_id:
        _add(embed, "Its number there", code(job.remote_id))
    if job.result:
        _add(embed, "The tuned model", code(job.result))
        _add(embed, "Hosting", hosting_words(order, job.forecast), inline=False)
    whose = (
        "it is not known whose words are in it" if people is None else f"words of {counted_people(people)}"
    )
    build = f"build #{job.run_id}" if job.run_id else "no build that is known here"
    _add(embed, "Dataset", f"of {build}, {whose}\nsha256 {code(order.train.sha256)}", inline=False)
    _add(embed, "Why", inert(fit(job.reason, LONGEST_REASON)), inline=False)
    _add(embed, "Trouble", inert(fit(trouble, LONGEST_REASON)), inline=False)
    return embed


def jobs_embed(jobs: Sequence[Job]) -> discord.Embed:
    """The last jobs, newest first."""
    lines = [_line(job) for job in jobs[:MOST_JOBS]]
    return discord.Embed(
        title="Training jobs",
        colour=discord.Colour.light_grey(),
        description=fit("\n".join(lines), DESCRIPTION) or "None was started yet: `/tuner train` does.",
    )


def _line(job: Job) -> str:
    how = ", ".join(filter(None, (state_words(job), progress_words(job))))
    made = f" → {code(job.result)}" if job.result else ""
    why = f"\n→ {plain(job.reason, 200)}" if job.reason else ""
    return f"**#{job.id}** {plain(job.order.model, 60)} at {job.order.place.title}, {how}{made}{why}"


def announcement(job: Job) -> str:
    """The line that announces a job's end, to the person who asked for it."""
    mention = f"<@{job.requester}> " if job.requester else ""
    if job.state == "finished":
        made = f": the tuned model is {code(job.result)}" if job.result else ""
        return f"{mention}Training job #{job.id} is finished{made}."
    return f"{mention}Training job #{job.id} {'is lost' if job.state == 'lost' else f'has {_ended(job)}'}."


def _ended(job: Job) -> str:
    return "been cancelled" if job.state == "cancelled" else "failed"


def _add(embed: discord.Embed, name: str, value: str, *, inline: bool = True) -> None:
    if value:
        embed.add_field(name=name, value=fit(value, FIELD_VALUE), inline=inline)
