"""/tuner train and /tuner jobs: nothing is started before its price was seen and a button was pressed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import discord
from discord import app_commands

from bot import training_embeds
from bot.cogs.tuner import admins_only
from bot.faults import ANY
from bot.training_embeds import jobs_embed
from bot.trainings import Trainings
from bot.tree import Interaction, RefusedError, acknowledge, reply, words
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.errors import TunerError
from tuner.runs.training import Plan, planned, refuse_repetition
from tuner.training.jobs import OVER

log = logging.getLogger("tuner.bot")

PATIENCE = 180.0  # seconds until an unanswered question is withdrawn


class TrainCog:
    """Two commands of the /tuner group."""

    def __init__(
        self, settings: Settings, store: Store, trainings: Trainings, environment: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._store = store
        self._trainings = trainings
        self._environment = environment

    def join(self, group: app_commands.Group) -> None:
        """Put the commands into the group."""
        group.add_command(
            app_commands.Command(
                name="train",
                description="Train a model on the dataset, at the configured provider; asks first",
                callback=self._train,
            )
        )
        group.add_command(
            app_commands.Command(
                name="jobs",
                description="Show how training jobs are doing, or end one",
                callback=self._show_jobs,
            )
        )

    @admins_only()
    @app_commands.describe(again="Also if the same was trained before")
    async def _train(self, interaction: Interaction, again: bool = False) -> None:
        await acknowledge(interaction)
        plan = await planned(self._settings, self._environment)
        await refuse_repetition(self._store, plan.order, again=again)
        question = Confirmation(self._trainings, plan, interaction, again=again)
        await reply(interaction, embed=training_embeds.plan_embed(plan.order, plan.forecast), view=question)

    @admins_only()
    @app_commands.describe(cancel="The number of a job to end")
    async def _show_jobs(
        self, interaction: Interaction, cancel: app_commands.Range[int, 1, 1 << 31] | None = None
    ) -> None:
        await acknowledge(interaction)
        if cancel is not None:
            await reply(interaction, await self._cancelled(cancel))
            return
        await reply(interaction, embed=jobs_embed(await self._trainings.last()))

    async def _cancelled(self, number: int) -> str:
        job = await self._trainings.find(number)
        if job is None:
            raise RefusedError(f"There is no job #{number}. `/tuner jobs` shows those there are.")
        if job.state in OVER:
            return f"Job #{job.id} is over already."
        job = await self._trainings.cancel(job)
        return f"Job #{job.id} is {'cancelled' if job.state in OVER else 'being cancelled'}."


class Confirmation(discord.ui.View):
    """The question whether to start, for whoever asked, and for a while. Answered by nobody, it starts nothing."""

    def __init__(self, trainings: Trainings, plan: Plan, asked: Interaction, *, again: bool) -> None:
        super().__init__(timeout=PATIENCE)
        self._trainings = trainings
        self._plan = plan
        self._asked = asked
        self._again = again
        self._answered = False

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        if interaction.user.id == self._asked.user.id:
            return True
        await reply(interaction, "Only who asked can answer this.")
        return False

    @discord.ui.button(label="Start", style=discord.ButtonStyle.danger, custom_id="tuner:train:start")
    async def _start(self, interaction: Interaction, button: discord.ui.Button[Confirmation]) -> None:
        if not self._first():
            return
        await acknowledge(interaction)
        try:
            user = self._asked.user
            job = await self._trainings.begin(self._plan, user.id, user.display_name, again=self._again)
        except TunerError as error:
            await self._close(f"Nothing was started: {words(error)}")
        else:
            await self._close(
                f"Job #{job.id} is on its way. Progress is in the admin channel, and `/tuner jobs` shows it."
            )

    @discord.ui.button(label="Don't", style=discord.ButtonStyle.secondary, custom_id="tuner:train:dont")
    async def _decline(self, interaction: Interaction, button: discord.ui.Button[Confirmation]) -> None:
        if self._first():
            await acknowledge(interaction)
            await self._close("Nothing was started.")

    async def on_timeout(self) -> None:
        if self._first():
            await self._close(f"Nothing was started: no answer came within {PATIENCE / 60:.0f} minutes.")

    async def on_error(
        self, interaction: Interaction, error: Exception, item: discord.ui.Item[Confirmation], /
    ) -> None:
        await self._close(words(error))

    def _first(self) -> bool:
        """Whether this is the first answer; there is only one."""
        first, self._answered = not self._answered, True
        self.stop()
        return first

    async def _close(self, text: str) -> None:
        """Take the buttons away and say what became of it."""
        try:
            await self._asked.edit_original_response(content=text, view=None)
        except ANY as error:
            log.warning("An answer could not be delivered: %s", type(error).__name__)
