"""Discord's REST routes over a World: what each request is answered, decided without any I/O."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from multidict import MultiMapping

from tests.support import discord_messages
from tests.support.discord_call import Call, Refused, thread_object
from tests.support.discord_faults import Answer, http_error
from tests.support.discord_world import (
    ANNOUNCEMENT,
    ANNOUNCEMENT_THREAD,
    GUILD_MEMBERS,
    GUILD_MEMBERS_LIMITED,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    Channel,
    Guild,
    JsonObject,
    Permission,
    World,
    id_of,
)

Handler = Callable[[Call], Any]

DIRECT = 1  # channel type


def me(call: Call) -> JsonObject:
    return call.world.bot | {"flags": 0, "verified": True, "mfa_enabled": False, "locale": "en-US"}


def user(call: Call) -> JsonObject:
    found = call.world.users.get(call.ids["user"])
    if found is None:
        raise Refused(404, 10013, "Unknown User")
    return found


def open_direct(call: Call) -> JsonObject:
    """The direct conversation with somebody; always the same one. It has the person's id."""
    recipient = int(call.body["recipient_id"])
    data = {
        "id": str(recipient),
        "type": DIRECT,
        "last_message_id": None,
        "recipients": [call.world.users[recipient]],
    }
    return call.world.channels.setdefault(recipient, Channel(data)).data


def application(call: Call) -> JsonObject:
    owner = {"id": "1", "username": "owner", "global_name": None, "discriminator": "0", "avatar": None}
    return {
        "id": call.world.bot["id"],
        "name": call.world.bot["username"],
        "icon": None,
        "description": "",
        "bot": call.world.bot,
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": owner,
        "team": None,
        "verify_key": "0" * 64,
        "flags": call.world.application_flags,
    }


def my_guilds(call: Call) -> list[JsonObject]:
    limit = call.limit(200, 1, 200)
    ids = sorted(call.world.guilds)
    if "before" in call.query:
        ids = [guild_id for guild_id in ids if guild_id < int(call.query["before"])][-limit:]
    ids = [guild_id for guild_id in ids if guild_id > int(call.query.get("after", 0))][:limit]
    bot_id = call.world.bot_id
    return [
        _partial_guild(guild) | {"owner": False, "permissions": str(int(guild.permissions_of(bot_id)))}
        for guild in map(call.world.guilds.__getitem__, ids)
    ]


def guild(call: Call) -> JsonObject:
    found = call.guild()
    data = guild_object(found)
    if call.query.get("with_counts") in ("1", "true"):
        data |= {"approximate_member_count": len(found.members), "approximate_presence_count": 0}
    return data


def member(call: Call) -> JsonObject:
    found = call.guild().members.get(call.ids["user"])
    if found is None:
        raise Refused(404, 10007, "Unknown Member")
    return found


def members(call: Call) -> list[JsonObject]:
    """By user id; only with the Server Members intent."""
    found = call.guild().members
    if not call.world.application_flags & (GUILD_MEMBERS | GUILD_MEMBERS_LIMITED):
        raise Refused(403, 50001, "Missing Access")
    after = int(call.query.get("after", 0))
    return [found[i] for i in sorted(found) if i > after][: call.limit(1, 1, 1000)]


def roles(call: Call) -> list[JsonObject]:
    return list(call.guild().roles.values())


def guild_channels(call: Call) -> list[JsonObject]:
    """All of them: a bot is told of channels it can't see."""
    return channels_of(call.world, call.guild())


def active_threads(call: Call) -> JsonObject:
    return _thread_page(call, sorted(visible_threads(call.world, call.guild()), key=_id, reverse=True))


def channel(call: Call) -> JsonObject:
    found = call.channel()
    return thread_object(call.world, found) if found.is_thread else found.data


def public_archived_threads(call: Call) -> JsonObject:
    call.channel(Permission.READ_MESSAGE_HISTORY)
    return _by_archive_time(call, _archived(call, private=False))


def private_archived_threads(call: Call) -> JsonObject:
    call.channel(Permission.READ_MESSAGE_HISTORY, Permission.MANAGE_THREADS)
    return _by_archive_time(call, _archived(call, private=True))


def joined_archived_threads(call: Call) -> JsonObject:
    """The only one of the three that pages by id."""
    call.channel(Permission.READ_MESSAGE_HISTORY)
    found = [thread for thread in _archived(call, private=True) if thread.joined]
    if "before" in call.query:
        found = [thread for thread in found if _id(thread) < int(call.query["before"])]
    return _thread_page(call, sorted(found, key=_id, reverse=True), call.limit(50, 2, 100))


def search(call: Call) -> JsonObject:
    """How many messages there are; the messages themselves are not asked for by anybody here."""
    guild, query = call.guild(), cast("MultiMapping[str]", call.query)
    wanted = {int(i) for i in query.getall("channel_id", ())}
    authors, least = set(query.getall("author_id", ())), int(query.get("min_id", 0))
    searched = [
        channel
        for i, channel in call.world.channels.items()
        if channel.data.get("guild_id") == str(guild.id)
        and {i, int(channel.data.get("parent_id") or 0)} & wanted
        and call.world.permissions_in(channel) & Permission.READ_MESSAGE_HISTORY
    ]
    found = [m for channel in searched for m in channel.messages if id_of(m) > least]
    return {
        "doing_deep_historical_index": False,
        "total_results": sum(not authors or m["author"]["id"] in authors for m in found),
        "messages": [],
    }


