"""Chat templates of models, as TRL ships them, over transformers' own call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.readers.reading import Line, Reader, Refusals, in_short, lines
from tests.readers.tokenizer import byte_tokenizer, template_of

TRAINED = ("qwen2_5", "qwen3", "qwen3_instruct_2507", "llama3", "gptoss", "glm4moe", "phi3")
"""Those with a twin that says what is the assistant's."""


@cache
def tokenizer_for(template: str) -> Any:
    return byte_tokenizer(template_of("trl", f"chat_templates/{template}.jinja"))


def tools_of(line: Line) -> Any:
    """As TRL reads them."""
    tools = line.get("tools")
    return json.loads(tools) if isinstance(tools, str) else tools


def rendered(line: Line, template: str, **options: Any) -> Any:
    return tokenizer_for(template).apply_chat_template(
        line["messages"], tools=tools_of(line), return_dict=True, **options
    )


def trained(line: Line, template: str) -> list[str]:
    """The texts that loss falls on, by the template's own marks."""
    made = rendered(line, f"{template}_training", return_assistant_tokens_mask=True)
    return list(_runs(made["input_ids"], made["assistant_masks"], tokenizer_for(f"{template}_training")))


def _runs(ids: list[int], mask: list[int], tokenizer: Any) -> Iterator[str]:
    for on, group in groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1]):
        if on:
            yield tokenizer.decode([token for token, _ in group])


def _through(template: str) -> Callable[[Path], Refusals]:
    def refusals(path: Path) -> Refusals:
        from jinja2 import TemplateError

        found: Refusals = {}
        for number, line in lines(path):
            try:
                made = rendered(line, template)
            except (TemplateError, TypeError, ValueError, KeyError) as error:
                found[number] = in_short(error)
                continue
            text = tokenizer_for(template).decode(made["input_ids"])
            if lost := [m for m in line["messages"] if m["content"].strip() not in text]:
                found[number] = f"loses {lost[0]['content'][:60]!r}"
        return found

    return refusals


# What each family's template takes. Those left out refuse system messages or tools whatever their shape.
WITH_TOOLS = (
    "cohere2 deepseekv3 gemma4_v5 glm4moe gptoss lfm2_v2 llama3_1 llama3_2 nemotron_3_nano "
    "qwen2_5 qwen3 qwen3_instruct_2507 qwen3_5_think qwen3_6 qwen3_8"
).split()
WITHOUT_TOOLS = "cohere gemma3 llama3 phi3 phi3_5".split()

READERS = tuple(
    Reader(f"template {name}", "trl", profiles, _through(name), needs=("transformers", "jinja2"))
    for names, profiles in ((WITH_TOOLS, ("trl", "plain")), (WITHOUT_TOOLS, ("plain",)))
    for name in names
)
