"""How a model is tuned, by its size and by how much there is to learn: LoRA's numbers. Pure.

Where from: what TRL, Unsloth and Axolotl give as defaults, and "LoRA Without Regret" (Thinking Machines, 2025): all
linear layers, a rate about ten times that of full tuning, a rank as the dataset needs it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

USUAL_SIZE = 8.0  # billions of parameters, where a name tells none
FULL_PRECISION = 9.0  # billions that fit on one card of 24 GB in 16 bit
ROOM = 256  # tokens that a chat template adds: marks, and how tools are explained
SHORTEST = 512

_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
# Families whose template drops tools, or refuses them. A fine-tune that changed it is named with --profile.
_NO_TOOLS = re.compile(
    r"gemma-?[123](?!\d)|phi-?3|llama-?2|llama-?3(?![._][1-9]|-[1-9]-)|command-r|aya|tinyllama|zephyr|deepseek-?r1-distill",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is to learn."""

    lines: int
    held_out: int
    longest: int  # tokens
    exact: bool = True  # whether those were counted, not estimated


@dataclass(frozen=True, slots=True)
class Plan:
    """What every trainer is told, in its own words."""

    model: str
    size: float  # billions of parameters
    rank: int
    alpha: int
    dropout: float
    rate: float
    epochs: int
    at_once: int  # lines on the card
    accumulate: int  # times that, before the weights move
    steps: int
    warmup: int  # steps
    longest: int  # tokens; no line is cut
    four_bit: bool
    evaluates: bool


def plan(model: str, amount: Amount) -> Plan:
    """The numbers for a model and a dataset."""
    size = size_of(model) or USUAL_SIZE
    together = _by(amount.lines, ((500, 8), (5_000, 16)), 32)
    at_once = 1 if size > FULL_PRECISION else 2
    epochs = _by(amount.lines, ((5_000, 3), (30_000, 2)), 1)
    steps = math.ceil(amount.lines / together) * epochs
    rank = _by(amount.lines, ((300, 8), (3_000, 16), (30_000, 32)), 64)
    return Plan(
        model=model,
        size=size,
        rank=rank,
        alpha=2 * rank,
        dropout=0.05 if amount.lines < 1_000 else 0.0,
        rate=_rate(size),
        epochs=epochs,
        at_once=at_once,
        accumulate=together // at_once,
        steps=steps,
        warmup=max(1, round(0.05 * steps)),
        longest=_room(amount),
        four_bit=size > FULL_PRECISION,
        evaluates=amount.held_out > 0,
    )


def size_of(model: str) -> float | None:
    """Billions of parameters, as the name tells: Qwen3-8B, SmolLM2-135M, Mixtral-8x7B."""
    found = _SIZE.search(model.rsplit("/", 1)[-1])
    if found is None:
        return None
    experts, number, unit = found.groups()
    size = int(experts or 1) * float(number) / (1_000 if unit in "mM" else 1)
    return size or None


def takes_tools(model: str) -> bool:
    """Whether its chat template is likely to know tools."""
    return _NO_TOOLS.search(model) is None


def _by(amount: int, steps: Sequence[tuple[int, int]], most: int) -> int:
    return next((value for below, value in steps if amount < below), most)


def _rate(size: float) -> float:
    return next((rate for below, rate in ((2, 3e-4), (10, 2e-4), (40, 1e-4)) if size < below), 5e-5)


def _room(amount: Amount) -> int:
    """Tokens, in steps of 256, with room for a chat template and for another tokenizer."""
    longest = amount.longest * (1.15 if amount.exact else 1.5) + ROOM
    return max(SHORTEST, 256 * math.ceil(longest / 256))
