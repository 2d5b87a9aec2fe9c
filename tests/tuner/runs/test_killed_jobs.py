"""Killed at every boundary, 500 times over: whoever comes next brings the job there, and nothing was done twice."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.training import ENVIRONMENT, Scene, training_scene
from tuner.adapters.fireworks_jobs import FireworksJobs
from tuner.adapters.openai_jobs import OpenAIJobs, openai_jobs
from tuner.adapters.sqlite_jobs import Jobs
from tuner.adapters.together_jobs import TogetherJobs
from tuner.runs import training
from tuner.runs.training import AlreadyError, cancel
from tuner.training.providers import Place

KILLS = 500
CLIENTS = {"compatible": OpenAIJobs, "together": TogetherJobs, "fireworks": FireworksJobs}
ASKED = ("files", "file", "upload", "recall", "create", "job", "cancel")
STORED = ("intend", "change", "uploaded", "upload")
QUICK = {"training.settle_seconds": 0.02, "training.backoff_seconds": 0.0}


class KilledError(BaseException):
    """The process is gone: nothing catches this."""


class Fate:
    """Kills at the `at`th boundary that is passed: before or after a call of a provider or of the archive."""

    def __init__(self, at: int) -> None:
        self.left = at

    def pass_one(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


@contextmanager
def fated(fate: Fate, client: type[Any]) -> Iterator[None]:
    """Every call of the provider and of the archive has a boundary before it, and one after it."""

    def wrapped(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def passed(*given: Any, **named: Any) -> Any:
            fate.pass_one()
            made = await call(*given, **named)
            fate.pass_one()
            return made

        return passed

    patches = [patch.object(client, name, wrapped(getattr(client, name))) for name in ASKED]
    patches += [patch.object(Jobs, name, wrapped(getattr(Jobs, name))) for name in STORED]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


async def lived(scene: Scene, name: str, boundary: int) -> bool:
    """One process that is killed at a boundary; whether it got to its end before that."""
    with fated(Fate(boundary), CLIENTS[name]):
        try:
            await start(scene)
        except KilledError:
            return False
    return True


async def start(scene: Scene) -> None:
    """The command. Where the process before was killed on its last step, there is nothing left to do."""
    with suppress(AlreadyError):
        await scene.start()


async def forget_all(scene: Scene) -> None:
    """The next job is another one: nothing is left of those before."""
    async with scene.store.transaction() as db:
        await db.execute("DELETE FROM training_jobs")
        await db.execute("DELETE FROM training_files")
    for kept in (scene.provider.jobs, scene.provider.files):
        kept.clear()
    scene.provider.uploads.clear()
    scene.provider.created.clear()


async def brought_there(scene: Scene) -> None:
    """What has to be true once somebody ran the command to its end."""
    assert scene.provider.twice() == ([], [])
    assert len(scene.provider.uploads) == 2
    [created] = scene.provider.created  # none twice, and none that nobody knows of
    [job] = await scene.jobs.last(9)
    assert job.remote_id.endswith(created)
    assert job.state == "queued"


@pytest.fixture(autouse=True)
async def one_client() -> AsyncIterator[None]:
    """Making an openai client takes longer than all it is used for here: one is kept for all lives of a test."""
    made: dict[str, OpenAIJobs] = {}
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def kept(place: Place, key: str, seconds: float) -> AsyncIterator[OpenAIJobs]:
            if place.base_url not in made:
                made[place.base_url] = await stack.enter_async_context(openai_jobs(place, key, seconds))
            yield made[place.base_url]

        with patch.object(training, "openai_jobs", kept):
            yield


@pytest.mark.parametrize("name", CLIENTS)
async def test_killed_at_each_boundary(name: str, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name, QUICK) as scene:
        boundary = 1
        while not await lived(scene, name, boundary):
            await start(scene)
            await brought_there(scene)
            await forget_all(scene)
            boundary += 1
        await brought_there(scene)
        assert boundary > 20


@pytest.mark.parametrize("name", CLIENTS)
async def test_killed_again_and_again(name: str, tmp_path: Path) -> None:
    """Lives that end at random boundaries, until one gets there; then the next job."""
    moments = random.Random(name)
    kills = 0
    async with training_scene(tmp_path, name, QUICK) as scene:
        while kills < KILLS // len(CLIENTS) + 1:
            if await lived(scene, name, moments.randint(1, 24)):
                await brought_there(scene)
                await forget_all(scene)
            else:
                kills += 1
        await start(scene)
        await brought_there(scene)


async def test_killed_while_it_is_cancelled(tmp_path: Path) -> None:
    """A job that may have been started is looked for before it is called off."""
    async with training_scene(tmp_path, changes=QUICK) as scene:
        boundary = 1
        while not await lived(scene, "compatible", boundary):
            for job in [*await scene.jobs.unsent(), *await scene.jobs.under_way()]:
                await cancel(scene.store, scene.settings, ENVIRONMENT, job)
            assert [j for j in scene.provider.jobs.values() if j.told["status"] != "cancelled"] == []
            assert [j.state for j in await scene.jobs.last(9) if j.state != "cancelled"] == []
            await forget_all(scene)
            boundary += 1
