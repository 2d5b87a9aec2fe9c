"""The loopback OpenAI server, proved with the real client."""

import asyncio
import copy
import json
import time
from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, Field

from tests.support.loopback_gateway import PATIENCE, until
from tests.support.loopback_openai import (
    CONTENT_FILTER,
    CUT_ANSWER,
    INSUFFICIENT_QUOTA,
    NOT_JSON,
    OTHER_SHAPE,
    OVERLOADED,
    REFUSAL,
    SERVER_ERROR,
    ChatRequest,
    HttpError,
    LoopbackOpenAI,
    Misbehave,
    RawAnswer,
    Wire,
    checked,
    rate_limited,
)
from tests.support.strict_schema import strict_faults
from tests.support.threaded import in_thread


class Topic(BaseModel):
    title: str = Field(max_length=12)
    mood: Literal["calm", "heated"]


class Verdict(BaseModel):
    topics: list[Topic] = Field(max_length=2)
    score: int = Field(ge=0, le=10)
    note: str | None
    keep: bool


GOOD: dict[str, Any] = {
    "topics": [{"title": "Käse", "mood": "calm"}], "score": 7, "note": None, "keep": True,
}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def good(request: ChatRequest) -> dict[str, Any]:
    return GOOD


def client_of(server: LoopbackOpenAI, *, key: str = "sk-test", **options: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=server.url, api_key=key, **{"max_retries": 0, "timeout": PATIENCE, **options}
    )


async def ask(client: openai.AsyncOpenAI, text: str = "12345678") -> Verdict | None:
    answer = await client.chat.completions.parse(
        model="gpt-6-luna", messages=[{"role": "user", "content": text}], response_format=Verdict
    )
    return answer.choices[0].message.parsed


async def ask_raw(
    client: openai.AsyncOpenAI, schema: dict[str, Any] = SCHEMA, name: str = "verdict", strict: bool = True
) -> ChatCompletion:
    return await client.chat.completions.create(
        model="gpt-6-luna",
        messages=[{"role": "user", "content": "12345678"}],
        response_format={
            "type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": schema},
        },
    )  # fmt: skip


async def misbehaving(step: Misbehave, **options: Any) -> Verdict | None:
    async with LoopbackOpenAI(good) as server, client_of(server, **options) as client:
        server.script([step])
        return await ask(client)


async def test_a_good_answer_is_parsed_and_the_request_recorded() -> None:
    async with LoopbackOpenAI(good) as server, client_of(server) as client:
        assert await ask(client) == Verdict.model_validate(GOOD)
    [request] = server.requests
    assert (request.model, request.text) == ("gpt-6-luna", "12345678")
    assert request.messages == [{"role": "user", "content": "12345678"}]
    assert request.schema is not None
    assert request.schema["required"] == ["topics", "score", "note", "keep"]
    assert request.body["response_format"]["json_schema"]["strict"] is True
    assert request.headers["authorization"] == "Bearer sk-test"


async def test_the_completion_carries_usage_and_rate_limit_headers() -> None:
    async with LoopbackOpenAI(lambda request: "x" * 9) as server, client_of(server) as client:
        server.ratelimit_headers["x-ratelimit-limit-tokens"] = "-1"
        raw = await client.chat.completions.with_raw_response.create(
            model="m",
            messages=[
                {"role": "system", "content": "12345"},
                {"role": "user", "content": [{"type": "text", "text": "1234"}]},
            ],
        )
    completion = raw.parse()
    assert completion.object == "chat.completion"
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("x" * 9, "stop")
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2 + 3 + 1 + 3, 3)
    assert completion.usage.total_tokens == 12
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 0
    assert (server.prompt_tokens, server.completion_tokens) == (9, 3)
    assert raw.headers["x-ratelimit-remaining-requests"] == "499"
    assert raw.headers["x-ratelimit-limit-tokens"] == "-1"


async def test_in_flight_counts_calls_that_overlap() -> None:
    async with LoopbackOpenAI(good, delay=0.1) as server, client_of(server) as client:
        server.held = lambda request: server.max_in_flight < 3
        started = time.monotonic()
        await asyncio.gather(*(ask(client) for _ in range(3)))
        assert time.monotonic() - started >= 0.1
        assert (server.in_flight, server.max_in_flight) == (0, 3)


async def test_a_wrong_key_is_refused_but_recorded() -> None:
    async with LoopbackOpenAI(good) as server, client_of(server, key="sk-other") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await ask(client)
    assert (caught.value.code, caught.value.type) == ("invalid_api_key", "invalid_request_error")
    assert (len(server.requests), server.prompt_tokens) == (1, 0)


