"""mlx-lm hands a line to the chat template as it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from tests.readers.reading import Reader, Refusals, in_short, lines
from tests.readers.tokenizer import CHATML, byte_tokenizer


def _refusals(path: Path) -> Refusals:
    from mlx_lm.tuner.datasets import create_dataset

    tokenizer = byte_tokenizer(CHATML)
    read = [line for _, line in lines(path)]
    data = create_dataset(read, tokenizer, SimpleNamespace(mask_prompt=True))
    found: Refusals = {}
    for number, line in enumerate(read, 1):
        try:
            tokens, offset = data.process(data[number - 1])
        except (KeyError, TypeError, ValueError) as error:
            found[number] = in_short(error)
            continue
        learned = tokenizer.decode(tokens[offset:])
        if learned.replace("<|im_end|>", "").strip() != line["messages"][-1]["content"].strip():
            found[number] = f"learns {learned[:60]!r}"
    return found


READERS = (Reader("mlx-lm", "mlx-lm", ("plain",), _refusals, ("mlx.core", "transformers")),)
