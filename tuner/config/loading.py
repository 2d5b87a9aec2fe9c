"""How settings come about: found, read, overridden, checked as a whole; what is wrong is named in words."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli
from pydantic import ValidationError

from tuner.amounts import counted
from tuner.config.secrets import HIDDEN, SECRET_NAME, SECRET_VALUE, looks_secret, names_variable
from tuner.config.settings import TOKEN_ENV, Settings
from tuner.errors import UsageError

SEARCHED = ("config.toml", "tuner/config.toml")


def find_config(explicit: str | None, base: Path) -> Path | None:
    """The configuration file to read: `explicit`, or the first of `SEARCHED` below `base`."""
    if explicit is not None:
        path = Path(explicit)
        if not _is_file(path):
            raise UsageError(
                f"There is no configuration file at {explicit}. Copy config.sample.toml there, or leave "
                f"out --config to search {' and '.join(SEARCHED)}."
            )
        return path
    return next((base / name for name in SEARCHED if _is_file(base / name)), None)


def _is_file(path: Path) -> bool:
    """Whether there is a file; a path that cannot be one, or be looked at, names none."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_toml(path: Path) -> dict[str, Any]:
    """The document at `path`; a UsageError names the line where TOML ends to make sense."""
    try:
        return tomli.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors begin a file with a mark
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except tomli.TOMLDecodeError as error:
        raise UsageError(
            f"{path} is not valid TOML: {_without_names(error.msg)} (at line {error.lineno}, column {error.colno}). "
            "Nothing was read from it."
        ) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
        raise UsageError(f"{path} is not valid TOML: {error}. Nothing was read from it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _without_names(message: str) -> str:
    """What is wrong with the TOML, without keys that are secrets."""
    return re.sub(r"'([^']+)'", lambda found: HIDDEN if looks_secret(found[1]) else found[0], message)


def load(
    document: Mapping[str, Any],
    overrides: Iterable[tuple[str, Any]],
    origin: str,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Settings from a TOML document and `table.key` overrides; every fault is listed at once.

    `typed` says under which name somebody typed a setting, an option for example: faults call it that.
    """
    merged = _copy(document)
    for dotted, value in overrides:
        _put(merged, dotted, value)
    secrets = list(dict.fromkeys(_secrets(merged)))
    faults = [_secret_fault(path) for path in secrets] + [
        f"{path}: holds a character that no text, path or name may have (NUL)" for path in _unwritable(merged)
    ]
    try:
        settings = Settings.model_validate(_tuples(merged))
    except ValidationError as error:
        faults += [_fault(item) for item in error.errors() if not _repeats(item, secrets)]
    else:
        faults += _contradictions(settings)
        if not faults:
            return settings.called(typed)
    faults = [_as_typed(fault, typed) for fault in faults]
    raise UsageError(
        f"{origin} has {counted(len(faults), 'fault')}:\n" + "\n".join(f"  - {f}" for f in faults)
    )


def changed(
    settings: Settings,
    overrides: Iterable[tuple[str, Any]],
    origin: str,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """The settings with some values replaced, checked again as a whole.

    What is said of a value names it by its key alone, or as in `typed`.
    """
    overrides = list(overrides)
    names = {dotted: typed.get(dotted, dotted.rpartition(".")[2]) for dotted, _ in overrides}
    return load(settings.model_dump(exclude_unset=True), overrides, origin, names)


def _as_typed(fault: str, typed: Mapping[str, str]) -> str:
    """A fault that calls settings what somebody typed; in front, of a list's item, the list."""
    for dotted, name in typed.items():
        if found := re.match(rf"{re.escape(dotted)}(\.\d+)?: ", fault):
            fault = f"{name}: {fault[found.end() :]}"
        fault = re.sub(rf"(?<![\w.]){re.escape(dotted)}(?![\w.]*\w)", lambda _, n=name: n, fault)  # type: ignore[misc]
    return fault


def parse_assignment(text: str) -> tuple[str, Any]:
    """`table.key=value` as typed after --set; the value is TOML, or else a plain string."""
    dotted, equals, value = text.partition("=")
    dotted = dotted.strip()
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)+", dotted):
        raise UsageError(
            "--set needs table.key=value, for example --set store.path=my.db, not "
            + ("what was given." if equals or looks_secret(text) else f"{text!r}.")
        )
    try:
        parsed = tomli.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return dotted, value
    return dotted, parsed["value"] if len(parsed) == 1 else value


def defaults() -> Iterator[tuple[str, Any]]:
    """Every `table.key` and its default, in the order of the sample file."""
    for table, settings in Settings():
        for key, value in settings:
            yield f"{table}.{key}", value


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _tuples(value: Any) -> Any:
    """TOML arrays as tuples: settings are frozen through and through."""
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _put(document: dict[str, Any], dotted: str, value: Any) -> None:
    *tables, key = dotted.split(".")
    for name in tables:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{dotted} cannot be set: {name} is not a table.")
        document = inner
    document[key] = value


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    """Where a secret stands, as its value or as a key."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if looks_secret(str(key)) or (isinstance(inner, str) and _holds_secret(str(key), inner)):
                yield here
            else:
                yield from _secrets(inner, here)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _secrets(inner, path)
    elif isinstance(value, str) and looks_secret(value):
        yield path


def _unwritable(value: Any, path: str = "") -> Iterator[str]:
    """Where a text stands that neither a path nor a line can hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unwritable(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _unwritable(inner, path)
    elif isinstance(value, str) and "\0" in value:
        yield path


def _holds_secret(key: str, value: str) -> bool:
    if key.endswith("_env"):
        return bool(value) and not names_variable(value)
    return bool(SECRET_NAME.search(key)) or looks_secret(value)


def _secret_fault(path: str) -> str:
    name = "OPENAI_API_KEY" if "openai" in path or "key" in path or "models" in path else TOKEN_ENV
    shown = ".".join("(hidden)" if looks_secret(part) else part for part in _parts(path))
    if path.endswith("_env"):
        shown += f": should be the name of an environment variable, such as {name}, but"
    else:
        shown += ":"
    return (
        f"{shown} looks like a token or key. Files get committed, copied and shared, and command lines are kept, "
        f"so secrets are read from the environment only: remove it and set {name}. If it was ever shared, make "
        "a new one"
    )


def _parts(path: str) -> list[str]:
    """The parts of a path; one that is a secret may have dots in it."""
    return ["(hidden)"] if SECRET_VALUE.search(path) else path.split(".")


def _repeats(item: Any, secrets: Iterable[str]) -> bool:
    """Whether naming this fault would show a secret, or say again what is said of it."""
    where = ".".join(str(part) for part in item["loc"])
    shows_value = item["type"] != "extra_forbidden"
    return any(
        f"{where}.".startswith(f"{path}.") or (shows_value and path.startswith(f"{where}."))
        for path in secrets
    )


def _fault(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    given = item["input"]
    match item["type"]:
        case "extra_forbidden":
            return _unknown_key(item["loc"])
        case "value_error":
            return f"{where}: {item['ctx']['error']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: should be a table, [{where}], not {given!r}"
        case "missing":
            return f"{where}: is missing"
        case _:
            return f"{where}: {_expectation(item)}, not {given!r}"


def _expectation(item: Any) -> str:
    words = {
        "int_type": "should be a whole number",
        "float_type": "should be a number",
        "bool_type": "should be true or false",
        "string_type": 'should be text in "quotes"',
        "tuple_type": "should be a list in [brackets]",
        "date_type": "should be a date such as 2026-11-01",
        "datetime_type": "should be a date or ISO 8601 time",
    }
    text = str(item["msg"]).removeprefix("Input ")
    return words.get(item["type"], text[:1].lower() + text[1:])


def _unknown_key(location: tuple[str | int, ...]) -> str:
    where = ".".join(str(part) for part in location)
    names = sorted((name for name, _ in defaults()), key=lambda name: name.startswith(f"{location[0]}."))
    known = {name.rpartition(".")[2]: name for name in names}  # of the same key in two tables, this table's
    if len(location) == 1:
        known |= {table: table for table in Settings.model_fields}
    near = difflib.get_close_matches(str(location[-1]), known, 1, 0.6)
    hint = f". Did you mean {known[near[0]]}?" if near else ". config.sample.toml lists every key"
    return f"{where}: there is no such setting{hint}"


def _contradictions(settings: Settings) -> Iterator[str]:
    models = settings.models
    if models.max_cost is not None:
        for key, name in (("segment", models.segment), ("tool_trigger", models.tool_trigger)):
            if name != "rules" and models.price(name) is None:
                yield (
                    f"models.max_cost: cannot be kept, the price of models.{key} = {name!r} is not known. "
                    f'Add [models.prices."{name}"] with input, output and read'
                )
    dataset = settings.dataset
    strangers = sorted(set(dataset.personas) - set(dataset.allowed_users)) if dataset.allowed_users else []
    if strangers:
        yield f"dataset.personas: {strangers[0]} is not in dataset.allowed_users, so nothing by them can be used"
    yield from _clashes(settings)
    for key in (*settings.prompt.channels, *settings.prompt.profiles):
        if not re.fullmatch(r"[0-9]{1,19}", key):
            yield f"prompt: {key!r} is not a Discord id; channels and profiles are named by id"


def _clashes(settings: Settings) -> Iterator[str]:
    """Outputs that would overwrite what is read, or one another, or that are no files."""
    taken = {place(path): key for key, path in reversed(_read(settings)) if path}
    for key, path in _written(settings):
        if not path:
            continue
        if "\0" in path or os.path.basename(path) in ("", ".", ".."):  # noqa: PTH119 - it takes nothing away
            yield f"{key}: names a folder, {path!r}; name a file in it"
        elif (other := taken.setdefault(place(path), key)) != key:
            yield f"{key}: is the same file as {other}, which would be overwritten"


def occupied(settings: Settings) -> dict[str, str]:
    """What lies at a `place` that is read or written as configured: nothing else may be written there."""
    return {place(path): key for key, path in (*_read(settings), *_written(settings)) if path}


def _written(settings: Settings) -> list[tuple[str, str]]:
    dataset = settings.dataset
    stem, suffix = os.path.splitext(dataset.output_path)  # noqa: PTH122 - a Path drops a slash at the end
    uploads = [
        (f"the file of export.profiles for {p}", f"{stem}.{p}{suffix or '.jsonl'}")
        for p in settings.export.profiles
    ]
    archive = ("store.path", settings.store.path)
    counts = ("dataset.stats_path", dataset.stats_path)
    return [archive, ("dataset.output_path", dataset.output_path), counts, *uploads]


def _read(settings: Settings) -> list[tuple[str, str]]:
    prompt, ends = settings.prompt, ("-wal", "-shm", "-journal", ".lock")
    return [
        ("prompt.system_file", prompt.system_file),
        ("prompt.persona_notes_file", prompt.persona_notes_file),
        ("prompt.tools_file", prompt.tools_file),
        ("people.opt_outs", settings.people.opt_outs),
        *(("the configuration", path) for path in SEARCHED),
        *((f"the archive's {end}", settings.store.path + end) for end in ends),
    ]


def place(path: str) -> str:
    """Where a path leads, through links too, as far as they are there."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return path


def environment() -> Mapping[str, str]:
    """The process environment, read when asked and not at import."""
    return os.environ
