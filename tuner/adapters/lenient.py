"""Field types for data that strangers' programs wrote: what is malformed is left out, not fatal."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def _text(value: object) -> object:
    return "" if value is None else value


def _objects(value: object) -> object:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


Id = Annotated[int, Field(gt=0, lt=1 << 63)]
"""A Discord id, as a number or in quotes; what the archive cannot hold is malformed."""

Text = Annotated[str, BeforeValidator(_text)]
"""A string; null is the empty one."""

Objects = Annotated[list[dict[str, Any]], BeforeValidator(_objects)]
"""A list of JSON objects; anything else in it is dropped."""


def well_formed(model: type[Model], raw: Iterable[dict[str, Any]]) -> list[Model]:
    """Those of the objects that are what they should be."""
    found = []
    for item in raw:
        with suppress(ValidationError):
            found.append(model.model_validate(item))
    return found
