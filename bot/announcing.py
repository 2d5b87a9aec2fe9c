"""Tells people how builds ended, until they have been told: later, and after a restart, if it has to be."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import discord

from bot import embeds, ending
from bot.admin_channel import AdminChannel, find, permissions
from bot.ending import Ending
from bot.faults import ANY, PASSING, ChannelLostError, brief, is_passing
from bot.heartbeat import ODD_ROUNDS, OLD, StatusMessage, send
from tuner.adapters.sqlite_announcements import Announcements, Owed, new_nonce
from tuner.adapters.sqlite_runs import Report, Runs
from tuner.adapters.sqlite_store import Store, is_building
from tuner.config.settings import Discord
from tuner.errors import FatalError

log = logging.getLogger("tuner.bot")

PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds between two rounds; doubled from one to the next

MOST_LOOKED_AT = 500  # messages of the admin channel, from the start of a build on

Content = Callable[[], dict[str, Any]]


class Announcer:
    """Owner of all announcements of this process, and of the task that makes up for those that failed."""

    def __init__(self, client: discord.Client, settings: Discord, store: Store) -> None:
        self._client = client
        self._settings = settings
        self._store = store
        self._runs = Runs(store)
        self._owed = Announcements(store)
        self._attended: set[int] = set()  # runs whose end somebody else is about to tell
        self._complained: set[int] = set()
        self._odd: Counter[int] = Counter()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Announce what is owed, in the background, once the connection stands."""
        self._task = asyncio.create_task(self._keep_announcing(), name="tuner announcements")

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextmanager
    def attending(self, run_id: int) -> Iterator[None]:
        """Inside this block the end of the run is the caller's to announce; after it, of what was not said, ours."""
        self._attended.add(run_id)
        try:
            yield
        finally:
            self._attended.discard(run_id)
            self._news.set()

    async def owe(self, run_id: int, requester: int) -> Owed:
        """Whoever asked for this run is to be told of its end, whatever comes."""
        try:
            return await self._owed.owe(run_id, requester)
        except FatalError:  # a full disk: told now or never
            return Owed(run_id, requester, new_nonce(), {}, announced=False)

    async def announce(self, owed: Owed, end: Ending) -> None:
        """Say how a run ended; what cannot be said now is said later."""
        with suppress(FatalError):
            await self._owed.ended(end.run_id, end.remembered())
        await self._settle(owed, await self._told_apart(end))

    async def _told_apart(self, end: Ending) -> Ending:
        """An estimate that failed or was ended holds no figures: only how it was asked for tells that it is one."""
        with suppress(FatalError):
            run = await self._runs.find(end.run_id)
            return replace(end, estimate=run is not None and bool(run.options.get("estimate")))
        return end

    # -- later -------------------------------------------------------------------

    async def _keep_announcing(self) -> None:
        await self._client.wait_until_ready()
        await asyncio.gather(self._find_dead_run(), return_exceptions=True)
        pause = PAUSE
        while True:
            self._news.clear()
            [left] = await asyncio.gather(self._round(), return_exceptions=True)
            if left is False:
                await self._news.wait()
                pause = PAUSE
                continue
            if isinstance(left, BaseException):
                log.error("What is owed could not be announced this time", exc_info=left)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _find_dead_run(self) -> None:
        """A run that the last process left unfinished, whoever started it, has ended too."""
        runs = await self._runs.last(1)
        if not runs or runs[0].state != "running" or await asyncio.to_thread(is_building, self._store.path):
            return
        if await self._runs.found_dead(runs[0].id, embeds.without_prospects(runs[0].progress)):
            await self._owed.owe(runs[0].id, 0)

    async def _round(self) -> bool:
        """Say what is due; whether something is left."""
        due = [owed for owed in await self._owed.due() if owed.run_id not in self._attended]
        done = await asyncio.gather(*map(self._recall, due), return_exceptions=True)
        for fault in done:
            if isinstance(fault, BaseException):
                log.error("What is owed could not be announced this time", exc_info=fault)
        return any(one is not True for one in done)

    async def _recall(self, owed: Owed) -> bool:
        run = await self._runs.find(owed.run_id)
        return run is None or await self._settle(owed, ending.recalled(owed, run))

    # -- one announcement -----------------------------------------------------------

    async def _settle(self, owed: Owed, end: Ending) -> bool:
        """Let the status message say the end, and announce it; whether all of that is done."""
        shown = await self._show(end)
        said, where = (True, "") if owed.announced else await self._say(owed, end)
        if said and not owed.announced:
            with suppress(FatalError):
                await self._owed.announced(end.run_id)
        if where:
            shown = await self._show(end, where) or shown
        if said and shown:
            with suppress(FatalError):
                await self._owed.settled(end.run_id)
        return said and shown

    async def _say(self, owed: Owed, end: Ending) -> tuple[bool, str]:
        """Whether people were told, and where. In a new message, because edits notify nobody."""
        try:
            channel = await find(self._client, self._settings.admin_channel or 0)
            sent = await self._post(channel, owed, self._contents(channel, owed, end))
        except ChannelLostError:
            return await self._tell_in_person(owed, end), ""
        except ANY as error:
            log.warning("The end of build #%s could not be announced yet: %s", end.run_id, brief(error))
            return self._is_there_all_the_same(owed, error), ""
        return True, sent

    def _is_there_all_the_same(self, owed: Owed, error: BaseException) -> bool:
        """Whether Discord seems to have taken a message, and only its answers make no sense."""
        if isinstance(error, (discord.DiscordException, *PASSING)):
            return False
        self._odd[owed.run_id] += 1
        return self._odd[owed.run_id] >= ODD_ROUNDS

    async def _post(self, place: discord.abc.Messageable, owed: Owed, contents: list[Content]) -> str:
        """The URL of the message with the most that Discord takes: what shows never swallows what announces."""
        *others, last = contents
        for content in others:
            [sent] = await asyncio.gather(send(place, content, owed.nonce), return_exceptions=True)
            if isinstance(sent, ChannelLostError) or (isinstance(sent, BaseException) and is_passing(sent)):
                raise sent
            if not isinstance(sent, BaseException):
                return sent.jump_url
            log.warning("Discord took an announcement only in part: %s", brief(sent))
        return (await send(place, last, owed.nonce)).jump_url

    def _contents(self, channel: AdminChannel, owed: Owed, end: Ending) -> list[Content]:
        """What to say, from the most to the least."""
        plain = partial(self._content, owed, end)
        limit = channel.guild.filesize_limit if permissions(channel).attach_files else 0
        paths = ending.attachments(end.counts, limit) if self._settings.attach_records else []
        with_files = [partial(plain, embedded=True, paths=paths)] if paths else []
        return [*with_files, partial(plain, embedded=True), plain]

    def _content(
        self, owed: Owed, end: Ending, *, embedded: bool = False, paths: list[Path] | None = None
    ) -> Any:
        made: dict[str, Any] = {"content": ending.text(end, owed.requester)}
        made["allowed_mentions"] = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(owed.requester)] if owed.requester else False
        )
        if embedded:
            made["embed"] = ending.embed(end)
        if paths:
            made["files"] = [discord.File(path) for path in paths]
        return made

    async def _tell_in_person(self, owed: Owed, end: Ending) -> bool:
        """The admin channel cannot be reached: a direct message to whoever asked."""
        plain = partial(self._content, owed, end)
        try:
            if owed.requester:
                user = await self._client.fetch_user(owed.requester)
                await self._post(user, owed, [partial(plain, embedded=True), plain])
                return True
        except (ChannelLostError, *ANY) as error:
            fault = brief(error)
        else:
            fault = "the admin channel is gone, and nobody in Discord asked for it"
        if owed.run_id not in self._complained:
            self._complained.add(owed.run_id)
            log.warning("Nobody could be told that build #%s ended: %s", owed.run_id, fault)
        return False

    async def _show(self, end: Ending, where: str = "") -> bool:
        """Whether the status message is closed. No fault of what shows reaches what announces."""
        [closed] = await asyncio.gather(self._close_status(end, where), return_exceptions=True)
        if isinstance(closed, BaseException):
            log.error("The status message of build #%s could not be closed", end.run_id, exc_info=closed)
        return closed is True

    async def _close_status(self, end: Ending, where: str = "") -> bool:
        """The status message must not go on saying that it runs; whether that is done."""
        report = await self._runs.report(end.run_id)
        last = embeds.closed_embed(end.run_id, end.state, end.counts, where, estimate=end.estimate)
        done = True
        if report is not None:
            try:
                channel = await find(self._client, report.channel_id)
            except ChannelLostError:
                return True
            except PASSING:
                return False
            done = await StatusMessage(channel, report, self._unmoved).finish(last)
        if not where and (not end.witnessed or end.counts.get("seconds", 0) > OLD):
            done &= await self._close_strays(end, last)
        return done

    async def _close_strays(self, end: Ending, last: discord.Embed) -> bool:
        """Older status messages of a long build, and one whose number a process that was killed could not store."""
        run = await self._runs.find(end.run_id)
        if run is None:
            return True
        try:
            channel = await find(self._client, self._settings.admin_channel or 0)
            begun = datetime.fromisoformat(run.started_at) - timedelta(seconds=1)
            async for message in channel.history(limit=MOST_LOOKED_AT, after=begun):
                if message.author == self._client.user and _says_that_it_runs(message, end.run_id):
                    await message.edit(embed=last)
        except (ChannelLostError, *ANY) as error:
            log.info("Older status messages could not be closed: %s", brief(error))
            return not is_passing(error)
        return True

    async def _unmoved(self, report: Report) -> None:
        """A status message that only ends is never posted anew."""


def _says_that_it_runs(message: discord.Message, run_id: int) -> bool:
    titles = [embeds.title(run_id, "running", estimate=estimate) for estimate in (False, True)]
    return any(embed.title in titles for embed in message.embeds)
