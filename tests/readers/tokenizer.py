"""A tokenizer that needs no download: a token a byte, and each special token of a chat template as one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

SPECIAL = re.compile(r"<\|[a-z0-9_]{2,40}\|>|<[a-z_]{3,20}>|\[/?[A-Z_]{3,20}\]|<｜[^<>｜]{2,30}｜>")

# Where no package brings one: a template of the usual kind, which reads tools and calls as objects.
CHATML = (
    "{% for t in tools or [] %}{{ t.function.name }}{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments.items() | list }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_tokenizer(template: str = "") -> Any:
    """`template` is a chat template, whose special tokens it knows."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model = models.BPE(vocab={character: i for i, character in enumerate(alphabet)}, merges=[])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = sorted({*SPECIAL.findall(template), "<|im_start|>", "<|im_end|>", "<|endoftext|>"})
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=special,
        chat_template=template or None,
    )


def template_of(package: str, name: str) -> str:
    """The text of a file of an installed package, which is not imported."""
    from importlib.util import find_spec

    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / name
    if not file.exists():
        pytest.skip(f"this version of {package} has no {name}")
    return file.read_text(encoding="utf-8")
