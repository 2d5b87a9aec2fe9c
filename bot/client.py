"""The connection: intents, what is cached (nothing), commands registered when they changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping

import discord
from discord.ext import commands

from bot.announcing import Announcer
from bot.builds import Builds
from bot.cogs.archive import ArchiveCog
from bot.cogs.tuner import TunerCog
from bot.tree import WordsTree
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import UsageError

log = logging.getLogger("tuner.bot")

EVERYWHERE = "everywhere"


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

    async def setup_hook(self) -> None:
        await self.add_cog(ArchiveCog(self.settings, History(self.store)))
        await self.add_cog(TunerCog(self, self.settings, self.store, self.builds))
        await self._register()
        self.announcer.start()

    async def _register(self) -> None:
        """Register the commands if they differ from what was registered last."""
        guild_id = self.settings.discord.guild
        guild = discord.Object(guild_id) if guild_id else None
        if guild:
            self.tree.copy_global_to(guild=guild)
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands(guild=guild)]
        digest = hashlib.sha256(json.dumps([self.application_id, guild_id, payload]).encode()).hexdigest()
        runs = Runs(self.store)
        if await runs.note("commands") == digest:
            return
        try:
            await self.tree.sync(guild=guild)
        except discord.Forbidden:
            raise UsageError(
                f"Discord lets the bot register no commands in discord.guild = {guild_id}. Check the id, and invite "
                "the bot there with the scopes bot and applications.commands."
            ) from None
        await self._withdraw(await runs.note("commands in"), guild_id)
        await runs.set_note("commands in", str(guild_id or EVERYWHERE))
        await runs.set_note("commands", digest)
        log.info("Commands registered %s", f"in server {guild_id}" if guild else "everywhere")

    async def _withdraw(self, old: str, guild_id: int | None) -> None:
        """Take the commands away from where they were registered before: people would see each one twice."""
        if not old or not self.application_id or old == str(guild_id or EVERYWHERE):
            return
        try:
            if old == EVERYWHERE:
                await self.http.bulk_upsert_global_commands(self.application_id, [])
            else:
                await self.http.bulk_upsert_guild_commands(self.application_id, int(old), [])
        except discord.Forbidden:  # the bot is not in that server any more
            log.info("The commands in server %s could not be withdrawn.", old)

    async def close(self) -> None:
        await self.builds.close()
        await self.announcer.close()
        await super().close()
