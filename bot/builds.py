"""The one build that may run: who asked for it, how it is shown, how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord

from bot import embeds
from bot.admin_channel import AdminChannel
from bot.announcing import Announcer
from bot.ending import GOES_ON, Counts, Ending
from bot.heartbeat import StatusMessage
from bot.wording import inert, plain
from tuner.adapters.discord_history import DiscordSource
from tuner.adapters.discord_members import departed
from tuner.adapters.openai_chat import configured_chat
from tuner.adapters.sqlite_runs import Report, Run, Runs
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted
from tuner.config.settings import Settings
from tuner.dataset.shown import sample_lines
from tuner.errors import FatalError, TunerError
from tuner.people.audience import Audience
from tuner.pipeline import RunStats, build_dataset, estimate_dataset
from tuner.progress import Event, Started, Tally
from tuner.runs.departing import note_departed

log = logging.getLogger("tuner.bot")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for, with the settings that follow from it."""

    settings: Settings
    requester: int  # user id
    requester_name: str
    estimate: bool = False
    confirmed: bool = False  # words of people who are no longer allowed may be erased


class Builds:
    """Owner of the one build task of this process."""

    def __init__(
        self, client: discord.Client, store: Store, announcer: Announcer, environment: Mapping[str, str]
    ) -> None:
        self._client = client
        self._store = store
        self._announcer = announcer
        self._runs = Runs(store)
        self._environment = environment
        self._task: asyncio.Task[None] | None = None
        self._pipeline: asyncio.Task[Counts] | None = None
        self._tally: Tally | None = None
        self._status: StatusMessage | None = None
        self._ended_by = ""
        self.estimating = False  # the build that runs here only counts

    @property
    def running(self) -> Tally | None:
        """The counts of the build that runs here, None when none does."""
        return self._tally if self._task and not self._task.done() else None

    @property
    def url(self) -> str:
        """Where the running build is shown."""
        return self._status.url if self._status else ""

    async def start(self, request: Request, channel: AdminChannel) -> int:
        """Start a build in the background; its number, once it holds the archive.

        Raises FatalError with words for the person who asked when it could not start.
        """
        if self.running:
            raise FatalError("A build is already running; /tuner status shows it.")
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def listen(event: Event) -> None:
            if isinstance(event, Started) and not begun.done():
                begun.set_result(event.run.run_id)

        self._tally = Tally(listeners=(listen,))
        self._status, self._ended_by = None, ""
        self.estimating = request.estimate
        self._pipeline = asyncio.create_task(self._build(request, self._tally), name="tuner pipeline")
        self._task = asyncio.create_task(
            self._attend(request, self._tally, channel, self._pipeline, begun), name="tuner build"
        )
        self._task.add_done_callback(_log_failure)
        await _either(self._pipeline, begun)
        if begun.done():
            return begun.result()
        begun.cancel()
        fault = None if self._pipeline.cancelled() else self._pipeline.exception()
        raise fault or FatalError("The build ended before it began.")

    async def cancel(self, by: str) -> bool:
        """End the running build cleanly and say so in the admin channel; whether there was one."""
        if self._task is None or self._task.done() or self._pipeline is None:
            return False
        self._ended_by = by
        self._pipeline.cancel()
        await asyncio.wait({self._task})
        return True

    async def close(self, seconds: float = 5.0) -> None:
        """End whatever runs; telling people about it may take so many seconds."""
        if self._task is None or self._task.done() or self._pipeline is None:
            return
        self._ended_by = "a restart of the bot"
        self._pipeline.cancel()
        await asyncio.wait({self._pipeline})
        await asyncio.wait({self._task}, timeout=seconds)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _build(self, request: Request, tally: Tally) -> Counts:
        settings = request.settings

        def open_source(audience: Audience, tally: Tally) -> DiscordSource:
            return DiscordSource(self._client, audience, settings.collect, tally)

        owner = f"{request.requester_name} in Discord"
        stats: RunStats
        if request.estimate:
            stats = await estimate_dataset(settings, self._store, open_source, tally, owner)
        else:
            await note_departed(self._store, settings, partial(departed, self._client))
            async with configured_chat(settings.models, settings.openai, self._environment) as chat:
                stats = await build_dataset(
                    settings, self._store, open_source, chat, tally, owner, confirmed=request.confirmed
                )
        examples = stats.examples if settings.discord.attach_records else ()
        return {**stats.counts, "examples": ["\n".join(sample_lines(sample)) for sample in examples]}

    async def _attend(
        self,
        request: Request,
        tally: Tally,
        channel: AdminChannel,
        pipeline: asyncio.Task[Counts],
        begun: asyncio.Future[int],
    ) -> None:
        """Show the build while it runs, and announce how it ended."""
        await _either(pipeline, begun)
        if not tally.run_id:
            return  # it never held the archive; whoever asked is told why
        run_id = tally.run_id
        with self._announcer.attending(run_id):
            owed = await self._announcer.owe(run_id, request.requester)
            status = self._status = StatusMessage(
                channel, None, lambda report: self._remember(run_id, report)
            )
            seconds = request.settings.discord.heartbeat_seconds

            def shown() -> discord.Embed:
                return embeds.run_embed(run_id, "running", tally.snapshot(), estimate=request.estimate)

            async with status.kept(shown, seconds):
                await asyncio.wait({pipeline})
            await self._announcer.announce(owed, outcome(pipeline, tally, self._ended_by))

    async def _remember(self, run_id: int, report: Report) -> None:
        with suppress(FatalError):
            await self._runs.reported(run_id, report)


def outcome(pipeline: asyncio.Task[Counts], tally: Tally, ended_by: str) -> Ending:
    """How a build ended that is over. Unexpected faults get an id that the log has too."""
    run_id = tally.run_id
    counts: Counts = {"run": run_id, "dry_run": False, "files": [], **tally.final_counts()}
    if pipeline.cancelled():
        by = f"Ended by {plain(ended_by)}. " if ended_by else ""
        return Ending(run_id, "interrupted", counts, by + GOES_ON)
    error = pipeline.exception()
    if error is None:
        return Ending(run_id, "finished", pipeline.result(), "")
    if isinstance(error, TunerError):
        return Ending(run_id, "failed", counts, inert(str(error)))
    reference = f"run-{run_id}"
    log.error("Unexpected fault in build %s", reference, exc_info=error)
    return Ending(
        run_id,
        "failed",
        counts,
        f"Something unexpected went wrong. The log has the details under {reference}.",
    )


def describe(run: Run, counts: Mapping[str, Any], url: str) -> str:
    """Who runs, since when, how far: for somebody who wanted to start a build."""
    far = (
        f", {counted(counts['messages'], 'message')} read, {counted(counts['samples'], 'sample')}"
        if counts
        else ""
    )
    return (
        f"Build #{run.id} is running: started by {plain(run.owner)} at "
        f"{run.started_at[:16].replace('T', ' ')} UTC{far}.{' ' + url if url else ''}"
    )


async def _either(pipeline: asyncio.Task[Counts], begun: asyncio.Future[int]) -> None:
    waiting: set[asyncio.Future[Any]] = {pipeline, begun}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("The build task failed", exc_info=error)
