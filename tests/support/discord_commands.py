"""Application commands as the bot registers them, everywhere or in one guild."""

import re
import time
from collections import Counter
from typing import Any

from tests.support.discord_call import Call, Refused
from tests.support.discord_routes import Handler
from tests.support.discord_world import JsonObject, World, snowflake

CHAT_INPUT = 1  # command type

_NAME = re.compile(r"[-_'\w]{1,32}")


class Commands:
    """`registered_in[None]` are the global ones. `registrations` are the requests that changed anything."""

    def __init__(self, world: World) -> None:
        self.registered_in: dict[int | None, list[JsonObject]] = {}
        self.registrations: list[tuple[str, int | None, Any]] = []  # method, guild, body
        self._world = world
        self._issued: Counter[int] = Counter()

    def registered(self, path: str, guild_id: int) -> tuple[JsonObject, list[str]]:
        """The command a person in a guild gets for "name group sub", and the words after its name."""
        name, *words = path.split()
        return self.named(name, guild_id), words

    def named(self, name: str, guild_id: int) -> JsonObject:
        """The command of that name that a person in a guild gets."""
        for scope in (guild_id, None):
            for command in self.registered_in.get(scope, []):
                if command["name"] == name:
                    return command
        raise LookupError(f"/{name} is not registered")

    def shown_to(self, path: str, guild_id: int, permissions: int) -> bool:
        """Whether Discord shows a command to a member with these permissions, no overrides being set.

        `LoopbackDiscord.interact` does not ask: overrides may let anybody through.
        """
        needed = self.registered(path, guild_id)[0]["default_member_permissions"]
        administrator = 1 << 3
        return needed is None or bool(permissions & (administrator | int(needed)))

    def routes(self) -> dict[str, Handler]:
        found: dict[str, Handler] = {}
        for place in ("/applications/{application}", "/applications/{application}/guilds/{guild}"):
            found |= {
                f"GET {place}/commands": self._list,
                f"PUT {place}/commands": self._overwrite,
                f"POST {place}/commands": self._upsert,
                f"GET {place}/commands/{{command}}": self._get,
                f"PATCH {place}/commands/{{command}}": self._change,
                f"DELETE {place}/commands/{{command}}": self._remove,
            }
        return found

    def new_id(self) -> int:
        """By the real clock, with which discord.py compares interactions; the world's own clock stays."""
        now = time.time_ns() // 1_000_000
        self._issued[now] += 1
        return snowflake(now, self._issued[now])

    def _list(self, call: Call) -> list[JsonObject]:
        return self.registered_in.setdefault(self._scope(call), [])

    def _overwrite(self, call: Call) -> list[JsonObject]:
        """Commands that keep their name keep their id; those that are not listed are gone."""
        known = {command["name"]: command["id"] for command in self._list(call)}
        self._list(call)[:] = [self._command(call, body, known.get(body.get("name"))) for body in call.body]
        self._note("PUT", call)
        return self._list(call)

    def _upsert(self, call: Call) -> JsonObject:
        same = next((one for one in self._list(call) if one["name"] == call.body.get("name")), None)
        command = self._command(call, call.body, same and same["id"])
        self._list(call)[:] = [*(one for one in self._list(call) if one is not same), command]
        self._note("POST", call)
        return command

    def _get(self, call: Call) -> JsonObject:
        wanted = str(call.ids["command"])
        found = next((command for command in self._list(call) if command["id"] == wanted), None)
        if found is None:
            raise Refused(404, 10063, "Unknown application command")
        return found

    def _change(self, call: Call) -> JsonObject:
        found = self._get(call)
        found |= self._command(call, found | call.body, found["id"])
        self._note("PATCH", call)
        return found

    def _remove(self, call: Call) -> None:
        self._list(call).remove(self._get(call))
        self._note("DELETE", call)

    def _note(self, method: str, call: Call) -> None:
        self.registrations.append((method, self._scope(call), call.body))

    def _scope(self, call: Call) -> int | None:
        if call.ids["application"] != self._world.bot_id:
            raise Refused(404, 10002, "Unknown Application")
        if "guild" in call.ids and call.ids["guild"] not in self._world.guilds:
            raise Refused(403, 50001, "Missing Access")
        return call.ids.get("guild")

    def _command(self, call: Call, body: JsonObject, command_id: str | None) -> JsonObject:
        kind, name = body.get("type", CHAT_INPUT), str(body.get("name", ""))
        errors = {}
        plain = _NAME.fullmatch(name) and name == name.lower()
        if not (plain if kind == CHAT_INPUT else 0 < len(name) <= 32):
            errors["name"] = "Command name is invalid"
        if kind == CHAT_INPUT and not 0 < len(body.get("description", "")) <= 100:
            errors["description"] = "Must be between 1 and 100 in length."
        if len(body.get("options") or []) > 25:
            errors["options"] = "Must be 25 or fewer in length."
        if errors:
            raise Refused(400, 50035, "Invalid Form Body", errors)
        guild_id = self._scope(call)
        permissions = body.get("default_member_permissions")
        return {
            "options": [], "nsfw": False, "contexts": None, "integration_types": [0],
            "name_localizations": None, "description_localizations": None, "description": "", **body,
            "type": kind,
            "id": command_id or str(self.new_id()),
            "application_id": self._world.bot["id"],
            "version": str(self.new_id()),
            "default_member_permissions": None if permissions is None else str(permissions),
            **({} if guild_id is None else {"guild_id": str(guild_id)}),
        }  # fmt: skip
