"""How tools are offered in a line of a dataset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
