"""Three dialects of one thing: what each is sent, and what its words for states, files and faults mean here."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.providers import ACCOUNT, KEY, LoopbackProvider, Refusal, Trouble
from tests.support.training import ENVIRONMENT, MODEL, Scene, training_scene
from tuner.adapters import fireworks_jobs, openai_jobs, together_jobs
from tuner.errors import FatalError, RetryError, TunerError
from tuner.runs.training import cancel, refresh, trainer_at
from tuner.training.faults import UnansweredError
from tuner.training.jobs import Job, State

FIREWORKS_WORD, OTHERS_WORD = "state", "status"


async def seen(scene: Scene, job: Job) -> Job:
    return await refresh(scene.store, scene.settings, ENVIRONMENT, job)


def word_of(name: str) -> str:
    return FIREWORKS_WORD if name == "fireworks" else OTHERS_WORD


@pytest.mark.parametrize(
    ("name", "told", "state"),
    [
        *(("compatible", told, state) for told, state in openai_jobs.STATES.items()),
        *(("together", told, state) for told, state in together_jobs.STATES.items()),
        *(("fireworks", told, state) for told, state in fireworks_jobs.STATES.items()),
        ("compatible", "somehow", "running"),
        ("together", "compressing", "running"),
        ("fireworks", "JOB_STATE_WRITING_RESULTS", "running"),
    ],
)
async def test_words_for_states(name: str, told: str, state: State, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name) as scene:
        job = await scene.start()
        scene.provider.only_job().told[word_of(name)] = told
        assert (await seen(scene, job)).state == state


async def test_what_openai_is_sent(tmp_path: Path) -> None:
    changes = {"training.epochs": 2, "training.learning_rate_multiplier": 0.5}
    async with training_scene(tmp_path, changes=changes) as scene:
        job = await scene.start()
        [body] = scene.provider.bodies
        train, valid = scene.provider.files.values()
        assert body == {
            "model": MODEL,
            "training_file": train.id,
            "validation_file": valid.id,
            "suffix": job.suffix,
            "metadata": {"tuner": job.mark},
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}},
            },
        }
        assert train.content == Path(job.order.train.path).read_bytes()
        assert train.name == job.order.train.name


async def test_nebius_is_told_in_its_own_way(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "nebius", {"training.learning_rate": 0.00001}) as scene:
        job = await scene.start()
        [body] = scene.provider.bodies
        assert body["method"]["supervised"] == {"hyperparameters": {"learning_rate": 0.00001, "lora": True}}
        assert "metadata" not in body and body["suffix"] == job.suffix
        remote = scene.provider.only_job()
        remote.told |= {"status": "running", "trained_steps": 5, "total_steps": 20, "estimated_finish": 0}
        job = await seen(scene, job)
        assert (job.progress.step, job.progress.steps, job.progress.share) == (5, 20, 0.25)
        remote.told |= {"status": "succeeded", "fine_tuned_model": None}
        remote.checkpoints = [
            {"id": "ckpt-1", "step_number": 10},
            {"id": "ckpt-2", "step_number": 20, "fine_tuned_model_checkpoint": "m:tuner:20"},
        ]
        assert (await seen(scene, job)).result == "m:tuner:20"


async def test_what_together_is_sent(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "together", {"training.learning_rate": 0.00002}) as scene:
        job = await scene.start()
        [body] = scene.provider.bodies
        train, valid = scene.provider.files.values()
        assert (body["training_file"], body["validation_file"], body["n_evals"]) == (train.id, valid.id, 1)
        assert (body["model"], body["suffix"], body["learning_rate"]) == (MODEL, job.suffix, 0.00002)
        assert "portable" in job.order.train.path


async def test_what_fireworks_is_sent(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "fireworks", {"training.epochs": 2}) as scene:
        job = await scene.start()
        [body] = scene.provider.bodies
        train, valid = scene.provider.files
        assert body == {
            "dataset": f"accounts/{ACCOUNT}/datasets/{train}",
            "evaluationDataset": f"accounts/{ACCOUNT}/datasets/{valid}",
            "baseModel": MODEL,
            "displayName": job.suffix,
            "outputModel": f"accounts/{ACCOUNT}/models/{job.suffix}",
            "epochs": 2,
        }


async def test_how_far_together_is(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "together") as scene:
        job = await scene.start()
        remote = scene.provider.only_job()
        remote.told |= {
            "status": "running",
            "progress": {"estimate_available": True, "seconds_remaining": 60},
        }
        remote.events = [{"metrics": {"global_step": n, "train/loss": 2.0 - n / 10}} for n in (1, 2, 3)]
        job = await seen(scene, job)
        assert (job.progress.step, job.progress.loss) == (3, pytest.approx(1.7))
        assert job.progress.seconds_left == 60
        remote.told |= {
            "status": "completed",
            "model_output_name": "acme/m-tuner",
            "token_count": 50,
            "n_epochs": 3,
        }
        job = await seen(scene, job)
        assert (job.result, job.progress.trained) == ("acme/m-tuner", 150)


async def test_why_together_failed(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "together") as scene:
        job = await scene.start()
        remote = scene.provider.only_job()
        remote.told["status"] = "error"
        remote.events = [
            {"level": "info", "message": "started"},
            {"level": "error", "message": f"no room\nfor {KEY}"},
        ]
        assert (await seen(scene, job)).reason == "no room for (hidden: it looks like a token or key)"


async def test_how_far_fireworks_is_and_why_it_failed(tmp_path: Path) -> None:
    async with training_scene(tmp_path, "fireworks") as scene:
        job = await scene.start()
        remote = scene.provider.only_job()
        remote.told |= {"state": "JOB_STATE_RUNNING", "jobProgress": {"percent": 40}}
        job = await seen(scene, job)
        assert (job.progress.share, job.result) == (0.4, "")
        remote.told |= {"state": "JOB_STATE_FAILED", "status": {"code": "INTERNAL", "message": "it burst"}}
        assert (await seen(scene, job)).reason == "it burst"


@pytest.mark.parametrize("name", ["compatible", "together", "fireworks"])
async def test_a_job_is_ended(name: str, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name) as scene:
        job = await cancel(scene.store, scene.settings, ENVIRONMENT, await scene.start())
        assert job.state == ("cancelling" if name == "together" else "cancelled")


@pytest.mark.parametrize("refusal", [Refusal(400, "It has ended."), Refusal(409, "It has ended.")])
async def test_a_job_that_ended_meanwhile_is_taken_as_it_is(refusal: Refusal, tmp_path: Path) -> None:
    async with training_scene(tmp_path, changes={"training.attempts": 2}) as scene:
        job = await scene.start()
        scene.provider.plan("POST", "/cancel$", *[refusal] * 4)
        with pytest.raises(TunerError):
            await cancel(scene.store, scene.settings, ENVIRONMENT, job)
        scene.provider.only_job().told |= {"status": "succeeded", "fine_tuned_model": "ft:x"}
        ended = await cancel(scene.store, scene.settings, ENVIRONMENT, job)
        assert (ended.state, ended.result) == ("finished", "ft:x")


@pytest.mark.parametrize("name", ["compatible", "together", "fireworks"])
async def test_what_is_not_there_is_none(name: str, tmp_path: Path) -> None:
    async with training_scene(tmp_path, name) as scene:
        job = await scene.start()
        scene.provider.jobs.clear()
        scene.provider.files.clear()
        async with trainer_at(job.order.place, scene.settings, ENVIRONMENT) as trainer:
            number = f"accounts/{ACCOUNT}/datasets/x" if name == "fireworks" else "x"
            assert await trainer.job(job.remote_id) is None
            assert await trainer.cancel(job.remote_id) is None
            assert await trainer.recall(job, "") is None
            assert await trainer.file(number) is None
            assert await trainer.files("x.jsonl") == []


@pytest.mark.parametrize("name", ["compatible", "together", "fireworks"])
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Trouble.RESET, UnansweredError),
        (Trouble.CUT, UnansweredError),
        (Trouble.NONSENSE, UnansweredError),
        (Refusal(503), UnansweredError),
        (Refusal(429), RetryError),
        (Refusal(400), FatalError),
        (Refusal(401), FatalError),
    ],
)
async def test_trouble_is_classed_alike(
    name: str, step: Trouble | Refusal, kind: type[TunerError], tmp_path: Path
) -> None:
    async with training_scene(tmp_path, name) as scene:
        job = await scene.start()
        scene.provider.plan("GET", r"[jJ]obs/|fine-tunes/", step)
        async with trainer_at(job.order.place, scene.settings, ENVIRONMENT) as trainer:
            with pytest.raises(kind) as caught:
                await trainer.job(job.remote_id)
        assert KEY not in str(caught.value)


async def test_lists_are_read_to_their_end(tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        job = await scene.start()
        for _ in range(230):
            scene.provider._create({"model": "other", "training_file": next(iter(scene.provider.files))})
        async with trainer_at(job.order.place, scene.settings, ENVIRONMENT) as trainer:
            found = await trainer.recall(job, "")
        assert found is not None and found.id == job.remote_id


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told | {"has_more": True, "data": "nothing"},
        lambda told: [1, 2],
        lambda told: {"data": [1, None, {"id": 5}], "has_more": True},
    ],
)
async def test_lists_of_another_shape_end(change: Callable[[Any], Any], tmp_path: Path) -> None:
    async with training_scene(tmp_path) as scene:
        job = await scene.start()
        listed = scene.provider._list_jobs
        scene.provider._list_jobs = lambda body: change(listed(body))  # type: ignore[method-assign] # odd on purpose
        async with trainer_at(job.order.place, scene.settings, ENVIRONMENT) as trainer:
            with suppress(UnansweredError):
                assert await trainer.recall(job, "") is None


async def test_a_file_goes_nowhere_but_to_a_safe_place(tmp_path: Path) -> None:
    """Together says where a file is to be put; not over a connection that anybody can listen to."""
    changes = {"training.attempts": 1, "training.settle_seconds": 0}
    async with LoopbackProvider() as elsewhere, training_scene(tmp_path, "together", changes) as scene:
        url, scene.provider.url = scene.provider.url, elsewhere.url
        with pytest.raises(RetryError, match="not understood"):
            await scene.start()
        assert elsewhere.requests == []
        scene.provider.url = url
