"""Models behind the OpenAI API, or a server that speaks it, through the openai client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import openai
from pydantic import BaseModel

from tuner.asking.answers import Answer, Question
from tuner.config import secret
from tuner.config.settings import RULES, Models, OpenAI
from tuner.errors import FatalError, RetryError, TunerError, UsageError

LONGEST_WAIT = 120.0  # seconds; a longer Retry-After is not waited for
ABOUT_CONTENT = {
    "context_length_exceeded": "too long",
    "content_filter": "content filter",
    "content_policy_violation": "content filter",
}  # codes of a 400 that says something about what was shown, and their fault

log = logging.getLogger(__name__)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Completion(BaseModel):
    """What is read of an answer. The client itself checks nothing: a sign-in page comes back as a str."""

    choices: list[_Choice]
    usage: _Usage | None = None


class OpenAIChat:
    """One attempt per call; `tuner.asking.chat.Asker` decides about the next."""

    def __init__(
        self, client: openai.AsyncOpenAI, reasoning_effort: str = "", timeout_seconds: float | None = None
    ) -> None:
        self._client = client
        self._timeout_seconds = (
            timeout_seconds  # of a whole answer; the client's own begins anew with every byte
        )
        self._options: dict[str, Any] = {"reasoning_effort": reasoning_effort} if reasoning_effort else {}

    async def ask(self, question: Question) -> Answer:
        try:
            answer = await self._answered(question)
        except TunerError as error:
            log.debug("%s: asked, and got no answer: %s", question.model, error)
            raise
        log.debug(
            "%s: asked, and got an answer: %d + %d tokens (%d cached), fault: %s",
            question.model,
            answer.prompt_tokens,
            answer.completion_tokens,
            answer.cached_tokens,
            answer.fault or "none",
        )
        return answer

    async def _answered(self, question: Question) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                completion = await self._completion(question)
            return _answer(_Completion.model_validate(completion, from_attributes=True))
        except TimeoutError as error:
            raise RetryError(f"Timeout: no whole answer in {self._timeout_seconds:g} s") from error
        except openai.APIStatusError as error:
            if error.status_code == 400 and error.code in ABOUT_CONTENT:
                return Answer("", fault=ABOUT_CONTENT[error.code])
            raise _classed(error, question.model) from error
        except openai.APIConnectionError as error:
            raise RetryError(type(error).__name__) from error
        except (openai.APIResponseValidationError, ValueError, RecursionError) as error:
            raise RetryError("an answer that is no chat completion") from error  # nor JSON, nor text, perhaps

    async def _completion(self, question: Question) -> object:
        return await self._client.chat.completions.create(
            model=question.model,
            messages=[
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": question.schema},
            },
            max_completion_tokens=question.longest_answer,
            **self._options,
        )


@asynccontextmanager
async def configured_chat(
    models: Models, server: OpenAI, environment: Mapping[str, str]
) -> AsyncIterator[OpenAIChat | None]:
    """The client for the models that are named; None when the rules decide everything.

    Raises UsageError when a model is named and there is no key.
    """
    asked = next((name for name in (models.segment, models.tool_trigger) if name != RULES), None)
    if asked is None:
        yield None
        return
    key = secret(environment, server.api_key_env, f"Asking the model {asked!r}")
    async with openai_chat(key, server.base_url, models.timeout_seconds, models.reasoning_effort) as chat:
        yield chat


@asynccontextmanager
async def openai_chat(
    api_key: str, base_url: str, timeout_seconds: float, reasoning_effort: str = ""
) -> AsyncIterator[OpenAIChat]:
    """A chat client whose own retries are off: every request is counted and paid for on purpose."""
    async with openai.AsyncOpenAI(
        api_key=api_key, base_url=base_url or None, timeout=timeout_seconds, max_retries=0
    ) as client:
        yield OpenAIChat(client, reasoning_effort, timeout_seconds)


def _answer(completion: _Completion) -> Answer:
    usage = completion.usage or _Usage()
    details = usage.prompt_tokens_details or _Details()
    fault, text = "empty", ""
    if completion.choices:
        choice = completion.choices[0]
        text = choice.message.content or ""
        if choice.message.refusal:
            fault = "refusal"
        elif choice.finish_reason == "length":
            fault = "cut"
        elif choice.finish_reason == "content_filter":
            fault = "content filter"
        else:
            fault = "" if text else "empty"
    return Answer(
        text=text,
        fault=fault,
        prompt_tokens=usage.prompt_tokens or 0,
        cached_tokens=details.cached_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
    )


def _classed(error: openai.APIStatusError, model: str) -> TunerError:
    """Which kind of trouble an HTTP error is. The server's own text is not repeated: it may quote the chat."""
    code = f", {error.code}" if error.code else ""
    words = f"HTTP {error.status_code}{code}"
    match error.status_code:
        case 401 | 403:
            return UsageError(
                f"The model server refused the API key ({words}). Check the key in the environment, and that it "
                f"may use {model}. What was decided so far is kept."
            )
        case 404:
            return UsageError(
                f"The model server knows no model {model!r} ({words}). Check how it is written, "
                "and openai.base_url. What was decided so far is kept."
            )
        case 429 if "insufficient_quota" in (error.code, error.type):
            return FatalError(
                "The model account has no credit left (insufficient_quota). What was decided so far is kept; "
                "add credit and run again."
            )
        case 408 | 409 | 429:
            return _passing(error, words)
        case status if status >= 500:
            return _passing(error, words)
        case _:
            return FatalError(
                f"The model server does not take the request ({words}). A compatible server may lack structured "
                "outputs (response_format json_schema); check openai.base_url and the model."
            )


def _passing(error: openai.APIStatusError, words: str) -> TunerError:
    try:
        after = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        after = 0.0
    if after > LONGEST_WAIT:
        return FatalError(
            f"The model server asks to wait {after:.0f} s. What was decided so far is kept; run again later."
        )
    return RetryError(words, after=after if after > 0 else 0.0)