def searched_threads(call: Call) -> JsonObject:
    """Archived threads of every type, whatever the channel is now; pages by offset, oldest first."""
    call.channel(Permission.READ_MESSAGE_HISTORY)
    found = sorted(
        (
            thread
            for thread in call.world.threads(parent=call.ids["channel"])
            if thread.data["thread_metadata"]["archived"]
            and call.world.permissions_in(thread) & Permission.VIEW_CHANNEL
        ),
        key=_id,
    )
    offset, limit = int(call.query.get("offset", 0)), call.limit(25, 1, 25)
    return _thread_page(call, found[offset:], limit) | {"total_results": len(found)}


def guild_object(guild: Guild) -> JsonObject:
    return _partial_guild(guild) | {
        "owner_id": str(guild.owner_id),
        "roles": list(guild.roles.values()),
        "emojis": [],
        "stickers": [],
        "preferred_locale": "en-US",
        "premium_tier": 0,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "system_channel_flags": 0,
    }


def channels_of(world: World, guild: Guild) -> list[JsonObject]:
    return [
        channel.data
        for channel in world.channels.values()
        if not channel.is_thread and channel.data.get("guild_id") == str(guild.id)
    ]


def visible_threads(world: World, guild: Guild) -> list[Channel]:
    """The active ones that the bot can see."""
    return [
        thread
        for thread in world.threads(guild=guild.id)
        if not thread.data["thread_metadata"]["archived"]
        and world.permissions_in(thread) & Permission.VIEW_CHANNEL
    ]


def _partial_guild(guild: Guild) -> JsonObject:
    return {"id": str(guild.id), "name": guild.name, "icon": None, "banner": None, "features": []}


def _archived(call: Call, *, private: bool) -> list[Channel]:
    """As Discord does, only threads of the type that the channel would make now."""
    announces = call.world.channels[call.ids["channel"]].data["type"] == ANNOUNCEMENT
    listed = PRIVATE_THREAD if private else ANNOUNCEMENT_THREAD if announces else PUBLIC_THREAD
    return [
        thread
        for thread in call.world.threads(parent=call.ids["channel"])
        if thread.data["thread_metadata"]["archived"] and thread.data["type"] == listed
    ]


def _by_archive_time(call: Call, threads: list[Channel]) -> JsonObject:
    if "before" in call.query:
        before = datetime.fromisoformat(call.query["before"])
        threads = [thread for thread in threads if _archive_time(thread) < before]
    return _thread_page(call, sorted(threads, key=_archive_time, reverse=True), call.limit(50, 2, 100))


def _thread_page(call: Call, threads: list[Channel], limit: int | None = None) -> JsonObject:
    shown = [thread_object(call.world, thread) for thread in threads[:limit]]
    page = {"threads": shown, "members": [thread["member"] for thread in shown if "member" in thread]}
    return page if limit is None else page | {"has_more": len(threads) > limit}


def _id(channel: Channel) -> int:
    return id_of(channel.data)


def _archive_time(thread: Channel) -> datetime:
    return datetime.fromisoformat(thread.data["thread_metadata"]["archive_timestamp"])


ROUTES: dict[str, Handler] = {
    "GET /users/@me": me,
    "GET /users/@me/guilds": my_guilds,
    "GET /users/{user}": user,
    "POST /users/@me/channels": open_direct,
    "GET /oauth2/applications/@me": application,
    "GET /guilds/{guild}": guild,
    "GET /guilds/{guild}/members/{user}": member,
    "GET /guilds/{guild}/members": members,
    "GET /guilds/{guild}/channels": guild_channels,
    "GET /guilds/{guild}/roles": roles,
    "GET /guilds/{guild}/messages/search": search,
    "GET /guilds/{guild}/threads/active": active_threads,
    "GET /channels/{channel}": channel,
    "GET /channels/{channel}/threads/archived/public": public_archived_threads,
    "GET /channels/{channel}/threads/archived/private": private_archived_threads,
    "GET /channels/{channel}/users/@me/threads/archived/private": joined_archived_threads,
    "GET /channels/{channel}/threads/search": searched_threads,
    "GET /channels/{channel}/messages": discord_messages.messages,
    "GET /channels/{channel}/messages/{message}": discord_messages.message,
    "POST /channels/{channel}/messages": discord_messages.send,
    "PATCH /channels/{channel}/messages/{message}": discord_messages.edit,
    "DELETE /channels/{channel}/messages/{message}": discord_messages.delete,
    "POST /channels/{channel}/typing": discord_messages.typing,
}


class Router:
    """Finds the handler of a request; further routes may be given, as "METHOD /path/{id}/{token}"."""

    def __init__(self, further: Mapping[str, Handler]) -> None:
        self._matchers = [
            (template, re.compile(re.sub(r"{(\w+)}", _group, template)), handler)
            for template, handler in (ROUTES | dict(further)).items()
        ]

    def route_of(self, method: str, path: str) -> tuple[str, str]:
        """The route's template and the id that, with it, makes up a rate limit bucket."""
        for template, pattern, _ in self._matchers:
            if found := pattern.fullmatch(f"{method} {path}"):
                return template, found.groupdict().get("token") or next(iter(found.groups()), "")
        return f"{method} {path}", ""

    def answer(self, method: str, path: str, make_call: Callable[[Mapping[str, int], str], Call]) -> Answer:
        """`make_call` gets the ids of the path and the token in it, if any."""
        for _, pattern, handler in self._matchers:
            if found := pattern.fullmatch(f"{method} {path}"):
                named = found.groupdict()
                token = named.pop("token", "")
                try:
                    result = handler(make_call({name: int(value) for name, value in named.items()}, token))
                except Refused as refused:
                    return refused.answer
                return Answer(204) if result is None else Answer(200, result)
        return http_error(404, "404: Not Found")


def _group(name: re.Match[str]) -> str:
    return rf"(?P<{name[1]}>{'[^/]+' if name[1] == 'token' else '[0-9]+'})"
