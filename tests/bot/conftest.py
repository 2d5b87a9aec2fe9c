"""A server with people, a channel of talks and an admin channel, and the bot connected to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.discord_world import JsonObject, World
from tests.support.running_bot import ADMIN_CHANNEL, RunningBot, running_bot
from tests.support.talks import talk


@pytest.fixture
def ada(world: World) -> JsonObject:
    """Who asks."""
    return world.add_user("ada")


@pytest.fixture
def tools(world: World) -> int:
    """A channel of 30 talks, each a sample by the rules."""
    return talk(world, "tools")


@pytest.fixture
def ops(world: World) -> int:
    """The admin channel."""
    return world.add_channel(ADMIN_CHANNEL)


@pytest.fixture
async def running(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> AsyncIterator[RunningBot]:
    async with running_bot(world, tmp_path) as running:
        yield running
