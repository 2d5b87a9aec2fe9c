"""Tinker's cookbook: how it writes a talk, and what of it is learned. Its objects for calls are not JSON's."""

from __future__ import annotations

import logging
from pathlib import Path

from tests.readers.axolotl import MARKS
from tests.readers.reading import Reader, Refusals, in_short, lines
from tests.readers.tokenizer import byte_tokenizer, template_of


def _refusals(path: Path) -> Refusals:
    from tinker_cookbook.renderers import TrainOnWhat, get_renderer

    logging.getLogger("tinker_cookbook").setLevel(logging.ERROR)
    tokenizer = byte_tokenizer(template_of("trl", "chat_templates/qwen3.jinja"))
    renderer = get_renderer("qwen3_disable_thinking", tokenizer)
    found: Refusals = {}
    for number, line in lines(path):
        try:
            made, weights = renderer.build_supervised_example(
                line["messages"], train_on_what=TrainOnWhat.ALL_ASSISTANT_MESSAGES
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            found[number] = in_short(error)
            continue
        learned = tokenizer.decode([i for i, on in zip(made.to_ints(), weights.tolist(), strict=True) if on])
        said = [m["content"].strip() for m in line["messages"] if m["role"] == "assistant"]
        if len(learned) > sum(map(len, said)) + MARKS * len(said) or not all(
            text in learned for text in said
        ):
            found[number] = f"learns {learned[:60]!r}"
    return found


READERS = (Reader("Tinker, qwen3", "tinker-cookbook", ("plain",), _refusals, ("tinker", "torch", "trl")),)
