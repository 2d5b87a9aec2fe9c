"""The websocket side of the loopback Discord: sessions, heartbeats, events, and every way a connection ends."""

import asyncio
import importlib
import itertools
import json
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from tests.support.discord_call import Call, concerns, shown, thread_object, without_content
from tests.support.discord_routes import Handler, channels_of, guild_object, me, visible_threads
from tests.support.discord_world import Guild, JsonObject, Permission, World

T = TypeVar("T")

PATIENCE = 240.0  # seconds until a test gives up on what it waits for; long, for a machine that is busy

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
GUILDS, MEMBERS, PRESENCES, GUILD_MESSAGES, REACTIONS = 1 << 0, 1 << 1, 1 << 8, 1 << 9, 1 << 10
MESSAGE_CONTENT_INTENT = 1 << 15
PRIVILEGED = {
    MEMBERS: 0b11 << 14,
    PRESENCES: 0b11 << 12,
    MESSAGE_CONTENT_INTENT: 0b11 << 18,
}  # application flags
UNKNOWN_ERROR, BAD_TOKEN, BAD_SHARD, SHARDING_REQUIRED, DISALLOWED_INTENTS = 4000, 4004, 4010, 4011, 4014
_INTENTS = {
    "MESSAGE_REACTION": REACTIONS, "MESSAGE_": GUILD_MESSAGES, "GUILD_MEMBER": MEMBERS,
    "GUILD_": GUILDS, "CHANNEL_": GUILDS, "THREAD_": GUILDS,
}  # fmt: skip


class Home:
    """The server's event loop: what a test does from another thread is done there too, and awaited."""

    loop: asyncio.AbstractEventLoop | None = None

    def call(self, act: Callable[[], T]) -> T:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if self.loop is None or self.loop is here:
            return act()

        async def there() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(there(), self.loop).result(PATIENCE)


@dataclass(eq=False)
class Connection:
    """One websocket of a client, open or not. Times are those of time.monotonic()."""

    path: str  # /gateway, or /gateway/resume where READY told the client to go on there
    query: dict[str, str]
    interval: float  # seconds between heartbeats, as asked for
    transport: asyncio.Transport
    opened: float = field(default_factory=time.monotonic)
    closed: float | None = None
    close_code: int | None = None  # whoever closed it
    heartbeats: list[float] = field(default_factory=list)
    received: list[JsonObject] = field(default_factory=list)
    session: "Session | None" = None
    outbox: "asyncio.Queue[str | int]" = field(default_factory=asyncio.Queue)  # payloads; a number closes

    def send(self, op: int, data: Any = None) -> None:
        self.outbox.put_nowait(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int) -> None:
        """After what was sent before. The session, if any, is left without a connection at once."""
        if self.session is not None and self.session.connection is self:
            self.session.connection = None
        self.outbox.put_nowait(code)

    def gaps(self) -> list[float]:
        """Seconds from HELLO to the first heartbeat, between heartbeats, and since the last one."""
        times = [self.opened, *self.heartbeats, self.closed or time.monotonic()]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


@dataclass(eq=False)
class Session:
    id: str
    shard: tuple[int, int]
    intents: int
    events: list[str] = field(default_factory=list)  # payloads; the first has number 1
    connection: Connection | None = None
    resumable: bool = True

    def tell(self, name: str, data: JsonObject) -> None:
        payload = {"op": DISPATCH, "s": len(self.events) + 1, "t": name, "d": data}
        self.events.append(json.dumps(payload))
        if self.connection is not None:
            self.connection.outbox.put_nowait(self.events[-1])

    def wants(self, name: str, guild_id: int | None) -> bool:
        needed = next((intent for start, intent in _INTENTS.items() if name.startswith(start)), 0)
        return not needed & ~self.intents and (guild_id is None or self.owns(guild_id))

    def owns(self, guild_id: int) -> bool:
        return (guild_id >> 22) % self.shard[1] == self.shard[0]


