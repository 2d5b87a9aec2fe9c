"""Calls as the chat format wrote them before it had tools: deprecated, and still in the published schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FUNCTIONS_NOTE = (
    "functions, function_call and the role function are deprecated: OpenAI's published schema allows them, and readers "
    "that know tools only refuse or ignore them"
)
MOST_FUNCTIONS = 128
FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Strict(BaseModel):
    """What has its keys and no other, of the types that it says."""

    model_config = ConfigDict(extra="forbid", strict=True)


class FunctionDefinition(Strict):
    name: FunctionName
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class FunctionCall(Strict):
    name: FunctionName
    arguments: str


class FunctionResult(Strict):
    """A message; it says whose result it is by name, as its call has no id."""

    role: Literal["function"]
    name: FunctionName
    content: str | None
