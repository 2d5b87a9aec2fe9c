"""The calibration of a run: the same for the same archive, whoever asks and however it was read."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat import chatter, export_chatter
from tests.support.export_files import CHANNEL
from tests.support.lines import grouped
from tests.support.linked import fitted_at_any_price
from tuner import config
from tuner.adapters.discord_export import ExportFile, ExportSource, find_exports
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.cli import segment
from tuner.cli.segment import write_conversations
from tuner.config.settings import Settings
from tuner.linking import calibrate
from tuner.linking.calibrate import FEWEST
from tuner.linking.conversations import Linking
from tuner.linking.linker import Weights
from tuner.models import Channel, Message
from tuner.people.audience import Audience
from tuner.pipeline import RunStats, build_dataset
from tuner.progress import CalibrationTally, Tally
from tuner.stages.segment import calibrated
from tuner.stages.source import Batch, Wanted

CHANNELS = [CHANNEL + n for n in range(3)]
SIZE = 700  # messages in each
UNHURRIED: Mapping[int, asyncio.Event] = {}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    for channel_id in CHANNELS:
        export_chatter(folder, channel_id, SIZE)
    return folder


class Held(ExportSource):
    """Some of its channels can't be read to the end before something else has happened."""

    def __init__(
        self, files: list[ExportFile], audience: Audience, tally: Tally, after: Mapping[int, asyncio.Event]
    ) -> None:
        super().__init__(files, audience, tally)
        self._after = after

    async def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        async with aclosing(super().read(channel, wanted)) as batches:
            async for batch in batches:
                yield batch
                if channel.id in self._after:
                    await self._after[channel.id].wait()


