"""Tuner's own bot, connected to a loopback Discord, with everything it writes below one folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.client import TunerBot
from tests.support.building import NO_CHANGES, Changes, Workplace
from tests.support.discord_call import Written
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import FORUM, TEXT, JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_gateway import PATIENCE, until
from tuner import config
from tuner.adapters.sqlite_store import Store, open_store
from tuner.config.settings import Settings

ADMIN_CHANNEL = "ops"
MANAGE_GUILD = 1 << 5


@dataclass(frozen=True, slots=True)
class RunningBot:
    """A connected bot and what it is connected to. `paths` says where archive, records and stats lie."""

    bot: TunerBot
    server: LoopbackDiscord
    settings: Settings
    store: Store
    paths: Workplace
    life: asyncio.Task[None]  # that of bot.start

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def admin_channel(self) -> int:
        assert self.settings.discord.admin_channel is not None
        return self.settings.discord.admin_channel

    def use(
        self,
        command: str,
        options: Mapping[str, Any] | None = None,
        user: JsonObject | None = None,
        **more: Any,
    ) -> Interaction:
        """Someone uses `/tuner <command>`, who may manage the server unless `permissions` says otherwise."""
        more = {"permissions": MANAGE_GUILD} | more
        return self.server.interact(f"tuner {command}", options, user=user, **more)

    async def build(
        self, options: Mapping[str, Any] | None = None, user: JsonObject | None = None
    ) -> Interaction:
        """/tuner build, from the answer to the announcement of its end."""
        used = await self.use("build", options, user).answered()
        await self.ended()
        return used

    async def ended(self, timeout: float = PATIENCE) -> None:
        """As soon as no build runs and the end of the last one has been announced."""
        await until(lambda: not self.bot.builds.running, timeout)

    def posted(self) -> list[JsonObject]:
        """The bot's messages in the admin channel, as they are now."""
        messages = self.world.channels[self.admin_channel].messages
        return [one for one in messages if one["author"]["id"] == self.world.bot["id"]]

    def written(self, how: str) -> list[Written]:
        """What was sent ("send") or changed ("edit") in channels, in order."""
        return [one for one in self.server.written if one.how == how]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside this block no history is answered: a build stays where it is."""
        self.server.held = lambda request: request.is_history
        try:
            yield
        finally:
            self.server.held = lambda request: False


@asynccontextmanager
async def running_bot(
    world: World,
    folder: Path,
    changes: Changes = NO_CHANGES,
    *,
    server: LoopbackDiscord | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningBot]:
    """A bot that is ready. All text channels and forums are configured, the one named "ops" for progress.

    With a `server` it connects to that one, as after a restart; `changes` are settings by `table.key`.
    """
    paths = Workplace(folder)
    settings = bot_settings(world, paths, changes)
    async with AsyncExitStack() as stack:
        if server is None:
            server = await stack.enter_async_context(LoopbackDiscord(world))
        stack.enter_context(patched(server))
        store = await stack.enter_async_context(open_store(paths.archive))
        bot = await stack.enter_async_context(TunerBot(settings, store, environment or {}))
        life = asyncio.create_task(bot.start("test-token"), name="bot.start")
        try:
            await until(lambda: life.done() or bot.is_ready())
            if life.done():
                await life
            yield RunningBot(bot, server, settings, store, paths, life)
        finally:
            await bot.close()
            await asyncio.gather(life, return_exceptions=True)


def bot_settings(world: World, paths: Workplace, changes: Changes = NO_CHANGES) -> Settings:
    """Settings that fit a test of the bot, as `running_bot` uses them."""
    places = {
        id_: c.data.get("name") for id_, c in world.channels.items() if c.data.get("type") in (TEXT, FORUM)
    }
    channels = [id_ for id_, name in places.items() if name != ADMIN_CHANNEL]
    chosen = paths.overrides(channels, {"discord.heartbeat_seconds": 1})
    for id_, name in places.items():
        if name == ADMIN_CHANNEL:
            chosen["discord.admin_channel"] = str(id_)
    chosen |= changes
    return config.load({}, chosen.items(), "The test")
