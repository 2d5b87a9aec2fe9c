"""A Discord on loopback for the real discord.py client to talk REST to, misbehaviour included."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self
from unittest.mock import patch

from aiohttp import BodyPartReader, web
from discord import Client
from discord.gateway import DiscordWebSocket
from discord.http import Route
from discord.state import AutoShardedConnectionState, ConnectionState
from yarl import URL

from tests.support.discord_call import Call, SentFile, Written, thread_object
from tests.support.discord_commands import Commands
from tests.support.discord_faults import (
    Answer,
    Changed,
    Fault,
    PlannedFault,
    RateLimit,
    Wire,
    break_connection,
    http_error,
)
from tests.support.discord_interactions import Interaction, Interactions
from tests.support.discord_routes import Router
from tests.support.discord_world import TEXT, JsonObject, Permission, World, id_of
from tests.support.loopback_gateway import BAD_TOKEN, Gateway, Home, until

PREFIX = "/api/v10"


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as it arrived; `status` is 0 where the connection broke before any answer."""

    method: str
    path: str  # without /api/v10
    query: dict[str, str]
    status: int
    time: float  # Unix seconds

    @property
    def is_history(self) -> bool:
        return self.method == "GET" and re.fullmatch(r"/channels/\d+/messages", self.path) is not None


