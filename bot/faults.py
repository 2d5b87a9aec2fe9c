"""What Discord and discord.py raise, classed by what the bot does about it."""

from __future__ import annotations

import aiohttp
import discord

from tuner.adapters import discord_door
from tuner.adapters.discord_door import PORTAL

# Over in a moment: the same again works.
PASSING = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError)
ODD = discord_door.ODD  # what discord.py raises, of all things, for an answer or event of another shape
# Everything that may come back from a call of discord.py, except that the task was cancelled.
ANY = (discord.DiscordException, *PASSING, *ODD)

UNKNOWN_MESSAGE, EDITED_TOO_OFTEN, ARCHIVED_THREAD, LOCKED_THREAD = 10008, 30046, 50083, 160005  # error codes
UNAUTHORISED, TOO_MANY = 401, 429  # HTTP status
REFUSED = (
    f"Discord refused the bot token. Copy a fresh one from {PORTAL} → your application → Bot → Reset Token."
)


class ChannelLostError(Exception):
    """The admin channel is gone or closed to the bot; the text says how, as the rest of a sentence."""


def is_passing(error: BaseException) -> bool:
    """Whether the same request may work in a moment."""
    if isinstance(error, discord.HTTPException) and error.status == TOO_MANY:
        return True
    return isinstance(error, PASSING)


def brief(error: BaseException) -> str:
    """A fault for the log, without the text of it that a message could be part of."""
    if isinstance(error, discord.HTTPException):
        return f"{type(error).__name__}, HTTP {error.status}, code {error.code}"
    return type(error).__name__
