"""/tuner check: the same look at everything as `python -m tuner check`, with the bot's own connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.tuner import admins_only
from bot.embeds import DESCRIPTION
from bot.tree import acknowledge, reply
from bot.wording import fit, plain
from tuner.adapters.discord_check import check_with_client
from tuner.config.readiness import Finding, exit_code
from tuner.config.settings import Settings
from tuner.runs.checkup import checkup

MARKS = {"good": "✅", "note": "🔸", "bad": "❌", "unset": "❌"}
LONGEST = 400  # characters of one sentence


class CheckCog(commands.Cog):
    """One command of the /tuner group."""

    def __init__(self, client: discord.Client, settings: Settings, environment: Mapping[str, str]) -> None:
        self._client = client
        self._settings = settings
        self._environment = environment

    def join(self, group: app_commands.Group) -> None:
        """Put the command into the group."""
        group.add_command(
            app_commands.Command(
                name="check", description="Go through all that a build needs", callback=self._check
            )
        )

    @admins_only()
    async def _check(self, interaction: discord.Interaction[discord.Client]) -> None:
        await acknowledge(interaction)
        settings = self._settings

        async def ask_discord() -> list[Finding]:
            return await check_with_client(self._client, settings.dataset.channels, settings.collect)

        findings = await checkup(settings, self._environment, ask_discord, connected=True)
        await reply(interaction, embed=check_embed(findings))


def check_embed(findings: Sequence[Finding]) -> discord.Embed:
    """The findings, those in the way of a build first."""
    ready = exit_code(findings) == 0
    ranked = sorted(findings, key=lambda finding: ("unset", "bad", "note", "good").index(finding.state))
    return discord.Embed(
        title="A build could run" if ready else "A build could not run yet",
        colour=discord.Colour.green() if ready else discord.Colour.red(),
        description=fit("\n".join(map(_line, ranked)), DESCRIPTION),
    )


def _line(finding: Finding) -> str:
    text = f"{MARKS[finding.state]} **{plain(finding.subject)}**: {plain(finding.text, LONGEST)}"
    return text + (f"\n→ {plain(finding.todo, LONGEST)}" if finding.todo else "")
