"""The panel that asks for consent: two buttons that go on working whatever is restarted."""

from __future__ import annotations

import re
from typing import Protocol, cast

import discord

from bot.tree import Interaction, reply, words
from tuner.adapters.sqlite_consents import Decision
from tuner.config.settings import People
from tuner.errors import TunerError

TEXT = """\
This server makes a dataset of what is said here, to train a chat model. It uses the words of those who agree.

**What that means.** Your messages in the channels that are read are stored by whoever runs this bot, and may become \
lines of a dataset. A model that is trained on it may repeat them.
**It is up to you.** You can leave at any time: your words are not used from then on, and are taken out of datasets \
that were written before. What a model has learned stays in it.
`/privacy show` says what is stored of you, `/privacy export` gives it to you, `/privacy erase` erases it for good."""

LABELS: dict[Decision, str] = {"agreed": "I agree", "declined": "I don't agree"}


class Deciding(Protocol):
    """Who writes a decision down."""

    async def admit(self, interaction: Interaction) -> None:
        """Raises AppCommandError for whom nothing is to be done."""

    async def decide(self, interaction: Interaction, decision: Decision, version: str) -> str:
        """What to tell the person."""


def panel(settings: People) -> tuple[discord.Embed, discord.ui.View]:
    """The text and its buttons, which know which version of it they stand under."""
    embed = discord.Embed(title="May your words be used?", description=settings.consent_text or TEXT)
    embed.set_footer(text=f"Version {settings.consent_version}")
    view = discord.ui.View(timeout=None)
    for decision in LABELS:
        view.add_item(ConsentButton(decision, settings.consent_version))
    return embed, view


class ConsentButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"tuner:consent:(?P<decision>agreed|declined):(?P<version>[\w.-]{1,20})",
):
    """A decision, with the version of the text in its id: what it is worth does not depend on this process."""

    def __init__(self, decision: Decision, version: str) -> None:
        agreeing = decision == "agreed"
        style = discord.ButtonStyle.success if agreeing else discord.ButtonStyle.secondary
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label=LABELS[decision], style=style, custom_id=f"tuner:consent:{decision}:{version}"
        )
        super().__init__(button)
        self.decision = decision
        self.version = version

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> ConsentButton:
        return cls(cast("Decision", match["decision"]), match["version"])

    async def callback(self, interaction: Interaction) -> None:
        await _answer(interaction, self.decision, self.version)


async def _answer(interaction: Interaction, decision: Decision, version: str) -> None:
    cog = cast("Deciding", interaction.client.get_cog("PrivacyCog"))  # type: ignore[attr-defined] # a bot has cogs
    try:
        await cog.admit(interaction)
        await reply(interaction, await cog.decide(interaction, decision, version))
    except (TunerError, discord.app_commands.AppCommandError) as error:
        await reply(interaction, words(error))
