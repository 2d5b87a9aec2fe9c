"""For whom dataset files are made, and what those readers take. `tuner.prompt.shapes` makes it of a talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

ExportProfile = Literal["openai", "trl", "portable", "plain"]
EXPORT_PROFILES: tuple[ExportProfile, ...] = get_args(ExportProfile)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a profile's readers take.

    `weights`: they leave out of training what has `weight` 0. Where they know no weights, the prompt is one
    system message and turns alternate. `tools`: offered as a list, as that list in JSON, or not at all.
    """

    readers: str
    weights: bool
    tools: Literal["list", "text", "none"]
    arguments: Literal["object", "text"] = "text"


SHAPES: Mapping[ExportProfile, Shape] = {
    "openai": Shape("OpenAI, Azure, Nebius, Fireworks", weights=True, tools="list"),
    "trl": Shape("TRL, HF Jobs, Axolotl, Unsloth", weights=False, tools="text", arguments="object"),
    "portable": Shape("LLaMA-Factory, Together, Mistral", weights=False, tools="list"),
    "plain": Shape("any chat template, mlx-lm, Tinker", weights=False, tools="none"),
}
