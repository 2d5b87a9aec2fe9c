"""Field types for data that strangers' programs wrote: what is malformed is left out, not fatal."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

Model = TypeVar("Model", bound=BaseModel)


def _text(value: object) -> object:
    return "" if value is None else value


def _label(value: object) -> object:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> object:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


def _countable(moment: datetime) -> datetime:
    try:
        moment.timestamp()
    except (OverflowError, OSError) as error:
        raise ValueError("a time that no clock shows") from error
    return moment


def _else_none(value: object, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        return None


def _else_false(value: object, check: ValidatorFunctionWrapHandler) -> Any:
    return _else_none(value, check) or False


Id = Annotated[int, Field(gt=0, lt=1 << 63)]
"""A Discord id, as a number or in quotes; what the archive cannot hold is malformed."""

OrNone = WrapValidator(_else_none)
"""For a field that need not be there; a malformed one is not."""

MaybeId = Annotated[Id | None, OrNone]
"""An id that need not be there; a malformed one is not."""

Text = Annotated[str, BeforeValidator(_text)]
"""A string; null is the empty one."""

Label = Annotated[str, BeforeValidator(_label)]
"""A string; whatever else is the empty one."""

Flag = Annotated[bool, WrapValidator(_else_false)]
"""Yes or no; whatever else is no."""

Moment = Annotated[Annotated[datetime, AfterValidator(_countable)] | None, OrNone]
"""A time; an unreadable one is none."""

Objects = Annotated[list[dict[str, Any]], BeforeValidator(_objects)]
"""A list of JSON objects; anything else in it is dropped."""

Object = Annotated[dict[str, Any] | None, BeforeValidator(_object)]
"""A JSON object; anything else is none."""


def well_formed(model: type[Model], raw: Iterable[dict[str, Any]]) -> list[Model]:
    """Those of the objects that are what they should be."""
    found = []
    for item in raw:
        with suppress(ValidationError):
            found.append(model.model_validate(item))
    return found
