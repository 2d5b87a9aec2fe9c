"""The end of a build reaches people, whatever Discord does just then, and even if the bot has to start again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot import announcing, embeds, heartbeat
from bot.heartbeat import StatusMessage
from tests.support.discord_faults import GARBAGE, Answer, Fault, Wire, http_error
from tests.support.discord_world import JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tuner.adapters.sqlite_announcements import Announcements
from tuner.adapters.sqlite_runs import Report, Runs
from tuner.adapters.sqlite_store import Store

SEND, EDIT = r"^/channels/\d+/messages$", r"/messages/\d+$"
DOWN = http_error(503)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As patient as ever, only in shorter steps."""
    monkeypatch.setattr(announcing, "PAUSE", 0.02)
    monkeypatch.setattr(announcing, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(heartbeat, "STEP", 0.005)


@pytest.fixture
async def server(world: World, ada: JsonObject, tools: int, ops: int) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(world) as server:
        yield server


def announced(server: LoopbackDiscord, place: int) -> list[str]:
    """What was said somewhere in words."""
    sent = [one.message for one in server.written if one.how == "send"]
    return [one["content"] for one in sent if int(one["channel_id"]) == place and one["content"]]


def titles(running: RunningBot) -> list[str]:
    return [one["embeds"][0]["title"] for one in running.posted() if one["embeds"]]


async def settled(running: RunningBot) -> None:
    """Nothing is owed any more."""
    await until(lambda: not running.paths.rows("SELECT * FROM announcements"))


async def begun(running: RunningBot, ada: JsonObject) -> None:
    used = await running.use("build", user=ada).answered()
    assert used.content.startswith("Build #1 started.")
    await until(running.posted)


async def test_discord_takes_no_message_for_a_while(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, server=server) as running:
        with running.held():
            await begun(running, ada)
        server.fail(SEND, DOWN, times=9, method="POST")  # four are one try
        server.fail(EDIT, DOWN, times=2, method="PATCH")
        await settled(running)
        assert len(announced(server, ops)) == 1
        assert announced(server, ops)[0].startswith(f"<@{ada['id']}> Build #1 is finished: 30 samples in ")
        assert titles(running) == ["Build #1: finished"] * 2
        assert announced(server, id_of(ada)) == []


async def test_it_is_made_up_for_after_a_restart(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, server=server) as running:
        with running.held():
            await begun(running, ada)
        for method in ("POST", "PATCH"):
            server.fail("/messages", DOWN, times=None, method=method)
        await running.ended()
        assert titles(running) == ["Build #1: running"]
    server.heal()
    async with running_bot(world, tmp_path, server=server) as running:
        await settled(running)
        [text] = announced(server, ops)
        assert text.startswith(f"<@{ada['id']}> Build #1 is finished: 30 samples in ")
        status, final = running.posted()
        fields = {one["name"]: one["value"] for one in final["embeds"][0]["fields"]}
        assert str(running.paths.records) in fields["Dataset"]
        assert status["embeds"][0]["title"] == "Build #1: finished"
    async with running_bot(world, tmp_path, server=server) as running:
        await until(running.bot.is_ready)
        await running.build(user=ada)
        assert len(announced(server, ops)) == 2  # once for each build


async def test_the_reason_of_a_failed_build_is_still_known_after_a_restart(
    server: LoopbackDiscord, world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    world.deny(tools, Permission.READ_MESSAGE_HISTORY)
    async with running_bot(world, tmp_path, server=server) as running:
        server.fail(SEND, DOWN, times=None, method="POST")
        await running.build(user=ada)
    server.heal()
    async with running_bot(world, tmp_path, server=server) as running:
        await settled(running)
        final = running.posted()[-1]
        assert final["content"] == f"<@{ada['id']}> Build #1 failed."
        assert "Read Message History" in final["embeds"][0]["description"]


async def test_a_killed_build_and_the_next_one_at_once(
    server: LoopbackDiscord, world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    """The message of the killed one does not go on saying that it runs, though another build came first."""
    async with running_bot(world, tmp_path, server=server) as running:
        message = world.add_message(ops, world.bot, embeds=[embeds.run_embed(1, "running", {}).to_dict()])
        await dead_run(running.store, ada, Report(world.guild.id, ops, id_of(message), 2_000_000_000))
        await running.paths.build(server, [tools])  # marks the dead run as interrupted
    async with running_bot(world, tmp_path, server=server) as running:
        await settled(running)
        assert message["embeds"][0]["title"] == "Build #1: interrupted"
        [text] = announced(server, ops)
        assert text.startswith(f"<@{ada['id']}> Build #1 was interrupted. What was read and decided is kept")


async def test_a_status_message_that_a_killed_bot_could_not_remember(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, server=server) as running:
        await dead_run(running.store, ada, None)
        shown = [embeds.run_embed(number, "running", {}).to_dict() for number in (1, 2)]
        now = discord.utils.utcnow()
        forgotten = world.add_message(ops, world.bot, "", now, embeds=shown[:1])
        another = world.add_message(ops, world.bot, "", now, embeds=shown[1:])
        forged = world.add_message(ops, ada, "", now, embeds=shown[:1])
    async with running_bot(world, tmp_path, server=server) as running:
        await settled(running)
        assert forgotten["embeds"][0]["title"] == "Build #1: interrupted"
        assert another["embeds"] == shown[1:] and forged["embeds"] == shown[:1]
        assert len(announced(server, ops)) == 1


async def test_the_older_messages_of_a_long_build_are_closed(
    running: RunningBot, ada: JsonObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (announcing, heartbeat):
        monkeypatch.setattr(module, "OLD", 0.001)
    keep = StatusMessage.keep
    monkeypatch.setattr(StatusMessage, "keep", lambda self, render, seconds: keep(self, render, 0.05))
    with running.held():
        await begun(running, ada)
        await until(lambda: len(running.posted()) > 2)
    await settled(running)
    assert "Build #1: running" not in titles(running)
    assert len(announced(running.server, running.admin_channel)) == 1


async def dead_run(store: Store, ada: JsonObject, report: Report | None) -> None:
    """What a bot leaves that was killed in the middle of a build."""
    runs = Runs(store)
    run_id = await runs.start("ada in Discord", {})
    await Announcements(store).owe(run_id, id_of(ada))
    if report:
        await runs.reported(run_id, report)


async def test_a_fault_nobody_thought_of_ends_no_heartbeat(
    running: RunningBot, ada: JsonObject, ops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, shown = StatusMessage.show, []

    async def broken(self: StatusMessage, embed: discord.Embed) -> None:
        shown.append(embed)
        if len(shown) in (2, 3):
            raise RuntimeError("nobody thought of this")
        await show(self, embed)

    keep = StatusMessage.keep
    monkeypatch.setattr(StatusMessage, "keep", lambda self, render, seconds: keep(self, render, 0.01))
    monkeypatch.setattr(StatusMessage, "show", broken)
    with running.held():
        await begun(running, ada)
        await until(lambda: len(shown) > 5)
    await running.ended()
    assert len(announced(running.server, ops)) == 1
    assert titles(running) == ["Build #1: finished"] * 2


async def test_a_status_message_that_cannot_be_ended_keeps_nobody_from_being_told(
    running: RunningBot, ada: JsonObject, ops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: StatusMessage, embed: discord.Embed) -> bool:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(StatusMessage, "finish", broken)
    await running.build(user=ada)
    await until(lambda: announced(running.server, ops))
    await asyncio.sleep(0.2)
    assert len(announced(running.server, ops)) == 1  # it is not said again because of that


async def test_an_embed_that_cannot_be_made_keeps_nobody_from_being_told(
    running: RunningBot, ada: JsonObject, ops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> discord.Embed:
        raise KeyError("a count that is not there")

    monkeypatch.setattr(embeds, "add_result", broken)
    await running.build(user=ada)
    await settled(running)
    [text] = announced(running.server, ops)
    assert text.startswith(f"<@{ada['id']}> Build #1 is finished: 30 samples in ")


@pytest.mark.parametrize(
    "fault", [http_error(400, "Invalid Form Body", 50035), http_error(413), http_error(400, "Odd", 1)]
)
async def test_an_embed_that_discord_refuses_keeps_nobody_from_being_told(
    running: RunningBot, ada: JsonObject, ops: int, fault: Fault
) -> None:
    with running.held():
        await begun(running, ada)
    running.server.fail(SEND, fault, method="POST")
    await settled(running)
    [text] = announced(running.server, ops)
    assert "Build #1 is finished: 30 samples" in text


@pytest.mark.parametrize("fault", [GARBAGE, Answer(200, []), Answer(200, {"id": "x"}), Wire.CUT_BODY])
async def test_an_answer_that_makes_no_sense(
    running: RunningBot, ada: JsonObject, ops: int, fault: Fault
) -> None:
    with running.held():
        await begun(running, ada)
    running.server.fail(SEND, fault, method="POST")
    running.server.fail(EDIT, fault, method="PATCH")
    await settled(running)
    assert len(announced(running.server, ops)) == 1


async def test_answers_that_never_make_sense_are_no_reason_to_say_it_again_and_again(
    running: RunningBot, ada: JsonObject
) -> None:
    with running.held():
        await begun(running, ada)
    running.server.fail(SEND, Answer(200, {"id": "x"}), times=None, method="POST")
    await settled(running)


async def test_a_fault_nobody_thought_of_keeps_nobody_from_being_told(
    running: RunningBot, ada: JsonObject, ops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, tried = discord.TextChannel.send, []

    async def broken(self: discord.TextChannel, *given: object, **more: Any) -> discord.Message:
        tried.append(more)
        if len(tried) < 9:
            raise RuntimeError("nobody thought of this")
        return await send(self, *given, **more)

    with running.held():
        await begun(running, ada)
        monkeypatch.setattr(discord.TextChannel, "send", broken)
    await settled(running)
    assert len(announced(running.server, ops)) == 1


async def test_a_cloudflare_ban_passes(running: RunningBot, ada: JsonObject, ops: int) -> None:
    with running.held():
        await begun(running, ada)
    running.server.fail(SEND, http_error(429), times=3, method="POST")
    await settled(running)
    assert len(announced(running.server, ops)) == 1


async def test_nobody_can_be_told_until_the_admin_channel_is_set_anew(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    server.fail(
        "/users/@me/channels", http_error(403, "Cannot send messages to this user", 50007), times=None
    )
    home = {"discord.guild": str(world.guild.id), "discord.admin_channel": str(ops)}
    async with running_bot(world, tmp_path, home, server=server) as running:
        with running.held():
            await begun(running, ada)
            server.delete_channel(ops)
        server.fail("/users/@me/channels", http_error(403), times=None)
        await running.ended()
    another = world.add_channel("other ops")
    async with running_bot(
        world, tmp_path, home | {"discord.admin_channel": str(another)}, server=server
    ) as running:
        await settled(running)
        assert len(announced(server, another)) == 1


async def test_files_that_are_gone_by_then(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    attach = {"discord.attach_records": True}
    async with running_bot(world, tmp_path, attach, server=server) as running:
        server.fail(SEND, DOWN, times=None, method="POST")
        await running.build(user=ada)
        running.paths.records.unlink()
    server.heal()
    async with running_bot(world, tmp_path, attach, server=server) as running:
        await settled(running)
        [upload] = running.written("send")[-1].files
        assert upload.filename == "records.openai.jsonl"


# Threads


@pytest.mark.parametrize("archived", [False, True])
async def test_an_admin_thread_that_goes_to_sleep(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path, archived: bool
) -> None:
    thread = world.add_thread(ops, "builds", archived=archived)
    changes = {
        "discord.admin_channel": str(thread),
        "discord.heartbeat_seconds": 3600,
    }  # none wakes the thread up
    async with running_bot(world, tmp_path, changes, server=server) as running:
        with running.held():
            await begun(running, ada)
            world.channels[thread].data["thread_metadata"]["archived"] = True
        await running.ended()
        await settled(running)
        assert len(announced(server, thread)) == 1
        assert titles(running)[-1] == "Build #1: finished"
        assert "Build #1: running" not in titles(running)


async def test_an_admin_thread_that_is_locked_meanwhile(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    thread = world.add_thread(ops, "builds")
    async with running_bot(world, tmp_path, {"discord.admin_channel": str(thread)}, server=server) as running:
        with running.held():
            await begun(running, ada)
            world.channels[thread].data["thread_metadata"] |= {"archived": True, "locked": True}
        await settled(running)
        assert len(announced(server, id_of(ada))) == 1


async def test_an_admin_thread_that_is_locked(
    server: LoopbackDiscord, world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    thread = world.add_thread(ops, "builds")
    world.channels[thread].data["thread_metadata"]["locked"] = True
    async with running_bot(world, tmp_path, {"discord.admin_channel": str(thread)}, server=server) as running:
        used = await running.use("build", user=ada).answered()
        assert "locked thread" in used.content and "Manage Threads" in used.content
        assert running.paths.rows("SELECT * FROM runs") == []


# What is shown at the end


async def test_the_result_is_shown_once(running: RunningBot, ada: JsonObject) -> None:
    await running.build(user=ada)
    await settled(running)
    status, final = running.posted()
    [closed], [result] = status["embeds"], final["embeds"]
    assert closed["title"] == result["title"] == "Build #1: finished"
    assert len(result["fields"]) > 5
    assert [one["name"] for one in closed["fields"]] == ["Samples"]
    assert closed["description"].endswith(f"/{final['channel_id']}/{final['id']}")
