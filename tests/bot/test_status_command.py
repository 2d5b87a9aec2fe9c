"""/tuner status and /tuner cancel: the same numbers as `tuner status`, whoever built and whenever."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.discord_interactions import DEFERRED
from tests.support.discord_world import JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all
from tests.support.running_bot import RunningBot, running_bot
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import builder_lock
from tuner.amounts import money
from tuner.cli.status import status_lines
from tuner.progress import ChannelTally, Tally
from tuner.snowflake import moment


@pytest.fixture(autouse=True)
def places(ada: JsonObject, tools: int, ops: int) -> None:
    """What the configuration names is there."""


async def shown(running: RunningBot, **more: Any) -> tuple[str, dict[str, str]]:
    """Title and fields of the status embed."""
    used = await running.use("status", **more).edited()
    assert used.ephemeral
    assert used.type == DEFERRED  # answered first, looked up then
    assert used.original is not None
    [embed] = used.original["embeds"]
    return embed["title"], {one["name"]: one["value"] for one in embed.get("fields", [])}


async def headless(running: RunningBot) -> list[str]:
    return await status_lines(running.settings)


async def numbers(running: RunningBot, run_id: int) -> Mapping[str, Any]:
    """What the archive says of a run."""
    [run] = [run for run in await Runs(running.store).last(9) if run.id == run_id]
    return run.progress


async def agrees(running: RunningBot) -> None:
    """What is shown when idle is what the headless command says."""
    _, fields = await shown(running)
    lines = await headless(running)
    for line in fields["Last builds"].splitlines():
        match = re.match(r"#(\d+)( \(dry run\))? (\w+), (\S+) (\S+) UTC, (\d+) samples, (\$[\d.]+)", line)
        assert match, line
        number, dry, state, day, time, samples, cost = match.groups()
        [same] = [text for text in lines if text.startswith(f"  {number}{dry or ''} {state}, {day}T{time}")]
        assert f" {samples} samples, " in same
        assert "model calls" not in same or same.endswith(cost)
    for line in fields["Archive"].splitlines():
        match = re.match(r"\u2068(.*)\u2069 (\d+) messages, (\S+) to ([\d-]+)", line)
        assert match, line
        name, messages, first, last = match.groups()
        [same] = [text for text in lines if text.startswith(f"  #{name} (")]
        assert f": {messages} messages, {first} " in same and f" to {last} " in same


async def test_idle_before_the_first_build(world: World, tmp_path: Path) -> None:
    async with running_bot(world, tmp_path) as running:
        assert await shown(running) == (
            "No build is running",
            {"Last builds": "none yet", "Archive": "nothing stored yet"},
        )


async def test_idle_after_builds_a_restart_and_a_headless_build(
    world: World, tmp_path: Path, tools: int, ada: JsonObject
) -> None:
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server) as running:
            await running.build({"max_samples": 7})
            await running.build({"dry_run": True})
            await agrees(running)
            before = await shown(running)
            assert len(before[1]["Last builds"].splitlines()) == 2
        async with running_bot(world, tmp_path, server=server) as running:
            assert await shown(running) == before
            await running.paths.build(server, [tools])
            await agrees(running)
            title, fields = await shown(running)
            assert title == "No build is running"
            assert fields["Last builds"].splitlines()[0].startswith("#3 finished, ")
            assert fields["Archive"].endswith(", nothing new")
            server.say(tools, ada, "is anybody there?")
            await until(lambda: running.bot.get_channel(tools).last_message_id == last(world, tools))  # type: ignore[union-attr]
            assert (await shown(running))[1]["Archive"].split(", new messages since, up to ")[1] == (
                f"{moment(last(world, tools)):%Y-%m-%d %H:%M} UTC"
            )


def last(world: World, channel: int) -> int:
    return int(world.channels[channel].messages[-1]["id"])


async def test_calls_and_cost_of_a_build_with_a_model(world: World, tmp_path: Path) -> None:
    async with LoopbackOpenAI(approve_all) as models:
        changes = {"models.segment": MODEL, "openai.base_url": models.url, "models.backoff_seconds": 0}
        environment = {"OPENAI_API_KEY": models.key}
        async with running_bot(world, tmp_path, changes, environment=environment) as running:
            await running.build()
            await agrees(running)
            spent = (await numbers(running, 1))["models"]
            assert spent["calls"] == len(models.requests)
            assert money(spent["cost"]) in (await shown(running))[1]["Last builds"]
            assert f" {spent['calls']} model calls, {money(spent['cost'])}" in "\n".join(
                await headless(running)
            )


async def test_running(world: World, tmp_path: Path, ops: int) -> None:
    async with running_bot(world, tmp_path) as running:
        with running.held():
            await running.use("build", {"max_samples": 25}).answered()
            await until(lambda: running.bot.builds.url)
            await until(lambda: running.server.history_requests())
            used = await running.use("status").edited()
            assert used.original is not None
            [embed] = used.original["embeds"]
            assert embed["title"] == "Build #1: running"
            assert f"/{ops}/" in embed["description"]
            fields = {one["name"]: one["value"] for one in embed["fields"]}
            assert "reading history" in fields["Progress"]
            assert fields["Channels"] == "\u2068tools\u2069 0, 0% of the time window"
            assert fields["Samples"] == "0 of 25"
            await running.bot.builds.cancel("the test")


async def test_a_build_of_another_process_shows_its_numbers(world: World, tmp_path: Path) -> None:
    tally = Tally(max_samples=900)
    tally.channels[7] = ChannelTally("tools", "reading", 12_345, 0.5)
    tally.conversations, tally.samples, tally.synthetic_tool_calls = 678, 90, 12
    tally.stages["segment"].went, tally.stages["refine"].went = 600, 500
    tally.spending.calls, tally.spending.prompt_tokens, tally.spending.cost = 34, 5_000, 1.25
    async with running_bot(world, tmp_path) as running:
        with builder_lock(running.paths.archive) as free:
            assert free
            runs = Runs(running.store)
            await runs.update(await runs.start("command line on a host", {}), tally.snapshot())
            title, fields = await shown(running)
            [_, _, _, line, *_] = await headless(running)
            ended = await running.use("cancel").edited()
    assert title == "Build #1: running"
    assert fields["Channels"] == "\u2068tools\u2069 12,345, 50% of the time window"
    assert fields["Conversations"] == "678, cut into 600 segments"
    assert (fields["Approved"], fields["Samples"]) == ("500", "90 of 900")
    assert fields["Synthetic tool calls"] == "12"
    assert fields["Model calls"].startswith("34 (0 failed")
    assert fields["Model calls"].endswith("5,000 tokens, $1.2500")
    assert "12,345 messages read, 500 approved, 90 samples, 12 tool calls, 34 model calls, $1.2500" in line
    assert ended.original is not None
    assert ended.original["content"].startswith("That build runs in another process; end it there.")


async def test_a_run_whose_process_died_is_no_longer_running(world: World, tmp_path: Path) -> None:
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server) as running:
            await Runs(running.store).start("a process that died", {})
        async with running_bot(world, tmp_path, server=server) as running:
            title, fields = await shown(running)
            assert title == "No build is running"
            await until(running.posted)
            [report] = running.posted()
            assert report["content"].startswith("Build #1 was interrupted. What was read and decided is kept")
            _, fields = await shown(running)
            assert fields["Last builds"].startswith("#1 interrupted, ")


async def test_a_run_that_died_while_the_bot_was_up_does_not_run(world: World, tmp_path: Path) -> None:
    async with running_bot(world, tmp_path) as running:
        await until(running.bot.is_ready)
        await Runs(running.store).start("a process that died", {})
        title, fields = await shown(running)
    assert title == "No build is running"
    assert fields["Last builds"].startswith("#1 interrupted, ")


async def test_cancel_ends_the_build_and_says_so(world: World, tmp_path: Path, ada: JsonObject) -> None:
    bo = world.add_user("bo")
    async with running_bot(world, tmp_path) as running:
        running.paths.records.write_text("the old one\n")
        with running.held():
            await running.use("build", user=ada).answered()
            await until(lambda: running.server.history_requests())
            used = await running.use("cancel", user=bo).edited()
        assert used.ephemeral and used.original is not None
        assert used.original["content"] == (
            "The build was ended. What was read and decided is kept; `/tuner build` goes on."
        )
        assert not running.bot.builds.running
        status, end = running.posted()
        assert status["embeds"][0]["title"] == "Build #1: interrupted"
        assert end["content"] == f"<@{ada['id']}> Build #1 is interrupted."
        assert end["embeds"][0]["description"].startswith("Ended by \u2068bo\u2069. What was read")
        assert running.paths.records.read_text() == "the old one\n"
        [run] = await Runs(running.store).last(9)
        assert run.state == "interrupted" and run.ended_at
        await running.build()
        assert len(running.paths.records.read_text().splitlines()) == 30


async def test_nothing_to_cancel(world: World, tmp_path: Path) -> None:
    async with running_bot(world, tmp_path) as running:
        used = await running.use("cancel").edited()
        assert used.original is not None
        assert used.original["content"] == "No build is running."
