"""Permissions out of raw JSON: as discord.py works them out of its objects, and with nothing to go by."""

import itertools
from typing import Any

import discord
import pytest

from tests.support.discord_world import EVERYONE, VOICE, World, id_of
from tests.support.discord_world import Permission as Bit
from tests.support.loopback_discord import LoopbackDiscord, patched
from tuner.adapters.discord_history import rest_client
from tuner.adapters.discord_permissions import EVERYTHING, Permission, permissions

NAMES = {
    "view_channel": Permission.VIEW_CHANNEL,
    "read_message_history": Permission.READ_MESSAGE_HISTORY,
    "connect": Permission.CONNECT,
    "manage_threads": Permission.MANAGE_THREADS,
}
BITS = (Bit.VIEW_CHANNEL, Bit.READ_MESSAGE_HISTORY, Bit.CONNECT, Bit.MANAGE_THREADS)


def overwrite(target: int, allow: int, deny: int, type: int = 0) -> dict[str, Any]:
    return {"id": str(target), "type": int(type), "allow": str(int(allow)), "deny": str(int(deny))}


async def test_they_are_what_the_client_works_out() -> None:
    world = World(EVERYONE & ~Bit.READ_MESSAGE_HISTORY)
    role = world.add_role(Bit.READ_MESSAGE_HISTORY, world.bot)
    strange = world.add_role(Bit.MANAGE_THREADS)
    for allow, deny in itertools.product((0, *BITS), repeat=2):
        for target in (world.guild.id, role, strange, world.bot_id):
            world.add_channel(
                "channel",
                VOICE,
                permission_overwrites=[overwrite(target, allow, deny, target == world.bot_id)],
            )
    world.add_channel(
        "all",
        VOICE,
        permission_overwrites=[overwrite(role, BITS[0], BITS[1]), overwrite(world.guild.id, 0, BITS[0])],
    )
    async with LoopbackDiscord(world) as server:
        with patched(server):
            async with rest_client("test-token") as client:
                http = client.http
                raw_guild: Any = await http.get_guild(world.guild.id)
                raw_me: Any = await http.get_member(world.guild.id, world.bot_id)
                raw: dict[int, Any] = {
                    int(c["id"]): c for c in await http.get_all_guild_channels(world.guild.id)
                }
                guild = await client.fetch_guild(world.guild.id)
                me = await guild.fetch_member(world.bot_id)
                for channel in await guild.fetch_channels():
                    may = channel.permissions_for(me)
                    expected = {name: getattr(may, name) for name in NAMES}
                    found = permissions(raw_guild, raw_me, raw[channel.id])
                    assert found is not None
                    assert {name: bit in found for name, bit in NAMES.items()} == expected, raw[channel.id]
    assert isinstance(may, discord.Permissions)


@pytest.mark.parametrize("how", ["owner", "administrator"])
def test_some_may_do_everything(how: str) -> None:
    world = World(0)
    if how == "owner":
        world.guild.owner_id = world.bot_id
    else:
        world.add_role(Bit.ADMINISTRATOR, world.bot)
    found = permissions(*objects(world, [overwrite(world.guild.id, 0, EVERYONE)]))
    assert found == EVERYTHING


def objects(world: World, overwrites: Any = ()) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    guild = world.guild
    raw = {"id": str(guild.id), "owner_id": str(guild.owner_id), "roles": list(guild.roles.values())}
    return raw, guild.members[id_of(world.bot)], {"id": "5", "permission_overwrites": overwrites}


@pytest.mark.parametrize(
    ("guild", "member"),
    [
        ({"roles": None}, {}),
        ({"roles": []}, {}),
        ({"id": None}, {}),
        ({}, {"user": None}),
        ({}, {"user": {}}),
    ],
    ids=str,
)
def test_what_is_missing_tells_nothing(guild: dict[str, Any], member: dict[str, Any]) -> None:
    raw, me, channel = objects(World())
    assert permissions(raw | guild, me | member, channel) is None


@pytest.mark.parametrize(
    "overwrites", [None, "x", [None, 5, {}], [{"id": 5, "deny": None, "allow": "x"}]], ids=str
)
def test_odd_overwrites_change_nothing(overwrites: Any) -> None:
    found = permissions(*objects(World(), overwrites))
    assert found is not None and Permission.READ_MESSAGE_HISTORY in found
