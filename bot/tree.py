"""Command faults as words: the one place where an error becomes something a person in Discord reads."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import discord
from discord import app_commands

from bot.faults import ANY
from bot.wording import fit, inert
from tuner.errors import FatalError, TunerError

log = logging.getLogger("tuner.bot")

LONGEST = 1900  # of an answer; Discord takes 2,000 characters

Interaction = discord.Interaction[discord.Client]


class RefusedError(FatalError):
    """A request of a person cannot be met. The text is the bot's own; what others wrote is inert in it."""


class NotAllowedError(app_commands.CheckFailure):
    """The person may not use Tuner here."""


class HomelessError(app_commands.CheckFailure):
    """Nobody may use Tuner: it is not known whose server it works for."""


class NotNowError(app_commands.CheckFailure):
    """A member's request is not met here, or not now; the text says why."""


class WordsTree(app_commands.CommandTree[discord.Client]):
    """A command tree that answers faults privately: expected ones in words, others with an id for the log."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, discord.HTTPException | discord.RateLimited):
            log.warning("Discord took no answer to a command: %s", type(cause).__name__)
        await reply(interaction, words(cause))


def words(error: BaseException) -> str:
    """What to tell the person. Nothing from chat, no token and no traceback."""
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, TunerError):
        return inert(str(error))
    if isinstance(error, app_commands.AppCommandError) and (known := _refusal(error)):
        return known
    if isinstance(error, discord.HTTPException | discord.RateLimited):
        return "Discord did not take the answer. Try again in a moment."
    reference = secrets.token_hex(4)
    log.error("Unexpected fault in a command, %s", reference, exc_info=error)
    return f"Something unexpected went wrong. The log has the details under `{reference}`."


def _refusal(error: app_commands.AppCommandError) -> str:
    """Words for a command that was not begun; empty for any other fault."""
    match error:
        case NotAllowedError():
            return "Only people who may manage this server, or who hold one of Tuner's roles, can use this."
        case HomelessError():
            return (
                "Nobody can use this at present: which server Tuner works for is not known, because its admin "
                "channel cannot be found. Whoever runs the bot should set `discord.admin_channel` to a channel "
                "that is there, and `discord.guild` to this server's id, and restart it."
            )
        case NotNowError():
            return str(error)
        case app_commands.NoPrivateMessage():
            return "This works in a server only."
        case app_commands.TransformerError():
            return f"{inert(repr(error.value))} does not fit there."
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return "This command is from another version of Tuner. Reload Discord (Ctrl-R) and try again."
        case _:
            return ""


async def acknowledge(interaction: Interaction) -> None:
    """Say that an answer is coming. Work goes on where that cannot be said, because the interaction expired."""
    try:
        await interaction.response.defer(ephemeral=True)
    except ANY as error:
        log.warning("A command could not be acknowledged: %s", type(error).__name__)


async def reply(
    interaction: Interaction,
    text: str = "",
    embed: discord.Embed | None = None,
    view: discord.ui.View | None = None,
) -> None:
    """Answer privately, first answer or not; an interaction that has expired is only logged."""
    content: dict[str, Any] = {"content": fit(text, LONGEST)} if text else {}
    if embed is not None:
        content["embed"] = embed
    if view is not None:
        content["view"] = view
    try:
        if interaction.response.is_done():
            await interaction.followup.send(**content, ephemeral=True)
        else:
            await interaction.response.send_message(**content, ephemeral=True)
    except ANY as error:
        log.warning("An answer could not be delivered: %s", type(error).__name__)
