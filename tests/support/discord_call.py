"""One request to the loopback Discord, as its routes see it: who may do what, and how a message is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.discord_faults import http_error
from tests.support.discord_world import (
    CATEGORY,
    FORUM,
    MEDIA,
    MESSAGE_CONTENT,
    MESSAGE_CONTENT_LIMITED,
    REPLY,
    STAGE,
    THREAD_STARTER,
    VOICE,
    Channel,
    Guild,
    JsonObject,
    Permission,
    World,
)


class Refused(Exception):
    """A request that Discord answers with an error; `errors` names fields of an invalid form, as embeds.0.title."""

    def __init__(self, status: int, code: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = http_error(status, message, code)
        if errors:
            self.answer.body["errors"] = _nested(errors)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was uploaded; `field` is its name in the form, such as files[0]."""

    field: str
    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """A request that made or changed a message: `how` is send, edit, callback, followup or original.

    `message` is the message as it is stored, `body` what was asked for (allowed_mentions and nonce included).
    """

    how: str
    message: JsonObject
    body: JsonObject
    files: Sequence[SentFile]
    time: float  # Unix seconds


@dataclass(frozen=True, slots=True)
class Call:
    world: World
    ids: Mapping[str, int]  # those in the path
    query: Mapping[str, str]
    body: Any
    files: Sequence[SentFile] = ()
    token: str = ""  # of an interaction, from the path
    events: list[tuple[str, JsonObject]] = field(default_factory=list)  # what the gateway is to tell
    written: list[Written] = field(default_factory=list)

    def guild(self) -> Guild:
        guild = self.world.guilds.get(self.ids["guild"])
        if guild is None:
            raise Refused(404, 10004, "Unknown Guild")
        return guild

    def channel(self, *needed: Permission) -> Channel:
        """The channel of the path, if the bot can see it and has what else is needed."""
        channel = self.world.channels.get(self.ids["channel"])
        if channel is None:
            raise Refused(404, 10003, "Unknown Channel")
        if not self.may(channel, Permission.VIEW_CHANNEL):
            raise Refused(403, 50001, "Missing Access")
        if not all(self.may(channel, permission) for permission in needed):
            raise Refused(403, 50013, "Missing Permissions")
        return channel

    def with_messages(self, *needed: Permission) -> Channel:
        """A channel that can hold messages: forums can't, voice channels need Connect."""
        channel = self.channel(*needed)
        if channel.data["type"] in (CATEGORY, FORUM, MEDIA):
            raise Refused(400, 50024, "Cannot execute action on this channel type")
        if channel.data["type"] in (VOICE, STAGE) and not self.may(channel, Permission.CONNECT):
            raise Refused(403, 50001, "Missing Access")
        return channel

    def message(self, channel: Channel) -> JsonObject:
        message = channel.find(self.ids["message"])
        if message is None:
            raise Refused(404, 10008, "Unknown Message")
        return message

    def may(self, channel: Channel, permission: Permission) -> bool:
        return bool(self.world.permissions_in(channel) & permission)

    def limit(self, default: int, smallest: int, largest: int) -> int:
        text = self.query.get("limit", str(default))
        if not text.isdecimal() or not smallest <= int(text) <= largest:
            raise Refused(400, 50035, "Invalid Form Body: limit")
        return int(text)


def shown(world: World, message: JsonObject) -> JsonObject:
    """A message as the bot may see it, with what it replies to."""
    copy = dict(message)
    target = message.get("message_reference") or {}
    points = message.get("type") in (REPLY, THREAD_STARTER) and "message_id" in target
    if points and "referenced_message" not in copy:
        place = world.channels.get(int(target.get("channel_id", 0)))
        found = place and place.find(int(target["message_id"]))
        copy["referenced_message"] = found and _without_hidden(world, found)
    return _without_hidden(world, copy)


def _without_hidden(world: World, message: JsonObject) -> JsonObject:
    """Without the Message Content toggle a bot reads only its own messages and those that mention it."""
    if world.application_flags & (MESSAGE_CONTENT | MESSAGE_CONTENT_LIMITED) or concerns(world, message):
        return message
    return without_content(message)


def concerns(world: World, message: JsonObject) -> bool:
    """The bot's own, or one that mentions it."""
    return world.bot in [message.get("author"), *(message.get("mentions") or ())]


def without_content(message: JsonObject) -> JsonObject:
    hidden: JsonObject = {"content": "", "embeds": [], "attachments": [], "components": []}
    if "message_snapshots" in message:
        snapshots = message["message_snapshots"]
        hidden["message_snapshots"] = [{"message": one["message"] | hidden} for one in snapshots]
    return {key: value for key, value in message.items() if key != "poll"} | hidden


def thread_object(world: World, thread: Channel) -> JsonObject:
    count = sum(message["id"] != thread.data["id"] for message in thread.messages)
    data = {"message_count": count, "total_message_sent": count} | thread.data
    if thread.joined:
        joined_at = thread.data["thread_metadata"]["create_timestamp"]
        ids = {"id": thread.data["id"], "user_id": world.bot["id"]}
        data["member"] = {**ids, "join_timestamp": joined_at, "flags": 0}
    return data


def _nested(errors: Mapping[str, str]) -> JsonObject:
    tree: JsonObject = {}
    for path, text in errors.items():
        node = tree
        for step in path.split("."):
            node = node.setdefault(step, {})
        node["_errors"] = [{"code": "INVALID", "message": text}]
    return tree
