"""Command faults as words: the one place where an error becomes something a person in Discord reads."""

from __future__ import annotations

import logging
import secrets

import aiohttp
import discord
from discord import app_commands

from bot.embeds import fit
from tuner.errors import TunerError

log = logging.getLogger("tuner.bot")


class NotAllowedError(app_commands.CheckFailure):
    """The person may not use Tuner here."""


class WordsTree(app_commands.CommandTree[discord.Client]):
    """A command tree that answers faults privately: expected ones in words, others with an id for the log."""

    async def on_error(
        self, interaction: discord.Interaction[discord.Client], error: app_commands.AppCommandError, /
    ) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await reply(interaction, words(cause))


def words(error: BaseException) -> str:
    """What to tell the person. Nothing from chat, no token and no traceback."""
    if isinstance(error, TunerError):
        return str(error)
    if isinstance(error, NotAllowedError):
        return "Only people who may manage this server, or who hold one of Tuner's roles, can use this."
    if isinstance(error, app_commands.NoPrivateMessage):
        return "This works in a server only."
    if isinstance(error, app_commands.TransformerError):
        return f"{error.value!r} does not fit there."
    if isinstance(error, app_commands.CommandNotFound):
        return "This command is from another version of Tuner. Reload Discord (Ctrl-R) and try again."
    reference = secrets.token_hex(4)
    log.error("Unexpected fault in a command, %s", reference, exc_info=error)
    return f"Something unexpected went wrong. The log has the details under `{reference}`."


async def reply(interaction: discord.Interaction[discord.Client], text: str) -> None:
    """Answer privately, first answer or not; an interaction that has expired is only logged."""
    text = fit(text, 1900)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.warning("An answer could not be delivered: %s", type(error).__name__)
