"""Once, whatever happens on the way: no file is uploaded twice, no job started twice, none is forgotten."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.providers import Refusal, Trouble
from tests.support.training import ENVIRONMENT, Scene, training_scene
from tuner.adapters import openai_jobs, provider_rest
from tuner.errors import FatalError, RetryError, UsageError
from tuner.runs.training import cancel, refresh, start

DIALECTS = ["compatible", "together", "fireworks"]
CREATE = r"fine_tuning/jobs$|/fine-tunes$|/supervisedFineTuningJobs$"
UPLOAD = r"/files$|:upload$|/store/"


def fulfilled(scene: Scene) -> None:
    """Two files and one job, each once."""
    assert scene.provider.twice() == ([], [])
    assert len(scene.provider.uploads) == 2
    assert len(scene.provider.created) == 1


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_job_gets_to_its_provider(name: str, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name, {"training.epochs": 2}) as scene:
        job = await scene.start()
        fulfilled(scene)
        assert job.state == "queued"
        assert job.remote_id.endswith(scene.provider.created[0])
        [body] = scene.provider.bodies
        assert job.suffix == f"tuner-{job.mark}"
        assert job.suffix in str(body)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("trouble", list(Trouble))
@pytest.mark.parametrize("where", [CREATE, UPLOAD])
async def test_trouble_on_the_way_makes_nothing_twice(
    where: str, trouble: Trouble, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (openai_jobs, provider_rest):
        monkeypatch.setattr(module, "UPLOAD_PATIENCE", 1)
    method = "PUT" if name == "together" and where == UPLOAD else "POST"
    hasty = {"training.timeout_seconds": 0.5} if trouble is Trouble.HANG else {}
    async with training_scene(tmp_path, name, hasty) as scene:
        scene.provider.plan(method, where, trouble)
        job = await scene.start()
        fulfilled(scene)
        assert job.state == "queued"


@pytest.mark.parametrize(
    "refusal", [Refusal(500), Refusal(502), Refusal(429, retry_after=0.01), Refusal(408)]
)
@pytest.mark.parametrize("where", [CREATE, UPLOAD])
async def test_what_is_refused_for_the_moment_is_asked_for_again(
    where: str, refusal: Refusal, tmp_path: Path
) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.plan("POST", where, refusal, refusal)
        await scene.start()
        fulfilled(scene)


async def test_what_shows_late_is_waited_for(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.lag = 0.2
        scene.provider.plan("POST", CREATE, Trouble.LOST)
        await scene.start()
        fulfilled(scene)


async def test_a_job_without_marks_is_known_by_its_file_and_its_time(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.forgets_marks = True
        scene.provider.plan("POST", CREATE, Trouble.LOST)
        job = await scene.start()
        forgotten = await scene.jobs.change(job.id, lambda now: replace(now, state="creating", remote_id=""))
        found = await refresh(scene.store, scene.settings, ENVIRONMENT, forgotten)
        assert (found.state, found.remote_id) == ("queued", job.remote_id)
        fulfilled(scene)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 422])
async def test_a_refusal_ends_it_in_the_providers_words(status: int, tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.plan("POST", CREATE, Refusal(status, "Line 3:\n\x1b[31mno *such* model", "bad_model"))
        with pytest.raises(FatalError, match=r"Line 3: .*no \*such\* model"):
            await scene.start()
        [job] = await scene.jobs.last(9)
        assert job.state == "failed" and "Line 3: " in job.reason and "\n" not in job.reason
        await scene.start()  # another, once whatever it was is mended
        fulfilled(scene)


async def test_openais_end_is_explained(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "openai") as scene:
        scene.provider.plan("POST", CREATE, Refusal(403, "Not available.", "training_not_available"))
        with pytest.raises(UsageError, match="Fine-tuning closes on 2027-01-06") as refused:
            await scene.start()
        assert "azure, nebius, together or fireworks" in str(refused.value)


async def test_a_key_is_never_repeated(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.key = "another"  # the refusal quotes what it was given
        with pytest.raises(UsageError, match="Incorrect API key provided") as refused:
            await scene.start()
        assert ENVIRONMENT["TRAINING_KEY"] not in str(refused.value)
        [job] = await scene.jobs.last(9)
        assert ENVIRONMENT["TRAINING_KEY"] not in job.reason


async def test_a_long_wait_is_not_waited_for(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.plan("POST", CREATE, Refusal(429, retry_after=100_000))
        with pytest.raises(FatalError, match="asks to wait 100000 s"):
            await scene.start()


async def test_a_provider_that_stays_away_is_said_to_and_gone_on_with(tmp_path: Path) -> None:
    changes = {"training.attempts": 2, "training.settle_seconds": 0.05}
    async with training_scene(tmp_path, changes=changes) as scene:
        scene.provider.plan("POST", CREATE, *[Trouble.RESET] * 9)
        with pytest.raises(RetryError, match="goes on from here"):
            await scene.start()
        [job] = await scene.jobs.unsent()
        assert job.state == "creating"
        scene.provider.heal()
        again = await scene.start()
        assert again.id == job.id
        fulfilled(scene)


async def test_the_same_file_is_uploaded_once_for_all_jobs(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        job = await scene.start()
        await cancel(scene.store, scene.settings, ENVIRONMENT, job)
        await scene.start()
        assert len(scene.provider.uploads) == 2
        assert len(scene.provider.created) == 2


async def test_a_file_of_another_archive_is_found(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        await scene.start()
        async with scene.store.transaction() as db:
            await db.execute("DELETE FROM training_files")
            await db.execute("UPDATE training_jobs SET state = 'cancelled'")
        await scene.start()
        assert len(scene.provider.uploads) == 2


async def test_a_file_that_its_provider_lost_is_uploaded_again(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        await cancel(scene.store, scene.settings, ENVIRONMENT, await scene.start())
        scene.provider.files.clear()
        await scene.start()
        assert len(scene.provider.uploads) == 4


async def test_half_a_file_is_not_taken_for_it(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        plan = await scene.plan()
        scene.provider._upload({"file": (plan.order.train.name, b"{}"), "purpose": "fine-tune"})
        await scene.start()
        assert plan.order.train.sha256 in scene.provider.uploads


async def test_a_file_that_is_refused_after_it_was_uploaded(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.file_status = "error"
        with pytest.raises(FatalError, match="does not take the dataset"):
            await scene.start()
        assert scene.provider.created == []
        [job] = await scene.jobs.last(9)
        assert job.state == "failed"


async def test_a_file_is_waited_for_while_it_is_checked(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        scene.provider.file_status = "pending"

        def held(request: str) -> bool:
            """Files are checked as soon as somebody has asked twice how they are."""
            for file in scene.provider.files.values():
                file.status = "processed" if file.asked > 1 else file.status
            return False

        scene.provider.held = held
        await scene.start()
        fulfilled(scene)
        assert all(file.asked >= 1 for file in scene.provider.files.values())


async def test_a_file_that_changed_since_it_was_confirmed_is_not_sent(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        plan = await scene.plan()
        Path(plan.order.train.path).write_text("something else\n")
        with pytest.raises(
            FatalError, match=r"has changed since the job was confirmed\. Nothing was started"
        ):
            await start(scene.store, scene.settings, ENVIRONMENT, plan, "a test")
        assert scene.provider.uploads == scene.provider.created == []
