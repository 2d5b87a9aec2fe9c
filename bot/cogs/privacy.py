"""/privacy for every member: what is stored of them, theirs to have, and to take back. Answered to nobody else."""

from __future__ import annotations

import gzip
import io
import logging
import re
import time
from collections import deque

import discord
from discord import app_commands
from discord.ext import commands

from bot.admin_channel import Home
from bot.cogs.tuner import admins_only
from bot.consent import panel
from bot.faults import ANY
from bot.tree import Interaction, NotNowError, RefusedError, acknowledge, reply, words
from bot.withdrawals import Withdrawals
from bot.wording import inert
from tuner.adapters.sqlite_consents import Consents, Decision
from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_own_words import OwnWords, Stored
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted, word
from tuner.config.settings import Settings
from tuner.errors import TunerError
from tuner.people.consent import Decided
from tuner.runs.erasing import Erased
from tuner.runs.withdrawing import Receipt

log = logging.getLogger("tuner.bot")

MOST, PER = 8, 60.0  # requests of one person, in so many seconds
MOST_CHANNELS = 20  # that an answer names
FILE_LIMIT = 10 * 2**20  # bytes that Discord takes everywhere


class PrivacyCog(commands.Cog):
    """Every command is the member's own: none takes anybody else."""

    privacy = app_commands.Group(
        name="privacy",
        description="What is stored of you, and whether it may be used",
        allowed_contexts=app_commands.AppCommandContext(guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True),
    )

    def __init__(
        self, client: discord.Client, settings: Settings, store: Store, withdrawals: Withdrawals
    ) -> None:
        self._settings = settings
        self._store = store
        self._consents = Consents(store)
        self._datasets = Datasets(store)
        self._withdrawals = withdrawals
        self._home = Home(client, settings.discord, Runs(store))
        self._asked: dict[int, deque[float]] = {}

    def join_group(self, group: app_commands.Group) -> None:
        """Put the administrators' command into /tuner."""
        group.add_command(
            app_commands.Command(
                name="consent",
                description="Post the panel that asks members for their consent here",
                callback=self._post_panel,
            )
        )

    def never_use_this(self) -> app_commands.ContextMenu:
        return app_commands.ContextMenu(
            name="Never use this",
            callback=self._never_use,
            allowed_contexts=app_commands.AppCommandContext(guild=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        await self.admit(interaction)
        return True

    async def admit(self, interaction: Interaction) -> None:
        """Members of the server that is worked for, and not too often. Raises NotNowError."""
        home = await self._home.id()
        if home is None or interaction.guild_id != home:
            raise NotNowError("This works in the server that Tuner works for only.")
        now, user_id = time.monotonic(), interaction.user.id
        for other in [other for other, times in self._asked.items() if now - times[-1] > PER]:
            del self._asked[other]
        times = self._asked.setdefault(user_id, deque(maxlen=MOST))
        if len(times) == MOST and now - times[0] < PER:
            raise NotNowError("That is too often. Try again in a minute.")
        times.append(now)

    # -- consent -------------------------------------------------------------------

    @admins_only()
    async def _post_panel(self, interaction: Interaction) -> None:
        if self._settings.people.consent == "listed":
            raise RefusedError(
                'Nobody is asked here: set `people.consent` to "opt_in" or "opt_out", and restart the bot.'
            )
        embed, view = panel(self._settings.people)
        await interaction.response.send_message(embed=embed, view=view)

    async def decide(self, interaction: Interaction, decision: Decision, version: str) -> str:
        """Write down what somebody decided by a button or a command; what to tell them."""
        await self._consents.decide(interaction.user.id, decision, version, str(interaction.id))
        if decision == "declined":
            await self._datasets.mark()
            self._withdrawals.soon()
            return (
                "Your words are not used any more: they are taken out of what was written, and the next build forgets "
                "them. `/privacy erase` erases them at once and for good."
            )
        if version != self._settings.people.consent_version:
            return "The text has changed since. Read the new one, and press the button under that."
        return "Thank you. Your words may be used; `/privacy leave` takes that back at any time."

    @privacy.command(description="Let your words be used")
    async def join(self, interaction: Interaction) -> None:
        people = self._settings.people
        if people.consent == "listed":
            raise RefusedError("Whose words are used is a list here. Ask whoever runs this server.")
        await reply(interaction, await self._decided(interaction, "agreed"))

    @privacy.command(description="Don't let your words be used any more")
    async def leave(self, interaction: Interaction) -> None:
        await reply(interaction, await self._decided(interaction, "declined"))

    async def _decided(self, interaction: Interaction, decision: Decision) -> str:
        return await self.decide(interaction, decision, self._settings.people.consent_version)

    # -- what is stored ------------------------------------------------------------

    @privacy.command(description="What is stored of you")
    async def show(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        user_id = interaction.user.id
        stored = await OwnWords(self._store, user_id).stored()
        decided = await self._consents.decided(self._settings.people.consent_version)
        await reply(interaction, "\n".join([*_told(stored), _decision(user_id, decided)]))

    @privacy.command(description="Your messages, as a file")
    async def export(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        lines = [line async for line in OwnWords(self._store, interaction.user.id).lines()]
        if not lines:
            await reply(interaction, "No words of yours are stored.")
            return
        data, name = b"".join(lines), "my-messages.jsonl"
        if len(data) > FILE_LIMIT:
            data, name = gzip.compress(data), f"{name}.gz"
        if len(data) > FILE_LIMIT:
            raise RefusedError("That is more than Discord takes. Ask whoever runs this server for it.")
        try:
            await interaction.followup.send(file=discord.File(io.BytesIO(data), name), ephemeral=True)
        except ANY as error:
            log.warning("An answer could not be delivered: %s", type(error).__name__)

    # -- erasing -------------------------------------------------------------------

    @privacy.command(description="Erase your words for good; asks first")
    async def erase(self, interaction: Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(EraseButton(interaction.user.id))
        await reply(
            interaction,
            "This erases every word of yours that is stored, from datasets too, and keeps new ones from being stored. "
            "It cannot be taken back.",
            view=view,
        )

    async def erase_for(self, interaction: Interaction) -> None:
        """What was confirmed, with a receipt."""
        await self.admit(interaction)
        await acknowledge(interaction)
        try:
            erased, receipt = await self._withdrawals.erase([interaction.user.id])
        except TunerError as error:
            self._withdrawals.soon()
            await reply(interaction, f"{words(error)} It is gone on with, without your doing anything.")
            return
        await reply(interaction, receipt_text(erased, receipt))

    async def _never_use(self, interaction: Interaction, message: discord.Message) -> None:
        await self.admit(interaction)
        if message.author.id != interaction.user.id:
            raise RefusedError("Only whoever wrote a message can take it back.")
        await acknowledge(interaction)
        await History(self._store).erase([message.id])
        await self._datasets.mark()
        self._withdrawals.soon()
        await reply(
            interaction, "This message is never used: its text is erased, and taken out of what was written."
        )


class EraseButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"tuner:erase:(?P<user>[0-9]{1,20})"
):
    """The confirmation. It knows for whom, and goes on working after a restart."""

    def __init__(self, user_id: int) -> None:
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label="Erase my words", style=discord.ButtonStyle.danger, custom_id=f"tuner:erase:{user_id}"
        )
        super().__init__(button)
        self.user_id = user_id

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> EraseButton:
        return cls(int(match["user"]))

    async def callback(self, interaction: Interaction) -> None:
        cog = interaction.client.get_cog("PrivacyCog")  # type: ignore[attr-defined] # a bot has cogs
        try:
            if interaction.user.id != self.user_id:
                raise RefusedError("Only who asked can answer this.")
            await cog.erase_for(interaction)
        except (TunerError, app_commands.AppCommandError) as error:
            await reply(interaction, words(error))


def receipt_text(erased: Erased, receipt: Receipt | None) -> str:
    """What was done and what was not, for the person: counts, no places on somebody's disk."""
    lines = [
        f"{counted(erased.messages, 'message')} lost {word(erased.messages, 'its', 'their')} text, and your words will "
        "not be stored again."
    ]
    if receipt is None:
        lines.append(
            "A build is under way: your words are taken out of what was written as soon as it has ended."
        )
        return "\n".join(lines)
    lines += [f"✅ {_placeless(text)}" for text in receipt.done]
    lines += [f"❌ {_placeless(text)}" for text in receipt.missed]
    lines += [f"⏳ {_placeless(text)} It is tried again." for text in receipt.later]
    return "\n".join(lines)


def _placeless(text: str) -> str:
    """A sentence that names files by their names alone."""
    return inert(re.sub(r"(?<![\w/])(?:[A-Za-z]:)?(?:[\w. -]*[\\/])+(?=[\w.-]+)", "", text))


def _told(stored: Stored) -> list[str]:
    if not stored.messages:
        return ["No words of yours are stored."]
    named = " ".join(f"<#{i}>" for i in stored.channels[:MOST_CHANNELS])
    lines = [
        f"{counted(stored.messages, 'message')} of yours, from {stored.first} to {stored.last}, in "
        f"{counted(len(stored.channels), 'channel')}: {named}"
    ]
    if stored.datasets:
        lines.append(f"Datasets with words of yours: {', '.join(f'#{i}' for i in stored.datasets)}.")
    if stored.jobs:
        lines.append(f"Training jobs that were given them: {', '.join(f'#{i}' for i in stored.jobs)}.")
    return lines


def _decision(user_id: int, decided: Decided) -> str:
    if user_id in decided.agreed:
        return "You agreed that your words may be used."
    if user_id in decided.declined:
        return "You declined: your words are not used."
    return "You have not decided whether your words may be used."
