"""The openai client as one attempt at a model: what an answer is, and which kind of trouble an error is."""

from typing import Any

import httpx2
import openai
import pytest

from tests.support.loopback_openai import (
    CONTENT_FILTER,
    CUT_ANSWER,
    INSUFFICIENT_QUOTA,
    NOT_JSON,
    OVERLOADED,
    REFUSAL,
    SERVER_ERROR,
    HttpError,
    LoopbackOpenAI,
    Misbehave,
    RawAnswer,
    Wire,
    rate_limited,
)
from tests.support.model_server import chat_with
from tuner.adapters.openai_chat import OpenAIChat, openai_chat
from tuner.asking.answers import Answer, Question
from tuner.errors import FatalError, RetryError, TunerError, UsageError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
QUESTION = Question("gpt-6-luna", "You decide.", "1 A: planted words", SCHEMA, longest_answer=77)


async def asked(step: Misbehave | None, timeout_seconds: float = 10) -> Answer:
    """The answer when the server does this."""
    async with (
        LoopbackOpenAI(lambda request: {"ok": True}) as server,
        chat_with(server, timeout_seconds) as chat,
    ):
        server.script([step])
        try:
            return await chat.ask(QUESTION)
        finally:
            assert len(server.requests) == 1  # its own retries are off


async def failure(step: Misbehave, timeout_seconds: float = 10) -> TunerError:
    with pytest.raises(TunerError) as caught:
        await asked(step, timeout_seconds)
    return caught.value


async def answered_with(response: httpx2.Response) -> Answer:
    """What comes of a response no OpenAI server would send."""
    transport = httpx2.MockTransport(lambda request: response)
    async with openai.AsyncOpenAI(
        api_key="sk-test",
        base_url="http://127.0.0.1:9/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=transport),
    ) as client:
        return await OpenAIChat(client).ask(QUESTION)


async def test_a_request_holds_the_fixed_text_first_the_schema_and_the_longest_answer() -> None:
    async with LoopbackOpenAI(lambda request: {"ok": True}) as server, chat_with(server) as chat:
        answer = await chat.ask(QUESTION)
    [request] = server.requests
    assert (answer.text, answer.fault) == ('{"ok": true}', "")
    assert (answer.prompt_tokens, answer.completion_tokens) == (
        server.prompt_tokens,
        server.completion_tokens,
    )
    assert request.messages == [
        {"role": "system", "content": "You decide."},
        {"role": "user", "content": "1 A: planted words"},
    ]
    assert request.schema == SCHEMA
    assert request.body["max_completion_tokens"] == 77
    assert "reasoning_effort" not in request.body


async def test_reasoning_effort_is_sent_where_it_is_set() -> None:
    async with (
        LoopbackOpenAI(lambda request: {"ok": True}) as server,
        openai_chat(server.key, server.url, 10, "none") as chat,
    ):
        await chat.ask(QUESTION)
    assert server.requests[0].body["reasoning_effort"] == "none"


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (REFUSAL, "refusal"),
        (CUT_ANSWER, "cut"),
        (CONTENT_FILTER, "content filter"),
        (RawAnswer(""), "empty"),
        (RawAnswer(None), "empty"),
        (NOT_JSON, ""),  # text all the same; whoever asked checks it
    ],
)
async def test_answers_say_what_is_wrong_with_them_and_are_paid_for(step: RawAnswer, fault: str) -> None:
    answer = await asked(step)
    assert answer.fault == fault
    assert answer.prompt_tokens > 0


@pytest.mark.parametrize(
    "step",
    [rate_limited(), SERVER_ERROR, OVERLOADED, HttpError(408), HttpError(409), Wire.RESET, Wire.CUT_BODY],
)
async def test_passing_faults_may_be_tried_again(step: Misbehave) -> None:
    assert isinstance(await failure(step), RetryError)


async def test_a_hanging_server_is_left_after_the_timeout() -> None:
    error = await failure(Wire.HANG, timeout_seconds=0.2)
    assert isinstance(error, RetryError)
    assert "Timeout" in str(error)


async def test_the_timeout_is_the_whole_answers_whatever_arrives_meanwhile() -> None:
    """Each byte comes long before the timeout; the last never does."""
    error = await failure(Wire.DRIP, timeout_seconds=0.3)
    assert isinstance(error, RetryError)
    assert str(error) == "Timeout: no whole answer in 0.3 s"


async def test_nobody_listening_is_a_passing_fault() -> None:
    async with LoopbackOpenAI(lambda request: {"ok": True}) as server:
        url = server.url
    async with openai_chat("sk-test", url, 1) as chat:
        with pytest.raises(RetryError):
            await chat.ask(QUESTION)


