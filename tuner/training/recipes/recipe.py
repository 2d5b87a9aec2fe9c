"""What a recipe is made of, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tuner.profiles import ExportProfile
from tuner.training.recipes.plan import Plan

Trainer = Literal["axolotl", "trl", "unsloth", "llama-factory", "mlx"]
TRAINERS: tuple[Trainer, ...] = get_args(Trainer)
PROFILES: Mapping[Trainer, tuple[ExportProfile, ...]] = {
    "axolotl": ("trl", "plain"),
    "trl": ("trl", "plain"),
    "unsloth": ("trl", "plain"),
    "llama-factory": ("portable", "plain"),
    "mlx": ("trl", "plain"),
}
"""What each reads; the first where a model's chat template knows tools."""

Line = dict[str, Any]
OUTPUT = "model"  # the folder that the tuned weights go into


@dataclass(frozen=True, slots=True)
class Data:
    """A profile's lines, to train on and held out."""

    profile: ExportProfile
    train: Sequence[Line]
    valid: Sequence[Line]

    @property
    def offers_tools(self) -> bool:
        return any("tools" in line for line in self.train)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The files of a folder, and how they are used: what to install, what to type, what makes one model of it."""

    files: Mapping[str, str]
    install: str
    command: str
    merge: Sequence[str]  # commands; the whole model is in `merged` then
    masking: str  # how only the persona's turns are learned


def jsonl(lines: Sequence[Line]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def data_files(train: Sequence[Line], valid: Sequence[Line]) -> dict[str, str]:
    """Under the names that Hugging Face and MLX tell the parts by."""
    files = {"data/train.jsonl": jsonl(train)}
    return {**files, "data/valid.jsonl": jsonl(valid)} if valid else files


def yaml(settings: Mapping[str, Any]) -> str:
    """A mapping as YAML that every parser reads alike: strings in quotes, lists and objects as JSON."""
    return "".join(f"{key}: {_scalar(value)}\n" for key, value in settings.items())


def _scalar(value: Any) -> str:
    if isinstance(value, float):  # YAML 1.1 takes 2e-05 for a text
        return f"{value:.8f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.1f}"
    return json.dumps(value, ensure_ascii=False)


def common(plan: Plan, data: Data) -> dict[str, Any]:
    """What trainers over Hugging Face's Trainer call alike."""
    evaluating = {"eval_strategy": "epoch", "per_device_eval_batch_size": plan.at_once} if data.valid else {}
    return {
        "learning_rate": plan.rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": plan.warmup,
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": plan.at_once,
        "gradient_accumulation_steps": plan.accumulate,
        "bf16": True,
        "logging_steps": 5,
        "save_strategy": "epoch",
        "seed": 0,
        "output_dir": OUTPUT,
        **evaluating,
    }
