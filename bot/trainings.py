"""Training jobs that people in Discord asked for: sent in the background, watched, and their end told, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import discord

from bot import training_embeds
from bot.admin_channel import AdminChannel, find
from bot.faults import ANY, PASSING, ChannelLostError, brief
from bot.heartbeat import StatusMessage, send
from tuner.adapters.sqlite_jobs import Jobs
from tuner.adapters.sqlite_runs import Report
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import FatalError, TunerError
from tuner.runs.training import Plan, cancel, go_on, refresh, start
from tuner.training.jobs import OVER, UNSENT, Job

log = logging.getLogger("tuner.bot")

LAST_JOBS = 10


class Trainings:
    """Owner of all jobs that this process sends or watches."""

    def __init__(
        self, client: discord.Client, settings: Settings, store: Store, environment: Mapping[str, str]
    ) -> None:
        self._client = client
        self._settings = settings
        self._store = store
        self._environment = environment
        self._jobs = Jobs(store)
        self._sending: dict[int, asyncio.Task[Job]] = {}
        self._shown: dict[int, StatusMessage] = {}
        self._trouble: dict[int, str] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Keep an eye on the jobs, those of processes before this one too, once the connection stands."""
        self._task = asyncio.create_task(self._keep_watching(), name="tuner training")

    async def close(self) -> None:
        """End all of it; what was being sent is gone on with after the next start."""
        tasks = [*self._sending.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def begin(self, plan: Plan, requester: int, name: str, *, again: bool) -> Job:
        """Write a job down and send it in the background. Raises TunerError when it cannot be."""
        begun: asyncio.Future[Job] = asyncio.get_running_loop().create_future()

        def listen(job: Job) -> None:
            begun.set_result(job)
            self._sending[job.id] = task
            self._news.set()

        sending = start(
            self._store,
            self._settings,
            self._environment,
            plan,
            f"{name} in Discord",
            requester=requester,
            again=again,
            begun=listen,
        )
        task = asyncio.create_task(sending, name="tuner training job")
        task.add_done_callback(self._sent)
        await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            return begun.result()
        begun.cancel()
        return task.result()

    async def cancel(self, job: Job) -> Job:
        """End a job. Raises TunerError when its provider cannot be asked."""
        ended = await cancel(self._store, self._settings, self._environment, job)
        self._news.set()
        return ended

    async def last(self) -> list[Job]:
        """The last jobs, newest first, as their providers describe them now where those can be asked."""
        return [await self._refreshed(job) for job in await self._jobs.last(LAST_JOBS)]

    async def find(self, number: int) -> Job | None:
        return await self._jobs.find(number)

    def _sent(self, task: asyncio.Task[Job]) -> None:
        for number, sending in list(self._sending.items()):
            if sending is task:
                del self._sending[number]
                if not task.cancelled() and (error := task.exception()):
                    self._complain(number, error)
        self._news.set()

    def _complain(self, number: int, error: BaseException) -> None:
        """Remember why a job could not be sent or asked about; the log is told once."""
        words = (
            str(error) if isinstance(error, TunerError) else "something unexpected; the log has the details"
        )
        if self._trouble.get(number) != words:
            unexpected = None if isinstance(error, TunerError) else error
            log.warning(
                "Training job #%s could not be seen to: %s", number, type(error).__name__, exc_info=unexpected
            )
        self._trouble[number] = words

    # -- watching --------------------------------------------------------------------

    async def _keep_watching(self) -> None:
        await self._client.wait_until_ready()
        while True:
            self._news.clear()
            [fault] = await asyncio.gather(self._round(), return_exceptions=True)
            if isinstance(fault, BaseException):
                log.error("The training jobs could not be seen to this time", exc_info=fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._settings.training.poll_seconds)

    async def _round(self) -> None:
        """See to every job that somebody in Discord waits for."""
        for job in await self._jobs.untold():
            if job.state in UNSENT and job.id not in self._sending:
                self._go_on(job)
            job = await self._refreshed(job)
            await self._show(job)
            if job.state in OVER or job.state == "lost":
                await self._tell(job)

    def _go_on(self, job: Job) -> None:
        """Send a job that was confirmed, and whose process died or was refused for the moment."""
        sending = go_on(self._store, self._settings, self._environment, job, lambda text: None)
        task = asyncio.create_task(sending, name="tuner training job")
        self._sending[job.id] = task
        task.add_done_callback(self._sent)

    async def _refreshed(self, job: Job) -> Job:
        if job.id in self._sending:
            return job
        try:
            job = await refresh(self._store, self._settings, self._environment, job)
        except TunerError as error:
            self._complain(job.id, error)
        else:
            if job.state not in UNSENT:
                self._trouble.pop(job.id, None)
        return job

    async def _show(self, job: Job) -> None:
        """Bring the job's one message in the admin channel up to date."""
        shown = self._shown.get(job.id)
        if shown is None:
            try:
                channel = await self._channel()
            except (ChannelLostError, *PASSING) as error:
                log.info("Training job #%s is not shown: %s", job.id, type(error).__name__)
                return
            known = await self._jobs.shown(job.id)
            shown = self._shown[job.id] = StatusMessage(
                channel, known.report, partial(self._remember, job.id)
            )
        await shown.show(await self._embed(job))

    async def _channel(self) -> AdminChannel:
        return await find(self._client, self._settings.discord.admin_channel or 0)

    async def _remember(self, number: int, report: Report) -> None:
        with suppress(FatalError):
            await self._jobs.reported(number, report)

    async def _embed(self, job: Job) -> discord.Embed:
        people = len(await self._jobs.people(job.id)) if job.people_known else None
        trouble = "" if job.state in OVER else self._trouble.get(job.id, "")
        return training_embeds.job_embed(job, people, trouble)

    async def _tell(self, job: Job) -> None:
        """Announce the end in a message of its own, because edits notify nobody."""
        nonce = (await self._jobs.shown(job.id)).nonce
        embed = await self._embed(job)
        mentions = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(job.requester)])

        def content() -> dict[str, object]:
            return {
                "content": training_embeds.announcement(job),
                "embed": embed,
                "allowed_mentions": mentions,
            }

        try:
            place: discord.abc.Messageable
            try:
                place = await self._channel()
            except ChannelLostError:
                place = await self._client.fetch_user(job.requester)
            await send(place, content, nonce)
        except (ChannelLostError, *ANY) as error:
            log.warning("The end of training job #%s could not be announced yet: %s", job.id, brief(error))
            return
        await self._jobs.told(job.id)
        self._shown.pop(job.id, None)
