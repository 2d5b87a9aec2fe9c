"""Who may use the commands, and how faults become words: checked in the handler, told in private."""

import logging
import re
from pathlib import Path

import discord
import pytest
from discord import app_commands

from bot import embeds
from bot.tree import NotAllowedError, words
from tests.support.building import Workplace
from tests.support.discord_faults import GARBAGE, Fault, http_error
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.running_bot import MANAGE_GUILD, RunningBot, running_bot
from tuner.errors import FatalError, UsageError

REFUSAL = "Only people who may manage this server, or who hold one of Tuner's roles, can use this."
COMMANDS = ("build", "status", "cancel")
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"


async def settled(used: Interaction) -> str:
    """What the person reads in the end."""
    await used.answered()
    if used.type == 5:
        await used.edited()
    assert used.original is not None
    return str(used.original["content"])


# Who may


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_member_the_overrides_let_through_is_refused(running: RunningBot, command: str) -> None:
    used = running.use(command, permissions=Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)
    assert await settled(used) == REFUSAL
    assert used.ephemeral
    assert running.paths.rows("SELECT * FROM runs") == []
    assert running.posted() == []


async def test_an_admin_role_is_enough(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    bo = world.add_user("bo")
    role, other = world.add_role(0, ada), world.add_role(0, bo)
    async with running_bot(world, tmp_path, {"discord.admin_roles": [str(role)]}) as running:
        assert await settled(running.use("cancel", user=ada, permissions=0)) == "No build is running."
        assert await settled(running.use("cancel", user=bo, permissions=0)) == REFUSAL
        assert await settled(running.use("cancel", user=bo)) == "No build is running."
    async with running_bot(
        world, tmp_path / "other", {"discord.admin_roles": [str(role), str(other)]}
    ) as running:
        assert await settled(running.use("cancel", user=bo, permissions=0)) == "No build is running."


async def test_nobody_else_learns_the_channels(running: RunningBot, ada: JsonObject) -> None:
    asked = await running.server.autocomplete(
        "tuner build", "channel", "", user=ada, permissions=0
    ).answered()
    assert asked.choices == []


async def test_a_direct_message_is_refused(running: RunningBot, ada: JsonObject, ops: int) -> None:
    private = {"id": "123456789012345678", "type": 1, "last_message_id": None, "recipients": [ada]}
    outside = {"guild_id": None, "guild": None, "member": None, "user": ada, "channel": private, "context": 1}
    for command in COMMANDS:
        used = running.server.interactions.make(f"tuner {command}", {}, ada, running.world.channels[ops])
        told = dict(used.payload) | outside
        running.server.gateway.dispatch("INTERACTION_CREATE", told)
        assert await settled(used) == "This works in a server only."
        assert used.ephemeral
    assert running.paths.rows("SELECT * FROM runs") == []


async def test_who_manages_another_server_may_not(running: RunningBot, world: World, ada: JsonObject) -> None:
    elsewhere = world.add_guild("Elsewhere")
    elsewhere.set_member(ada)
    channel = world.add_channel("their own", guild=elsewhere)
    running.server.gateway.dispatch_guild(elsewhere)
    for command in COMMANDS:
        used = running.use(command, user=ada, channel=channel)
        assert await settled(used) == REFUSAL
    assert running.paths.rows("SELECT * FROM runs") == []


@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "before it started"])
async def test_nobody_of_another_server_may_when_the_admin_channel_is_gone(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path, restarted: bool
) -> None:
    elsewhere = world.add_guild("Elsewhere")
    elsewhere.set_member(ada)
    channel = world.add_channel("their own", guild=elsewhere)
    async with LoopbackDiscord(world) as server:
        changes = {"discord.admin_channel": str(ops)}
        async with running_bot(world, tmp_path, changes, server=server) as running:
            server.delete_channel(ops)
            await until(lambda: running.bot.get_channel(ops) is None)
            if not restarted:
                await only_at_home(running, ada, channel)
        if restarted:
            async with running_bot(world, tmp_path, changes, server=server) as running:
                await only_at_home(running, ada, channel)


async def only_at_home(running: RunningBot, ada: JsonObject, elsewhere: int) -> None:
    """Managers of another server are refused; those at home learn what is wrong."""
    for command in COMMANDS:
        assert await settled(running.use(command, user=ada, channel=elsewhere)) == REFUSAL
    asked = running.server.autocomplete(
        "tuner build", "channel", "", user=ada, channel=elsewhere, permissions=MANAGE_GUILD
    )
    assert (await asked.answered()).choices == []
    used = await running.use("build", user=ada).answered()
    assert used.content.startswith("Nothing was started: the admin channel")
    assert running.paths.rows("SELECT * FROM runs") == []


