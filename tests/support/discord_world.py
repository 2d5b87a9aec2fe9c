"""What a loopback Discord knows: guilds, roles, channels, threads and messages, as the API would show them."""

import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import Any

JsonObject = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
FIRST_MOMENT_MS = 1_704_067_200_000  # 2024-01-01: the world's clock starts here, so its ids never vary
UNIX_EPOCH = datetime.fromtimestamp(0, UTC)

TEXT, VOICE, CATEGORY, ANNOUNCEMENT, STAGE, FORUM, MEDIA = 0, 2, 4, 5, 13, 15, 16
ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12
DEFAULT, REPLY, THREAD_STARTER = 0, 19, 21  # message types

MESSAGE_CONTENT, MESSAGE_CONTENT_LIMITED = 1 << 18, 1 << 19  # application flags
GUILD_MEMBERS, GUILD_MEMBERS_LIMITED = 1 << 14, 1 << 15


class Permission(IntFlag):
    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    CONNECT = 1 << 20
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38


EVERYTHING = Permission((1 << 53) - 1)
EVERYONE = (
    Permission.VIEW_CHANNEL
    | Permission.READ_MESSAGE_HISTORY
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.CONNECT
)  # fmt: skip


@dataclass(slots=True)
class Guild:
    """`roles` and `members` are API objects by id; the role with the guild's own id is @everyone."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, JsonObject] = field(default_factory=dict)
    members: dict[int, JsonObject] = field(default_factory=dict)

    def set_role(self, role_id: int, name: str, permissions: int) -> None:
        self.roles[role_id] = {
            "id": str(role_id),
            "name": name,
            "permissions": str(int(permissions)),
            "position": len(self.roles),
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "color": 0,
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }

    def set_member(self, user: JsonObject, *roles: int) -> None:
        self.members[int(user["id"])] = {
            "user": user,
            "nick": None,
            "roles": [str(role) for role in roles],
            "joined_at": iso(FIRST_MOMENT_MS),
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    def permissions_of(self, user_id: int) -> int:
        """What a member may do before any channel's overwrites."""
        if user_id == self.owner_id:
            return EVERYTHING
        allowed = 0
        for role in (self.id, *map(int, self.members[user_id]["roles"])):
            allowed |= int(self.roles[role]["permissions"])
        return EVERYTHING if allowed & Permission.ADMINISTRATOR else allowed


@dataclass(slots=True)
class Channel:
    """A channel or thread: `data` is its API object, `messages` are in ascending order of id."""

    data: JsonObject
    messages: list[JsonObject] = field(default_factory=list)
    joined: bool = False  # a thread the bot is a member of

    @property
    def is_thread(self) -> bool:
        return "thread_metadata" in self.data

    def index(self, message_id: int) -> int:
        """Where a message with this id is, or would be."""
        return bisect.bisect_left(self.messages, message_id, key=id_of)

    def find(self, message_id: int) -> JsonObject | None:
        index = self.index(message_id)
        there = index < len(self.messages) and id_of(self.messages[index]) == message_id
        return self.messages[index] if there else None


