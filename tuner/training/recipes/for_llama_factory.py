"""LLaMA-Factory: its own kind of lines, for the way it reads OpenAI's adds words to a prompt without tools."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Line, Recipe, common, data_files, yaml

# What it calls a family's template; where none fits, it reads the tokenizer's.
TEMPLATES: Sequence[tuple[str, str]] = (
    (r"qwen-?3\.6", "qwen3_6"),
    (r"qwen-?3\.5", "qwen3_5"),
    (r"qwen-?3.*(2507|instruct)", "qwen3_nothink"),
    (r"qwen-?3(?![.\d])", "qwen3"),
    (r"qwen-?(2|1\.5)(?!.*vl)", "qwen"),
    (r"llama-?3", "llama3"),
    (r"gemma-?4", "gemma4"),
    (r"gemma-?3", "gemma3"),
    (r"gemma-?2", "gemma2"),
    (r"gpt-?oss", "gpt_oss"),
    (r"phi-?4-mini", "phi4_mini"),
    (r"phi-?4", "phi4"),
    (r"glm-?4\.[57]", "glm4_moe"),
)
_THINKING = ("qwen3", "qwen3_5", "qwen3_6")


def recipe(plan: Plan, data: Data) -> Recipe:
    tools = data.offers_tools
    files = data_files(
        [_line(line, tools) for line in data.train], [_line(line, tools) for line in data.valid]
    )
    described = {
        name: _described(f"{name}.jsonl", tools) for name in ("train", "valid")[: 1 + bool(data.valid)]
    }
    template = template_of(plan.model)
    settings = {
        "model_name_or_path": plan.model,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_target": "all",
        "lora_rank": plan.rank,
        "lora_alpha": plan.alpha,
        "lora_dropout": plan.dropout,
        **({"quantization_bit": 4, "quantization_method": "bnb"} if plan.four_bit else {}),
        "dataset_dir": "data",
        "dataset": "train",
        **({"eval_dataset": "valid"} if data.valid else {}),
        **({"template": template} if template else {}),
        **({"enable_thinking": False} if template in _THINKING else {}),
        "cutoff_len": plan.longest,
        "train_on_prompt": False,
        "mask_history": False,
        "overwrite_output_dir": True,
        "report_to": "none",
        **common(plan, data),
    }
    export = {
        "model_name_or_path": plan.model,
        "adapter_name_or_path": OUTPUT,
        **({"template": template} if template else {}),
        "finetuning_type": "lora",
        "export_dir": "merged",
    }
    return Recipe(
        files={
            "train.yaml": yaml(settings),
            "merge.yaml": yaml(export),
            **files,
            "data/dataset_info.json": json.dumps(described, indent=2) + "\n",
        },
        install='pip install "llamafactory>=0.9.5,<0.10"' + (" bitsandbytes" if plan.four_bit else ""),
        command="llamafactory-cli train train.yaml",
        merge=("llamafactory-cli export merge.yaml",),
        masking="`train_on_prompt` and `mask_history` are off: all of the assistant's turns are learned, nothing else.",
    )


def template_of(model: str) -> str:
    """Empty where it is not known."""
    name = model.rsplit("/", 1)[-1]
    return next((made for pattern, made in TEMPLATES if re.search(pattern, name, re.IGNORECASE)), "")


def _described(file: str, tools: bool) -> dict[str, Any]:
    return {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", **({"tools": "tools"} if tools else {})},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "observation_tag": "observation",
            "function_tag": "function_call",
            "system_tag": "system",
        },
    }


def _line(line: Line, tools: bool) -> Line:
    """Tools in a string: in a table each would get the others' parameters."""
    made: Line = {"messages": list(_messages(line["messages"]))}
    if tools:
        made["tools"] = json.dumps(line["tools"], ensure_ascii=False) if "tools" in line else ""
    return made


def _messages(messages: Sequence[Line]) -> Iterator[Line]:
    for role, group in groupby(messages, key=lambda message: message["role"]):
        said = list(group)
        if role == "tool":
            yield {"role": "observation", "content": "\n".join(message["content"] for message in said)}
            continue
        for message in said:
            if calls := message.get("tool_calls"):
                yield {
                    "role": "function_call",
                    "content": json.dumps([_call(c) for c in calls], ensure_ascii=False),
                }
            else:
                yield {"role": role, "content": message["content"]}


def _call(call: Line) -> Line:
    function = call["function"]
    return {"name": function["name"], "arguments": json.loads(function["arguments"])}
