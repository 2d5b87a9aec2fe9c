"""The commands, registered when they changed, and in one place only."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot.faults import REFUSED, UNAUTHORISED, is_passing
from tuner.adapters.sqlite_runs import Runs
from tuner.errors import FatalError, RetryError, UsageError

log = logging.getLogger("tuner.bot")

EVERYWHERE = "everywhere"
TOO_MANY_CHANGES = 30034  # error code: so many registrations a day
INVALID_FORM = 50035


class Registration:
    """What was registered where, remembered across restarts."""

    def __init__(self, tree: app_commands.CommandTree[Any], guild_id: int | None, runs: Runs) -> None:
        self._tree = tree
        self._http = tree.client.http
        self._guild_id = guild_id
        self._runs = runs

    async def renew(self) -> None:
        """Register the commands if they differ from what was registered last.

        Raises UsageError or FatalError with what to do; RetryError, or what discord.py raises where it cannot read
        an answer, when the same may work later.
        """
        guild = discord.Object(self._guild_id) if self._guild_id else None
        if guild:
            self._tree.copy_global_to(guild=guild)
        payload = [command.to_dict(self._tree) for command in self._tree.get_commands(guild=guild)]
        application = self._tree.client.application_id
        digest = hashlib.sha256(json.dumps([application, self._guild_id, payload]).encode()).hexdigest()
        if await self._runs.note("commands") == digest:
            return
        await self._put(self._guild_id, payload)
        await self._withdraw(await self._runs.note("commands in"))
        await self._runs.set_note("commands in", str(self._guild_id or EVERYWHERE))
        await self._runs.set_note("commands", digest)
        log.info("Commands registered %s", f"in server {self._guild_id}" if self._guild_id else "everywhere")

    async def _put(self, guild_id: int | None, payload: list[Any]) -> None:
        """The answer is not looked at: what Discord took is registered, whatever it says about it."""
        try:
            await self._overwrite(guild_id, payload)
        except (discord.HTTPException, discord.RateLimited, OSError) as error:
            raise self._in_words(error, payload) from error

    def _in_words(self, error: Exception, payload: Sequence[Any]) -> Exception:
        if is_passing(error) or getattr(error, "code", 0) == TOO_MANY_CHANGES:
            return RetryError("Discord registers no commands at present.")
        if not isinstance(error, discord.HTTPException):
            return error
        if error.status == UNAUTHORISED:
            return UsageError(REFUSED)
        if isinstance(error, discord.Forbidden):
            return UsageError(
                f"Discord lets the bot register no commands in discord.guild = {self._guild_id}. Check the id, and "
                "invite the bot there with the scopes bot and applications.commands."
            )
        if error.code == INVALID_FORM:
            return UsageError(
                f"Discord did not take the bot's commands: {_reasons(error.text, payload)}. They come with Tuner: "
                "update it (and discord.py), and report this sentence if it stays."
            )
        return FatalError(
            f"Discord did not register the bot's commands: HTTP {error.status}, code {error.code}. "
            "Try again later; everything stored is kept."
        )

    async def _overwrite(self, guild_id: int | None, payload: list[Any]) -> None:
        application = self._tree.client.application_id or 0
        if guild_id:
            await self._http.bulk_upsert_guild_commands(application, guild_id, payload)
        else:
            await self._http.bulk_upsert_global_commands(application, payload)

    async def _withdraw(self, old: str) -> None:
        """Take the commands away from where they were registered before: people would see each one twice."""
        if not old or old == str(self._guild_id or EVERYWHERE):
            return
        try:
            await self._overwrite(None if old == EVERYWHERE else int(old), [])
        except (discord.HTTPException, discord.RateLimited, OSError) as error:
            if is_passing(error):
                raise RetryError("Discord withdraws no commands at present.") from error
            log.info(
                "The commands in server %s could not be withdrawn.", old
            )  # the bot is not there any more


def _reasons(text: str, payload: Sequence[Any]) -> str:
    """The failing fields, as in "/tuner build earliest, description: Must be 100 or fewer in length."."""
    lines = [line for line in text.splitlines() if line.startswith("In ")]
    named = []
    for line in lines:
        path, _, reason = line.removeprefix("In ").partition(": ")
        named.append(f"{_field(path.split('.'), payload)}: {reason.rstrip('.')}")
    return "; ".join(named) or text.rstrip(".")


def _field(path: Sequence[str], payload: Any) -> str:
    """A field by the names of the command and options it lies in, rather than by their numbers."""
    names: list[str] = []
    fields: list[str] = []
    here = payload
    for step in path:
        if isinstance(here, list):
            here = here[int(step)] if step.isdecimal() and int(step) < len(here) else None
            names.append(str(here.get("name", step)) if isinstance(here, dict) else step)
        else:
            here = here.get(step) if isinstance(here, dict) else None
            fields += [] if isinstance(here, list) else [step]
    command = ["/" + " ".join(names)] if names else []
    return ", ".join([*command, *([".".join(fields)] if fields else [])])