class Gateway:
    """Everything here may be called from any thread; nothing waits for the client."""

    def __init__(self, world: World, token: Callable[[], str | None], home: Home) -> None:
        self.heartbeat_interval = 41.25  # seconds; for connections opened from now on
        self.acknowledge = True  # heartbeats
        self.refusing = False  # answer 503 to new connections
        self.refused = 0  # how many got that
        self.shards = 1  # recommended to clients that ask
        self.sharding_required = 2500  # guilds of one shard
        self.url = ""
        self.connections: list[Connection] = []
        self.sessions: list[Session] = []
        self.identifies: list[JsonObject] = []
        self.resumes: list[JsonObject] = []
        self._world = world
        self._token = token
        self._home = home

    @property
    def open(self) -> list[Connection]:
        return [one for one in self.connections if one.closed is None]

    def dispatch(self, name: str, data: JsonObject) -> None:
        """Tell an event to every session whose intents and shard ask for it, or keep it until they resume."""
        self._home.call(lambda: self._dispatch(name, data))

    def dispatch_message(self, name: str, message: JsonObject) -> None:
        """MESSAGE_CREATE, MESSAGE_UPDATE or MESSAGE_DELETE of a stored message, if the bot can see its channel."""
        channel = self._world.channels.get(int(message["channel_id"]))
        if channel is None or "guild_id" not in channel.data:  # none of the clients here asks for direct ones
            return
        if not self._world.permissions_in(channel) & Permission.VIEW_CHANNEL:
            return
        ids = {"channel_id": message["channel_id"], "guild_id": channel.data["guild_id"]}
        if name == "MESSAGE_DELETE":
            self.dispatch(name, ids | {"id": message["id"]})
            return
        author_id = int((message.get("author") or {}).get("id", 0))
        member = self._world.guilds[int(ids["guild_id"])].members.get(author_id, {})
        partial = {key: value for key, value in member.items() if key != "user"}
        self.dispatch(name, shown(self._world, message) | ids | ({"member": partial} if partial else {}))

    def dispatch_guild(self, guild: Guild) -> None:
        """The bot joins a guild."""
        self.dispatch("GUILD_CREATE", self._guild_create(guild))

    def close(self, code: int = UNKNOWN_ERROR, *, resumable: bool = True) -> None:
        """Close every open connection; where not `resumable`, RESUME will get an invalid session."""

        def act() -> None:
            self._end_sessions(resumable)
            for connection in self.open:
                connection.close(code)

        self._home.call(act)

    def drop(self) -> None:
        """Lose every connection without a word."""

        def act() -> None:
            for connection in self.open:
                if connection.session is not None:
                    connection.session.connection = None
                connection.transport.abort()

        self._home.call(act)

    def reconnect(self) -> None:
        """Ask every client to reconnect and resume (op 7)."""

        def act() -> None:
            for connection in self.open:
                connection.send(RECONNECT)

        self._home.call(act)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell every client that its session is invalid (op 9)."""

        def act() -> None:
            self._end_sessions(resumable)
            for connection in self.open:
                connection.send(INVALID_SESSION, resumable)

        self._home.call(act)

    def late_heartbeats(self, factor: float = 1.5) -> list[float]:
        """Seconds without a heartbeat, each time they were more than `factor` intervals."""
        return [gap for one in self.connections for gap in one.gaps() if gap > factor * one.interval]

    def routes(self) -> dict[str, Handler]:
        def of_bot(call: Call) -> JsonObject:
            remaining = max(0, 1000 - len(self.identifies))
            limit = {"total": 1000, "remaining": remaining, "reset_after": 86_400_000, "max_concurrency": 1}
            return {"url": self.url, "shards": self.shards, "session_start_limit": limit}

        return {"GET /gateway": lambda call: {"url": self.url}, "GET /gateway/bot": of_bot}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusing:
            self.refused += 1
            return web.Response(status=503)
        pack = _packer(request.query.get("compress"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        connection = Connection(request.path, dict(request.query), self.heartbeat_interval, request.transport)
        self.connections.append(connection)
        connection.send(HELLO, {"heartbeat_interval": round(connection.interval * 1000)})
        writer = asyncio.create_task(_write(socket, connection, pack))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and connection.closed is None:
                    self._receive(connection, json.loads(message.data))
        finally:
            writer.cancel()
            connection.closed = connection.closed or time.monotonic()
            connection.close_code = connection.close_code or socket.close_code
            session = connection.session
            if session is not None and session.connection is connection:
                session.connection = None
                session.resumable = session.resumable and connection.close_code not in (1000, 1001)
        return socket

    def _receive(self, connection: Connection, payload: JsonObject) -> None:
        connection.received.append(payload)
        if payload["op"] == HEARTBEAT:
            connection.heartbeats.append(time.monotonic())
            if self.acknowledge:
                connection.send(ACK)
        elif payload["op"] == IDENTIFY:
            self.identifies.append(payload["d"])
            self._identify(connection, payload["d"])
        elif payload["op"] == RESUME:
            self.resumes.append(payload["d"])
            self._resume(connection, payload["d"])

    def _identify(self, connection: Connection, asked: JsonObject) -> None:
        flags, intents = self._world.application_flags, asked["intents"]
        shard, shards = asked.get("shard", (0, 1))
        session = Session(f"session-{len(self.sessions) + 1}", (shard, shards), intents)
        guilds = [guild for guild in self._world.guilds.values() if session.owns(guild.id)]
        if self._token() is None or asked["token"] != self._token():
            connection.close(BAD_TOKEN)
        elif any(intents & intent and not flags & needed for intent, needed in PRIVILEGED.items()):
            connection.close(DISALLOWED_INTENTS)
        elif not 0 <= shard < shards:
            connection.close(BAD_SHARD)
        elif len(guilds) >= self.sharding_required:
            connection.close(SHARDING_REQUIRED)
        else:
            self.sessions.append(session)
            connection.session, session.connection = session, connection
            self._welcome(session, guilds)

    def _welcome(self, session: Session, guilds: list[Guild]) -> None:
        ready = {
            "v": 10,
            "user": me(Call(self._world, {}, {}, None)),
            "session_id": session.id,
            "resume_gateway_url": f"{self.url}/resume",
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "shard": list(session.shard),
            "application": {"id": self._world.bot["id"], "flags": self._world.application_flags},
            "private_channels": [],
        }
        session.tell("READY", ready)
        if session.intents & GUILDS:
            for guild in guilds:
                session.tell("GUILD_CREATE", self._guild_create(guild) | {"unavailable": False})

    def _resume(self, connection: Connection, asked: JsonObject) -> None:
        session = next((one for one in self.sessions if one.id == asked["session_id"]), None)
        if self._token() is None or asked["token"] != self._token():
            connection.close(BAD_TOKEN)
        elif session is None or not session.resumable or not 0 < (asked["seq"] or 0) <= len(session.events):
            connection.send(INVALID_SESSION, False)
        else:
            if session.connection is not None:  # the client lost it, this server had not noticed
                session.connection.close(UNKNOWN_ERROR)
            connection.session, session.connection = session, connection
            for missed in session.events[asked["seq"] :]:
                connection.outbox.put_nowait(missed)
            session.tell("RESUMED", {"_trace": []})

    def _dispatch(self, name: str, data: JsonObject) -> None:
        guild_id = (
            data["id"] if name.startswith("GUILD_") and "guild_id" not in data else data.get("guild_id")
        )
        hideable = name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and not concerns(self._world, data)
        for session in self.sessions:
            if session.resumable and session.wants(name, guild_id and int(guild_id)):
                hidden = hideable and not session.intents & MESSAGE_CONTENT_INTENT
                session.tell(name, without_content(data) if hidden else data)

    def _guild_create(self, guild: Guild) -> JsonObject:
        """Of the members only the bot, as without the members intent."""
        mine = guild.members[self._world.bot_id]
        empty = (
            "presences",
            "voice_states",
            "stage_instances",
            "guild_scheduled_events",
            "soundboard_sounds",
        )
        return guild_object(guild) | {
            "joined_at": mine["joined_at"],
            "large": False,
            "member_count": len(guild.members),
            "members": [mine],
            "channels": channels_of(self._world, guild),
            "threads": [thread_object(self._world, one) for one in visible_threads(self._world, guild)],
            **{key: [] for key in empty},
        }

    def _end_sessions(self, resumable: bool) -> None:
        if not resumable:
            for session in self.sessions:
                session.resumable = False


async def _write(
    socket: web.WebSocketResponse, connection: Connection, pack: Callable[[str], str | bytes]
) -> None:
    with suppress(ConnectionError):  # the client left; what it missed is kept in its session
        while isinstance(item := await connection.outbox.get(), str):
            packed = pack(item)
            await (socket.send_str(packed) if isinstance(packed, str) else socket.send_bytes(packed))
        connection.close_code, connection.closed = item, time.monotonic()
        # Only the frame: `close` would end the connection at once, as somebody else reads from it, and a client
        # that can't answer any more forgets the code it has just read and reports 1006.
        await socket.send_frame(struct.pack("!H", item), WSMsgType.CLOSE)


def _packer(compression: str | None) -> Callable[[str], str | bytes]:
    """discord.py asks for zstd where the zstandard package is installed, and for zlib otherwise."""
    if compression is None:
        return lambda text: text
    if compression == "zlib-stream":
        deflate = zlib.compressobj()
        return lambda text: deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH)
    zstandard = importlib.import_module("zstandard")
    stream = zstandard.ZstdCompressor().compressobj()
    block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return lambda text: bytes(stream.compress(text.encode()) + stream.flush(block))


async def until(condition: Callable[[], T], timeout: float = PATIENCE) -> T:
    """What `condition` gives as soon as it is true, for what happens on the other side of a socket.

    In a test that is not async: `asyncio.run(until(...))`.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {timeout:g} s")
        await asyncio.sleep(0.003)
    return found