class LoopbackDiscord:
    """`async with LoopbackDiscord(world) as server:`, and inside it `with patched(server):` for the client.

    The log names a request as soon as its answer is decided, before `delay`: a client that is killed while it
    waits is counted. With `log_path` every entry is also appended there as a line of JSON. A request that this
    server itself fails at gets a 400, which is never retried, and leaving the block raises.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        token: str = "test-token",
        delay: float = 0.0,
        rate_limit: RateLimit | None = None,
        log_path: Path | None = None,
    ) -> None:
        self.world = world or World()
        self.token: str | None = token  # None: revoked
        self.delay = delay  # seconds before each answer; may be changed while running
        # An answer waits as long as this is true of its request; may be changed while running.
        self.held: Callable[[LoggedRequest], object] = lambda request: False
        self.rate_limit = rate_limit  # may be changed while running
        self.log_path = log_path
        self.url = ""  # what Route.BASE has to be
        self.requests: list[LoggedRequest] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self.written: list[Written] = []  # every message made or changed over REST, in order
        self._home = Home()
        self.gateway = Gateway(self.world, lambda: self.token, self._home)
        self.commands = Commands(self.world)
        self.interactions = Interactions(self.world, self.commands)
        self._router = Router(self.gateway.routes() | self.commands.routes() | self.interactions.routes())
        self._faults: list[PlannedFault] = []
        self._mistakes: list[Exception] = []

    def fail(
        self, path: str, fault: Fault, *, times: int | None = 1, after: int = 0, method: str | None = None
    ) -> None:
        """Answer the next `times` requests (None: all) whose path matches this regex with a fault.

        An Answer replaces the work; below HTTP the work is done, only the client doesn't learn of it.
        `after` matching requests pass first. Of several plans the earliest that is due wins; a request that
        gets a fault is not counted by the later ones.
        """
        self._faults.append(PlannedFault(re.compile(path), fault, times, after, method))

    def heal(self) -> None:
        self._faults.clear()

    def revoke_token(self) -> None:
        self.token = None
        self.gateway.close(BAD_TOKEN, resumable=False)

    def history_requests(self, channel_id: int | None = None) -> list[LoggedRequest]:
        path = f"/channels/{channel_id}/messages"
        return [one for one in self.requests if one.is_history and (channel_id is None or one.path == path)]

    # What happens while clients are connected: the world changes, and the gateway tells them

    def say(self, channel_id: int, author: JsonObject | int, content: str = "", **extra: Any) -> JsonObject:
        """World.add_message, told to the clients."""
        return self._home.call(
            lambda: self._tell("MESSAGE_CREATE", self.world.add_message(channel_id, author, content, **extra))
        )

    def edit(self, channel_id: int, message: JsonObject | int, **changes: Any) -> JsonObject:
        return self._home.call(lambda: self._edit(channel_id, message, changes))

    def unfurl(self, channel_id: int, message: JsonObject | int, *embeds: JsonObject) -> JsonObject:
        """Discord adds a link's preview: an update, but nobody edited anything."""
        stored = self.world.channels[channel_id].find(_id(message))
        assert stored is not None
        return self.edit(
            channel_id, message, embeds=list(embeds), edited_timestamp=stored["edited_timestamp"]
        )

    def delete(self, channel_id: int, *messages: JsonObject | int) -> None:
        """Several at once are one MESSAGE_DELETE_BULK."""
        self._home.call(lambda: self._delete(channel_id, [_id(message) for message in messages]))

    def create_channel(self, name: str, type: int = TEXT, **extra: Any) -> int:
        made = self._home.call(lambda: self.world.add_channel(name, type, **extra))
        self.gateway.dispatch("CHANNEL_CREATE", self.world.channels[made].data)
        return made

    def update_channel(self, channel_id: int, **changes: Any) -> None:
        """Also tells of overwrites that World.allow and World.deny changed before."""
        self.world.channels[channel_id].data.update(changes)
        self.gateway.dispatch("CHANNEL_UPDATE", self.world.channels[channel_id].data)

    def create_thread(self, parent: int, name: str = "thread", **extra: Any) -> int:
        made = self._home.call(lambda: self.world.add_thread(parent, name, **extra))
        data = thread_object(self.world, self.world.channels[made])
        self.gateway.dispatch("THREAD_CREATE", data | {"newly_created": True})
        return made

    def delete_channel(self, channel_id: int) -> None:
        """A thread too. The threads of a deleted channel get no event of their own."""
        channel = self.world.channels[channel_id]
        told = ("id", "guild_id", "parent_id", "type")
        data = {key: channel.data[key] for key in told} if channel.is_thread else channel.data
        self._home.call(lambda: self.world.delete_channel(channel_id))
        self.gateway.dispatch("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", data)

    def interact(
        self,
        path: str,
        options: Mapping[str, Any] | None = None,
        *,
        user: JsonObject | None = None,
        channel: int | None = None,
        guild: int | None = None,
        permissions: int | None = None,
        focused: str | None = None,
        **fields: Any,
    ) -> Interaction:
        """Someone uses a registered command, as in "tuner build": by default the first person, anywhere.

        `permissions` are the person's, if not those the world gives them; `fields` replace parts of the payload.
        """
        return self._home.call(
            lambda: self._interact(path, options or {}, user, channel, guild, permissions, focused, fields)
        )

    def press(self, under: Interaction, label: str, user: JsonObject) -> Interaction:
        """Someone presses a button of the message that answered an interaction."""

        def pressed() -> Interaction:
            made = self.interactions.press(under, label, user)
            self.gateway.dispatch("INTERACTION_CREATE", made.payload)
            return made

        return self._home.call(pressed)

    def use_on(self, name: str, message: JsonObject, user: JsonObject, like: Interaction) -> Interaction:
        """Someone chooses a registered command from a message's menu, in the place of another interaction."""

        def chosen() -> Interaction:
            made = self.interactions.choose(name, message, user, like)
            self.gateway.dispatch("INTERACTION_CREATE", made.payload)
            return made

        return self._home.call(chosen)

    def autocomplete(
        self, path: str, focused: str, typed: str = "", options: Mapping[str, Any] | None = None, **more: Any
    ) -> Interaction:
        """Someone has typed so much of the option `focused`; `options` are those filled in before."""
        return self.interact(path, {**(options or {}), focused: typed}, focused=focused, **more)

    def expire_interaction(self, interaction: Interaction) -> None:
        """As after 15 minutes."""
        interaction.expired = True

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/gateway", self._websocket)
        app.router.add_get("/gateway/resume", self._websocket)
        app.router.add_route("*", PREFIX + "/{tail:.*}", self._handle)
        # Without handler_cancellation a client that hangs up would stay in flight for ever.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{PREFIX}"
        self.gateway.url = gateway_url(self.url)
        self._home.loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._home.loop = None
        await self._runner.cleanup()
        if self._mistakes and not isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            raise self._mistakes[0]

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self.gateway.handle(request)
        except Exception as mistake:
            self._mistakes.append(mistake)
            raise

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            return await self._respond(request)
        finally:
            self.in_flight -= 1

    async def _respond(self, request: web.Request) -> web.Response:
        arrived = time.time()
        path = request.path.removeprefix(PREFIX)
        body, files = await body_of(request)
        try:
            answer, trouble, headers = self._decide(request, path, body, files)
        except Exception as mistake:  # noqa: BLE001 - the test made it, and discord.py would retry a 500
            self._mistakes.append(mistake)
            answer, trouble, headers = http_error(400, f"The loopback server failed: {mistake!r}"), None, {}
        status = answer.status if trouble in (None, Wire.CUT_BODY) else 0
        logged = LoggedRequest(request.method, path, dict(request.query), status, arrived)
        self._log(logged)
        await asyncio.sleep(self.delay)
        await until(lambda: not self.held(logged))
        if trouble is not None:
            await break_connection(trouble, request, answer)
            await until_cancelled()
        response = answer.response()
        response.headers.update(headers)
        return response

    def _decide(
        self, request: web.Request, path: str, body: Any, files: list[SentFile]
    ) -> tuple[Answer, Wire | None, dict[str, str]]:
        """The answer, trouble on its way, and rate limit headers."""
        fault = next((due for plan in self._faults if (due := plan.take(request.method, path))), None)
        if isinstance(fault, Answer):
            return fault, None, {}
        by_token = path.startswith(("/interactions/", "/webhooks/"))  # theirs is in the path
        bot = self.token is not None and request.headers.get("Authorization") == f"Bot {self.token}"
        if not by_token and not bot:
            return http_error(401), _trouble(fault), {}
        headers: dict[str, str] = {}
        if self.rate_limit is not None:
            headers, refusal = self.rate_limit.count(*self._router.route_of(request.method, path))
            if refusal is not None:
                return refusal, _trouble(fault), headers
        events: list[tuple[str, JsonObject]] = []

        def make_call(ids: Mapping[str, int], token: str) -> Call:
            return Call(self.world, ids, request.query, body, files, token, events, self.written)

        answer = self._router.answer(request.method, path, make_call)
        for name, message in events:
            self.gateway.dispatch_message(name, message)
        if isinstance(fault, Changed):
            answer = Answer(answer.status, fault.change(answer.body))
        return answer, _trouble(fault), headers

    def _tell(self, name: str, message: JsonObject) -> JsonObject:
        self.gateway.dispatch_message(name, message)
        return message

    def _edit(self, channel_id: int, message: JsonObject | int, changes: JsonObject) -> JsonObject:
        edited = self.world.edit_message(channel_id, _id(message), **changes)
        assert edited is not None
        return self._tell("MESSAGE_UPDATE", edited)

    def _delete(self, channel_id: int, ids: list[int]) -> None:
        channel = self.world.channels[channel_id]
        for message_id in ids:
            self.world.delete_message(channel_id, message_id)
        if not self.world.permissions_in(channel) & Permission.VIEW_CHANNEL:
            return
        where = {"channel_id": str(channel_id), "guild_id": channel.data["guild_id"]}
        if len(ids) == 1:
            self.gateway.dispatch("MESSAGE_DELETE", where | {"id": str(ids[0])})
        else:
            self.gateway.dispatch("MESSAGE_DELETE_BULK", where | {"ids": [str(one) for one in ids]})

    def _interact(
        self,
        path: str,
        options: Mapping[str, Any],
        user: JsonObject | None,
        channel: int | None,
        guild: int | None,
        permissions: int | None,
        focused: str | None,
        fields: JsonObject,
    ) -> Interaction:
        user = user or next(one for one in self.world.users.values() if not one["bot"])
        home = (TEXT, str(guild or self.world.guild.id))
        places = self.world.channels.values()
        place = (
            next(one for one in places if (one.data["type"], one.data["guild_id"]) == home)
            if channel is None
            else self.world.channels[channel]
        )
        made = self.interactions.make(
            path, options, user, place, permissions=permissions, focused=focused, **fields
        )
        self.gateway.dispatch("INTERACTION_CREATE", made.payload)
        return made

    def _log(self, entry: LoggedRequest) -> None:
        self.requests.append(entry)
        if self.log_path is not None:
            with self.log_path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(entry)) + "\n")


