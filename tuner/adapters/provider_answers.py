"""What providers of training say, read leniently: an odd figure is left out, only a number and a state are needed."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from tuner.training.faults import UnansweredError
from tuner.training.providers import Place

MOST = 1 << 53  # what any reader of JSON can tell from its neighbours


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


def _count(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)  # Google's JSON writes large numbers as text
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST else None


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < MOST and math.isfinite(value) else None


Text = Annotated[str | None, BeforeValidator(_text)]
Count = Annotated[int | None, BeforeValidator(_count)]
Number = Annotated[float | None, BeforeValidator(_number)]

Model = TypeVar("Model", bound=BaseModel)


def understood(model: type[Model], document: Any, place: Place) -> Model:
    """An answer as a value. An UnansweredError when what it has to say is not in it."""
    try:
        return model.model_validate(document)
    except ValidationError:
        raise puzzled(place) from None


def puzzled(place: Place) -> UnansweredError:
    return UnansweredError(f"{place.title} gave an answer that is not understood")


def items(document: Any, key: str) -> list[dict[str, Any]]:
    """The objects of a list in an answer."""
    found = document.get(key) if isinstance(document, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
