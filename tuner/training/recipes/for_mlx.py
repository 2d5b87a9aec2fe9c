"""mlx-lm, on Apple's chips. Its mask leaves the last message, so each of the persona's turns ends a line of its own."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Sequence

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Line, Recipe, data_files, yaml

LAYERS = -1  # all


def recipe(plan: Plan, data: Data) -> Recipe:
    train, valid = (list(_each_turn(lines)) for lines in (data.train, data.valid))
    batch = min(plan.at_once, len(train), len(valid) or plan.at_once)
    passes = math.ceil(len(train) / batch)
    settings = {
        "model": plan.model,
        "train": True,
        "data": "data",
        "mask_prompt": True,
        "fine_tune_type": "lora",
        "num_layers": LAYERS,
        "lora_parameters": {
            "rank": plan.rank,
            "dropout": plan.dropout,
            "scale": plan.alpha / plan.rank,
        },
        "optimizer": "adamw",
        "learning_rate": plan.rate / 2,
        "batch_size": batch,
        "grad_accumulation_steps": plan.accumulate,
        "iters": passes * plan.epochs,
        "val_batches": -1,
        "steps_per_eval": passes,
        "save_every": passes,
        "max_seq_length": plan.longest,
        "grad_checkpoint": True,
        "adapter_path": OUTPUT,
        "seed": 0,
    }
    return Recipe(
        files={"lora.yaml": yaml(settings), **data_files(train, valid)},
        install='pip install "mlx-lm>=0.32,<0.33"',
        command="mlx_lm.lora --config lora.yaml",
        merge=(f"mlx_lm.fuse --model {shlex.quote(plan.model)} --adapter-path {OUTPUT} --save-path merged",),
        masking="`mask_prompt` learns the last message of a line; here each of the persona's turns is the last of one.",
    )


def _each_turn(lines: Sequence[Line]) -> Iterator[Line]:
    """The talk up to each of the assistant's turns. Tools as a list: it hands them to the template as they are."""
    for line in lines:
        offered = {"tools": json.loads(line["tools"])} if "tools" in line else {}
        for end, message in enumerate(line["messages"], 1):
            if message["role"] == "assistant":
                yield {"messages": line["messages"][:end], **offered}
