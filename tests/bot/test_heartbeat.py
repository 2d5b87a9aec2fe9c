"""The status message of a run, over the wire: one message, edited when there is news, replaced when it must be."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import discord
import pytest

from bot.heartbeat import OLD, StatusMessage
from tests.support.discord_faults import Fault, Wire, edits_limited, http_error
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tests.support.talks import talk
from tuner.adapters.sqlite_runs import Report, Runs

EDIT, SEND = r"/messages/\d+$", r"/messages$"


@dataclass(slots=True)
class Shown:
    """A status message in the admin channel of a real bot, and where it was remembered to be."""

    running: RunningBot
    moves: list[Report] = field(default_factory=list)

    def status(self, report: Report | None = None) -> StatusMessage:
        channel = self.running.bot.get_channel(self.running.admin_channel)
        assert isinstance(channel, discord.TextChannel)
        return StatusMessage(channel, report, self._moved)

    async def _moved(self, report: Report) -> None:
        self.moves.append(report)

    @property
    def titles(self) -> list[str]:
        """What the admin channel shows, in order."""
        return [message["embeds"][0]["title"] for message in self.running.posted()]

    def requests(self) -> int:
        """How often the admin channel was written to, in vain or not."""
        place = f"/channels/{self.running.admin_channel}/messages"
        return sum(one.path.startswith(place) for one in self.running.server.requests)

    def fail(self, path: str, fault: Fault, times: int = 1) -> None:
        self.running.server.fail(path, fault, times=times, method="PATCH" if path == EDIT else "POST")


@pytest.fixture
def world() -> World:
    world = World()
    talk(world, "tools")
    world.add_channel("ops")
    return world


@pytest.fixture
async def shown(world: World, tmp_path: Path) -> AsyncIterator[Shown]:
    async with running_bot(world, tmp_path) as running:
        yield Shown(running)


def saying(title: str) -> discord.Embed:
    return discord.Embed(title=title)


async def test_it_is_edited_when_something_changed(shown: Shown) -> None:
    status = shown.status()
    for title in ("one", "one", "two", "two", "two"):
        await status.show(saying(title))
    assert shown.titles == ["two"]
    assert shown.requests() == 2
    [report] = shown.moves
    [message] = shown.running.posted()
    assert report.message_id == int(message["id"])
    assert status.url == report.url
    assert report.url.endswith(f"/{report.guild_id}/{shown.running.admin_channel}/{message['id']}")


async def test_a_stored_one_is_gone_on_with(shown: Shown) -> None:
    await shown.status().show(saying("before"))
    await shown.status(shown.moves[0]).show(saying("after"))
    assert shown.titles == ["after"]


async def test_an_old_one_is_replaced(shown: Shown) -> None:
    await shown.status().show(saying("an hour ago"))
    aged = replace(shown.moves[0], posted_at=time.time() - OLD - 1)
    status = shown.status(aged)
    await status.show(saying("now"))
    await status.show(saying("later"))
    assert shown.titles == ["now: shown further down", "later"]
    assert len(shown.moves) == 2
    assert shown.running.posted()[0]["embeds"][0]["url"] == shown.moves[1].url


async def test_a_deleted_one_is_replaced(shown: Shown) -> None:
    status = shown.status()
    await status.show(saying("one"))
    shown.running.server.delete(shown.running.admin_channel, shown.moves[0].message_id)
    await status.show(saying("two"))
    await status.show(saying("three"))
    assert shown.titles == ["three"]


@pytest.mark.parametrize(("wait", "times"), [(0.01, 5), (600, 1)])
async def test_one_that_may_not_be_edited_so_often_is_replaced(shown: Shown, wait: float, times: int) -> None:
    status = shown.status()
    await status.show(saying("one"))
    shown.fail(EDIT, edits_limited(wait), times)
    await status.show(saying("two"))
    await status.show(saying("three"))
    assert shown.titles == ["two: shown further down", "three"]


@pytest.mark.parametrize("fault", [http_error(503), Wire.RESET, Wire.CUT_BODY])
async def test_an_edit_that_fails_is_made_up_for(shown: Shown, fault: Fault) -> None:
    status = shown.status()
    await status.show(saying("one"))
    shown.fail(EDIT, fault)
    await status.show(saying("two"))
    tried = shown.requests()
    await status.show(saying("two"))
    assert shown.titles == ["two"]
    assert shown.requests() == tried + 1


@pytest.mark.parametrize("fault", [http_error(503), Wire.RESET])
async def test_it_is_posted_once_whatever_happens_on_the_way(shown: Shown, fault: Fault) -> None:
    shown.fail(SEND, fault)
    await shown.status().show(saying("one"))
    assert shown.titles == ["one"]
    assert len(shown.moves) == 1
    assert shown.requests() == 2


async def test_a_lost_channel_is_left_alone(shown: Shown) -> None:
    status = shown.status()
    await status.show(saying("one"))
    shown.running.world.delete_channel(shown.running.admin_channel)
    await status.show(saying("two"))
    tried = shown.requests()
    await status.show(saying("three"))
    assert shown.requests() == tried


async def test_a_closed_channel_is_left_alone(shown: Shown) -> None:
    shown.running.world.deny(shown.running.admin_channel, Permission.SEND_MESSAGES)
    status = shown.status()
    await status.show(saying("one"))
    await status.show(saying("two"))
    assert shown.requests() == 1
    assert (shown.titles, shown.moves, status.url) == ([], [], "")


# A whole build


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats as fast as a test wants them; a configuration may not ask for that."""
    keep = StatusMessage.keep
    monkeypatch.setattr(StatusMessage, "keep", lambda self, render, seconds: keep(self, render, 0.01))


@pytest.mark.usefixtures("quick")
async def test_a_build_has_one_status_message_and_remembers_it(shown: Shown, world: World) -> None:
    running = shown.running
    with running.held():
        await running.use("build").answered()
        await until_edited(shown)
        runs = Runs(running.store)
        report = await runs.report(1)
        [message] = running.posted()
        assert report is not None and report.message_id == int(message["id"])
        assert message["embeds"][0]["title"] == "Build #1: running"
    await running.ended()
    status, final = running.posted()
    assert status["id"] == message["id"]
    assert status["embeds"][0]["title"] == final["embeds"][0]["title"] == "Build #1: finished"
    await running.build()
    assert shown.titles == ["Build #1: finished"] * 2 + ["Build #2: finished"] * 2


async def until_edited(shown: Shown) -> JsonObject:
    await until(lambda: shown.running.written("edit"))
    return shown.running.posted()[0]
