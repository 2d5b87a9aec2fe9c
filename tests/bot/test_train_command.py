"""/tuner train and /tuner jobs: asked first, sent once, shown in one message, told once, also after a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.cogs import training
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.providers import LoopbackProvider, Refusal, Trouble, write_dataset
from tests.support.running_bot import RunningBot, running_bot
from tests.support.training import ENVIRONMENT, training_settings
from tuner.adapters.sqlite_jobs import Jobs

PRICE = {"tokens": 2.0, "hosting": 1.7, "read": date(2026, 11, 24)}


@pytest.fixture(autouse=True)
def places(ada: JsonObject, tools: int, ops: int) -> None:
    """What the configuration names is there."""


@pytest.fixture
async def provider() -> AsyncIterator[LoopbackProvider]:
    async with LoopbackProvider() as provider:
        yield provider


@asynccontextmanager
async def trainer_bot(
    world: World,
    folder: Path,
    provider: LoopbackProvider,
    server: LoopbackDiscord | None = None,
    **changes: Any,
) -> AsyncIterator[RunningBot]:
    """The bot, configured to train there on a dataset that is in its folder."""
    if not (folder / "records.openai.train.jsonl").exists():
        write_dataset(folder, "records.openai.train.jsonl")
    settings = training_settings(folder, provider.openai).training.model_dump(exclude_unset=True)
    chosen = {f"training.{key}": value for key, value in settings.items()} | changes
    async with running_bot(world, folder, chosen, server=server, environment=ENVIRONMENT) as running:
        yield running


async def asked(running: RunningBot, ada: JsonObject, **options: Any) -> Interaction:
    """The question whether to start, put to whoever used the command."""
    used = running.use("train", options, ada)
    return await used.edited()


async def started(running: RunningBot, ada: JsonObject) -> Interaction:
    question = await asked(running, ada)
    running.server.press(question, "Start", ada)
    return await question.edited(2)


def embed_of(message: JsonObject | None) -> JsonObject:
    assert message is not None
    embed: JsonObject = message["embeds"][0]
    return embed


async def ended(running: RunningBot) -> JsonObject:
    """The announcement."""
    return (await until(lambda: [one for one in running.posted() if one["content"]]))[0]  # type: ignore[no-any-return]


async def test_nothing_is_started_before_the_button(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    prices = {"training.prices": {"gpt-oss-20b": PRICE}}
    async with trainer_bot(world, tmp_path, provider, **prices) as running:
        question = await asked(running, ada)
        assert question.ephemeral
        shown = embed_of(question.original)["description"]
        assert "$2.00 per million trained tokens, read 2026-11-24" in shown
        assert "$1.70 an hour, $1,224.00 in 30 days" in shown
        assert provider.requests == []
        running.server.press(question, "Don't", ada)
        await question.edited(2)
        assert question.original is not None
        assert (question.original["content"], question.original["components"]) == ("Nothing was started.", [])
        assert provider.requests == []


async def test_an_unknown_price_is_said_to_be_one(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        shown = embed_of((await asked(running, ada)).original)["description"]
        assert "Price: not known, no price is configured" in shown


async def test_only_who_asked_can_answer(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    eve = world.add_user("eve")
    async with trainer_bot(world, tmp_path, provider) as running:
        question = await asked(running, ada)
        pressed = await running.server.press(question, "Start", eve).answered()
        assert pressed.ephemeral and pressed.content == "Only who asked can answer this."
        assert provider.requests == []


async def test_an_answer_that_never_comes_starts_nothing(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PATIENCE", 0.2)
    async with trainer_bot(world, tmp_path, provider) as running:
        question = await (await asked(running, ada)).edited(2)
        assert question.original is not None
        assert question.original["content"].startswith("Nothing was started: no answer came")
        assert question.original["components"] == []
        assert provider.requests == []


async def test_a_button_pressed_twice_starts_one_job(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        question = await asked(running, ada)
        for _ in range(3):
            running.server.press(question, "Start", ada)
        await question.edited(2)
        await until(lambda: provider.created)
        assert question.original is not None
        assert question.original["content"].startswith("Job #1 is on its way.")
        provider.only_job().told |= {"status": "succeeded", "fine_tuned_model": "ft:x"}
        await ended(running)
        assert len(provider.created) == 1


async def test_a_job_is_shown_in_one_message_and_its_end_told(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        await started(running, ada)
        await until(lambda: provider.jobs)
        job = provider.only_job()
        job.told["status"] = "running"
        job.events = [{"id": "e", "message": "Step 30/120: training loss=0.42", "data": None}]
        await until(lambda: "step 30 of 120, loss 0.42" in str(running.posted()))
        [status] = running.posted()
        assert embed_of(status)["title"] == "Training job #1: running"
        job.told |= {"status": "succeeded", "fine_tuned_model": "ft:gpt-oss-20b:acme", "trained_tokens": 900}
        told = await ended(running)
        assert told["content"] == (
            f"<@{ada['id']}> Training job #1 is finished: the tuned model is `ft:gpt-oss-20b:acme`."
        )
        assert [one["id"] for one in told["mentions"]] == [ada["id"]]
        assert embed_of(running.posted()[0])["title"] == "Training job #1: finished"
        assert len(running.posted()) == 2


async def test_a_failure_is_told_in_the_providers_words_which_do_nothing(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        await started(running, ada)
        await until(lambda: provider.jobs)
        words = "**Line 3** [click](https://evil.example) @everyone <@1>\n# Big\x1b[2J"
        provider.only_job().told |= {"status": "failed", "error": {"code": "x", "message": words}}
        told = await ended(running)
        assert told["content"] == f"<@{ada['id']}> Training job #1 has failed."
        [why] = [one["value"] for one in embed_of(told)["fields"] if one["name"] == "Why"]
        assert r"\*\*Line 3\*\*" in why
        assert "https://" not in why and "@everyone" not in why and "<@" not in why and "\n" not in why


async def test_a_refusal_is_told(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        provider.plan("POST", "fine_tuning/jobs$", Refusal(400, "No *such* model"))
        await started(running, ada)
        told = await ended(running)
        assert "has failed" in told["content"]
        [why] = [one["value"] for one in embed_of(told)["fields"] if one["name"] == "Why"]
        assert why.endswith(r"It says: No \*such\* model")


async def test_after_a_restart_it_is_gone_on_with(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    """One bot ends while the job is being created, and another while it runs; each time the next goes on."""
    async with LoopbackDiscord(world) as server:
        provider.plan("POST", "fine_tuning/jobs$", Trouble.HANG)
        async with trainer_bot(world, tmp_path, provider, server) as running:
            await started(running, ada)
            await until(lambda: provider.created)
        async with trainer_bot(world, tmp_path, provider, server) as running:
            provider.only_job().told["status"] = "running"
            await until(lambda: "Training job #1: running" in str(running.posted()))
            statuses = [one["id"] for one in running.posted()]
        async with trainer_bot(world, tmp_path, provider, server) as running:
            provider.only_job().told |= {"status": "succeeded", "fine_tuned_model": "ft:x"}
            await ended(running)
            await until(lambda: "Training job #1: finished" in str(running.posted()[0]))
            assert [one["id"] for one in running.posted()][:-1] == statuses
            assert len(statuses) == 1
        async with trainer_bot(world, tmp_path, provider, server) as running:
            await running.use("jobs").edited()
            assert len([one for one in running.posted() if one["content"]]) == 1
    assert (len(provider.created), len(provider.uploads)) == (1, 1)


async def test_jobs_are_listed_and_ended(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider) as running:
        used = await running.use("jobs").edited()
        assert "None was started yet" in str(used.original)
        await started(running, ada)
        jobs = Jobs(running.store)

        async def sent() -> bool:
            return bool(await jobs.under_way())

        while not await sent():
            await asyncio.sleep(0.02)
        used = await running.use("jobs").edited()
        assert "**#1**" in embed_of(used.original)["description"]
        used = await running.use("jobs", {"cancel": 1}).edited()
        assert used.original is not None and used.original["content"] == "Job #1 is cancelled."
        assert "has been cancelled" in (await ended(running))["content"]
        used = await running.use("jobs", {"cancel": 7}).edited()
        assert used.original is not None and used.original["content"].startswith("There is no job #7.")


async def test_what_is_missing_is_said(
    world: World, ada: JsonObject, provider: LoopbackProvider, tmp_path: Path
) -> None:
    async with trainer_bot(world, tmp_path, provider, **{"training.model": ""}) as running:
        used = await running.use("train").edited()
        assert used.original is not None and "training.model is empty" in used.original["content"]