async def test_refused_requests_leave_the_script_alone() -> None:
    async with LoopbackOpenAI(good) as server, client_of(server) as client:
        server.script([REFUSAL])
        with pytest.raises(openai.BadRequestError, match="additionalProperties") as caught:
            await ask_raw(client, {**SCHEMA, "additionalProperties": True})
        assert (caught.value.param, caught.value.type) == ("response_format", "invalid_request_error")
        assert (await ask_raw(client)).choices[0].message.refusal


@pytest.mark.parametrize(
    ("options", "param"),
    [({"name": "no spaces"}, "response_format.json_schema.name"), ({"strict": False}, "response_format")],
)
async def test_a_badly_wrapped_schema_is_refused(options: dict[str, Any], param: str) -> None:
    async with LoopbackOpenAI(good) as server, client_of(server) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await ask_raw(client, **options)
    assert caught.value.param == param


@pytest.mark.parametrize("options", [{"messages": []}, {"model": ""}, {"stream": True}])
async def test_a_malformed_call_is_refused(options: dict[str, Any]) -> None:
    call: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **options}
    async with LoopbackOpenAI(good) as server, client_of(server) as client:
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(**call)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ((), {"type": "array", "items": {"type": "string"}}, "type: \"object\""),
        ((), None, "type: \"object\""),
        (("required",), ["a"], "Missing 'b'"),
        (("required",), ["a", "b", "c"], "Extra 'c'"),
        (("additionalProperties",), {"type": "string"}, "'additionalProperties' is required"),
        (("properties", "a", "default"), "x", "('properties', 'a'), 'default' is not permitted"),
        (("properties", "a"), {}, "must have a 'type' key"),
        (("properties", "a"), {"$ref": "#/$defs/Gone"}, "was not found"),
        (("properties", "a"), {"$ref": "#", "description": "x"}, "cannot have keywords ['description']"),
        (("properties", "a"), {"anyOf": [{"type": "object"}]}, "('properties', 'a', 'anyOf', '0')"),
        (("properties", "b"), {"type": "array"}, "missing items"),
        (("properties", "b", "items"), {"type": ["object", "null"]}, "('properties', 'b', 'items')"),
        (("$defs",), {"D": {"type": "object"}}, "('$defs', 'D')"),
    ],
)  # fmt: skip
def test_what_strict_schemas_forbid(path: tuple[str, ...], value: Any, fault: str) -> None:
    assert any(fault in text for text in strict_faults(changed(SCHEMA, path, value)))


