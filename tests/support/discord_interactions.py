"""Interactions: what people invoke, and what the bot answers, follows up and edits."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.discord_call import Call, Refused, SentFile, shown
from tests.support.discord_commands import Commands
from tests.support.discord_messages import (
    EPHEMERAL,
    FILE_LIMIT,
    LOADING,
    STORED,
    check_limits,
    rewrite,
    write,
)
from tests.support.discord_routes import Handler
from tests.support.discord_world import Channel, JsonObject, World, id_of
from tests.support.loopback_gateway import PATIENCE, until

COMMAND, COMPONENT, AUTOCOMPLETE = 2, 3, 4  # interaction types
REPLY_MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9  # callback types
BUTTON = 2  # component type
STRING, INTEGER, USER, CHANNEL, ROLE, NUMBER = 3, 4, 6, 7, 8, 10  # option types
COMMAND_REPLY = 20  # message type
_ANSWERS = {
    COMMAND: (REPLY_MESSAGE, DEFERRED, MODAL),
    COMPONENT: (REPLY_MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
}


@dataclass(eq=False)
class Interaction:
    """One use of a command, and everything the bot did about it. `payload` is what the bot was told."""

    payload: JsonObject
    started: float = field(default_factory=time.monotonic)
    callback: JsonObject | None = None  # the body of the accepted callback: type and data
    answered_after: float | None = None  # seconds
    files: list[SentFile] = field(default_factory=list)  # those of the callback
    original: JsonObject | None = None  # the message that answers, as it is now; deleted: None
    followups: list[JsonObject] = field(default_factory=list)  # messages, as they are now
    edits: list[JsonObject] = field(default_factory=list)  # bodies of edits of the original
    refused: list[int] = field(default_factory=list)  # error codes of what the bot tried in vain
    expired: bool = False
    under: "Interaction | None" = None  # whose answer has the button that was pressed

    async def answered(self, timeout: float = PATIENCE) -> Self:
        """As soon as a callback was accepted. In a test that is not async: asyncio.run(it.answered())."""
        await until(lambda: self.callback, timeout)
        return self

    async def followed_up(self, count: int = 1, timeout: float = PATIENCE) -> Self:
        await until(lambda: len(self.followups) >= count, timeout)
        return self

    async def edited(self, count: int = 1, timeout: float = PATIENCE) -> Self:
        """As soon as the original response was edited that often; a deferred one counts too."""
        await until(lambda: len(self.edits) >= count, timeout)
        return self

    @property
    def type(self) -> int | None:
        return self.callback["type"] if self.callback else None

    @property
    def data(self) -> JsonObject:
        """What the callback said: content, embeds, flags, choices. Empty before it."""
        return (self.callback or {}).get("data") or {}

    @property
    def content(self) -> str:
        return self.data.get("content") or ""

    @property
    def embeds(self) -> list[JsonObject]:
        return self.data.get("embeds") or []

    @property
    def ephemeral(self) -> bool:
        return bool(self.data.get("flags", 0) & EPHEMERAL)

    @property
    def choices(self) -> list[JsonObject]:
        return self.data.get("choices") or []


class Interactions:
    """Every interaction of people with the bot's commands."""

    def __init__(self, world: World, commands: Commands) -> None:
        self.all: list[Interaction] = []
        self.deadline = PATIENCE  # seconds for a callback; Discord gives 3, which a busy machine may not keep
        self.lifetime = 900.0  # seconds of a token
        self._world = world
        self._commands = commands

    def make(
        self,
        path: str,
        options: Mapping[str, Any],
        user: JsonObject,
        channel: Channel,
        *,
        permissions: int | None = None,
        focused: str | None = None,
        **fields: Any,
    ) -> Interaction:
        """Options are checked against the registered command as Discord does before it bothers a bot.

        A channel, user or role option is given as its id. `focused` makes it an autocompletion of that option.
        """
        guild_id = int(channel.data["guild_id"])
        command, words = self._commands.registered(path, guild_id)
        resolved: JsonObject = {}
        data: JsonObject = {"id": command["id"], "name": command["name"], "type": 1}
        data["options"] = self._options(command, words, options, focused, channel, resolved)
        if resolved:
            data["resolved"] = resolved
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        payload = {
            "id": str(self._commands.new_id()),
            "application_id": self._world.bot["id"],
            "type": COMMAND if focused is None else AUTOCOMPLETE,
            "token": f"interaction-token-{len(self.all) + 1}",
            "version": 1,
            "data": data,
            "guild_id": str(guild_id),
            "guild": {"id": str(guild_id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "locale": "en-US",
            "channel_id": channel.data["id"],
            "channel": self._partial(channel, id_of(user)),
            "member": self._member(guild_id, user, channel, permissions),
            "app_permissions": str(int(self._world.permissions_in(channel))),
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild_id)},
            "context": 0,
            "attachment_size_limit": FILE_LIMIT,
        }
        self.all.append(Interaction(payload | fields))
        return self.all[-1]

    def press(self, under: Interaction, label: str, user: JsonObject, **fields: Any) -> Interaction:
        """Someone presses a button of the message that answered an interaction, as it is now."""
        message = under.original
        assert message is not None
        rows = message["components"]
        [button] = [one for row in rows for one in row["components"] if one.get("label") == label]
        channel = self._world.channels[int(message["channel_id"])]
        payload = {
            **under.payload,
            "id": str(self._commands.new_id()),
            "type": COMPONENT,
            "token": f"interaction-token-{len(self.all) + 1}",
            "data": {"custom_id": button["custom_id"], "component_type": BUTTON},
            "message": shown(self._world, message),
            "member": self._member(int(under.payload["guild_id"]), user, channel, None),
        }
        self.all.append(Interaction(payload | fields, under=under))
        return self.all[-1]

    def choose(self, name: str, message: JsonObject, user: JsonObject, like: Interaction) -> Interaction:
        """Someone uses a command of a message's menu."""
        guild_id = int(like.payload["guild_id"])
        command = self._commands.named(name, guild_id)
        channel = self._world.channels[int(message["channel_id"])]
        data = {"id": command["id"], "name": name, "type": command["type"], "target_id": message["id"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        payload = {
            **like.payload,
            "id": str(self._commands.new_id()),
            "token": f"interaction-token-{len(self.all) + 1}",
            "data": data | {"resolved": {"messages": {message["id"]: shown(self._world, message)}}},
            "channel_id": channel.data["id"],
            "member": self._member(guild_id, user, channel, None),
        }
        self.all.append(Interaction(payload))
        return self.all[-1]

    def routes(self) -> dict[str, Handler]:
        found: dict[str, Handler] = {"POST /interactions/{interaction}/{token}/callback": self._callback}
        place = "/webhooks/{application}/{token}"
        for which in ("@original", "{message}"):
            found[f"GET {place}/messages/{which}"] = self._read_response
            found[f"PATCH {place}/messages/{which}"] = self._edit_response
            found[f"DELETE {place}/messages/{which}"] = self._delete_response
        return found | {f"POST {place}": self._follow_up}

    # Building an interaction

    def _options(
        self,
        spec: JsonObject,
        words: list[str],
        values: Mapping[str, Any],
        focused: str | None,
        channel: Channel,
        resolved: JsonObject,
    ) -> list[JsonObject]:
        specs = {option["name"]: option for option in spec.get("options") or []}
        if words:
            inner = specs[words[0]]
            below = self._options(inner, words[1:], values, focused, channel, resolved)
            return [{"name": inner["name"], "type": inner["type"], "options": below}]
        missing = [name for name, option in specs.items() if option.get("required") and name not in values]
        if missing and focused is None:
            raise ValueError(f"required: {missing}")
        options = []
        for name, value in values.items():
            kind = specs[name]["type"]
            if name != focused:
                _check_value(specs[name], value)
            if kind in (USER, CHANNEL, ROLE) and focused is None:  # an autocompletion has nothing resolved
                self._resolve(kind, int(value), channel, resolved)
            text = str(value) if kind in (STRING, USER, CHANNEL, ROLE) or name == focused else value
            options.append({"name": name, "type": kind, "value": text})
            if name == focused:
                options[-1]["focused"] = True
        return options

    def _resolve(self, kind: int, target: int, place: Channel, resolved: JsonObject) -> None:
        guild = self._world.guilds[int(place.data["guild_id"])]
        if kind == CHANNEL:
            found = self._partial(self._world.channels[target], self._world.bot_id)
            resolved.setdefault("channels", {})[str(target)] = found
        elif kind == ROLE:
            resolved.setdefault("roles", {})[str(target)] = guild.roles[target]
        else:
            member = dict(guild.members[target])
            resolved.setdefault("users", {})[str(target)] = member.pop("user")
            resolved.setdefault("members", {})[str(target)] = member | {
                "permissions": str(int(self._world.permissions_in(place, target)))
            }

    def _partial(self, channel: Channel, user_id: int) -> JsonObject:
        """A channel with the permissions of the person who invokes, without its overwrites."""
        permissions = str(int(self._world.permissions_in(channel, user_id)))
        data = {key: value for key, value in channel.data.items() if key != "permission_overwrites"}
        extra = {"message_count": len(channel.messages)} if channel.is_thread else {}
        return data | extra | {"permissions": permissions}

    def _member(
        self, guild_id: int, user: JsonObject, channel: Channel, permissions: int | None
    ) -> JsonObject:
        member = self._world.guilds[guild_id].members[id_of(user)]
        allowed = self._world.permissions_in(channel, id_of(user)) if permissions is None else permissions
        return member | {"permissions": str(int(allowed))}

    # What the bot answers

    def _callback(self, call: Call) -> JsonObject | None:
        found = self._by_token(call, 10062, "Unknown interaction")
        waited = time.monotonic() - found.started
        if found.callback is not None:
            raise self._refusal(found, 400, 40060, "Interaction has already been acknowledged.")
        if waited > self.deadline or found.expired or id_of(found.payload) != call.ids["interaction"]:
            raise self._refusal(found, 404, 10062, "Unknown interaction")
        kind, data = call.body.get("type"), call.body.get("data") or {}
        answers = _ANSWERS[found.payload["type"]]
        if kind not in answers:
            raise self._refusal(found, 400, 50035, "Invalid Form Body", {"type": "Not for this interaction"})
        if kind == CHOICES:
            _check_choices(data.get("choices") or [])
        elif kind == REPLY_MESSAGE:
            check_limits(call, data)
        if kind in (REPLY_MESSAGE, DEFERRED):
            loading = LOADING if kind == DEFERRED else 0
            body = data | {"flags": data.get("flags", 0) | loading}
            found.original = self._say(call, found, body, "callback")
        elif kind in (DEFERRED_UPDATE, UPDATE):
            found.original = self._updated(call, found, data if kind == UPDATE else {})
        found.answered_after, found.files = waited, list(call.files)
        found.callback = call.body
        return self._told(found) if call.query.get("with_response") in ("1", "true") else None

    def _updated(self, call: Call, found: Interaction, body: JsonObject) -> JsonObject:
        """The message with the button, changed as the callback says."""
        assert found.under is not None and found.under.original is not None
        if body:
            check_limits(call, body, found.under.original)
            rewrite(call, found.under.original, body, "original")
        return found.under.original

    def _told(self, found: Interaction) -> JsonObject:
        told: JsonObject = {"interaction": {"id": found.payload["id"], "type": found.payload["type"]}}
        if found.original is not None:
            told["interaction"] |= {
                "response_message_id": found.original["id"],
                "response_message_loading": bool(found.original["flags"] & LOADING),
                "response_message_ephemeral": bool(found.original["flags"] & EPHEMERAL),
            }
            told["resource"] = {"type": found.type, "message": shown(self._world, found.original)}
        return told

    def _follow_up(self, call: Call) -> JsonObject:
        """The first one after a deferral takes the place of the message that says the bot is thinking."""
        found = self._alive(call)
        check_limits(call, call.body)
        if found.original is not None and found.original["flags"] & LOADING:
            return self._edit(call, found, found.original)
        found.followups.append(self._say(call, found, call.body, "followup"))
        return shown(self._world, found.followups[-1])

    def _read_response(self, call: Call) -> JsonObject:
        return shown(self._world, self._response(call, self._alive(call)))

    def _edit_response(self, call: Call) -> JsonObject:
        found = self._alive(call)
        message = self._response(call, found)
        check_limits(call, call.body, message)
        return self._edit(call, found, message)

    def _delete_response(self, call: Call) -> None:
        found = self._alive(call)
        message = self._response(call, found)
        if message is found.original:
            found.original = None
        else:
            found.followups.remove(message)
        if not message["flags"] & EPHEMERAL:
            self._world.delete_message(int(message["channel_id"]), id_of(message))
            call.events.append(("MESSAGE_DELETE", message))

    def _edit(self, call: Call, found: Interaction, message: JsonObject) -> JsonObject:
        original = message is found.original
        message["flags"] &= ~LOADING
        rewrite(call, message, call.body, "original" if original else "followup")
        if original:
            found.edits.append(call.body)
        return shown(self._world, message)

    def _say(self, call: Call, found: Interaction, body: JsonObject, how: str) -> JsonObject:
        channel_id = int(found.payload["channel_id"])
        if channel_id not in self._world.channels:
            raise self._refusal(found, 404, 10003, "Unknown Channel")
        invoker = found.payload["member"]["user"]
        metadata = {
            "id": found.payload["id"],
            "type": found.payload["type"],
            "user": invoker,
            "authorizing_integration_owners": found.payload["authorizing_integration_owners"],
        }
        return write(
            call, channel_id, body, how,
            private=bool(body.get("flags", 0) & EPHEMERAL),
            type=COMMAND_REPLY if how == "callback" else 0,
            webhook_id=self._world.bot["id"], application_id=self._world.bot["id"],
            interaction_metadata=metadata,
            **{key: body[key] for key in STORED if body.get(key)},
        )  # fmt: skip

    def _response(self, call: Call, found: Interaction) -> JsonObject:
        if "message" not in call.ids:
            wanted = [found.original] if found.original else []
        else:
            every = [*found.followups, *([found.original] if found.original else [])]
            wanted = [message for message in every if id_of(message) == call.ids["message"]]
        if not wanted:
            raise self._refusal(found, 404, 10008, "Unknown Message")
        return wanted[0]

    def _alive(self, call: Call) -> Interaction:
        found = self._by_token(call, 10015, "Unknown Webhook")
        if found.expired or time.monotonic() - found.started > self.lifetime:
            raise self._refusal(found, 401, 50027, "Invalid Webhook Token")
        if found.callback is None or call.ids["application"] != self._world.bot_id:
            raise self._refusal(found, 404, 10015, "Unknown Webhook")
        return found

    def _by_token(self, call: Call, code: int, message: str) -> Interaction:
        for found in self.all:
            if found.payload["token"] == call.token:
                return found
        raise Refused(404, code, message)

    def _refusal(
        self,
        found: Interaction,
        status: int,
        code: int,
        message: str,
        errors: Mapping[str, str] | None = None,
    ) -> Refused:
        found.refused.append(code)
        return Refused(status, code, message, errors)


def _check_value(option: JsonObject, value: Any) -> None:
    size: Callable[[Any], Any] = len if option["type"] == STRING else lambda number: number
    kinds: dict[int, type | tuple[type, ...]] = {STRING: str, INTEGER: int, NUMBER: (int, float), 5: bool}
    low, high = ("min_length", "max_length") if option["type"] == STRING else ("min_value", "max_value")
    good = isinstance(value, kinds.get(option["type"], (int, str)))
    good = good and (option.get(low) is None or size(value) >= option[low])
    good = good and (option.get(high) is None or size(value) <= option[high])
    choices = [choice["value"] for choice in option.get("choices") or []]
    if not good or (choices and value not in choices):
        raise ValueError(f"Discord lets nobody send {value!r} as {option['name']}")


def _check_choices(choices: list[JsonObject]) -> None:
    lengths = [len(str(choice[key])) for choice in choices for key in ("name", "value")]
    if len(choices) > 25 or not all(0 < length <= 100 for length in lengths):
        raise Refused(
            400, 50035, "Invalid Form Body", {"data.choices": "At most 25, of 1 to 100 characters."}
        )
