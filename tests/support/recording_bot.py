"""A real commands.Bot that records what it hears, with one group of commands."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from tests.support.loopback_gateway import until

INTENTS = discord.Intents(guilds=True, guild_messages=True, message_content=True)
EVENTS = """ready resumed disconnect message raw_message_edit raw_message_delete raw_bulk_message_delete
guild_channel_delete guild_channel_create guild_channel_update raw_thread_delete thread_create
guild_join""".split()


class Recorder:
    """What a bot of this module can do: one group of commands, and a list of all events it hears."""

    tree: app_commands.CommandTree[Any]

    def prepare(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.failed: list[BaseException] = []
        for name in EVENTS:
            self.add_listener(self._hearing(name), f"on_{name}")  # type: ignore[attr-defined]
        self.tree.add_command(Build())
        self.tree.error(self._remember)

    def _hearing(self, name: str) -> Any:
        async def hear(*given: Any) -> None:
            self.heard.append((name, given[0] if given else None))

        return hear

    async def _remember(self, interaction: discord.Interaction[Any], error: Exception) -> None:
        self.failed.append(error.__cause__ or error)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def next(self, name: str, count: int = 1) -> Any:
        """What came with the event of this name, the `count`th of its kind."""
        found = await until(lambda: [given for heard, given in self.heard if heard == name][count - 1 :])
        return found[0]


class Bot(Recorder, commands.Bot):
    pass


class ShardedBot(Recorder, commands.AutoShardedBot):
    pass


class Build(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="tuner", description="Datasets")
        self.go_on = asyncio.Event()

    @app_commands.command()
    async def build(
        self,
        interaction: discord.Interaction[Any],
        samples: app_commands.Range[int, 1, 100],
        dry: bool = False,
        where: app_commands.AppCommandChannel | None = None,
        who: discord.Member | None = None,
        name: str = "",
    ) -> None:
        """Answers, and follows up when told to."""
        told = f"{samples} {dry} {where and where.name} {who and who.display_name} {name}"
        embed = discord.Embed(title="Build", description=told)
        file = discord.File(io.BytesIO(b"{}"), "plan.json")
        await interaction.response.send_message("started", embed=embed, file=file, ephemeral=True)
        await self.go_on.wait()
        await interaction.edit_original_response(content="half")
        await interaction.followup.send("done", ephemeral=True)

    @build.autocomplete("name")
    async def names(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        all_of_them = ["general", "games", interaction.namespace.samples or "none"]
        fitting = [str(name) for name in all_of_them if typed in str(name)]
        return [app_commands.Choice(name=name, value=name) for name in fitting]

    @app_commands.command()
    async def status(self, interaction: discord.Interaction[Any]) -> None:
        """Thinks first, in public."""
        await interaction.response.defer(thinking=True)
        await interaction.followup.send("idle")

    @app_commands.command()
    async def slow(self, interaction: discord.Interaction[Any]) -> None:
        """Answers when told to."""
        await self.go_on.wait()
        await interaction.response.send_message("late")


@asynccontextmanager
async def running(kind: type[Any] = Bot, token: str = "test-token", **options: Any) -> AsyncIterator[Any]:
    options = {"intents": INTENTS, "max_messages": None} | options
    async with kind(command_prefix="!", **options) as bot:
        bot.prepare()
        life = asyncio.create_task(bot.start(token))
        try:
            ready = asyncio.create_task(bot.next("ready"))
            done, _ = await asyncio.wait({life, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if life in done:
                life.result()
            yield bot
        finally:
            await bot.close()
            with suppress(Exception):
                await life


def group_of(bot: Bot) -> Build:
    group = bot.tree.get_command("tuner")
    assert isinstance(group, Build)
    return group


def text_channel(bot: Bot, channel_id: int) -> discord.TextChannel:
    channel = bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    return channel


def appending(seen: list[Any]) -> Any:
    async def append(given: Any) -> None:
        seen.append(given)

    return append
