"""What tests of several rooms want: a server, a folder to build in, and logging as it was."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.building import Workplace
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord


@pytest.fixture
def world() -> World:
    """A Discord server with nothing in it yet."""
    return World()


@pytest.fixture
async def server(world: World) -> AsyncIterator[LoopbackDiscord]:
    """The world, served; a `Workplace` builds from it."""
    async with LoopbackDiscord(world) as server:
        yield server


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """`main` sets up logging as a process of its own may; other tests are spared it."""
    root = logging.getLogger()
    before = set(root.handlers)
    yield
    for handler in set(root.handlers) - before:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("tuner").setLevel(logging.NOTSET)