@pytest.mark.parametrize(("seconds", "after"), [(None, 0), (0, 0), (7, 7), (0.25, 0.25), (120, 120)])
async def test_the_wait_that_a_server_asks_for_is_passed_on(seconds: float | None, after: float) -> None:
    error = await failure(rate_limited(seconds))
    assert isinstance(error, RetryError)
    assert error.after == after


@pytest.mark.parametrize("step", [rate_limited(121), HttpError(503, retry_after=3600)])
async def test_a_wait_of_more_than_two_minutes_ends_the_run(step: Misbehave) -> None:
    error = await failure(step)
    assert isinstance(error, FatalError)
    assert "kept; run again later" in str(error)


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "nan", "-5"])
async def test_a_wait_that_is_no_number_of_seconds_is_not_one(header: str) -> None:
    with pytest.raises(RetryError) as caught:
        await answered_with(httpx2.Response(429, json={"error": {}}, headers={"Retry-After": header}))
    assert caught.value.after == 0


@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        (INSUFFICIENT_QUOTA, FatalError, "no credit left"),
        (
            HttpError(401, code="invalid_api_key"),
            UsageError,
            "refused the API key (HTTP 401, invalid_api_key)",
        ),
        (HttpError(403, code="not_allowed"), UsageError, "may use gpt-6-luna"),
        (HttpError(404, code="model_not_found"), UsageError, "no model 'gpt-6-luna'"),
        (HttpError(400, code="unsupported"), FatalError, "does not take the request (HTTP 400, unsupported)"),
        (HttpError(422), FatalError, "does not take the request (HTTP 422)"),
    ],
)
async def test_faults_that_no_second_try_mends(step: HttpError, kind: type[FatalError], words: str) -> None:
    error = await failure(step)
    assert type(error) is kind
    assert words in str(error)
    assert str(error).endswith(".")
    assert step.message not in str(error)  # it may quote the chat


async def test_the_quota_is_known_by_its_type_too() -> None:
    error = await failure(HttpError(429, type="insufficient_quota"))
    assert isinstance(error, FatalError)


async def test_a_wrong_key_is_refused() -> None:
    async with (
        LoopbackOpenAI(lambda request: {"ok": True}) as server,
        openai_chat("sk-x", server.url, 5) as chat,
    ):
        with pytest.raises(UsageError, match="API key"):
            await chat.ask(QUESTION)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("context_length_exceeded", "too long"),
        ("content_filter", "content filter"),
        ("content_policy_violation", "content filter"),
    ],
)
async def test_a_request_refused_for_what_it_shows_is_an_answer_about_it(code: str, fault: str) -> None:
    """The run goes on: other segments can be asked about."""
    answer = await asked(HttpError(400, code=code))
    assert (answer.fault, answer.text, answer.prompt_tokens) == (fault, "", 0)


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, text="<html>sign in</html>", headers={"Content-Type": "text/html"}),
        httpx2.Response(200, text="<html>", headers={"Content-Type": "application/json"}),
        httpx2.Response(200, text=""),
        httpx2.Response(200, json=[1]),
        httpx2.Response(200, json=None),
        httpx2.Response(200, json={"ok": True}),
        httpx2.Response(200, json={"choices": None}),
        httpx2.Response(200, json={"choices": [{"finish_reason": "stop"}]}),
        httpx2.Response(200, json={"choices": [{"message": None}]}),
        httpx2.Response(200, json={"choices": ["text"]}),
        httpx2.Response(200, text="[" * 100_000, headers={"Content-Type": "application/json"}),
        httpx2.Response(200, text="9" * 5000, headers={"Content-Type": "application/json"}),
        httpx2.Response(200, content=b'{"choices": "\xff"}', headers={"Content-Type": "application/json"}),
    ],
)
async def test_what_is_no_completion_may_be_tried_again(response: httpx2.Response) -> None:
    """A proxy, a sign-in page, a server that speaks something else: never a crash."""
    with pytest.raises(RetryError):
        await answered_with(response)


async def test_no_choices_at_all_are_an_empty_answer() -> None:
    assert (await answered_with(httpx2.Response(200, json={"choices": []}))).fault == "empty"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens_details": {}},
        {"prompt_tokens_details": {"cached_tokens": None}},
    ],
)
async def test_compatible_servers_may_leave_out_the_usage(usage: Any) -> None:
    message = {"role": "assistant", "content": "{}"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    assert await answered_with(httpx2.Response(200, json=body)) == Answer("{}")


async def test_cached_tokens_are_counted() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    message = {"role": "assistant", "content": "{}"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    answer = await answered_with(httpx2.Response(200, json=body))
    assert (answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens) == (9, 4, 2)
