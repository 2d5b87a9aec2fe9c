"""Which of the wanted channels can be read, and the threads and posts below them; what can't be read is named."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import discord

from tuner.adapters.discord_door import Door, RefusedError, an_object, as_id, objects
from tuner.adapters.discord_permissions import EVERYTHING, Permission, permissions
from tuner.adapters.discord_threads import ArchivedThreads, archived_ms
from tuner.amounts import and_others, counted
from tuner.errors import FatalError, RetryError, SkipError
from tuner.models import Channel
from tuner.people.titles import thread_author
from tuner.progress import Tally
from tuner.stages.source import NoneReadableError, UnreachableError, in_order
from tuner.text.names import title

JsonObject = dict[str, Any]

TEXT, VOICE, CATEGORY, ANNOUNCEMENT, STORE, STAGE, DIRECTORY, FORUM, MEDIA = 0, 2, 4, 5, 6, 13, 14, 15, 16
THREADS = (10, 11, 12)
TALKING = (VOICE, STAGE)
POSTS = (FORUM, MEDIA)
HOLDS_THREADS = (TEXT, ANNOUNCEMENT, *POSTS)
HOLDS_NOTHING = {CATEGORY: "category", STORE: "store", DIRECTORY: "directory"}
CHANNELS = "dataset.channels"
MOST_NAMED = 5
GRANT = "Grant it to the bot's role in Edit Channel → Permissions."


class Guild:
    """A server as far as it could be listed: its channels and active threads, and what the bot may do there."""

    def __init__(
        self, raw: JsonObject, me: JsonObject, channels: Sequence[JsonObject], active: Sequence[JsonObject]
    ) -> None:
        self.id = as_id(raw.get("id"))
        self.name = str(raw.get("name") or "")
        self.channels = {as_id(c.get("id")): c for c in channels if not is_thread(c)}
        self.threads = [c for c in (*channels, *active) if is_thread(c) and as_id(c.get("id"))]
        self._raw, self._me = raw, me

    def holds(self, thread: JsonObject) -> bool:
        """Whether a thread lies below one of the server's channels."""
        return as_id(thread.get("parent_id")) in self.channels

    def may(self, channel: JsonObject) -> Permission:
        """What the bot may do in a channel; everything, where that can't be told."""
        known = permissions(self._raw, self._me, channel)
        return EVERYTHING if known is None else known


