"""TRL's recipe, with TRL: its parser takes the configuration, and its own script trains a tiny model by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import chdir
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.readers.reading import lines as read
from tests.readers.tokenizer import byte_tokenizer, template_of
from tuner.cli.main import main

pytest.importorskip("torch")
pytest.importorskip("trl")
pytest.importorskip("peft")

pytestmark = pytest.mark.filterwarnings("default")  # they are not ours

ON_A_CPU = "--use_cpu true --bf16 false --max_length 8192".split()  # a token a byte
QUICK = (
    "--max_steps 20 --gradient_accumulation_steps 1 --learning_rate 0.01 --warmup_steps 0 "
    "--logging_steps 1 --eval_strategy no"
).split()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers that has learned nothing, with a family's real chat template."""
    from transformers import Qwen2Config, Qwen2ForCausalLM, set_seed

    folder = tmp_path_factory.mktemp("tiny") / "tiny-2.5"
    tokenizer = byte_tokenizer(template_of("trl", "chat_templates/qwen2_5.jinja"))
    tokenizer.save_pretrained(folder)
    set_seed(0)
    shape = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        initializer_range=0.3,  # else LoRA has nothing to take hold of
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    Qwen2ForCausalLM(shape).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recipe(tiny: Path, datasets_made: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recipes") / "trl"
    records = str(datasets_made["sample"])
    assert (
        main(
            ["train", "recipe", "--for", "trl", "--model", str(tiny), "--records", records, "--out", str(out)]
        )
        == 0
    )
    return out


def parsed(recipe: Path, *options: str) -> Any:
    from trl.scripts.sft import make_parser

    with chdir(recipe):
        arguments = ["--config", "sft.yaml", *ON_A_CPU, *options]
        return make_parser().parse_args_and_config(arguments, fail_with_unknown_args=True)


def test_its_parser_takes_the_configuration(recipe: Path) -> None:
    script, training, model, _ = parsed(recipe)
    assert (script.dataset_name, training.assistant_only_loss, model.use_peft) == ("data", True, True)


def test_it_trains_and_the_output_loads(recipe: Path, tiny: Path) -> None:
    from peft import AutoPeftModelForCausalLM
    from trl.scripts.sft import main as sft

    with chdir(recipe):
        sft(*parsed(recipe, *QUICK))
    [state] = recipe.glob("model/checkpoint-20/trainer_state.json")
    losses = [entry["loss"] for entry in json.loads(state.read_text())["log_history"] if "loss" in entry]
    assert len(losses) == 20
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    model = AutoPeftModelForCausalLM.from_pretrained(recipe / "model")
    assert model.peft_config["default"].base_model_name_or_path == str(tiny)
    assert (recipe / "model" / "chat_template.jinja").exists()


def test_loss_falls_on_replies_alone(recipe: Path, tiny: Path) -> None:
    """By the labels that its trainer makes, not by ours."""
    from transformers import AutoTokenizer
    from trl import SFTTrainer, get_peft_config

    _, training, model, _ = parsed(recipe, *QUICK)
    with chdir(recipe):
        import datasets

        data = datasets.load_dataset("data")
        trainer = SFTTrainer(
            model=str(tiny), args=training, train_dataset=data["train"], peft_config=get_peft_config(model)
        )
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    lines = [line for _, line in read(recipe / "data/train.jsonl")]
    for line, row in zip(lines, trainer.train_dataset, strict=True):
        said = [m for m in line["messages"] if m["role"] == "assistant"]
        spans = list(_learned(row["labels"], tokenizer))
        assert len(spans) == len(said)
        for span, turn in zip(spans, said, strict=True):
            assert span.strip() == turn["content"].strip() or "tool_calls" in turn


def _learned(labels: list[int], tokenizer: Any) -> Iterator[str]:
    for on, group in groupby(labels, key=lambda label: label != -100):
        if on:
            yield tokenizer.decode(list(group)).replace("<|im_end|>", "")