@contextmanager
def patched(server: LoopbackDiscord) -> Iterator[LoopbackDiscord]:
    """Point every discord.py client of this process at the server."""
    with pointed_at(server.url):
        yield server


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """REST and gateway of discord.py at a server's `url`, and none of the waits that only spare Discord.

    Those are 5 s before a second IDENTIFY, and 2 s after the last guild until a client is ready: here that is
    a moment after all guilds have come, however long they take.
    """
    initialise = ConnectionState.__init__

    async def no_hook(self: Client, shard_id: int | None, *, initial: bool = False) -> None:
        pass

    def soon_ready(self: Any, **options: Any) -> None:
        initialise(self, **{"guild_ready_timeout": 0.05} | options)

    with (
        patch.object(Route, "BASE", url),
        patch.object(DiscordWebSocket, "DEFAULT_GATEWAY", URL(gateway_url(url))),
        patch.object(Client, "before_identify_hook", no_hook),
        patch.object(ConnectionState, "__init__", soon_ready),
        _after_the_guilds(ConnectionState, "_delay_ready"),
        _after_the_guilds(AutoShardedConnectionState, "_delay_shard_ready"),
    ):
        yield


def _after_the_guilds(state: type[Any], name: str) -> Any:
    """Patches what counts the time since the last guild: it begins when none of READY is missing."""
    counting: Callable[..., Any] = getattr(state, name)

    async def when_complete(self: Any, *shard_id: int) -> None:
        if self._intents.guilds:  # without this intent no guild ever comes
            await until(lambda: not any(_missing(guild, shard_id) for guild in self._guilds.values()))
        await counting(self, *shard_id)

    return patch.object(state, name, when_complete)


def _missing(guild: Any, shard_id: tuple[int, ...]) -> bool:
    return guild.unavailable and shard_id in ((), (guild.shard_id,))


def _trouble(fault: Fault | None) -> Wire | None:
    return fault if isinstance(fault, Wire) else None


def gateway_url(url: str) -> str:
    return url.replace("http", "ws", 1).removesuffix(PREFIX) + "/gateway"


async def body_of(request: web.Request) -> tuple[Any, list[SentFile]]:
    """The JSON of a request, and the files of an upload."""
    if not request.can_read_body:
        return {}, []
    if request.content_type != "multipart/form-data":
        return await request.json(), []
    payload, files = "{}", []
    # Not `post()`, which leaves a temporary file open when the connection is lost in the middle of one.
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        if part.filename:
            files.append(SentFile(part.name or "", part.filename, bytes(await part.read(decode=True))))
        elif part.name == "payload_json":
            payload = await part.text()
    return json.loads(payload), files


def _id(message: JsonObject | int) -> int:
    return message if isinstance(message, int) else id_of(message)


async def until_cancelled() -> NoReturn:
    """The handler of a connection that is gone, or of one that must never be answered, ends here."""
    lost: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
    await lost