async def test_without_a_known_home_nobody_may(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    elsewhere = world.add_guild("Elsewhere")
    elsewhere.set_member(ada)
    channel = world.add_channel("their own", guild=elsewhere)
    async with running_bot(world, tmp_path, {"discord.admin_channel": "123456789012345678"}) as running:
        for place in (tools, channel):
            for command in COMMANDS:
                said = await settled(running.use(command, user=ada, channel=place))
                assert said.startswith("Nobody can use this at present")
                assert await settled(running.use(command, user=ada, channel=place, permissions=0)) == REFUSAL
        looked = [one for one in running.server.requests if one.path == "/channels/123456789012345678"]
        assert len(looked) == 1  # whoever is refused does not make the bot ask Discord each time
    assert Workplace(tmp_path).rows("SELECT * FROM runs") == []


async def test_an_archived_thread_names_the_home(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    """It is in no cache; its server is found out all the same."""
    thread = world.add_thread(ops, "builds", archived=True)
    elsewhere = world.add_guild("Elsewhere")
    elsewhere.set_member(ada)
    channel = world.add_channel("their own", guild=elsewhere)
    async with running_bot(world, tmp_path, {"discord.admin_channel": str(thread)}) as running:
        assert running.bot.get_channel(thread) is None
        assert await settled(running.use("cancel", user=ada, channel=channel)) == REFUSAL
        assert await settled(running.use("cancel", user=ada)) == "No build is running."


# Faults


async def test_an_unexpected_fault_gets_an_id_that_the_log_has(
    running: RunningBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object) -> discord.Embed:
        raise RuntimeError(f"somebody said: open wire 7, with {TOKEN}")

    monkeypatch.setattr(embeds, "idle_embed", broken)
    used = running.use("status")
    text = await settled(used)
    assert used.ephemeral
    match = re.fullmatch(
        r"Something unexpected went wrong\. The log has the details under `([0-9a-f]{8})`\.", text
    )
    assert match
    [record] = [one for one in caplog.records if match[1] in one.getMessage()]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    everything = str([written.body for written in running.server.written])
    for secret in ("wire 7", TOKEN, "RuntimeError", "Traceback", "test-token"):
        assert secret not in everything


async def test_an_unexpected_fault_before_the_first_answer(
    running: RunningBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*given: object) -> int:
        raise KeyError("open wire 7")

    monkeypatch.setattr(running.bot.builds, "start", broken)
    used = await running.use("build").answered()
    assert used.ephemeral and used.type == 4
    assert "wire 7" not in used.content and "KeyError" not in used.content
    reference = used.content.split("`")[1]
    assert reference in caplog.text
    again = await running.use("build").answered()
    assert reference not in again.content  # an id for every fault


async def test_an_interaction_that_expired_is_only_logged(
    running: RunningBot, caplog: pytest.LogCaptureFixture
) -> None:
    running.server.interactions.deadline = 0
    used = running.use("build", {"earliest": "never"})
    await until(lambda: "An answer could not be delivered: NotFound" in caplog.text)
    running.server.interactions.deadline = PATIENCE
    assert used.refused == [10062]
    assert used.callback is None
    assert (await settled(running.use("cancel"))) == "No build is running."


@pytest.mark.parametrize("fault", [http_error(404, "Unknown interaction", 10062), http_error(503), GARBAGE])
async def test_a_build_is_ended_although_that_cannot_be_said(
    running: RunningBot, ada: JsonObject, fault: Fault
) -> None:
    with running.held():
        await running.use("build", user=ada).answered()
        await until(lambda: running.server.history_requests())
        running.server.fail("/callback$", fault)
        running.use("cancel", user=ada)
        await until(lambda: not running.bot.builds.running)
    [(state,)] = running.paths.rows("SELECT state FROM runs")
    assert state == "interrupted"


@pytest.mark.parametrize("fault", [http_error(404, "Unknown interaction", 10062), GARBAGE])
async def test_a_status_that_cannot_be_shown_is_no_unexpected_fault(
    running: RunningBot, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    running.server.fail("/callback$", fault, times=2)
    running.use("status")
    await until(lambda: "An answer could not be delivered" in caplog.text)
    assert "Unexpected fault" not in caplog.text
    assert await settled(running.use("cancel")) == "No build is running."


async def test_a_server_that_nobody_knows(running: RunningBot, ada: JsonObject, ops: int) -> None:
    unknown = {"guild_id": "123456789012345678", "guild": {"id": "123456789012345678", "features": []}}
    for command in COMMANDS:
        used = running.server.interactions.make(f"tuner {command}", {}, ada, running.world.channels[ops])
        used.payload["member"]["permissions"] = str(MANAGE_GUILD)
        running.server.gateway.dispatch("INTERACTION_CREATE", dict(used.payload) | unknown)
        assert await settled(used) == REFUSAL


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("Name a channel."), "Name a channel."),
        (FatalError("Free some space."), "Free some space."),
        (NotAllowedError(), REFUSAL),
        (app_commands.NoPrivateMessage(), "This works in a server only."),
        (
            app_commands.CommandNotFound("old", []),
            "This command is from another version of Tuner. Reload Discord (Ctrl-R) and try again.",
        ),
    ],
)
def test_expected_faults_are_words(error: BaseException, said: str, caplog: pytest.LogCaptureFixture) -> None:
    assert words(error) == said
    assert caplog.records == []


async def test_a_command_of_another_version(running: RunningBot) -> None:
    spare = {
        "name": "tuner",
        "description": "x",
        "options": [{"name": "gone", "description": "x", "type": 1}],
    }
    running.server.commands.registered_in[running.world.guild.id] = [{**spare, "id": "1"}]
    used = await running.server.interact("tuner gone", permissions=0).answered()
    assert used.ephemeral
    assert used.content.startswith("This command is from another version of Tuner.")


async def test_a_long_fault_is_cut_to_what_a_message_holds(
    running: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*given: object) -> int:
        raise FatalError("line\n" * 1000)

    monkeypatch.setattr(running.bot.builds, "start", refused)
    used = await running.use("build").answered()
    assert 1000 < len(used.content) <= 2000
    assert used.content.endswith("\n…")
