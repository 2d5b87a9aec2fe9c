"""Axolotl: a YAML file, and its own masks over any chat template."""

from __future__ import annotations

from typing import Any

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Recipe, data_files, yaml


def recipe(plan: Plan, data: Data) -> Recipe:
    settings = {
        "base_model": plan.model,
        "chat_template": "tokenizer_default",
        "datasets": [dataset("train")],
        **({"test_datasets": [dataset("valid")], "eval_strategy": "epoch"} if data.valid else {}),
        "val_set_size": 0,
        "dataset_prepared_path": "prepared",
        "sequence_len": plan.longest,
        "excess_length_strategy": "raise",
        "adapter": "qlora" if plan.four_bit else "lora",
        "load_in_4bit": plan.four_bit,
        "lora_r": plan.rank,
        "lora_alpha": plan.alpha,
        "lora_dropout": plan.dropout,
        "lora_target_linear": True,
        "micro_batch_size": plan.at_once,
        "gradient_accumulation_steps": plan.accumulate,
        "num_epochs": plan.epochs,
        "learning_rate": plan.rate,
        "lr_scheduler": "cosine",
        "warmup_steps": plan.warmup,
        "optimizer": "adamw_torch_fused",
        "bf16": "auto",
        "gradient_checkpointing": True,
        "logging_steps": 5,
        "save_strategy": "epoch",
        "seed": 0,
        "output_dir": OUTPUT,
    }
    return Recipe(
        files={"axolotl.yaml": yaml(settings), **data_files(data.train, data.valid)},
        install='pip install "axolotl>=0.19,<0.20"',
        command="axolotl train axolotl.yaml",
        merge=(f"axolotl merge-lora axolotl.yaml --lora-model-dir {OUTPUT}", f"mv {OUTPUT}/merged merged"),
        masking="`roles_to_train` names the assistant alone, with the end of its turns (`train_on_eos`).",
    )


def dataset(part: str) -> dict[str, Any]:
    """How it is told what the lines of a part are, and what of them is learned."""
    return {
        "path": f"data/{part}.jsonl",
        "ds_type": "json",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
