"""The one build that may run: who asked for it, how it is shown, how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot import embeds
from bot.heartbeat import PASSING, AdminChannel, ChannelLostError, StatusMessage, send
from tuner.adapters.discord_history import DiscordSource
from tuner.adapters.openai_chat import configured_chat
from tuner.adapters.sqlite_runs import Report, Run, Runs
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import FatalError, TunerError
from tuner.people.audience import Audience
from tuner.pipeline import RunStats, build_dataset, estimate_dataset
from tuner.progress import Event, Started, Tally

log = logging.getLogger("tuner.bot")

Counts = dict[str, Any]

TOO_LARGE = 413  # HTTP status


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

    def __init__(self, client: discord.Client, store: Store, environment: Mapping[str, str]) -> None:
        self._client = client
        self._store = store
        self._runs = Runs(store)
        self._environment = environment
        self._task: asyncio.Task[None] | None = None
        self._pipeline: asyncio.Task[Counts] | None = None
        self._tally: Tally | None = None
        self._status: StatusMessage | None = None
        self._ended_by = ""

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
            async with configured_chat(settings.models, settings.openai, self._environment) as chat:
                stats = await build_dataset(
                    settings, self._store, open_source, chat, tally, owner, confirmed=request.confirmed
                )
        return stats.counts

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
        status = self._status = StatusMessage(channel, None, lambda report: self._remember(run_id, report))
        beat = asyncio.create_task(
            status.keep(
                lambda: embeds.run_embed(run_id, "running", tally.snapshot()),
                request.settings.discord.heartbeat_seconds,
            ),
            name="tuner heartbeat",
        )
        try:
            await asyncio.wait({pipeline})
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        await self._announce(request, tally, channel, status, pipeline)

    async def _announce(
        self,
        request: Request,
        tally: Tally,
        channel: AdminChannel,
        status: StatusMessage,
        pipeline: asyncio.Task[Counts],
    ) -> None:
        """Say how it ended: in the status message, and in a new message, because edits notify nobody."""
        state, counts, message = outcome(pipeline, tally, self._ended_by)
        embed = embeds.add_result(embeds.run_embed(tally.run_id, state, counts, message), counts)
        await status.show(embed)
        text = embeds.done_text(tally.run_id, state, counts, request.requester)
        may_attach = channel.permissions_for(channel.guild.me).attach_files
        paths = attachments(request.settings, counts, channel.guild.filesize_limit if may_attach else 0)
        ping = discord.AllowedMentions(users=[discord.Object(request.requester)])

        def content() -> dict[str, Any]:
            files = [discord.File(path) for path in paths]
            return {"content": text, "embed": embed, "files": files, "allowed_mentions": ping}

        try:
            try:
                await send(channel, content)
            except discord.HTTPException as error:
                if error.status != TOO_LARGE or not paths:
                    raise
                paths.clear()  # Discord takes less than it promised: announce without the files
                await send(channel, content)
        except (ChannelLostError, discord.HTTPException, *PASSING):
            await self._tell_in_person(request.requester, text, embed)

    async def _tell_in_person(self, user_id: int, text: str, embed: discord.Embed) -> None:
        """The admin channel cannot be reached: a direct message to whoever asked."""
        try:
            user = await self._client.fetch_user(user_id)
            await user.send(text, embed=embed)
        except (discord.HTTPException, *PASSING) as error:
            log.warning("Nobody could be told that the build ended: %s", type(error).__name__)

    async def _remember(self, run_id: int, report: Report) -> None:
        with suppress(FatalError):
            await self._runs.reported(run_id, report)


def outcome(pipeline: asyncio.Task[Counts], tally: Tally, ended_by: str) -> tuple[str, Counts, str]:
    """State, counts and words of a build that is over. Unexpected faults get an id that the log has too."""
    counts: Counts = {"run": tally.run_id, "dry_run": False, "files": [], **tally.final_counts()}
    if pipeline.cancelled():
        by = f"Ended by {embeds.plain(ended_by)}. " if ended_by else ""
        return (
            "interrupted",
            counts,
            f"{by}What was read and decided is kept; /tuner build goes on from there.",
        )
    error = pipeline.exception()
    if error is None:
        return "finished", pipeline.result(), ""
    if isinstance(error, TunerError):
        return "failed", counts, str(error)
    reference = f"run-{tally.run_id}"
    log.error("Unexpected fault in build %s", reference, exc_info=error)
    return "failed", counts, f"Something unexpected went wrong. The log has the details under {reference}."


def attachments(settings: Settings, counts: Counts, limit: int) -> list[Path]:
    """The dataset files to attach: when that is allowed, and as many as fit into one message of the server."""
    if not settings.discord.attach_records:
        return []
    chosen, room = [], limit
    for file in counts["files"]:
        if file["size"] <= room:
            chosen.append(Path(file["path"]))
            room -= file["size"]
    return chosen


def describe(run: Run, counts: Mapping[str, Any], url: str) -> str:
    """Who runs, since when, how far: for somebody who wanted to start a build."""
    far = f", {counts['messages']:,} messages read, {counts['samples']:,} samples" if counts else ""
    return (
        f"Build #{run.id} is running: started by {embeds.plain(run.owner)} at "
        f"{run.started_at[:16].replace('T', ' ')} UTC{far}.{' ' + url if url else ''}"
    )


async def _either(pipeline: asyncio.Task[Counts], begun: asyncio.Future[int]) -> None:
    waiting: set[asyncio.Future[Any]] = {pipeline, begun}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("The build task failed", exc_info=error)
