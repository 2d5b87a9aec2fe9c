"""Is what a tool takes described by a JSON Schema? Draft 7, which is what services and trainers check against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_ONE = frozenset("additionalProperties propertyNames additionalItems contains not if then else".split())
_SEVERAL = frozenset(("allOf", "anyOf", "oneOf"))
_NAMED = frozenset(("properties", "patternProperties", "definitions"))


def _words(value: object) -> bool:
    """Names, each once."""
    return (
        isinstance(value, list) and all(isinstance(x, str) for x in value) and len(set(value)) == len(value)
    )


def _types(value: object) -> bool:
    several = value if isinstance(value, list) else [value]
    return _words(several) and bool(several) and all(name in _TYPES for name in several)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _of(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


_Rule = tuple[Callable[[object], bool], str]
_COUNTS = "minLength maxLength minItems maxItems minProperties maxProperties".split()
_NUMBERS = "minimum maximum exclusiveMinimum exclusiveMaximum".split()
_TEXTS = "$id $schema $ref $comment title description pattern format contentMediaType contentEncoding".split()
_RULES: Mapping[str, _Rule] = {
    "type": (_types, f"should be one or several of {', '.join(_TYPES)}"),
    "required": (_words, "should be a list of names, each once"),
    "enum": (_of(list), "should be a list"),
    "examples": (_of(list), "should be a list"),
    "uniqueItems": (_of(bool), "should be true or false"),
    "readOnly": (_of(bool), "should be true or false"),
    "writeOnly": (_of(bool), "should be true or false"),
    "multipleOf": (lambda value: _number(value) and value > 0, "should be a number above 0"),  # type: ignore[operator]  # a number
    **dict.fromkeys(_COUNTS, (_count, "should be a whole number, 0 or more")),
    **dict.fromkeys(_NUMBERS, (_number, "should be a number")),
    **{word: (_of(str), "should be a text") for word in _TEXTS},
}


def faults(schema: object, where: str) -> Iterator[str]:
    """What is wrong with a schema, and where in it. Words that draft 7 does not know mean nothing to it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{where}: should be a JSON Schema, an object"
        return
    for word, value in schema.items():
        here = f"{where}.{word}"
        if rule := _RULES.get(word):
            fits, words = rule
            if not fits(value):
                yield f"{here}: {words}"
        else:
            yield from _inner(word, value, here)


def _inner(word: str, value: Any, here: str) -> Iterator[str]:
    """Schemas within a schema."""
    if word in _ONE or (word == "items" and not isinstance(value, list)):
        yield from faults(value, here)
    elif word in _SEVERAL or word == "items":
        if not isinstance(value, list) or not value:
            yield f"{here}: should be a list of schemas"
            return
        for number, item in enumerate(value):
            yield from faults(item, f"{here}.{number}")
    elif word in _NAMED or word == "dependencies":
        if not isinstance(value, dict):
            yield f"{here}: should be an object of schemas"
            return
        for name, item in value.items():
            if word == "dependencies" and isinstance(item, list):
                if not _words(item):
                    yield f"{here}.{name}: should be a list of names, each once"
            else:
                yield from faults(item, f"{here}.{name}")
