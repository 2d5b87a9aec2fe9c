"""Chat templates of models, as TRL ships them, over transformers' own call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.readers.reading import Line, Reader, Refusals, in_short, lines, since
from tests.readers.tokenizer import byte_tokenizer, template_of
from tuner.profiles import ExportProfile

TRAINED = ("qwen2_5", "qwen3", "qwen3_instruct_2507", "llama3", "phi3", "glm4moe", "gptoss")
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
            if lost := [words for words in _said(line) if not _holds(text, words)]:
                found[number] = f"loses {lost[0][:60]!r}"
        return found

    return refusals


def _said(line: Line) -> Iterator[str]:
    """All that a model should see of a line."""
    for message in line["messages"]:
        yield message["content"].strip()
        yield from (call["function"]["name"] for call in message.get("tool_calls", []))


def _holds(text: str, words: str) -> bool:
    """Some templates write a tool's result as JSON."""
    return words in text or any(
        json.dumps(words, ensure_ascii=ascii_only)[1:-1] in text for ascii_only in (False, True)
    )


# Which profiles a family's template takes. Gemma 1 takes none: it knows no system messages.
WITH_TOOLS = (
    "diffusion_gemma gemma4 gemma4_v5 glm4moe gptoss lfm2 lfm2_v2 llama3_1 llama3_2 "
    "muse_glimmer nemotron_3_nano nemotron_3_super nemotron_3_ultra qwen2_5 qwen3 qwen3_instruct_2507 "
    "qwen3_5_think qwen3_6 qwen3_8"
).split()
WITHOUT_TOOLS = "cohere cohere2 deepseek_r1_distill gemma3 llama3 phi3 phi3_5".split()
WITH_ARGUMENTS_AS_TEXT = ["deepseekv3"]

_TAKEN: tuple[tuple[list[str], tuple[ExportProfile, ...]], ...] = (
    (WITH_TOOLS, ("trl", "plain")),
    (WITHOUT_TOOLS, ("plain",)),
    (WITH_ARGUMENTS_AS_TEXT, ("portable", "plain")),
)
READERS = tuple(
    Reader(f"template {name}", "trl", profiles, _through(name), ("transformers", "jinja2"), since(1, 16))
    for names, profiles in _TAKEN
    for name in names
)
