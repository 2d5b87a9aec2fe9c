"""Uploads that hold withdrawn words are deleted at their provider; what is withdrawn meanwhile is not written."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.building import Workplace
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.providers import Trouble
from tests.support.talks import talk
from tests.support.training import ENVIRONMENT, Scene, training_scene
from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_jobs import Jobs
from tuner.progress import Tally
from tuner.runs.erasing import clear_files
from tuner.runs.training import trainer_at
from tuner.runs.withdrawing import Receipt


async def cleared(scene: Scene, environment: dict[str, str] = ENVIRONMENT) -> Receipt:
    return await clear_files(
        scene.store, scene.settings, lambda place: trainer_at(place, scene.settings, environment)
    )


@pytest.mark.parametrize("name", ["compatible", "together", "fireworks"])
async def test_uploads_are_deleted(name: str, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name) as scene:
        job = await scene.start()
        number, _ = await Jobs(scene.store).uploaded(job.order.place, job.order.train)
        there = set(scene.provider.files)
        assert (await cleared(scene)).done == []
        assert set(scene.provider.files) == there
        await Datasets(scene.store).spoil([job.order.train.sha256])
        assert (await cleared(scene)).done == [f"{number} at {job.order.place.title} was deleted."]
        assert len(scene.provider.files) == len(there) - 1
        assert (await cleared(scene)).done == []


async def test_what_its_provider_does_not_delete_is_tried_again(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        job = await scene.start()
        await Datasets(scene.store).spoil([job.order.train.sha256])
        receipt = await cleared(scene, {})
        assert "was not deleted: Asking the server" in receipt.later[0]
        scene.provider.plan("DELETE", "/v1/files/.+", Trouble.RESET)
        assert "was not deleted: the server did not answer" in (await cleared(scene)).later[0]
        assert len((await cleared(scene)).done) == 1


async def test_one_that_is_gone_already_is_deleted(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        job = await scene.start()
        scene.provider.files.clear()
        await Datasets(scene.store).spoil([job.order.train.sha256])
        receipt = await cleared(scene)
        assert len(receipt.done) == 1 and not receipt.later


async def test_what_is_deleted_after_its_sample_was_made_is_not_written(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools", 12)
    first = int(world.channels[channel].messages[0]["id"])
    done: list[int] = []

    def delete(event: Any) -> None:
        if tally.samples > 6 and not done:
            with closing(sqlite3.connect(work.archive, timeout=10)) as db, db:
                done.append(db.execute("UPDATE messages SET content = NULL WHERE id = ?", (first,)).rowcount)

    tally = Tally(listeners=(delete,))
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel], tally=tally)
    assert done == [1]
    assert stats.counts["stages"]["export"]["dropped"] == {"withdrawn meanwhile": 1}
    assert stats.counts["samples"] == 11 == work.records.read_bytes().count(b"\n")
    assert str(first).encode() not in work.records.read_bytes()
