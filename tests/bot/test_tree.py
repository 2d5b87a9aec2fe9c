"""Who may use the commands, and how faults become words: checked in the handler, told in private."""

import logging
import re
from pathlib import Path

import discord
import pytest
from discord import app_commands

from bot import embeds
from bot.tree import NotAllowedError, words
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.running_bot import RunningBot, running_bot
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
