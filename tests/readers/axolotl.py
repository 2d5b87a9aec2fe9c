"""Axolotl's way with chat: the labels that it makes, by the recipe's own description of the data."""

from __future__ import annotations

from pathlib import Path

from tests.readers.reading import Reader, Refusals, in_short, lines
from tests.readers.tokenizer import byte_tokenizer, template_of
from tuner.training.recipes.for_axolotl import dataset

MARKS = 130  # characters that a template sets around a turn or a call, at most


def _refusals(path: Path) -> Refusals:
    from axolotl.prompt_strategies import chat_template
    from axolotl.utils.dict import DictDefault

    tokenizer = byte_tokenizer(template_of("trl", "chat_templates/qwen3.jinja"))
    config = DictDefault(
        {"chat_template": "tokenizer_default", "train_on_inputs": False, "sequence_len": 65_536}
    )
    strategy = chat_template.load(tokenizer, config, ds_cfg=dataset("train"))
    found: Refusals = {}
    for number, line in lines(path):
        try:
            made = strategy.tokenize_prompt(line)
        except (KeyError, TypeError, ValueError) as error:
            found[number] = in_short(error)
            continue
        kept = [token for token in (made if isinstance(made, dict) else made[0])["labels"] if token != -100]
        learned = tokenizer.decode(kept)
        said = [m["content"].strip() for m in line["messages"] if m["role"] == "assistant"]
        room = sum(len(text.encode()) for text in said) + MARKS * len(said)
        if len(kept) > room or not all(text in learned for text in said):
            found[number] = f"learns {learned[:60]!r}"
    return found


READERS = (Reader("Axolotl, qwen3", "axolotl", ("trl", "plain"), _refusals, ("torch", "transformers")),)
