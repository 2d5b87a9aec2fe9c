"""/tuner build, status and cancel: checked, answered at once, and then left to the admin channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot import embeds
from bot.admin_channel import AdminChannel, Home, find, obstacle
from bot.builds import Builds, Request, describe
from bot.faults import PASSING, ChannelLostError
from bot.tree import HomelessError, Interaction, NotAllowedError, RefusedError, acknowledge, reply
from bot.wording import plain
from tuner import config, snowflake
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import Store, is_building
from tuner.amounts import counted
from tuner.config.settings import Settings

Decorated = TypeVar("Decorated")

MOST_SAMPLES = 100_000
LAST_RUNS = 5


def admins_only() -> Callable[[Decorated], Decorated]:
    """Manage Server, or a role of `discord.admin_roles`: checked here, whatever the server's overrides say."""

    async def allowed(interaction: Interaction) -> bool:
        if not isinstance(interaction.user, discord.Member):
            raise app_commands.NoPrivateMessage
        cog = interaction.client.get_cog("TunerCog")  # type: ignore[attr-defined]
        await cog.admit(interaction)
        return True

    return app_commands.check(allowed)


class TunerCog(commands.Cog):
    """The commands. The build itself belongs to `Builds`."""

    tuner = app_commands.Group(
        name="tuner",
        description="Turn this server's history into a fine-tuning dataset",
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_contexts=app_commands.AppCommandContext(guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True),
    )

    def __init__(self, client: discord.Client, settings: Settings, store: Store, builds: Builds) -> None:
        self.settings = settings
        self._client = client
        self._store = store
        self._runs = Runs(store)
        self._history = History(store)
        self._builds = builds
        self._home = Home(client, settings.discord, self._runs)
        self._starting = asyncio.Lock()
        if settings.discord.admin_roles:
            # Discord would hide the commands from role holders without Manage Server. Now everybody sees them,
            # and `admit` says who may use them.
            self.tuner.default_permissions = None

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        await (
            self._home.id()
        )  # while the admin channel is there, so that it is still known when it is deleted

    async def admit(self, interaction: Interaction) -> None:
        """Let members pass who may use Tuner; nobody from other servers, whose people may have added the bot there.

        Raises NotAllowedError, or HomelessError when it cannot be told which server is worked for.
        """
        member = interaction.user
        home = await self._home.id()
        if home is None and interaction.permissions.manage_guild:
            raise HomelessError
        if not isinstance(member, discord.Member) or home is None or home != interaction.guild_id:
            raise NotAllowedError
        held = {role.id for role in member.roles}
        if not interaction.permissions.manage_guild and held.isdisjoint(self.settings.discord.admin_roles):
            raise NotAllowedError

    # -- build -----------------------------------------------------------------

    @tuner.command(description="Read what is new and build the dataset")
    @app_commands.describe(
        max_samples="Stop after this many samples",
        dry_run="Do everything, write no dataset",
        earliest="A date such as 2024-05-01: read history from there",
        channel="Only this channel",
        estimate="Count model calls, tokens and cost; ask no model",
        reread="Read everything again, for edits and deletions that went unseen",
        confirm="Erase the words of people who are no longer in dataset.allowed_users",
    )
    @admins_only()
    async def build(
        self,
        interaction: Interaction,
        max_samples: app_commands.Range[int, 1, MOST_SAMPLES] | None = None,
        dry_run: bool | None = None,
        earliest: str | None = None,
        channel: str | None = None,
        estimate: bool = False,
        reread: bool | None = None,
        confirm: bool = False,
    ) -> None:
        async with self._starting:  # who comes second is told of the first, however quick they were
            if refusal := await self._already_running():
                await reply(interaction, refusal)
                return
            options = {
                "dataset.max_samples": max_samples,
                "dataset.dry_run": dry_run,
                "dataset.earliest": earliest,
                "collect.reread": reread,
            }
            settings = self._settings_for(options, channel)
            admin_channel = await self._admin_channel()
            request = Request(settings, interaction.user.id, interaction.user.display_name, estimate, confirm)
            number = await self._builds.start(request, admin_channel)
        await reply(interaction, _started(number, settings, estimate))

    @build.autocomplete("channel")
    async def _channels(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        try:
            await self.admit(interaction)  # autocompletion passes no check by itself
        except app_commands.CheckFailure:
            return []
        names = {c.id: c.name for c in await self._history.channels()}
        choices = []
        for channel_id in self.settings.dataset.channels:
            known = self._client.get_channel(channel_id)
            name = f"#{getattr(known, 'name', None) or names.get(channel_id) or channel_id}"
            if typed.casefold().lstrip("#") in name.casefold() or typed == str(channel_id):
                choices.append(app_commands.Choice(name=name[:100], value=str(channel_id)))
        return choices[:25]

    async def _held_elsewhere(self) -> bool:
        held: bool = await asyncio.to_thread(is_building, self._store.path)
        return held

    async def _already_running(self) -> str:
        """Who builds from this archive, here or in another process; empty when nobody does."""
        if not (self._builds.running or await self._held_elsewhere()):
            return ""
        runs = await self._runs.last(1)
        if not runs or runs[0].state != "running":
            return "A build is just starting or ending. Try again in a moment."
        if here := self._builds.running:  # the channel stands in until the status message is there
            where = self._builds.url or f"<#{self.settings.discord.admin_channel}>"
            return describe(runs[0], here.snapshot(), where)
        report = await self._runs.report(runs[0].id)
        return describe(runs[0], runs[0].progress, report.url if report else "")

    def _settings_for(self, options: Mapping[str, Any], channel: str | None) -> Settings:
        """The configuration with the options on top, None where one was left out.

        Raises UsageError for what the configuration forbids.
        """
        overrides = [(key, value) for key, value in options.items() if value is not None]
        if channel is not None:
            allowed = [str(i) for i in self.settings.dataset.channels]
            if channel not in allowed:
                raise RefusedError(
                    "That channel is not in `dataset.channels`. Choose one of those that are offered."
                )
            overrides.append(("dataset.channels", [channel]))
        return config.changed(self.settings, overrides, "The command", {"dataset.channels": "channel"})

    async def _admin_channel(self) -> AdminChannel:
        """The channel for progress. Raises RefusedError with what to change when it cannot be used."""
        discord_settings = self.settings.discord
        if discord_settings.admin_channel is None:
            raise RefusedError(
                "Nothing was started: set `discord.admin_channel` to the channel for progress messages."
            )
        try:
            channel = await find(self._client, discord_settings.admin_channel)
        except ChannelLostError as error:
            raise RefusedError(f"Nothing was started: {error}.") from error
        except PASSING:
            raise RefusedError(
                "Nothing was started: Discord does not answer at present. Try again in a moment."
            ) from None
        if fault := obstacle(channel, attach=discord_settings.attach_records):
            raise RefusedError(f"Nothing was started: {fault}.")
        return channel

    # -- status and cancel -------------------------------------------------------

    @tuner.command(description="Show how the build is doing, or what is stored")
    @admins_only()
    async def status(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        await reply(interaction, embed=await self._status_embed())

    async def _status_embed(self) -> discord.Embed:
        if tally := self._builds.running:
            counts, estimate = tally.snapshot(), self._builds.estimating
            return embeds.run_embed(tally.run_id, "running", counts, self._builds.url, estimate=estimate)
        runs = await self._runs.last(LAST_RUNS)
        if runs and runs[0].state == "running":
            if await self._held_elsewhere():
                started = f"Started by {plain(runs[0].owner)}."
                estimate = bool(runs[0].options.get("estimate"))
                return embeds.run_embed(runs[0].id, "running", runs[0].progress, started, estimate=estimate)
            runs[0] = replace(runs[0], state="interrupted")  # its process died
        reaches = await self._history.reach()
        known = {r.channel.id: self._client.get_channel(r.channel.id) for r in reaches}
        ids = {i: getattr(channel, "last_message_id", None) for i, channel in known.items()}
        newest = {i: last for i, last in ids.items() if last}
        earliest = self.settings.dataset.earliest
        return embeds.idle_embed(runs, reaches, newest, snowflake.first_id(earliest) if earliest else 0)

    @tuner.command(description="End the running build; what was read and decided is kept")
    @admins_only()
    async def cancel(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        if await self._builds.cancel(interaction.user.display_name):
            await reply(
                interaction, "The build was ended. What was read and decided is kept; `/tuner build` goes on."
            )
        elif refusal := await self._already_running():
            await reply(interaction, f"That build runs in another process; end it there.\n{refusal}")
        else:
            await reply(interaction, "No build is running.")


def _started(number: int, settings: Settings, estimate: bool) -> str:
    dataset = settings.dataset
    if estimate:
        what = "It reads what is new and counts what a build would ask; no model is asked."
    else:
        amount = (
            f"up to {counted(dataset.max_samples, 'sample')}"
            if dataset.max_samples
            else "all samples there are"
        )
        what = f"It makes {amount}" + (" and writes no dataset: a dry run." if dataset.dry_run else ".")
        if dataset.dry_run and config.asked_model(settings):
            what += " It asks models, and spends, as a build does."
    return f"Build #{number} started. {what} Progress is in <#{settings.discord.admin_channel}>."
