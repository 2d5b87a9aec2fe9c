"""Unsloth: a short script, for it has no command that takes chat."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Recipe, common, data_files


def recipe(plan: Plan, data: Data) -> Recipe:
    settings: dict[str, Any] = {
        "model": {
            "model_name": plan.model,
            "max_seq_length": plan.longest,
            "load_in_4bit": plan.four_bit,
        },
        "lora": {
            "r": plan.rank,
            "lora_alpha": plan.alpha,
            "lora_dropout": 0,  # it is fast without
            "use_gradient_checkpointing": "unsloth",
            "random_state": 0,
        },
        "training": {
            **common(plan, data),
            "max_length": plan.longest,
            "dataset_text_field": "text",
            "report_to": "none",
        },
    }
    script = (resources.files("tuner.training.recipes") / "unsloth_script.txt").read_text(encoding="utf-8")
    return Recipe(
        files={
            "train.py": script,
            "settings.json": json.dumps(settings, ensure_ascii=False, indent=2) + "\n",
            **data_files(data.train, data.valid),
        },
        install='pip install "unsloth>=2026.10"',
        command="python train.py",
        merge=(f"python train.py --merge {OUTPUT}",),
        masking="`train_on_responses_only` finds the marks of the model's chat template and leaves the loss on what "
        "stands behind the assistant's.",
    )
