"""TRL, Hugging Face's own trainer; Hugging Face Jobs run it too."""

from __future__ import annotations

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Recipe, common, data_files, yaml


def recipe(plan: Plan, data: Data) -> Recipe:
    settings = {
        "model_name_or_path": plan.model,
        "dataset_name": "data",
        "dataset_test_split": "validation",
        "assistant_only_loss": True,
        "max_length": plan.longest,
        "use_peft": True,
        "lora_r": plan.rank,
        "lora_alpha": plan.alpha,
        "lora_dropout": plan.dropout,
        "lora_target_modules": "all-linear",
        "load_in_4bit": plan.four_bit,
        "report_to": "none",
        **common(plan, data),
    }
    return Recipe(
        files={"sft.yaml": yaml(settings), **data_files(data.train, data.valid)},
        install='pip install "trl[peft]>=1.16,<2"' + (" bitsandbytes" if plan.four_bit else ""),
        command="trl sft --config sft.yaml",
        merge=(
            'python -c "from peft import AutoPeftModelForCausalLM as M; '
            f"M.from_pretrained('{OUTPUT}').merge_and_unload().save_pretrained('merged')\"",
            f"cp {OUTPUT}/tokenizer* {OUTPUT}/chat_template.jinja merged/",
        ),
        masking="`assistant_only_loss`: TRL takes its own twin of the model's chat template, in which the assistant's "
        "turns are marked. Where it has none, it ends and says so: then use Axolotl's or Unsloth's recipe.",
    )
