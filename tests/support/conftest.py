"""A world with one channel and one person, a server over it, and a bot connected to that."""

from collections.abc import AsyncIterator

import pytest

from tests.support.discord_world import JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.recording_bot import Bot, running


@pytest.fixture
def world() -> World:
    world = World()
    world.add_channel("general")
    return world


@pytest.fixture
def general(world: World) -> int:
    return next(iter(world.channels))


@pytest.fixture
def ada(world: World) -> JsonObject:
    return world.add_user("ada")


@pytest.fixture
async def server(world: World) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(world) as server:
        with patched(server):
            yield server


@pytest.fixture
async def bot(server: LoopbackDiscord, ada: JsonObject) -> AsyncIterator[Bot]:
    async with running() as bot:
        yield bot
