"""A production bot's own builder, called with care: what it does wrong is said in a sentence that names it."""

from __future__ import annotations

import inspect
import json
from typing import Any

from tuner.config.settings import Prompt as PromptSettings
from tuner.errors import UsageError
from tuner.prompt.stack import FOREIGN, Assets, Builder, Header, PromptRequest, load_assets, load_builder

SHAPE = (
    "It takes one tuner.prompt.stack.PromptRequest and returns a Header, as tuner.prompt.stack.build does."
)


def production_prompt(settings: PromptSettings) -> tuple[Builder, Assets]:
    """The builder that is configured, called with care, and what it builds from."""
    return guarded(load_builder(settings.stack), settings.stack), load_assets(settings)


def guarded(builder: Builder, name: str) -> Builder:
    """The builder, whose mistakes are UsageErrors. Raises one at once when it cannot be called as is needed."""
    if name == "tuner.prompt.stack:build":
        return builder
    if inspect.iscoroutinefunction(builder):
        raise UsageError(f"prompt.stack = {name!r} is async and cannot be waited for. {SHAPE}")
    try:
        inspect.signature(builder).bind(object())
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"prompt.stack = {name!r} cannot be called with one argument: {error}. {SHAPE}"
        ) from error

    def build(request: PromptRequest) -> Header:
        try:
            header: Any = builder(request)
            return Header(tuple(map(_message, header.messages)), tuple(map(_tool, header.tools)))
        except FOREIGN as error:
            raise UsageError(
                f"prompt.stack = {name!r} failed for a sample: {type(error).__name__}: {error}. {SHAPE} Nothing was "
                "written; what was read and decided is kept."
            ) from error

    return build


def _message(value: Any) -> dict[str, Any]:
    """A message as the format wants it. Raises TypeError for another."""
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        raise TypeError(f"a message should be a dict with a role, not {type(value).__name__}")
    json.dumps(value)
    return dict(value)


def _tool(value: Any) -> dict[str, Any]:
    """A tool as the format wants it. Raises TypeError for another."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise TypeError('a tool should be a dict: {"type": "function", "function": {"name": …}}')
    json.dumps(value)
    return dict(value)
