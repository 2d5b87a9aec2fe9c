"""Each trainer's own schema takes the recipe's configuration, and its own reader the recipe's data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tests.readers.reading import Line, lines
from tests.readers.tokenizer import CHATML, byte_tokenizer, template_of
from tuner.cli.main import main
from tuner.profiles import ExportProfile
from tuner.training.recipes import for_llama_factory
from tuner.training.recipes.recipe import PROFILES, Trainer

pytestmark = pytest.mark.filterwarnings("default")  # what trainers warn of is not ours

CASES: list[tuple[str, ExportProfile]] = [("sample", "trl"), ("two tools", "trl"), ("sample", "plain")]
every_dataset = pytest.mark.parametrize(("dataset", "profile"), CASES)
MODELS = ("Qwen/Qwen3-0.6B", "meta-llama/Llama-3.3-70B-Instruct")
any_model = pytest.mark.parametrize("model", MODELS)


class Making:
    """Recipes of the datasets that were made."""

    def __init__(self, datasets: Mapping[str, Path], folder: Path) -> None:
        self._datasets, self._folder = datasets, folder

    def __call__(
        self, trainer: Trainer, dataset: str, profile: ExportProfile, model: str = MODELS[0]
    ) -> Path:
        out = self._folder / "recipe"
        if profile != "plain":
            profile = PROFILES[trainer][0]
        words = ["--for", trainer, "--model", model, "--profile", profile, "--out", str(out)]
        assert main(["train", "recipe", *words, "--records", str(self._datasets[dataset])]) == 0
        return out


@pytest.fixture
def making(datasets_made: Mapping[str, Path], tmp_path: Path) -> Making:
    return Making(datasets_made, tmp_path)


def yaml_of(path: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def learned(recipe: Path) -> list[Line]:
    return [line for _, line in lines(recipe / "data/train.jsonl")]


# -- Axolotl -----------------------------------------------------------------------


@any_model
def test_axolotls_schema_takes_it(making: Making, model: str) -> None:
    config = pytest.importorskip("axolotl.utils.schemas.config")
    settings = yaml_of(making("axolotl", "sample", "trl", model) / "axolotl.yaml")
    capable = {"bf16": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90", "fp8": False}
    parsed = config.AxolotlConfigWCapabilities(
        **settings, capabilities=capable, env_capabilities={"torch_version": "2.11.0"}
    )
    unknown = {*settings} - {*config.AxolotlInputConfig.model_fields}
    assert unknown == set()
    assert parsed.datasets[0].roles_to_train == ["assistant"]


@every_dataset
def test_axolotl_learns_replies_alone(making: Making, dataset: str, profile: ExportProfile) -> None:
    chat = pytest.importorskip("axolotl.prompt_strategies.chat_template")
    from axolotl.utils.dict import DictDefault

    recipe = making("axolotl", dataset, profile)
    settings = yaml_of(recipe / "axolotl.yaml")
    tokenizer = byte_tokenizer(template_of("trl", "chat_templates/qwen3.jinja"))
    config = DictDefault({**settings, "train_on_inputs": False})
    strategy = chat.load(tokenizer, config, ds_cfg=settings["datasets"][0])
    for line in learned(recipe):
        made = strategy.tokenize_prompt(line)
        made = made if isinstance(made, dict) else made[0]
        kept = [token for token in made["labels"] if token != -100]
        words = tokenizer.decode(kept)
        said = [m["content"] for m in line["messages"] if m["role"] == "assistant"]
        assert all(text.strip() in words for text in said)
        allowed = sum(len(text.encode()) for text in said) + 130 * len(said)
        assert len(kept) <= allowed
        assert "said:" not in words


# -- LLaMA-Factory -----------------------------------------------------------------


@any_model
def test_llama_factorys_arguments_take_it(making: Making, model: str) -> None:
    hparams = pytest.importorskip("llamafactory.hparams")
    from transformers import HfArgumentParser

    recipe = making("llama-factory", "sample", "trl", model)
    classes = (
        hparams.ModelArguments,
        hparams.DataArguments,
        hparams.TrainingArguments,
        hparams.FinetuningArguments,
        hparams.GeneratingArguments,
    )
    settings = {**yaml_of(recipe / "train.yaml"), "bf16": False, "use_cpu": True}
    with chdir(recipe):
        parsed = HfArgumentParser(classes).parse_dict(settings)
    assert (parsed[1].mask_history, parsed[1].train_on_prompt) == (False, False)


def test_llama_factory_knows_the_templates() -> None:
    templates = pytest.importorskip("llamafactory.data.template").TEMPLATES
    assert {name for _, name in for_llama_factory.TEMPLATES} <= {*templates}


@every_dataset
def test_llama_factory_converts_every_line(making: Making, dataset: str, profile: ExportProfile) -> None:
    """With nothing added, nothing lost, and each tool with its own parameters alone."""
    pytest.importorskip("llamafactory.data.converter")
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments

    recipe = making("llama-factory", dataset, profile)
    datasets = pytest.importorskip("datasets")
    rows = datasets.load_dataset("json", data_files=str(recipe / "data/train.jsonl"), split="train")
    with chdir(recipe):
        [attributes] = get_dataset_list(["train"], "data")
        convert = get_dataset_converter("sharegpt", attributes, DataArguments(dataset_dir="data"))
        made = [convert(row) for row in rows]
    for line, one in zip(learned(recipe), made, strict=True):
        system, *turns = line["messages"]
        assert one["_system"] == system["content"]
        assert [t["content"] for t in (*one["_prompt"], *one["_response"])] == [t["content"] for t in turns]
        assert one["_tools"] == line.get("tools", "")
    if dataset == "two tools":
        keep = json.loads(made[0]["_tools"])
        assert [sorted(tool["function"]["parameters"]["properties"]) for tool in keep] == [
            ["query"],
            ["hours", "people", "topic"],
        ]


# -- mlx-lm ------------------------------------------------------------------------


@every_dataset
def test_mlx_learns_each_reply_once(making: Making, dataset: str, profile: ExportProfile) -> None:
    pytest.importorskip("mlx.core")
    lora = pytest.importorskip("mlx_lm.lora")
    from types import SimpleNamespace

    from mlx_lm.tuner.datasets import load_local_dataset

    recipe = making("mlx", dataset, profile)
    settings = yaml_of(recipe / "lora.yaml")
    assert {*settings} <= {*lora.CONFIG_DEFAULTS}
    tokenizer = byte_tokenizer(CHATML)
    with chdir(recipe):
        train, valid, _ = load_local_dataset(Path(settings["data"]), tokenizer, SimpleNamespace(**settings))
    assert len(valid) > 0
    for number, line in enumerate(learned(recipe)):
        tokens, offset = train.process(train[number])
        words = tokenizer.decode(tokens[offset:]).replace("<|im_end|>", "").strip()
        last = line["messages"][-1]
        assert words == last["content"].strip() or "tool_calls" in last
        assert "said:" not in words


# -- Unsloth -----------------------------------------------------------------------


@any_model
def test_trls_settings_take_unsloths(making: Making, model: str) -> None:
    """Unsloth itself cannot be imported without a GPU; it hands these to TRL."""
    pytest.importorskip("torch")
    trl = pytest.importorskip("trl")
    recipe = making("unsloth", "sample", "trl", model)
    settings = json.loads((recipe / "settings.json").read_text(encoding="utf-8"))
    training = trl.SFTConfig(**{**settings["training"], "bf16": False, "use_cpu": True})
    assert training.dataset_text_field == "text"
    assert not training.assistant_only_loss


def test_unsloths_script_writes_the_template(making: Making) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("trl")
    script = (making("unsloth", "sample", "trl") / "train.py").read_text(encoding="utf-8")
    start = script.index("def text(")
    space: dict[str, Any] = {"json": json}
    exec(script[start : script.index("def train(")], space)  # its own function, without what needs a GPU
    tokenizer = byte_tokenizer(template_of("trl", "chat_templates/qwen2_5.jinja"))
    for line in learned(Path(making._folder / "recipe")):
        words = space["text"](line, tokenizer)
        assert all(message["content"].strip() in words for message in line["messages"])
