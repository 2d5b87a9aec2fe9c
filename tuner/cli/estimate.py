"""`build-dataset --estimate`: what a build would read and ask, and what that would cost. No model is asked.

Where Discord's message search tells how many messages there are, and the archive lacks most of them, nothing is read
either; else what is new is read into the archive, and counted exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tuner import config, snowflake
from tuner.adapters import discord_history
from tuner.adapters.discord_search import count_messages
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.amounts import counted, duration, money, word
from tuner.asking.forecast import Forecast, Volume, forecast
from tuner.cli.source import opened_source, owner
from tuner.config.settings import Settings
from tuner.errors import FatalError
from tuner.pipeline import estimate_dataset
from tuner.progress import Listener, Tally

NOBODY = (
    "Nobody in {allowed} wrote anything there: Discord finds {messages} in these channels, none "
    "of them by these people. Right-click a person in Discord → Copy User ID, and compare."
)


async def estimated(settings: Settings, exports: Sequence[str], listener: Listener) -> dict[str, Any]:
    """The counts of an estimate. Raises FatalError when a build could make nothing."""
    if not exports:
        found = await _before_reading(settings)
        if found:
            return {"before_reading": True, "estimate": found.counts()}
    tally = Tally(listeners=(listener,))
    async with AsyncExitStack() as stack:
        open_source = await stack.enter_async_context(opened_source(settings, exports, tally))
        store = await stack.enter_async_context(open_store(Path(settings.store.path)))
        stats = await estimate_dataset(settings, store, open_source, tally, owner())
        return stats.counts


async def _before_reading(settings: Settings) -> Forecast | None:
    """What Discord's message search says; None where it says nothing, or the archive can say it exactly."""
    dataset = settings.dataset
    token = config.secret(config.environment(), settings.discord.token_env, "Reading from Discord")
    start = snowflake.first_id(dataset.earliest) if dataset.earliest else 0
    async with discord_history.rest_client(token) as client:
        messages = await count_messages(client, dataset.channels, (), start, settings.collect)
        if messages is None:
            return None
        usable: int | None = messages
        if dataset.allowed_users:
            usable = await count_messages(
                client, dataset.channels, dataset.allowed_users, start, settings.collect
            )
    if usable == 0 and messages:
        allowed = settings.named("dataset.allowed_users")
        raise FatalError(NOBODY.format(allowed=allowed, messages=counted(messages, "message")))
    stored = await _stored(settings)
    volume = Volume(messages, messages if usable is None else usable, stored, len(dataset.channels))
    found = forecast(volume, dataset, settings.models, settings.collect, settings.judge_share)
    return None if volume.mostly_stored or not found.to_read else found


async def _stored(settings: Settings) -> int:
    """How many messages of the channels, and of their threads, are in the archive."""
    path, wanted = Path(settings.store.path), set(settings.dataset.channels)
    if not path.exists():
        return 0
    async with open_store(path) as store:
        reaches = await History(store).reach()
    return sum(r.messages + r.stubs for r in reaches if wanted & {r.channel.id, r.channel.parent_id})


def estimate_lines(counts: dict[str, Any], settings: Settings) -> list[str]:
    """What an estimate says: never what looks like a build without samples."""
    return _forecast_lines(counts, settings) if counts.get("before_reading") else _counted_lines(counts)


def _forecast_lines(counts: dict[str, Any], settings: Settings) -> list[str]:
    """An estimate that was made before anything was read."""
    found = counts["estimate"]
    people, channels = len(settings.dataset.allowed_users), len(settings.dataset.channels)
    to_read = found["to_read"]
    named = f"{counted(people, 'person', 'people')} in {settings.named('dataset.allowed_users')}"
    by = f", {found['usable']:,} of them by the {named}" if people else ""
    wanted = ", all that are wanted" if found["segments"] == settings.dataset.max_samples else ""
    return [
        "Estimate, before anything was read:",
        f"  Discord finds  {counted(found['messages'], 'message')} in {counted(channels, 'channel')} and "
        f"{word(channels, 'its', 'their')} active threads{by}",
        f"  to be read     about {counted(to_read, 'message')}, which takes {duration(found['seconds'])} or more",
        f"  samples        about {found['segments']:,}{wanted}",
        f"  model calls    {_cost(found, 'about ', not found['calls'])}",
        *_of_these(found, "about "),
        "Nothing was read, stored or asked. A build counts exactly, and spends less where the model rejects.",
    ]


def _counted_lines(counts: dict[str, Any]) -> list[str]:
    """An estimate from what is stored, counted exactly."""
    found = counts["estimate"]
    about = "" if found["tokens_exact"] else "about "
    return [
        f"Estimate (run {counts['run']}), from {counted(counts['segmented'], 'stored message')}:",
        f"  read now       {counted(counts['messages'], 'message')} in {counted(counts['requests'], 'request')}",
        f"  samples        up to {found['segments']:,}, if everything is approved",
        f"  model calls    {_cost(found, about, not found['calls'])}",
        *_of_these(found, "up to "),
        *(f"  note: {note}" for note in counts["notes"]),
        "No model was asked and no dataset was written. What was read is kept: a build goes on from there.",
    ]


def _of_these(found: dict[str, Any], about: str) -> list[str]:
    """What of the calls is not asked about segments."""
    links, tool = found["link_calls"], found["tool_calls"]
    return [
        *[f"  of these       {about}{links:,} to judge doubtful links (segment.judge_share)"] * bool(links),
        *[f"  of these       {about}{tool:,} to look up earlier talk, two where somebody recalls it"]
        * bool(tool),
    ]


def _cost(found: dict[str, Any], about: str, free: bool) -> str:
    if free:
        return "none: the rules decide, or everything was decided before. $0"
    return (
        f"{about}{found['calls']:,}, with {about}{found['prompt_tokens']:,} + "
        f"{counted(found['completion_tokens'], 'token')}: {about}{money(found['cost'])}"
    )
