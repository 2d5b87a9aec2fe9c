"""What OpenAI's strict structured outputs ask of a JSON schema, and where a value violates one."""

import operator
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

JsonObject = dict[str, Any]

NOT_STRICT = ("allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "default")


def strict_faults(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "schema must be a JSON Schema of 'type: \"object\"'."
    else:
        yield from _strict_faults(schema, schema, ())


def _strict_faults(schema: JsonObject, root: JsonObject, context: tuple[str, ...]) -> Iterator[str]:
    where = f"In context={context}, "
    yield from (f"{where}'{key}' is not permitted." for key in NOT_STRICT if key in schema)
    if "$ref" in schema:
        if len(schema) > 1:
            yield f"{where}$ref cannot have keywords {sorted(schema.keys() - {'$ref'})}."
        if resolved(schema["$ref"], root) is None:
            yield f"{where}reference to component '{schema['$ref']}' which was not found in the schema."
    elif not schema.keys() & {"type", "anyOf", "enum", "const"}:
        yield f"{where}schema must have a 'type' key."
    properties = schema.get("properties", {})
    if "object" in types_of(schema):
        if schema.get("additionalProperties") is not False:
            yield f"{where}'additionalProperties' is required to be supplied and to be false."
        required = schema.get("required", [])
        rule = "'required' is required to be supplied and to be an array including every key in properties."
        yield from (f"{where}{rule} Missing '{name}'." for name in properties if name not in required)
        yield from (f"{where}{rule} Extra '{name}'." for name in required if name not in properties)
    if "array" in types_of(schema) and "items" not in schema:
        yield f"{where}array schema missing items."
    for group in ("properties", "$defs"):
        for name, child in schema.get(group, {}).items():
            yield from _strict_faults(child, root, (*context, group, name))
    for index, child in enumerate(schema.get("anyOf", [])):
        yield from _strict_faults(child, root, (*context, "anyOf", str(index)))
    if "items" in schema:
        yield from _strict_faults(schema["items"], root, (*context, "items"))


def resolved(reference: str, root: JsonObject) -> JsonObject | None:
    node: JsonObject | None = root
    for part in reference.removeprefix("#").split("/")[1:]:
        node = (node or {}).get(part)
    return node


def types_of(schema: JsonObject) -> list[str]:
    kind: str | list[str] = schema.get("type", [])
    return [kind] if isinstance(kind, str) else kind


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (NoneType,),
    "integer": (int,), "number": (int, float),
}  # fmt: skip
LIMITS: dict[str, tuple[tuple[type, ...], Callable[[Any, Any], bool]]] = {
    "minLength": ((str,), operator.ge), "maxLength": ((str,), operator.le),
    "minItems": ((list,), operator.ge), "maxItems": ((list,), operator.le),
    "minimum": ((int, float), operator.ge), "maximum": ((int, float), operator.le),
    "exclusiveMinimum": ((int, float), operator.gt), "exclusiveMaximum": ((int, float), operator.lt),
}  # fmt: skip


def violations(value: Any, schema: JsonObject, root: JsonObject, path: str = "$") -> Iterator[str]:
    if "$ref" in schema:
        yield from violations(value, resolved(schema["$ref"], root) or {}, root, path)
    if "anyOf" in schema and all(any(violations(value, option, root, path)) for option in schema["anyOf"]):
        yield f"{path} fits no branch of anyOf"
    allowed = types_of(schema)
    # type() rather than isinstance: True is no integer.
    if allowed and not any(type(value) in TYPES[name] for name in allowed):
        yield f"{path} is {type(value).__name__}, not {' or '.join(allowed)}"
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is not None and not any(type(one) is type(value) and one == value for one in choices):
        yield f"{path} is {value!r}, not one of {choices}"
    size = len(value) if isinstance(value, str | list) else value
    for name, (kinds, holds) in LIMITS.items():
        if name in schema and type(value) in kinds and not holds(size, schema[name]):
            yield f"{path} breaks {name} {schema[name]}"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), root, f"{path}[{index}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        yield from (f"{path} lacks {name!r}" for name in schema.get("required", []) if name not in value)
        if schema.get("additionalProperties") is False:
            yield from (f"{path} has an extra {name!r}" for name in value if name not in properties)
        for name in properties.keys() & value.keys():
            yield from violations(value[name], properties[name], root, f"{path}.{name}")