def settings(folder: Path, **changes: Any) -> Settings:
    overrides = {
        "dataset.output_path": str(folder / "records.jsonl"),
        "store.path": str(folder / "tuner.db"),
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    return config.load({}, overrides.items(), "The test")


async def build(
    folder: Path,
    exports: Path,
    after: Mapping[int, asyncio.Event] = UNHURRIED,
    tally: Tally | None = None,
    **changes: Any,
) -> RunStats:
    run, chosen = tally or Tally(), settings(folder, **changes)
    files = find_exports([str(exports)], run)
    async with open_store(folder / "tuner.db") as store:
        return await build_dataset(
            chosen, store, lambda audience, tally: Held(files, audience, tally, after), None, run, "a test"
        )


async def archived(folder: Path, batch: int = 500) -> Linking:
    """The calibration of an archive."""
    async with open_store(folder / "tuner.db") as store:
        history = History(store)

        class Chunked(History):
            def messages(
                self, channel_id: int, start: int = 0, end: int = (1 << 63) - 1, _: int = 0
            ) -> AsyncGenerator[list[Message], None]:
                return history.messages(channel_id, start, end, batch)

        return await calibrated(Chunked(store), settings(folder).segment.min_confidence, Tally())


async def test_stats_say_what_links_were_fitted_to(tmp_path: Path, exports: Path) -> None:
    fitted = (await build(tmp_path, exports)).counts["calibration"]
    assert FEWEST <= fitted["replies"] <= 0.3 * SIZE * len(CHANNELS)
    assert 0 < fitted["others_before"] <= fitted["others_after"] < 1
    assert 0 < fitted["accuracy_before"] < 1 and 0 < fitted["accuracy_after"] < 1


async def test_few_replies_fit_nothing(tmp_path: Path) -> None:
    export_chatter(tmp_path, CHANNEL, 100)
    fitted = (await build(tmp_path, tmp_path)).counts["calibration"]
    assert fitted == asdict(CalibrationTally())


@pytest.mark.parametrize("seed", range(3))
def test_replies_join_no_more_than_before(seed: int) -> None:
    """Whatever is made of them: the check that hidden ones are then found is left out."""
    messages = chatter(1500, seed)
    fitted = Linking(Weights.shipped(), fitted_at_any_price([messages]))
    assert any(fitted.calibration.adjustments)
    assert largest(grouped(messages, fitted)) <= 1.15 * largest(grouped(messages))


def largest(groups: list[list[int]]) -> float:
    """How many messages stand in a message's conversation, on average."""
    return sum(len(group) ** 2 for group in groups) / sum(map(len, groups))


async def test_it_does_not_depend_on_which_channel_is_read_first(tmp_path: Path, exports: Path) -> None:
    left = []
    for number, late in enumerate([CHANNELS[0], CHANNELS[2]]):
        folder, read = tmp_path / str(number), asyncio.Event()
        folder.mkdir()
        tally = Tally()
        building = asyncio.create_task(build(folder, exports, {late: read}, tally))
        while [c.state for i, c in tally.channels.items() if i != late] != ["read", "read"]:
            await asyncio.sleep(0.01)
        read.set()
        counts = (await building).counts
        left.append((counts["calibration"], (folder / "records.jsonl").read_bytes()))
    assert left[0] == left[1]


async def test_it_does_not_depend_on_batches_and_interruptions(tmp_path: Path, exports: Path) -> None:
    at_once, broken_off = tmp_path / "at-once", tmp_path / "broken-off"
    at_once.mkdir()
    broken_off.mkdir()
    whole = (await build(at_once, exports)).counts
    tally = Tally()
    building = asyncio.create_task(build(broken_off, exports, {CHANNELS[1]: asyncio.Event()}, tally))
    while tally.messages < 2 * SIZE + 500:  # what of one channel comes at once, and the other two
        await asyncio.sleep(0.01)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    resumed = (await build(broken_off, exports)).counts
    assert resumed["calibration"] == whole["calibration"]
    assert (broken_off / "records.jsonl").read_bytes() == (at_once / "records.jsonl").read_bytes()
    links = [await archived(broken_off, size) for size in (7, 500, 5000)]
    assert links[0] == links[1] == links[2]
    assert links[0].calibration.replies == whole["calibration"]["replies"]


async def test_a_batch_may_hold_more_than_is_wanted(
    tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "MOST_MESSAGES", SIZE + 555)
    counts = (await build(tmp_path, exports)).counts
    links = [await archived(tmp_path, size) for size in (7, 500, 5000)]
    assert links[0] == links[1] == links[2]
    assert links[0].calibration.replies == counts["calibration"]["replies"] >= FEWEST


async def test_segment_and_a_dry_run_link_alike(
    tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = (await build(tmp_path, exports, dataset__dry_run=True)).counts
    used = []

    async def noted(history: History, min_confidence: float, tally: Tally) -> Linking:
        linking = await calibrated(history, min_confidence, tally)
        used.append((tally.snapshot()["calibration"], linking))
        return linking

    monkeypatch.setattr(segment, "calibrated", noted)
    chosen, out = settings(tmp_path), tmp_path / "conversations.jsonl"
    assert await write_conversations(chosen, [], [], out) == counts["conversations"]
    assert await write_conversations(chosen, [str(exports)], [], out) == counts["conversations"]
    # One channel is cut as it is among all.
    some = await write_conversations(chosen, [], CHANNELS[1:2], tmp_path / "some.jsonl")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    wanted = [line for line in lines if line["channel_id"] == str(CHANNELS[1])]
    assert [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()] == wanted
    assert len(wanted) == some
    assert [fitted for fitted, _ in used] == [counts["calibration"]] * 3
    assert used[0][1] == used[1][1] == used[2][1]


async def test_no_channel_is_waited_for_once_there_is_evidence_enough(
    tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "MOST_MESSAGES", SIZE)
    never = asyncio.Event()
    counts = (await build(tmp_path, exports, {CHANNELS[2]: never}, dataset__max_samples=3)).counts
    assert counts["samples"] == 3
    assert any("Reading stopped early" in note for note in counts["notes"])


class InOneBatch(History):
    """An archive of one channel, which comes all at once."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    async def channels(self) -> list[Channel]:
        return [Channel(7, "general")]

    async def messages(
        self, channel_id: int, start: int = 0, end: int = 0, batch: int = 0
    ) -> AsyncGenerator[list[Message], None]:
        yield self._messages


async def test_the_loop_breathes_while_links_are_fitted(tmp_path: Path) -> None:
    """One batch, so that few turns are left to the loop where the work itself does not leave it any."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    history = InOneBatch(chatter(5000))
    counting = asyncio.create_task(count())
    linking = await calibrated(history, settings(tmp_path).segment.min_confidence, Tally())
    counting.cancel()
    assert linking.calibration.replies > FEWEST
    assert turns > 50