def changed(tree: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    tree = copy.copy(tree)
    tree[path[0]] = changed(tree.get(path[0]), path[1:], value)
    return tree


def test_strict_schemas_may_hold_references_unions_and_a_property_called_default() -> None:
    node = {
        "type": "object",
        "properties": {"default": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
        "required": ["default"],
        "additionalProperties": False,
    }
    schema = {**node, "$defs": {"Node": node}}
    assert list(strict_faults(schema)) == []
    assert checked({"default": {"default": None}}, schema) == '{"default": {"default": null}}'
    with pytest.raises(ValueError, match=r"\$\.default fits no branch"):
        checked({"default": {"default": 1}}, schema)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"score": 11}, r"\$\.score breaks maximum 10"),
        ({"score": -1}, r"\$\.score breaks minimum 0"),
        ({"score": True}, r"\$\.score is bool, not integer"),
        ({"keep": 1}, r"\$\.keep is int, not boolean"),
        ({"note": 5}, r"\$\.note fits no branch of anyOf"),
        ({"more": 1}, r"\$ has an extra 'more'"),
        ({"topics": [{"title": "t", "mood": "calm"}] * 3}, r"\$\.topics breaks maxItems 2"),
        ({"topics": [{"title": "t" * 13, "mood": "calm"}]}, r"\$\.topics\[0\]\.title breaks maxLength 12"),
        ({"topics": [{"title": "t", "mood": "odd"}]}, r"\$\.topics\[0\]\.mood is 'odd', not one of"),
        ({"topics": [{"title": "t"}]}, r"\$\.topics\[0\] lacks 'mood'"),
    ],
)
async def test_a_responder_that_violates_the_schema_fails_the_test(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        async with (
            LoopbackOpenAI(lambda request: {**GOOD, **change}) as server,
            client_of(server) as client,
        ):
            await ask(client)


async def test_text_answers_are_checked_and_sent_as_written() -> None:
    text = json.dumps(GOOD, indent=4)
    async with LoopbackOpenAI(lambda request: text) as server, client_of(server) as client:
        assert await ask(client) == Verdict.model_validate(GOOD)
    with pytest.raises(json.JSONDecodeError):
        async with LoopbackOpenAI(lambda request: "no JSON") as server, client_of(server) as client:
            await ask(client)


async def test_a_responder_that_raises_fails_even_a_test_that_swallows_client_errors() -> None:
    def broken(request: ChatRequest) -> str:
        raise LookupError("no answer prepared")

    server = LoopbackOpenAI(broken)
    with pytest.raises(LookupError, match="no answer prepared"):
        async with server, client_of(server, max_retries=2) as client:
            await asyncio.gather(ask(client), return_exceptions=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("step", "error", "code"),
    [
        (rate_limited(), openai.RateLimitError, "rate_limit_exceeded"),
        (INSUFFICIENT_QUOTA, openai.RateLimitError, "insufficient_quota"),
        (SERVER_ERROR, openai.InternalServerError, None),
        (OVERLOADED, openai.InternalServerError, None),
        (HttpError(403, code="not_available"), openai.PermissionDeniedError, "not_available"),
    ],
)
async def test_http_errors(step: HttpError, error: type[openai.APIStatusError], code: str | None) -> None:
    with pytest.raises(error) as caught:
        await misbehaving(step)
    assert (caught.value.status_code, caught.value.code, caught.value.type) == (
        step.status,
        code,
        step.type,
    )
    assert "retry-after" not in caught.value.response.headers
    assert caught.value.response.headers["x-ratelimit-limit-requests"] == "500"


async def test_the_client_waits_as_long_as_retry_after_says() -> None:
    started = time.monotonic()
    assert await misbehaving(rate_limited(retry_after=1), max_retries=1) is not None
    assert time.monotonic() - started >= 0.9


@pytest.mark.parametrize("step", [Wire.RESET, Wire.CUT_BODY])
async def test_broken_connections(step: Wire) -> None:
    with pytest.raises(openai.APIConnectionError) as caught:
        await misbehaving(step)
    assert not isinstance(caught.value, openai.APITimeoutError)
    assert await misbehaving(step, max_retries=1) is not None


async def test_a_hanging_call_ends_with_its_client() -> None:
    async with (
        LoopbackOpenAI(lambda request: Wire.HANG) as server,
        client_of(server, timeout=0.2) as hasty,
        client_of(server) as client,
    ):
        with pytest.raises(openai.APITimeoutError):
            await ask(hasty)
        await until(lambda: server.in_flight == 0)
        server.responder = good
        assert await ask(client) is not None


async def test_leaving_the_server_ends_hanging_calls() -> None:
    async with LoopbackOpenAI(lambda request: Wire.HANG) as server:
        client = client_of(server)
        call = asyncio.create_task(ask(client))
        await until(lambda: server.in_flight)
    with pytest.raises(openai.APIConnectionError):
        await call
    await client.close()
    assert server.in_flight == 0


async def test_a_refusal_parses_to_nothing() -> None:
    assert await misbehaving(REFUSAL) is None


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (CUT_ANSWER, openai.LengthFinishReasonError),
        (CONTENT_FILTER, openai.ContentFilterFinishReasonError),
        (NOT_JSON, ValueError),
        (OTHER_SHAPE, ValueError),
    ],
)
async def test_unusable_answers(step: RawAnswer, error: type[Exception]) -> None:
    with pytest.raises(error):
        await misbehaving(step)
    async with LoopbackOpenAI(good) as server, client_of(server) as client:
        server.script([step])
        choice = (await ask_raw(client)).choices[0]
    assert (choice.message.content, choice.finish_reason) == (step.content, step.finish_reason)
    assert server.prompt_tokens == 2 + 3


async def test_the_script_comes_before_the_responder() -> None:
    async with LoopbackOpenAI(lambda request: REFUSAL) as server, client_of(server) as client:
        server.responder = good
        server.script([None, REFUSAL])
        server.script([None])
        assert [await ask(client) is None for _ in range(4)] == [False, True, False, False]


def test_the_server_runs_in_a_thread() -> None:
    with in_thread(LoopbackOpenAI(good)) as server:
        with openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=0) as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        assert len(server.requests) == 1


def test_what_the_server_raises_reaches_the_thread_that_waits() -> None:
    with (
        pytest.raises(ValueError, match="violates"),
        in_thread(LoopbackOpenAI(lambda request: {"score": 1})) as server,
        openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=0) as client,
    ):
        client.chat.completions.parse(
            model="m", messages=[{"role": "user", "content": "hi"}], response_format=Verdict
        )
