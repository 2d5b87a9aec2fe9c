"""How tools are offered in a line of a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tuner.dataset import parameters

FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Strict(BaseModel):
    """An object that has no other keys, and whose values are of the types they should be."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Definition(Strict):
    name: FunctionName
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    strict: bool | None = None


class ToolDefinition(Strict):
    type: Literal["function"]
    function: _Definition


def faults(tools: Sequence[ToolDefinition]) -> Iterator[str]:
    """What is wrong with tools that have the form."""
    names: set[str] = set()
    for position, tool in enumerate(tools):
        name = tool.function.name
        if name in names:
            yield f"tools.{position}: a second tool called {name!r}"
        names.add(name)
        yield from parameters.faults(tool.function.parameters, f"tools.{position}.function.parameters")


def read(text: object) -> object:
    """What a text holds as JSON; None where a reader could not read it, or write it again."""
    try:
        value = json.loads(text, parse_constant=_no_constant) if isinstance(text, str) else None
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
