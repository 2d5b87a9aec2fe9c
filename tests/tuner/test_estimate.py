"""An estimate reads and counts, and asks nobody; what it says is what a build then asks."""

from typing import Any

import pytest

from tests.support.building import Workplace
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import MODEL, approve_if, asks_about_leaning, asks_for_tool, chat_with
from tests.support.talks import talk
from tuner.adapters.discord_history import DiscordSource, rest_client
from tuner.adapters.sqlite_store import open_store
from tuner.dataset.tokens import token_counter
from tuner.pipeline import RunStats, build_dataset, estimate_dataset
from tuner.progress import Tally

MODELS = {"models.segment": MODEL, "models.backoff_seconds": 0}


@pytest.fixture
def channel(world: World) -> int:
    return talk(world, "tools")


async def run(
    work: Workplace, world: World, changes: dict[str, Any], models: LoopbackOpenAI | None = None
) -> RunStats:
    """An estimate; a build where there are models to ask."""
    settings = work.settings(list(world.channels), changes)
    async with LoopbackDiscord(world) as server:
        with patched(server):
            async with rest_client("test-token") as client, open_store(work.archive) as store:

                def source(audience: Any, tally: Tally) -> DiscordSource:
                    return DiscordSource(client, audience, settings.collect, tally)

                if models is None:
                    return await estimate_dataset(settings, store, source, Tally(), "a test")
                async with chat_with(models) as chat:
                    return await build_dataset(settings, store, source, chat, Tally(), "a test")


async def test_it_says_what_a_build_then_asks(world: World, channel: int, work: Workplace) -> None:
    estimate = (await run(work, world, MODELS)).counts["estimate"]
    async with LoopbackOpenAI(approve_if(lambda text: True)) as models:
        built = await run(work, world, MODELS, models)
    counter = token_counter()
    asked = sum(counter.length(one["content"]) for request in models.requests for one in request.messages)
    assert estimate["segments"] == built.counts["samples"] == 30
    assert estimate["calls"] == len(models.requests) == built.counts["models"]["calls"] == 4
    assert estimate["prompt_tokens"] == asked
    assert estimate["tokens_exact"] == counter.exact
    price = work.settings([channel], MODELS).models.price(MODEL)
    assert price is not None
    cost = (estimate["prompt_tokens"] * price.input + estimate["completion_tokens"] * price.output) / 1e6
    assert estimate["cost"] == pytest.approx(cost)
    assert 0.5 < estimate["completion_tokens"] / models.completion_tokens < 2


@pytest.mark.parametrize("segment", [MODEL, "rules"])
async def test_calls_for_tools_are_counted_up_to_two_where_somebody_recalls(
    world: World, work: Workplace, segment: str
) -> None:
    """As many as a build asks for if the model wants every call; what was decided costs nothing again."""
    recalling(world)
    changes = MODELS | {"models.segment": segment, "models.tool_trigger": MODEL}
    estimate = (await run(work, world, changes)).counts["estimate"]
    without = (await run(work, world, changes | {"models.tool_trigger": "rules"})).counts["estimate"]
    async with LoopbackOpenAI(approve_if(lambda text: True)) as models:
        built = await run(work, world, changes, models)
        asked = [one for one in models.requests if asks_for_tool(one) or asks_about_leaning(one)]
        assert built.counts["synthetic_tool_calls"] == 2
        assert estimate["tool_calls"] == len(asked) == 4 and without["tool_calls"] == 0
        assert estimate["calls"] == without["calls"] + 4 == len(models.requests)
    length = token_counter().length
    tokens = sum(length(message["content"]) for request in asked for message in request.messages)
    assert estimate["prompt_tokens"] - without["prompt_tokens"] == pytest.approx(tokens, rel=0.1)
    assert estimate["cost"] > without["cost"]
    again = (await run(work, world, changes)).counts["estimate"]
    assert (again["calls"], again["cost"]) == (0, 0)


async def test_nothing_that_is_only_reckoned_with_is_kept(world: World, work: Workplace) -> None:
    recalling(world)
    await run(work, world, MODELS | {"models.tool_trigger": MODEL})
    assert work.rows("SELECT * FROM decisions") == []


def recalling(world: World) -> int:
    """Talks of which two recall an earlier one."""
    channel, at = talk(world, "kitchen", 12), 1_735_689_600_000
    mika, jonas = world.add_user("Mika"), world.add_user("Jonas")
    for text, answer in (
        ("which size does the kitchen tap need?", "Half an inch, that fits nearly everywhere."),
        ("who has the key to the workshop?", "The neighbour on the ground floor got it from me."),
        ("Do you remember which size the kitchen tap needs?", "Half an inch, that fits nearly everywhere."),
        ("Do you remember who has the key to the workshop?", "The neighbour on the ground floor, as I said."),
    ):
        question = world.add_message(channel, mika, text, at=at)
        world.add_message(channel, jonas, answer, at=at + 30_000, reply_to=question)
        at += 86_400_000
    return channel


async def test_stored_decisions_cost_nothing(world: World, channel: int, work: Workplace) -> None:
    async with LoopbackOpenAI(approve_if(lambda text: "lamp 1" in text)) as models:
        built = await run(work, world, MODELS, models)
    assert 0 < built.counts["samples"] < 30
    estimate = (await run(work, world, MODELS)).counts["estimate"]
    assert (estimate["calls"], estimate["prompt_tokens"], estimate["completion_tokens"]) == (0, 0, 0)
    assert estimate["cost"] == 0
    assert estimate["segments"] == built.counts["samples"]  # those rejected before are not hoped for again


async def test_the_rules_cost_nothing(world: World, channel: int, work: Workplace) -> None:
    estimate = (await run(work, world, {})).counts["estimate"]
    assert (estimate["segments"], estimate["calls"], estimate["cost"]) == (30, 0, 0.0)


async def test_an_unknown_price_is_no_zero(world: World, channel: int, work: Workplace) -> None:
    estimate = (await run(work, world, {"models.segment": "some-model"})).counts["estimate"]
    assert (estimate["calls"], estimate["cost"]) == (4, None)


@pytest.mark.parametrize(("wanted", "calls"), [(1, 1), (8, 1), (9, 2), (100, 4)])
async def test_no_more_is_counted_than_is_wanted(
    world: World, channel: int, work: Workplace, wanted: int, calls: int
) -> None:
    stats = await run(work, world, MODELS | {"dataset.max_samples": wanted})
    assert stats.counts["estimate"]["calls"] == calls


async def test_nothing_is_written_and_history_is_kept(world: World, channel: int, work: Workplace) -> None:
    work.records.write_text("the old one\n")
    stats = await run(work, world, {})
    assert work.records.read_text() == "the old one\n"
    assert stats.files == () and stats.counts["files"] == []
    assert not (work.folder / "stats.json").exists()
    assert not (work.folder / "raw").exists()
    assert len(work.stored(channel)) == 60
    assert work.rows("SELECT state, message FROM runs") == [("finished", "")]
