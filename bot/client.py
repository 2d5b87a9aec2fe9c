"""The connection: intents, what is cached (nothing), and what lives as long as it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import discord
from discord.ext import commands

from bot.announcing import Announcer
from bot.builds import Builds
from bot.cogs.archive import ArchiveCog
from bot.cogs.check import CheckCog
from bot.cogs.privacy import EraseButton, PrivacyCog
from bot.cogs.training import TrainCog
from bot.cogs.tuner import TunerCog
from bot.consent import ConsentButton
from bot.events import TolerantParsers
from bot.faults import ANY
from bot.registration import Registration
from bot.trainings import Trainings
from bot.tree import WordsTree
from bot.withdrawals import Withdrawals
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import FatalError, RetryError

log = logging.getLogger("tuner.bot")

PAUSE, LONGEST_PAUSE = (
    5.0,
    3600.0,
)  # seconds until registering is tried again; doubled from one try to the next


class TunerBot(commands.AutoShardedBot):
    """Holds the gateway connection; Discord says how many shards that takes, usually one."""

    def __init__(self, settings: Settings, store: Store, environment: Mapping[str, str]) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=WordsTree,
            intents=discord.Intents(guilds=True, guild_messages=True, message_content=True),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=60,
        )
        self.settings = settings
        self.store = store
        self.announcer = Announcer(self, settings.discord, store)
        self.builds = Builds(self, store, self.announcer, environment)
        self.trainings = Trainings(self, settings, store, environment)
        self.withdrawals = Withdrawals(settings, store, environment)
        self._environment = environment
        history = History(store)
        self._parsers = TolerantParsers(self, lambda message_id: history.known([message_id]))
        self._parsers.install()
        self._registering: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        await self.add_cog(ArchiveCog(self.settings, self.store))
        tuner = TunerCog(self, self.settings, self.store, self.builds)
        CheckCog(self, self.settings, self._environment).join(tuner.tuner)
        privacy = PrivacyCog(self, self.settings, self.store, self.withdrawals)
        privacy.join_group(tuner.tuner)
        self.tree.add_command(privacy.never_use_this())
        self.add_dynamic_items(ConsentButton, EraseButton)
        TrainCog(self.settings, self.store, self.trainings, self._environment).join(tuner.tuner)
        await self.add_cog(tuner)
        await self.add_cog(privacy)
        registration = Registration(self.tree, self.settings.discord.guild, Runs(self.store))
        if not await self._registered(registration):  # the commands of before go on working meanwhile
            self._registering = asyncio.create_task(self._register_later(registration), name="tuner commands")
        self.announcer.start()
        self.withdrawals.start()
        self.trainings.watch()

    async def _registered(self, registration: Registration) -> bool:
        try:
            await registration.renew()
        except (RetryError, *ANY) as error:
            log.warning(
                "The commands could not be registered yet, and will be later: %s",
                error
                if isinstance(error, RetryError)
                else f"Discord's answer was odd ({type(error).__name__})",
            )
            return False
        return True

    async def _register_later(self, registration: Registration) -> None:
        pause = PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                if await self._registered(registration):
                    return
            except FatalError as error:
                log.error("%s", error)
                return

    async def close(self) -> None:
        if self._registering:
            self._registering.cancel()
        await self.builds.close()
        await self.trainings.close()
        await self.withdrawals.close()
        await self.announcer.close()
        await self._parsers.close()
        await super().close()