class Listing:
    """Finds the channels of one run."""

    def __init__(self, client: discord.Client, door: Door, tally: Tally) -> None:
        self._client = client
        self._door = door
        self._tally = tally
        self._archived = ArchivedThreads(client, door, tally)
        self._refused: list[str] = []
        self._unreachable = self._gone = False

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The wanted channels that can be read, each followed by its threads or posts.

        Raises NoneReadableError when there are none, FatalError when that is because Discord doesn't answer.
        """
        homes = await self._homes(wanted)
        found: list[Channel] = []
        for guild_id in dict.fromkeys(as_id(raw["guild_id"]) for raw in homes.values()):
            there = {i: raw for i, raw in homes.items() if as_id(raw["guild_id"]) == guild_id}
            found += await self._in_guild(guild_id, there)
        if not found:
            reasons = "\n".join(f"  - {why}" for why in self._refused)
            if self._unreachable:
                raise FatalError(f"Discord's channels could not be read:\n{reasons}")
            text = f"{self._tally.named(CHANNELS)}: none of these channels can be read:\n{reasons}"
            raise NoneReadableError(text, gone=self._gone)
        once = {channel.id: channel for channel in found}  # a thread may be named beside its parent
        return in_order(once.values(), wanted)

    async def _homes(self, wanted: Sequence[int]) -> dict[int, JsonObject]:
        """The objects of the channels that the bot can see, by id."""
        homes: dict[int, JsonObject] = {}
        for channel_id in dict.fromkeys(wanted):
            try:
                raw = await self._channel(channel_id)
            except SkipError as error:
                self._refuse(self._why_unseen(channel_id, error), error)
                continue
            if as_id(raw.get("guild_id")):
                homes[channel_id] = raw
            else:
                self._refuse(
                    f"{self._tally.named(CHANNELS)}: {channel_id} is no server channel but a direct message."
                )
        return homes

    async def _channel(self, channel_id: int) -> JsonObject:
        async def ask() -> JsonObject:
            raw = an_object(await self._client.http.get_channel(channel_id))
            if as_id(raw.get("id")) != channel_id:
                raise RetryError("an answer that is not that channel")
            return raw

        return await self._door.asked(ask, f"Channel {channel_id}")

    async def _in_guild(self, guild_id: int, wanted: Mapping[int, JsonObject]) -> list[Channel]:
        try:
            guild = await self._guild(guild_id, wanted)
        except SkipError as error:
            self._refuse(f"The server's channels could not be listed: {error}", error)
            return []
        found: list[Channel] = []
        for channel_id, raw in wanted.items():
            if is_thread(raw):
                found += self._thread_alone(guild, raw)
            else:
                found += await self._with_threads(guild, guild.channels.get(channel_id, raw))
        return found

    async def _guild(self, guild_id: int, wanted: Mapping[int, JsonObject]) -> Guild:
        """Everything about a server that is asked for once. What is refused, but for the server, is done without."""
        http = self._client.http
        assert self._client.user is not None  # logged in
        user_id = self._client.user.id

        async def ask_guild() -> JsonObject:
            return an_object(await http.get_guild(guild_id))

        async def ask_member() -> JsonObject:
            return an_object(await http.get_member(guild_id, user_id))

        async def ask_channels() -> list[JsonObject]:
            return objects(await http.get_all_guild_channels(guild_id))

        where = f"Server {guild_id}"
        raw = await self._door.asked(ask_guild, where)
        try:
            me = await self._door.asked(ask_member, f"{where}, the bot in it")
        except RefusedError:
            me = {}
        active = await self._active(guild_id, str(raw.get("name")))
        try:
            channels = await self._door.asked(ask_channels, f"{where}, its channels")
        except RefusedError:
            return Guild(raw, me, list(wanted.values()), active)
        guild = Guild(raw, me, channels, active)
        self._say_strays(guild, wanted)
        return guild

    def _say_strays(self, guild: Guild, wanted: Collection[int]) -> None:
        """Name the active threads that lie below no channel of the server: nobody can tell whether they are wanted."""
        strays = [
            i for raw in guild.threads if not guild.holds(raw) and (i := as_id(raw["id"])) not in wanted
        ]
        if ids := sorted(set(strays)):
            listed = ", ".join(map(str, ids[:MOST_NAMED])) + and_others(len(ids) - MOST_NAMED)
            self._tally.note(
                f"{counted(len(ids), 'active thread')} of {guild.name} left out, as no channel of the server is named "
                f"as the one above: {listed}. To have one read, name it in {self._tally.named(CHANNELS)}.",
                warning=True,
            )

    async def _active(self, guild_id: int, name: str) -> list[JsonObject]:
        async def ask() -> list[JsonObject]:
            return objects(an_object(await self._client.http.get_active_threads(guild_id)).get("threads"))

        try:
            return await self._door.asked(ask, f"Server {guild_id}, its active threads")
        except SkipError as error:
            self._tally.note(
                f"The active threads of {name} could not be listed: {error} Those that are stored are used as "
                "they are.",
                warning=True,
            )
            return []

    def _thread_alone(self, guild: Guild, raw: JsonObject) -> list[Channel]:
        """A thread that was named itself."""
        parent = guild.channels.get(as_id(raw.get("parent_id")))
        readable = parent is None or self._readable(guild, parent, str(raw["id"]))
        return [_thread(raw, guild, parent or {})] if readable else []

    async def _with_threads(self, guild: Guild, channel: JsonObject) -> list[Channel]:
        kind = channel["type"] if isinstance(channel.get("type"), int) else None
        name = title(str(channel.get("name") or channel["id"]))
        if kind in HOLDS_NOTHING:
            self._refuse(f"#{name} ({channel['id']}) is a {HOLDS_NOTHING[kind]}: it holds no messages.")
            return []
        if not self._readable(guild, channel, name):
            return []
        found = [] if kind in POSTS else [_channel(channel, guild)]  # an unknown type may hold messages, too
        channel_id = as_id(channel["id"])
        threads = {as_id(t["id"]): t for t in guild.threads if as_id(t.get("parent_id")) == channel_id}
        if kind in HOLDS_THREADS:
            manages = Permission.MANAGE_THREADS in guild.may(channel)
            threads = await self._archived.below(channel, manages) | threads
        return found + [_thread(raw, guild, channel) for _, raw in sorted(threads.items())]

    def _readable(self, guild: Guild, channel: JsonObject, name: str) -> bool:
        """Whether the bot may read there; Discord answers an empty page, not an error, when it may not."""
        missing = lacking(guild, channel)
        if missing:
            self._refuse(f"#{name} ({channel['id']}): the bot lacks {' and '.join(missing)}. {GRANT}")
        return not missing

    def _why_unseen(self, channel_id: int, error: SkipError) -> str:
        if isinstance(error, RefusedError) and error.gone:
            return (
                f"{self._tally.named(CHANNELS)}: there is no channel {channel_id}, or it was deleted. "
                "Right-click the channel in Discord → Copy Channel ID."
            )
        if isinstance(error, RefusedError) and error.hidden:
            return (
                f"Channel {channel_id}: the bot may not see it. Give its role View Channel and Read Message History "
                "there (Edit Channel → Permissions)."
            )
        return str(error)

    def _refuse(self, why: str, error: SkipError | None = None) -> None:
        self._unreachable |= isinstance(error, UnreachableError)
        self._gone |= isinstance(error, RefusedError) and error.gone
        self._refused.append(why)
        self._tally.note(why, warning=True)


def lacking(guild: Guild, channel: JsonObject) -> list[str]:
    """What the bot would need to read a channel, and may not do there, as Discord calls it."""
    may = guild.may(channel)
    needed = {
        "View Channel": Permission.VIEW_CHANNEL,
        "Read Message History": Permission.READ_MESSAGE_HISTORY,
        **({"Connect": Permission.CONNECT} if channel.get("type") in TALKING else {}),
    }
    return [label for label, permission in needed.items() if permission not in may]


def is_thread(raw: JsonObject) -> bool:
    """Whether a channel object is a thread's, wherever it was listed."""
    return raw.get("type") in THREADS or isinstance(raw.get("thread_metadata"), dict)


def _channel(raw: JsonObject, guild: Guild) -> Channel:
    return Channel(
        id=as_id(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        guild_id=guild.id,
        guild_name=guild.name,
        topic=str(raw.get("topic") or ""),
        last_message_id=as_id(raw.get("last_message_id")) or None,
    )


def _thread(raw: JsonObject, guild: Guild, parent: JsonObject) -> Channel:
    newest = as_id(raw.get("last_message_id")) or None
    # Three fields agree that nothing was ever written. A post's count leaves its first message out.
    counts = (raw.get("message_count"), raw.get("total_message_sent"))
    empty = newest is None and counts == (0, 0) and parent.get("type") not in POSTS
    return Channel(
        id=as_id(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        guild_id=guild.id,
        guild_name=guild.name,
        parent_id=as_id(raw.get("parent_id")) or None,
        topic=str(parent.get("topic") or ""),
        last_message_id=0 if empty else newest,
        archived_ms=archived_ms(raw),
        author=thread_author(raw),
    )
