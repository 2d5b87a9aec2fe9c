"""LLaMA-Factory's converters, which drop what they do not take, with a warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.readers.reading import Reader, Refusals, in_short, lines

# As a user would describe these files in dataset_info.json.
OPENAI: Mapping[str, Any] = {
    "file_name": "train.jsonl",
    "formatting": "openai",
    "columns": {"messages": "messages", "tools": "tools"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
        "observation_tag": "tool",
        "function_tag": "function",
    },
}
SHAREGPT: Mapping[str, Any] = {**OPENAI, "formatting": "sharegpt", "columns": {"messages": "messages"}}


def converted(line: dict[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import DatasetAttr
    from llamafactory.hparams import DataArguments

    attributes = DatasetAttr("file", dataset_name="train.jsonl")
    attributes.join(dict(described))
    made: dict[str, Any] = get_dataset_converter(described["formatting"], attributes, DataArguments())(line)
    return made


def _through(described: Mapping[str, Any]) -> Callable[[Path], Refusals]:
    def refusals(path: Path) -> Refusals:
        found: Refusals = {}
        for number, line in lines(path):
            try:
                if not converted(line, described)["_prompt"]:
                    found[number] = "dropped as abnormal"
            except (KeyError, TypeError) as error:
                found[number] = in_short(error)
        return found

    return refusals


READERS = (
    Reader(
        "LLaMA-Factory, openai", "llamafactory", ("portable", "plain"), _through(OPENAI), ("torch", "peft")
    ),
    Reader("LLaMA-Factory, sharegpt", "llamafactory", ("plain",), _through(SHAREGPT), ("torch", "peft")),
)
