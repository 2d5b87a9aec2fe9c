"""Whether a model could be asked: the server's list of models, which costs nothing."""

from __future__ import annotations

import json
from typing import Any

import openai

from tuner.amounts import counted
from tuner.config.readiness import Finding
from tuner.config.settings import OpenAI

PATIENCE = 20.0  # seconds


async def check_models(key: str, server: OpenAI, models: list[str]) -> list[Finding]:
    """How the key and the models that are named stand with the server."""
    async with openai.AsyncOpenAI(
        api_key=key, base_url=server.base_url or None, timeout=PATIENCE, max_retries=1
    ) as client:
        try:
            response = await client.models.with_raw_response.list()
            known = _ids(json.loads(response.text))
        except openai.APIStatusError as error:
            return [_refusal(error.status_code, server)]
        except (openai.APIConnectionError, ValueError):
            todo = "Check openai.base_url and the network, or try again later."
            return [Finding("model key", "bad", "the model server could not be reached.", todo)]
    return [Finding("model key", "good", "the model server takes it."), *(_model(m, known) for m in models)]


def _ids(document: Any) -> set[str]:
    items = document.get("data") if isinstance(document, dict) else None
    return {str(item.get("id")) for item in items or () if isinstance(item, dict)}


def _refusal(status: int, server: OpenAI) -> Finding:
    if status in (401, 403):
        todo = f"Put a key that is valid into the environment variable {server.api_key_env}."
        return Finding("model key", "bad", f"the model server refused it (HTTP {status}).", todo)
    if status in (404, 405, 501):
        return Finding(
            "model key", "note", "the server lists no models, so the key could not be tried for free."
        )
    return Finding("model key", "bad", f"the model server answered HTTP {status}.", "Try again later.")


def _model(name: str, known: set[str]) -> Finding:
    if not known or name in known:
        return Finding(
            "model", "good", f"{name} can be asked." if known else f"{name}: the server lists none."
        )
    return Finding(
        "model",
        "note",
        f"{name} is not among the {counted(len(known), 'model')} that the server lists.",
        "Check models.segment and models.tool_trigger; some servers take names they do not list.",
    )