class World:
    """Starts with one guild, `guild`, whose only member is `bot`. Everything in it may be changed at any time."""

    def __init__(self, everyone: int = EVERYONE) -> None:
        self.clock_ms = FIRST_MOMENT_MS  # the newest moment used so far
        self.application_flags = MESSAGE_CONTENT_LIMITED
        self.users: dict[int, JsonObject] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self._issued: Counter[int] = Counter()  # ids by millisecond
        self.bot = self.add_user("tuner", bot=True)
        self.guild = self.add_guild("Home", everyone)

    @property
    def bot_id(self) -> int:
        return id_of(self.bot)

    def add_user(self, name: str, **extra: Any) -> JsonObject:
        """A user, who is also made a member of every guild there is."""
        user = {"id": str(self._new_id(None)), "username": name, "global_name": None, "discriminator": "0",
                "avatar": None, "bot": False, "public_flags": 0, **extra}  # fmt: skip
        self.users[id_of(user)] = user
        for guild in self.guilds.values():
            guild.set_member(user)
        return user

    def add_guild(self, name: str, everyone: int = EVERYONE) -> Guild:
        guild = Guild(self._new_id(None), name, owner_id=self._new_id(None))
        guild.set_role(guild.id, "@everyone", everyone)
        guild.set_member(self.bot)
        self.guilds[guild.id] = guild
        return guild

    def add_role(
        self, permissions: int, *members: JsonObject, guild: Guild | None = None, name: str = ""
    ) -> int:
        guild = guild or self.guild
        role_id = self._new_id(None)
        guild.set_role(role_id, name or f"role {len(guild.roles)}", permissions)
        for member in members:
            guild.members[id_of(member)]["roles"].append(str(role_id))
        return role_id

    def add_channel(self, name: str, type: int = TEXT, *, guild: Guild | None = None, **extra: Any) -> int:
        """`extra` are fields of the channel object, such as parent_id, topic, nsfw or permission_overwrites."""
        channel_id = self._new_id(None)
        self.channels[channel_id] = Channel(
            {"id": str(channel_id), "type": type, "guild_id": str((guild or self.guild).id), "name": name,
             "position": len(self.channels), "parent_id": None, "topic": None, "nsfw": False, "flags": 0,
             "last_message_id": None, "rate_limit_per_user": 0, "permission_overwrites": []}
            | ({"bitrate": 64_000, "user_limit": 0, "rtc_region": None} if type in (VOICE, STAGE) else {})
            | extra
        )  # fmt: skip
        return channel_id

    def add_thread(
        self,
        parent: int,
        name: str = "thread",
        *,
        archived: bool = False,
        private: bool = False,
        joined: bool = False,
        at: datetime | int | None = None,
        archived_at: datetime | int | None = None,
        id: int | None = None,
        **extra: Any,
    ) -> int:
        """A thread, or a forum post. Give `id` for one that began from a message: it has that message's id.

        A forum post's first message has the post's id too, so add it as `add_message(post, ..., id=post)`.
        """
        parent_data = self.channels[parent].data
        plain = ANNOUNCEMENT_THREAD if parent_data["type"] == ANNOUNCEMENT else PUBLIC_THREAD
        thread_id = id or self._new_id(at)
        created_ms = at_ms(thread_id)
        metadata = {
            "archived": archived,
            "archive_timestamp": iso(created_ms if archived_at is None else milliseconds(archived_at)),
            "auto_archive_duration": 1440,
            "locked": False,
            "create_timestamp": iso(created_ms),
        }
        self.channels[thread_id] = Channel(
            {"id": str(thread_id), "type": PRIVATE_THREAD if private else plain, "name": name,
             "guild_id": parent_data["guild_id"], "parent_id": str(parent), "owner_id": self.bot["id"],
             "last_message_id": None, "rate_limit_per_user": 0, "flags": 0, "member_count": 1,
             "thread_metadata": metadata} | extra,
            joined=joined,
        )  # fmt: skip
        if parent_data["type"] in (FORUM, MEDIA):
            parent_data["last_message_id"] = str(thread_id)
        return thread_id

    def add_message(
        self,
        channel_id: int,
        author: JsonObject | int,
        content: str = "",
        at: datetime | int | None = None,
        *,
        reply_to: JsonObject | int | None = None,
        type: int = DEFAULT,
        id: int | None = None,
        **extra: Any,
    ) -> JsonObject:
        """Store a message at its place; `at` is a moment or Unix milliseconds, by default a second after the last.

        `extra` adds or replaces fields, so malformed messages can be made too.
        """
        channel = self.channels[channel_id]
        message_id = id or self._new_id(at)
        message: JsonObject = {
            "id": str(message_id),
            "channel_id": str(channel_id),
            "type": type,
            "author": self.users[author] if isinstance(author, int) else author,
            "content": content,
            "timestamp": iso(at_ms(message_id)),
            "edited_timestamp": None,
            **{key: [] for key in ("attachments", "embeds", "components", "mentions", "mention_roles")},
            **dict.fromkeys(("mention_everyone", "pinned", "tts"), False),
            "flags": 0,
        }
        if reply_to is not None:
            message["type"] = type or REPLY
            message["message_reference"] = {
                "type": 0,
                "message_id": str(reply_to if isinstance(reply_to, int) else reply_to["id"]),
                "channel_id": str(channel_id),
                "guild_id": channel.data["guild_id"],
            }
        message |= extra
        channel.messages.insert(channel.index(message_id), message)
        channel.data["last_message_id"] = str(max(message_id, int(channel.data["last_message_id"] or 0)))
        return message

    def fill(
        self,
        channel_id: int,
        n: int,
        *,
        authors: Sequence[JsonObject] = (),
        start: datetime | int | None = None,
        step: timedelta = timedelta(seconds=30),
    ) -> list[JsonObject]:
        """`n` messages, always the same ones: authors in turns of two, every fifth message a native reply."""
        authors = authors or self._people()
        first_ms = self.clock_ms + 1000 if start is None else milliseconds(start)
        step_ms = step // timedelta(milliseconds=1)
        name = self.channels[channel_id].data["name"]
        made: list[JsonObject] = []
        for i in range(n):
            author = authors[i // 2 % len(authors)]
            reply_to = made[i - 3] if i % 5 == 4 else None
            at = first_ms + i * step_ms
            made.append(self.add_message(channel_id, author, f"{name} {i}", at, reply_to=reply_to))
        return made

    def edit_message(self, channel_id: int, message_id: int, **changes: Any) -> JsonObject | None:
        message = self.channels[channel_id].find(message_id)
        if message is not None:
            message |= {"edited_timestamp": datetime.now(UTC).isoformat()} | changes
        return message

    def delete_message(self, channel_id: int, message_id: int) -> None:
        """The channel's last_message_id goes on pointing at it, as on Discord."""
        channel = self.channels[channel_id]
        if channel.find(message_id) is not None:
            del channel.messages[channel.index(message_id)]

    def delete_channel(self, channel_id: int) -> None:
        del self.channels[channel_id]
        for thread in self.threads(parent=channel_id):
            del self.channels[id_of(thread.data)]

    def threads(self, *, guild: int | None = None, parent: int | None = None) -> list[Channel]:
        return [
            channel
            for channel in self.channels.values()
            if channel.is_thread
            and guild in (None, int(channel.data["guild_id"]))
            and parent in (None, int(channel.data["parent_id"]))
        ]

    def deny(self, channel_id: int, permissions: int) -> None:
        """Take permissions in one channel away from the bot."""
        self._overwrite(channel_id, 0, permissions)

    def allow(self, channel_id: int, permissions: int) -> None:
        """Give permissions in one channel to the bot."""
        self._overwrite(channel_id, permissions, 0)

    def permissions_in(self, channel: Channel, member: int | None = None) -> int:
        """The bot's or a member's permissions; none where they can't see the channel. A thread has its parent's."""
        member = member or self.bot_id
        if "guild_id" not in channel.data:  # a direct conversation
            return EVERYONE
        if channel.is_thread:
            inherited = self.permissions_in(self.channels[int(channel.data["parent_id"])], member)
            hidden = channel.data["type"] == PRIVATE_THREAD and not channel.joined
            return 0 if hidden and not inherited & Permission.MANAGE_THREADS else inherited
        guild = self.guilds[int(channel.data["guild_id"])]
        allowed = guild.permissions_of(member)
        if allowed == EVERYTHING:
            return allowed
        overwrites = channel.data["permission_overwrites"]
        for targets in ({str(guild.id)}, set(guild.members[member]["roles"]), {str(member)}):
            hits = [overwrite for overwrite in overwrites if str(overwrite["id"]) in targets]
            for hit in hits:
                allowed &= ~int(hit["deny"])
            for hit in hits:
                allowed |= int(hit["allow"])
        return allowed if allowed & Permission.VIEW_CHANNEL else 0

    def _overwrite(self, channel_id: int, allow: int, deny: int) -> None:
        overwrites: list[JsonObject] = self.channels[channel_id].data["permission_overwrites"]
        mine = next((overwrite for overwrite in overwrites if overwrite["id"] == self.bot["id"]), None)
        if mine is None:
            mine = {"id": self.bot["id"], "type": 1, "allow": "0", "deny": "0"}
            overwrites.append(mine)
        mine["allow"] = str(int(mine["allow"]) & ~int(deny) | int(allow))
        mine["deny"] = str(int(mine["deny"]) & ~int(allow) | int(deny))

    def _people(self) -> list[JsonObject]:
        people = [user for user in self.users.values() if not user["bot"]]
        return people or [self.add_user(name) for name in ("ada", "bo", "cleo")]

    def _new_id(self, at: datetime | int | None) -> int:
        ms = self.clock_ms + 1000 if at is None else milliseconds(at)
        self.clock_ms = max(self.clock_ms, ms)
        self._issued[ms] += 1
        return snowflake(ms, self._issued[ms] - 1)


def snowflake(unix_ms: int, seq: int = 0) -> int:
    return (unix_ms - DISCORD_EPOCH_MS) << 22 | seq


def at_ms(snowflake_id: int) -> int:
    return (snowflake_id >> 22) + DISCORD_EPOCH_MS


def id_of(thing: JsonObject) -> int:
    return int(thing["id"])


def milliseconds(moment: datetime | int) -> int:
    return moment if isinstance(moment, int) else (moment - UNIX_EPOCH) // timedelta(milliseconds=1)


def iso(unix_ms: int) -> str:
    return (UNIX_EPOCH + timedelta(milliseconds=unix_ms)).isoformat(timespec="microseconds")
