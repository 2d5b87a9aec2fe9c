"""What Discord does to a bot while it builds: every sample still comes out, and the person is told."""

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import discord
import pytest

from tests.support.discord_faults import Fault, Wire, http_error
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import JsonObject, Permission, World, id_of
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tests.support.talks import talk
from tuner.adapters.sqlite_runs import Runs

TALKS = 30
SEND = r"/channels/\d+/messages$"


@pytest.fixture
def world() -> World:
    world = World()
    talk(world, "tools", TALKS)
    world.add_channel("ops")
    return world


@pytest.fixture
def ada(world: World) -> JsonObject:
    return world.add_user("ada")


@pytest.fixture
async def running(world: World, ada: JsonObject, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(world, tmp_path) as running:
        yield running


def samples(running: RunningBot) -> int:
    return len(running.paths.records.read_text().splitlines())


async def begun(running: RunningBot, ada: JsonObject) -> Interaction:
    """A build that is shown in the admin channel; call it while reading is held."""
    used = await running.use("build", user=ada).answered()
    await until(running.posted)
    return used


def told(running: RunningBot, place: int) -> list[str]:
    """What was said in a channel in words, status messages left out."""
    sent = [one.message for one in running.written("send") if int(one.message["channel_id"]) == place]
    return [message["content"] for message in sent if message["content"]]


# The admin channel


@pytest.mark.parametrize("how", ["deleted", "hidden", "closed"])
async def test_an_admin_channel_lost_meanwhile(running: RunningBot, ada: JsonObject, how: str) -> None:
    """The person is told directly."""
    ops = running.admin_channel
    with running.held():
        await begun(running, ada)
        if how == "deleted":
            running.server.delete_channel(ops)
            await until(lambda: running.bot.get_channel(ops) is None)
        else:
            lost = Permission.VIEW_CHANNEL if how == "hidden" else Permission.SEND_MESSAGES
            running.world.deny(ops, lost)
            running.server.update_channel(ops)
    await running.ended()
    assert samples(running) == TALKS
    [text] = told(running, id_of(ada))  # the loopback's direct conversations have the person's id
    assert f"Build #1 is finished: {TALKS} samples" in text
    assert told(running, ops) == []


async def test_nobody_can_be_told(
    running: RunningBot, ada: JsonObject, caplog: pytest.LogCaptureFixture
) -> None:
    with running.held():
        await begun(running, ada)
        running.server.delete_channel(running.admin_channel)
    running.server.fail("/users/@me/channels", http_error(403, "Cannot send messages to this user", 50007))
    await running.ended()
    assert samples(running) == TALKS
    assert "Nobody could be told" in caplog.text
    assert (await running.build(user=ada)).content.startswith("Nothing was started: the admin channel")


async def test_a_status_message_deleted_meanwhile(world: World, ada: JsonObject, tmp_path: Path) -> None:
    seldom = {"discord.heartbeat_seconds": 3600}  # the next one would post another
    async with running_bot(world, tmp_path, seldom) as running:
        with running.held():
            await begun(running, ada)
            running.server.delete(running.admin_channel, running.posted()[0])
        await running.ended()
        assert samples(running) == TALKS
        [final] = running.posted()  # there is nothing left to bring up to date
        assert final["embeds"][0]["title"] == "Build #1: finished"


async def test_discord_takes_no_heartbeat(running: RunningBot, ada: JsonObject) -> None:
    with running.held():
        await begun(running, ada)
    running.server.fail(r"/messages/\d+$", http_error(503), times=None, method="PATCH")
    await running.ended()
    assert samples(running) == TALKS
    assert len(told(running, running.admin_channel)) == 1


@pytest.mark.parametrize("fault", [http_error(503), Wire.RESET, Wire.CUT_BODY])
async def test_the_end_is_announced_once(running: RunningBot, ada: JsonObject, fault: Fault) -> None:
    """Also where Discord took the message and only the answer was lost."""
    with running.held():
        await begun(running, ada)
    running.server.fail(SEND, fault, method="POST")
    await running.ended()
    assert samples(running) == TALKS
    assert len(told(running, running.admin_channel)) == 1
    assert len(running.posted()) == 2
    attempts = [
        one for one in running.server.requests if one.method == "POST" and one.path.endswith("/messages")
    ]
    assert len(attempts) == 3  # the status message, and the end twice


async def test_closing_does_not_wait_for_a_discord_that_hangs(running: RunningBot, ada: JsonObject) -> None:
    with running.held():
        await begun(running, ada)
        running.server.delay = 3600
        await running.bot.builds.close(0.05)
        assert running.bot.builds.running is None
    [run] = await Runs(running.store).last(1)
    assert run.state == "interrupted"


# Interactions


async def test_the_interaction_expires_meanwhile(running: RunningBot, ada: JsonObject) -> None:
    with running.held():
        running.server.expire_interaction(await begun(running, ada))
    await running.ended()
    assert samples(running) == TALKS
    assert len(told(running, running.admin_channel)) == 1


@pytest.mark.parametrize(
    "fault", [http_error(404, "Unknown interaction", 10062), http_error(503), Wire.RESET]
)
async def test_the_answer_does_not_arrive(running: RunningBot, ada: JsonObject, fault: Fault) -> None:
    running.server.fail("/callback$", fault)
    running.use("build", user=ada)
    await until(lambda: told(running, running.admin_channel))
    await running.ended()
    assert samples(running) == TALKS


# The gateway


@pytest.mark.parametrize(
    "lose",
    [
        lambda server: server.gateway.close(4000),
        lambda server: server.gateway.drop(),
        lambda server: server.gateway.reconnect(),
        lambda server: server.gateway.invalidate(resumable=True),
    ],
    ids=["closed", "dropped", "told to reconnect", "session invalid for a moment"],
)
async def test_a_connection_lost_and_resumed(
    running: RunningBot, ada: JsonObject, lose: Callable[..., None]
) -> None:
    gateway = running.server.gateway
    with running.held():
        await begun(running, ada)
        lose(running.server)
        await until(lambda: gateway.resumes and gateway.sessions[-1].connection)
    await running.ended()
    assert samples(running) == TALKS
    assert len(told(running, running.admin_channel)) == 1
    assert len(gateway.sessions) == 1


@pytest.mark.parametrize(
    "lose",
    [
        lambda server: server.gateway.close(4009, resumable=False),
        lambda server: server.gateway.invalidate(),
    ],
    ids=["closed", "session invalid"],
)
async def test_a_connection_lost_for_good(
    running: RunningBot, ada: JsonObject, lose: Callable[..., None]
) -> None:
    """A new session begins, and commands go on working in it."""
    gateway = running.server.gateway
    with running.held():
        await begun(running, ada)
        lose(running.server)
        await until(lambda: len(gateway.sessions) == 2)
        refused = await running.use("build", user=ada).answered()
        assert refused.content.startswith("Build #1 is running: started by")
    await running.ended()
    assert samples(running) == TALKS
    assert len(told(running, running.admin_channel)) == 1


async def test_what_a_lost_connection_hid_is_read_again(running: RunningBot, ada: JsonObject) -> None:
    """Edits and deletions of the look-back time that no event told of are in the next dataset."""
    server, gateway = running.server, running.server.gateway
    channel = running.settings.dataset.channels[0]
    asker, helper = running.world.add_user("late asker"), running.world.add_user("late helper")
    now = discord.utils.utcnow()
    question = running.world.add_message(channel, asker, "and which fuse does it need?", now)
    answer = running.world.add_message(channel, helper, "the small one, I think.", now, reply_to=question)
    await running.build(user=ada)
    with running.held():  # until the new session has been noticed
        gateway.refusing = True
        gateway.close(4009, resumable=False)
        await until(lambda: not gateway.open)
        server.edit(channel, answer, content="the large one, certainly.")
        gateway.refusing = False
        await until(lambda: len(gateway.sessions) == 2)
        await until(running.bot.is_ready)
    await running.build(user=ada)
    records = running.paths.records.read_text()
    assert "the large one, certainly." in records
    assert "the small one, I think." not in records


# What is said at the end


async def test_the_end_mentions_who_asked_and_nobody_else(running: RunningBot, ada: JsonObject) -> None:
    await running.build(user=ada)
    status, final = running.written("send")
    assert status.body["allowed_mentions"] == {"parse": []}
    assert final.body["allowed_mentions"] == {"parse": [], "users": [id_of(ada)]}
    assert final.message["mentions"] == [ada]
    assert final.message["content"].startswith(f"<@{ada['id']}> Build #1 is finished: {TALKS} samples in ")
    assert final.files == []
    fields = {one["name"]: one["value"] for one in final.message["embeds"][0]["fields"]}
    assert fields["Samples"] == str(TALKS)
    assert fields["Messages read"].startswith(f"{2 * TALKS} in ")
    for path in (running.paths.records, *running.paths.folder.glob("*.openai.jsonl")):
        data = path.read_bytes()
        assert f"`{path}` {TALKS} lines, {len(data):,} bytes" in fields["Dataset"]
        assert hashlib.sha256(data).hexdigest() in fields["Dataset"]


async def test_a_build_that_fails_says_why(running: RunningBot, ada: JsonObject) -> None:
    running.world.deny(running.settings.dataset.channels[0], Permission.READ_MESSAGE_HISTORY)
    await running.build(user=ada)
    final = running.posted()[-1]
    assert final["content"] == f"<@{ada['id']}> Build #1 failed."
    assert "Read Message History" in final["embeds"][0]["description"]


async def test_a_channel_that_was_chosen_is_named_by_its_option(running: RunningBot, ada: JsonObject) -> None:
    channel = running.settings.dataset.channels[0]
    running.world.delete_channel(channel)
    for options, name in (({"channel": str(channel)}, "channel"), ({}, "dataset.channels")):
        await running.build(options, user=ada)
        said = running.posted()[-1]["embeds"][0]["description"].replace("\\", "")
        assert f"{name}: there is no channel {channel}" in said
        assert ("dataset.channels" in said) == (name == "dataset.channels")


async def test_records_are_attached_where_that_is_wanted(
    world: World, ada: JsonObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_bot(world, tmp_path, {"discord.attach_records": True}) as running:
        await running.build(user=ada)
        [records, upload] = running.written("send")[-1].files
        assert (records.filename, records.data) == ("records.jsonl", running.paths.records.read_bytes())
        assert len(upload.data.splitlines()) == TALKS

        await running.build({"dry_run": True}, user=ada)
        assert running.written("send")[-1].files == []

        monkeypatch.setattr(discord.Guild, "filesize_limit", len(records.data))
        await running.build(user=ada)
        assert [file.filename for file in running.written("send")[-1].files] == ["records.jsonl"]

        monkeypatch.setattr(discord.Guild, "filesize_limit", 10)
        await running.build(user=ada)
        assert running.written("send")[-1].files == []
        assert "is finished" in told(running, running.admin_channel)[-1]


async def test_files_that_discord_finds_too_large_are_left_out(
    world: World, ada: JsonObject, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, {"discord.attach_records": True}) as running:
        where = rf"/channels/{running.admin_channel}/messages$"
        running.server.fail(where, http_error(413, "Request entity too large", 40005), method="POST", after=1)
        await running.build(user=ada)
        assert "is finished" in told(running, running.admin_channel)[-1]
        assert running.written("send")[-1].files == []


async def test_the_permission_to_attach_is_lost_meanwhile(
    world: World, ada: JsonObject, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, {"discord.attach_records": True}) as running:
        with running.held():
            await begun(running, ada)
            world.deny(running.admin_channel, Permission.ATTACH_FILES)
            running.server.update_channel(running.admin_channel)
            await until(lambda: not _may_attach(running))
        await running.ended()
        assert running.written("send")[-1].files == []
        assert "is finished" in told(running, running.admin_channel)[-1]


def _may_attach(running: RunningBot) -> bool:
    channel = running.bot.get_channel(running.admin_channel)
    assert isinstance(channel, discord.TextChannel)
    return channel.permissions_for(channel.guild.me).attach_files
