"""Commands are registered for guilds only, and only when they changed."""

from pathlib import Path

import pytest
from discord import app_commands

from tests.support.discord_faults import http_error
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.running_bot import running_bot
from tuner.errors import UsageError

FORBIDDEN = http_error(403)


@pytest.fixture(autouse=True)
def places(ada: JsonObject, tools: int, ops: int) -> None:
    """What the configuration names is there."""


def scopes(server: LoopbackDiscord) -> list[int | None]:
    """Where commands were registered, in order; None is everywhere."""
    return [guild for _, guild, _ in server.commands.registrations]


async def test_commands_are_for_guilds_only(world: World, tmp_path: Path) -> None:
    async with running_bot(world, tmp_path) as running:
        [(method, guild, _)] = running.server.commands.registrations
        command, *members = running.server.commands.registered_in[None]
    assert (method, guild) == ("PUT", None)
    assert command["name"] == "tuner"
    assert [one["name"] for one in members] == ["privacy", "Never use this"]
    assert all(one["default_member_permissions"] is None for one in members)  # every member's
    assert all(one["contexts"] == one["integration_types"] == [0] for one in (command, *members))
    assert command["default_member_permissions"] == str(1 << 5)
    assert [one["name"] for one in command["options"]] == [
        "build",
        "status",
        "cancel",
        "check",
        "consent",
        "train",
        "jobs",
    ]


async def test_role_holders_see_the_commands(world: World, ada: JsonObject, tmp_path: Path) -> None:
    """Discord hides a command from who lacks its default permissions, whatever the bot would let them do."""
    role = world.add_role(0, ada)
    home, manager = world.guild.id, Permission.MANAGE_GUILD
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server):
            assert not server.commands.shown_to("tuner build", home, 0)
            assert server.commands.shown_to("tuner build", home, manager)
        roles = {"discord.admin_roles": [str(role)]}
        async with running_bot(world, tmp_path, roles, server=server) as running:
            assert server.commands.shown_to("tuner build", home, 0)
            used = await running.use("cancel", user=ada, permissions=0).edited()
            assert used.original is not None and used.original["content"] == "No build is running."
        async with running_bot(world, tmp_path, server=server):  # and back
            assert not server.commands.shown_to("tuner build", home, 0)


async def test_the_options_of_build(world: World, tmp_path: Path) -> None:
    async with running_bot(world, tmp_path) as running:
        command, *_ = running.server.commands.registered_in[None]
    options = {one["name"]: one for one in command["options"][0]["options"]}
    named = "max_samples dry_run earliest channel personas estimate reread confirm"
    assert list(options) == named.split()
    assert not any(one.get("required") for one in options.values())
    assert (options["max_samples"]["min_value"], options["max_samples"]["max_value"]) == (1, 100_000)
    assert options["channel"]["autocomplete"] is True


async def test_an_unchanged_restart_registers_nothing(world: World, tmp_path: Path) -> None:
    async with LoopbackDiscord(world) as server:
        for _ in range(3):
            async with running_bot(world, tmp_path, server=server):
                assert scopes(server) == [None]


async def test_another_setting_of_the_same_guild_registers_nothing(world: World, tmp_path: Path) -> None:
    async with LoopbackDiscord(world) as server:
        guild = {"discord.guild": str(world.guild.id)}
        async with running_bot(world, tmp_path, guild, server=server):
            pass
        async with running_bot(world, tmp_path, guild | {"dataset.max_samples": 3}, server=server):
            assert scopes(server) == [world.guild.id]


async def test_another_guild_registers_there(world: World, tmp_path: Path) -> None:
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server):
            pass
        async with running_bot(world, tmp_path, {"discord.guild": str(world.guild.id)}, server=server):
            assert world.guild.id in scopes(server)
            commands = server.commands.registered_in[world.guild.id]
            assert all((one["contexts"], one["integration_types"]) == ([0], [0]) for one in commands)
            assert server.commands.registered_in[None] == []  # nobody sees each command twice
        before = len(scopes(server))
        async with running_bot(world, tmp_path, server=server):
            assert server.commands.registered_in[world.guild.id] == []
            assert len(server.commands.registered_in[None]) == 3
        assert len(scopes(server)) == before + 2


async def test_commands_of_a_guild_that_was_left_keep_nobody_from_starting(
    world: World, tmp_path: Path
) -> None:
    async with LoopbackDiscord(world) as server:
        other = world.add_guild("Old home")
        async with running_bot(world, tmp_path, {"discord.guild": str(other.id)}, server=server):
            assert scopes(server) == [other.id]
        del world.guilds[other.id]
        async with running_bot(world, tmp_path, server=server):
            assert scopes(server) == [other.id, None]


async def test_a_changed_command_registers(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server):
            pass
        to_dict = app_commands.Group.to_dict
        monkeypatch.setattr(
            app_commands.Group, "to_dict", lambda *given: to_dict(*given) | {"description": "Other"}
        )
        async with running_bot(world, tmp_path, server=server):
            assert scopes(server) == [None, None]
            assert server.commands.registered_in[None][0]["description"] == "Other"


async def test_a_registration_that_failed_is_made_again(world: World, tmp_path: Path) -> None:
    async with LoopbackDiscord(world) as server:
        server.fail("/commands$", FORBIDDEN, method="PUT")
        with pytest.raises(UsageError):
            async with running_bot(world, tmp_path, server=server):
                pass
        async with running_bot(world, tmp_path, server=server):
            assert scopes(server) == [None]
