"""Events as Discord sends them: one that discord.py cannot read costs that event, and not the connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import discord

from bot.faults import ANY, ODD, brief

log = logging.getLogger("tuner.bot")

Data = dict[str, Any]
Parser = Callable[[Any], None]

WHOLE = {"id", "channel_id", "author", "content", "type", "timestamp", "attachments", "mentions", "embeds"}
NEEDED = ("READY", "RESUMED")  # without these there is no session: better connect anew
LISTS = (
    "roles", "channels", "threads", "members", "emojis", "stickers", "presences", "voice_states", "stage_instances",
    "guild_scheduled_events", "soundboard_sounds",
)  # fmt: skip


class TolerantParsers:
    """Stands before discord.py's own parsers of gateway events."""

    def __init__(self, client: discord.Client, is_stored: Callable[[int], Awaitable[object]]) -> None:
        """`is_stored` says of a message's id whether an edit of it is of interest."""
        self._client = client
        self._state = client._connection
        self._is_stored = is_stored
        self._known: set[str] = set()  # events that were complained about
        self._tasks: set[asyncio.Task[None]] = set()

    def install(self) -> None:
        """Every later connection of the client reads events through here."""
        for name, parse in self._state.parsers.items():
            if name not in NEEDED:
                self._state.parsers[name] = partial(self._parse, name, parse)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _parse(self, name: str, parse: Parser, data: Any) -> None:
        if name == "MESSAGE_UPDATE" and _is_partial_edit(data):
            task = asyncio.create_task(self._complete(parse, data), name="tuner partial edit")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif not self._understood(name, parse, data) and name == "GUILD_CREATE" and isinstance(data, dict):
            self._understood(name, parse, self._readable(data))

    def _understood(self, name: str, parse: Parser, data: Any) -> bool:
        try:
            parse(data)
        except (discord.DiscordException, *ODD) as error:
            level = logging.DEBUG if name in self._known else logging.WARNING
            self._known.add(name)
            log.log(level, "An event was not understood, and is left out: %s, %s", name, brief(error))
            return False
        return True

    def _readable(self, data: Data) -> Data:
        """A server without those of its parts that cannot be read: the rest of it goes on working."""
        kept = {key: value for key, value in data.items() if key not in LISTS}
        for key in LISTS:
            if isinstance(parts := data.get(key), list):
                kept[key] = [part for part in parts if self._is_readable({"id": data["id"], key: [part]})]
        return kept

    def _is_readable(self, data: Data) -> bool:
        try:
            discord.Guild(data=data, state=self._state)  # type: ignore[arg-type]  # only what is tried
        except (discord.DiscordException, *ODD):
            return False
        return True

    async def _complete(self, parse: Parser, data: Mapping[str, Any]) -> None:
        """An edit that holds only what changed, as older servers tell it: the whole message is asked for."""
        try:
            channel_id, message_id = int(data["channel_id"]), int(data["id"])
            if not await self._is_stored(message_id):
                return
            whole: Data = {**await self._client.http.get_message(channel_id, message_id)}
            guild = getattr(self._client.get_channel(channel_id), "guild", None)
            guild_id = data.get("guild_id") or getattr(guild, "id", None)
            parse(whole | ({"guild_id": str(guild_id)} if guild_id else {}))
        except ANY as error:
            log.warning("An edit could not be read: %s", brief(error))


def _is_partial_edit(data: Any) -> bool:
    """Whether an update tells of an edit, and not of the whole message."""
    return isinstance(data, dict) and bool(data.get("edited_timestamp")) and not data.keys() >= WHOLE
