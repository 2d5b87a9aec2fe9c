"""The whole story, on a loopback Discord: what a run leaves behind however it goes."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.building import Workplace, ids
from tests.support.discord_world import World
from tests.support.lines import LINKING, rambling, spoken
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.talks import DAY_MS, talk
from tuner.adapters.sqlite_history import History
from tuner.errors import FatalError, UsageError
from tuner.linking import calibrate
from tuner.models import Message
from tuner.progress import Advanced, CalibrationTally, Ended, Event, Noted, Tally
from tuner.stages.segment import read_conversations


async def test_reading_in_portions_leaves_what_reading_at_once_leaves(world: World, tmp_path: Path) -> None:
    channels = [talk(world, "tools"), talk(world, "lamps", 45)]
    portions, at_once = Workplace(tmp_path / "portions"), Workplace(tmp_path / "at-once")
    portions.folder.mkdir()
    at_once.folder.mkdir()
    async with LoopbackDiscord(world) as server:
        await at_once.build(server, channels)
        for _ in range(5):
            await portions.build(server, channels, {"dataset.max_messages": 20})
    assert portions.stored(channels[1]) == ids(world, channels[1])
    assert portions.records.read_bytes() == at_once.records.read_bytes()
    assert len(at_once.records.read_text().splitlines()) == 75


async def test_new_messages_add_samples_and_change_no_others(world: World, work: Workplace) -> None:
    channel = talk(world, "tools")
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        before = work.records.read_text().splitlines()
        later = 1_704_067_200_000 + 40 * DAY_MS
        question = world.add_message(
            channel, world.add_user("late"), "Does anyone know whether a bare wire is safe?", at=later
        )
        helper = world.add_user("late helper")
        world.add_message(channel, helper, "It is, once it is covered.", at=later + 30_000, reply_to=question)
        await work.build(server, [channel])
    after = work.records.read_text().splitlines()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


async def test_enough_samples_end_the_reading(
    world: World, work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "MOST_MESSAGES", 20)  # the first channel is evidence enough
    first, second = talk(world, "tools", 10), talk(world, "lamps", 600)
    async with LoopbackDiscord(world) as server:
        server.held = lambda request: request in server.history_requests(second)[6:]  # of its twelve pages
        stats = await work.build(server, [first, second], {"dataset.max_samples": 5})
    assert len(work.records.read_text().splitlines()) == 5
    assert len(work.stored(second)) < 1200
    assert any("Reading stopped early" in note and "lamps" in note for note in stats.counts["notes"])


async def test_a_dry_run_does_everything_but_write_a_dataset(world: World, work: Workplace) -> None:
    channel = talk(world, "tools")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel], {"dataset.dry_run": True})
    assert stats.counts["samples"] == 30
    assert stats.files == ()
    assert not list(work.folder.rglob("*.jsonl"))
    assert json.loads((work.folder / "stats.json").read_text())["samples"] == 30
    [transcript] = (work.folder / "raw").iterdir()
    assert "tools helper: tools: open it and look at wire 0." in transcript.read_text()


async def test_stats_add_up(world: World, work: Workplace) -> None:
    channel = talk(world, "tools")
    attic = world.add_channel("attic")
    world.add_message(attic, world.add_user("lonely"), "anybody?")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel, attic])
        history_requests = len(server.history_requests())
    stages = stats.counts["stages"]
    assert stages["collect"] == {"in": 61, "out": 61, "dropped": {}}
    assert stages["segment"] == {"in": 31, "out": 30, "dropped": {"only one speaker": 1}}
    for stage in ("refine", "relabel", "synthesize", "export"):
        assert stages[stage] == {"in": 30, "out": 30, "dropped": {}}
    assert history_requests == 2 < stats.counts["requests"]
    [records, upload] = stats.counts["files"]
    assert records["lines"] == upload["lines"] == 30
    assert records["size"] == work.records.stat().st_size
    assert json.loads((work.folder / "stats.json").read_text()) == stats.counts


async def test_stats_say_how_sure_the_segments_are(world: World, work: Workplace) -> None:
    channel = talk(world, "tools")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel])
        unsure = await work.build(server, [channel], {"segment.min_confidence": 1.0})
    for counts in (stats.counts, unsure.counts):  # native replies hold every one of them together
        assert counts["segment_confidence"] == {"tenths": [0] * 9 + [30], "mean": 1.0}
        assert counts["calibration"] == asdict(CalibrationTally())


@pytest.mark.parametrize("dry_run", [False, True])
async def test_no_sample_fails_with_the_reason_and_leaves_the_old_dataset(
    world: World, work: Workplace, dry_run: bool
) -> None:
    channel = world.add_channel("quiet")
    world.add_message(channel, world.add_user("lonely"), "hello?")
    work.records.write_text("the old one\n")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel], {"dataset.dry_run": dry_run})
    assert stats.files == ()
    assert json.loads((work.folder / "stats.json").read_text()) == stats.counts
    assert [path.name for path in work.folder.glob("*.jsonl")] == ["records.jsonl"]
    assert work.records.read_text() == "the old one\n"
    [(state, message)] = work.rows("SELECT state, message FROM runs")
    assert state == "failed"
    assert (
        "No sample came out, so no dataset was written. Left out: segment: only one speaker (1)." in message
    )


async def test_a_second_builder_is_told_who_runs(world: World, work: Workplace) -> None:
    channel = talk(world, "tools", 200)
    async with LoopbackDiscord(world) as server:
        server.held = lambda request: request.is_history
        first = asyncio.create_task(work.build(server, [channel]))
        await until(server.history_requests)
        with pytest.raises(FatalError, match=r"is being built from: run 1 by a test, since 2"):
            await work.build(server, [channel])
        server.held = lambda request: False
        await first
    assert len(work.rows("SELECT id FROM runs")) == 1


async def test_a_cancelled_run_is_recorded_and_leaves_the_old_dataset(world: World, work: Workplace) -> None:
    channel = talk(world, "tools", 400)
    work.records.write_text("the old one\n")
    async with LoopbackDiscord(world) as server:
        server.held = lambda request: len(server.history_requests()) == 3
        task = asyncio.create_task(work.build(server, [channel]))
        await until(lambda: len(server.history_requests()) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 0 < len(work.stored(channel)) < 800
        assert work.records.read_text() == "the old one\n"
        server.held = lambda request: False
        await work.build(server, [channel])
    assert work.stored(channel) == ids(world, channel)
    states = [state for (state,) in work.rows("SELECT state FROM runs ORDER BY id")]
    assert states == ["interrupted", "finished"]


async def test_a_fault_in_a_custom_prompt_fails_the_run_and_keeps_the_old_dataset(
    world: World, work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = talk(world, "tools", 3)
    work.records.write_text("the old one\n")
    (work.folder / "broken_prompt.py").write_text("def build(request):\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(work.folder)
    async with LoopbackDiscord(world) as server:
        with pytest.raises(UsageError, match="'broken_prompt:build' failed for a sample: ZeroDivisionError"):
            await work.build(server, [channel], {"prompt.stack": "broken_prompt:build"})
    sys.modules.pop("broken_prompt")
    assert work.records.read_text() == "the old one\n"
    assert not list(work.folder.rglob("*.part"))
    [(state, message)] = work.rows("SELECT state, message FROM runs")
    assert state == "failed" and "what was read and decided is kept" in message


class InOneBatch(History):
    """A channel that comes all at once."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    async def messages(
        self, channel_id: int, start: int = 0, end: int = 0, batch: int = 0
    ) -> AsyncGenerator[list[Message], None]:
        yield self._messages


async def test_the_loop_breathes_while_a_batch_is_linked() -> None:
    turns: list[int] = []

    async def count() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    seen = []
    async with aclosing(read_conversations(InOneBatch(spoken(rambling(5000))), 7, LINKING)) as found:
        async for _ in found:
            seen.append(len(turns))
    counting.cancel()
    assert len(set(seen)) >= 3


async def test_listeners_hear_of_progress_notes_and_the_end(world: World, work: Workplace) -> None:
    channel = talk(world, "tools")
    events: list[Event] = []
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel], tally=Tally(listeners=(events.append,)))
    assert any(isinstance(event, Advanced) for event in events)
    assert any(isinstance(event, Noted) and "everyone's words are used" in event.text for event in events)
    assert isinstance(events[-1], Ended)
    assert events[-1].outcome == "finished"
    assert events[-1].run.channels[channel].share == 1.0
