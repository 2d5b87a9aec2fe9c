"""A recipe is a folder that trains: all of it is there, nothing of anybody else's is overwritten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.main import main
from tuner.dataset.validation import FEWEST_LINES
from tuner.training.recipes.making import folder
from tuner.training.recipes.plan import Amount, plan, size_of, takes_tools
from tuner.training.recipes.recipe import PROFILES, TRAINERS, Data, Line, Trainer, yaml

MODEL = "Qwen/Qwen3-0.6B"
TOOL = {"type": "function", "function": {"name": "find", "description": "", "parameters": {"type": "object"}}}


def talk(*, call: bool = False, arguments: object = '{"query": "tin"}', tools: object = None) -> Line:
    """Two replies, before the second a call if wanted."""
    function = {"name": "find", "arguments": arguments}
    called: list[Line] = [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "a1b2c3d4e", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "a1b2c3d4e", "content": "by the door"},
    ]
    return {
        "messages": [
            {"role": "system", "content": "You are Mira."},
            {"role": "user", "content": "Hal said:\nhi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "Hal said:\nwhere is the tin?"},
            *(called if call else []),
            {"role": "assistant", "content": "by the door"},
        ],
        **({"tools": tools} if tools else {}),
    }


TRL = talk(call=True, arguments={"query": "tin"}, tools=json.dumps([TOOL]))
PORTABLE = talk(call=True, tools=[TOOL])
PLAIN = talk()
OF = {"trl": TRL, "portable": PORTABLE, "plain": PLAIN}


def made(trainer: Trainer, model: str = MODEL, lines: int = 40, profile: Any = None) -> dict[str, str]:
    profile = profile or PROFILES[trainer][0]
    data = Data(profile, [OF[profile]] * lines, [OF[profile]] * 4)
    return folder(trainer, model, data, Amount(lines, 4, 300))[1]


def read(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


# -- numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen/Qwen3-8B", 8),
        ("Qwen/Qwen3-0.6B", 0.6),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", 30),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135),
        ("mistralai/Mixtral-8x7B-v0.1", 56),
        ("openai/gpt-oss-20b", 20),
        ("8B/nothing", None),
        ("/models/mine", None),
        ("some/model-4bit", None),
        ("a/Model-0B", None),
    ],
)
def test_a_name_tells_the_size(name: str, size: float | None) -> None:
    assert size_of(name) == size


@pytest.mark.parametrize(
    ("name", "tools"),
    [
        ("Qwen/Qwen3-8B", True),
        ("meta-llama/Llama-3.1-8B-Instruct", True),
        ("meta-llama/Llama-3.3-70B-Instruct", True),
        ("google/gemma-4-12b-it", True),
        ("meta-llama/Meta-Llama-3-8B-Instruct", False),
        ("google/gemma-3-4b-it", False),
        ("microsoft/Phi-3-mini-4k-instruct", False),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", False),
        ("deepseek-ai/DeepSeek-V3", True),
        ("microsoft/Phi-3.5-mini-instruct", False),
    ],
)
def test_a_name_tells_whether_the_template_knows_tools(name: str, tools: bool) -> None:
    assert takes_tools(name) == tools


def test_the_numbers_go_by_size_and_amount() -> None:
    little, much = (plan(MODEL, Amount(lines, 10, 300)) for lines in (100, 50_000))
    assert (little.rank, little.epochs) < (much.rank, much.epochs + 10)
    assert little.epochs > much.epochs
    small, large = (plan(name, Amount(1000, 10, 300)) for name in (MODEL, "a/b-70B"))
    assert small.rate > large.rate
    assert (small.four_bit, large.four_bit) == (False, True)
    for each in (little, much, small, large):
        assert each.steps > each.warmup > 0
        assert each.accumulate > 0
        assert each.longest >= 512
    assert plan(MODEL, Amount(100, 0, 5000, exact=False)).longest > 7500


def test_numbers_are_numbers_in_any_yaml() -> None:
    assert yaml({"a": 2e-05, "b": 0.0003, "c": 1.0, "d": True, "e": 3, "f": 'x: "y"'}) == (
        'a: 0.00002\nb: 0.0003\nc: 1.0\nd: true\ne: 3\nf: "x: \\"y\\""\n'
    )


# -- folders -----------------------------------------------------------------------


@pytest.mark.parametrize("trainer", TRAINERS)
def test_all_of_it_is_there(trainer: Trainer) -> None:
    files = made(trainer)
    assert {"README.md", "Modelfile", "data/train.jsonl", "data/valid.jsonl"} < {*files}
    page = files["README.md"]
    assert (MODEL in page and "vllm serve" in page) or "mlx_lm.server" in page
    assert "llama-server" in page and "ollama create" in page
    assert not page.count("```") % 2


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_large_model_is_loaded_in_4_bit(trainer: Trainer) -> None:
    small, large = made(trainer), made(trainer, "a/b-70B")
    if trainer != "mlx":  # there the model is a 4-bit one itself
        assert any("4" in text and text != small.get(name) for name, text in large.items())


def test_nothing_held_out_is_nothing_measured() -> None:
    for trainer in TRAINERS:
        profile = PROFILES[trainer][0]
        _, files = folder(trainer, MODEL, Data(profile, [OF[profile]] * 20, []), Amount(20, 0, 300))
        assert "data/valid.jsonl" not in files
        assert not any(
            "valid" in text and "eval" in text for name, text in files.items() if name.endswith("yaml")
        )


def test_mlx_has_a_line_for_each_reply_and_call() -> None:
    lines = read(made("mlx", lines=1)["data/train.jsonl"])
    assert [line["messages"][-1]["content"] for line in lines] == ["hello", "", "by the door"]
    assert all(line["tools"] == [TOOL] for line in lines)


def test_llama_factory_has_its_own_roles() -> None:
    [line] = read(made("llama-factory", lines=1)["data/train.jsonl"])
    assert [message["role"] for message in line["messages"]] == (
        "system user assistant user function_call observation assistant".split()
    )
    [called] = json.loads(line["messages"][4]["content"])
    assert called == {"name": "find", "arguments": {"query": "tin"}}
    assert json.loads(line["tools"]) == [TOOL]
    [plain] = read(made("llama-factory", lines=1, profile="plain")["data/train.jsonl"])
    assert [*plain] == ["messages"]


# -- the command -------------------------------------------------------------------


@pytest.fixture
def records(tmp_path: Path) -> Path:
    for profile, line in OF.items():
        for part, count in (("train", FEWEST_LINES), ("valid", 2)):
            file = tmp_path / f"records.{profile}.{part}.jsonl"
            file.write_text("".join(json.dumps(line) + "\n" for _ in range(count)), encoding="utf-8")
    return tmp_path / "records.jsonl"


def told(capsys: pytest.CaptureFixture[str], records: Path, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["train", "recipe", "--records", str(records), *words])
    out, err = capsys.readouterr()
    return code, out, err


def usual(out: Path, trainer: str = "trl", model: str = MODEL) -> Sequence[str]:
    return ["--for", trainer, "--model", model, "--out", str(out)]


def test_it_says_what_to_type(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "recipe"
    code, said, _ = told(capsys, records, *usual(out))
    assert code == 0
    assert "10 samples of trl, 2 held out, for trl" in said
    assert "trl sft --config sft.yaml" in said
    assert out.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in out.rglob("*") if path.is_file()} == {0o600}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["recipe"]


def test_a_model_without_tools_gets_plain(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        "samples of plain" in told(capsys, records, *usual(tmp_path / "a", model="google/gemma-3-4b-it"))[1]
    )
    wanted = ["--profile", "trl"]
    assert (
        "samples of trl"
        in told(capsys, records, *usual(tmp_path / "b", model="google/gemma-3-4b-it"), *wanted)[1]
    )
    (tmp_path / "records.plain.train.jsonl").unlink()
    code, _, said = told(capsys, records, *usual(tmp_path / "c", model="google/gemma-3-4b-it"))
    assert code == 2
    assert 'knows no tools: plain has none. Add "plain" to export.profiles' in said


def test_a_model_of_ones_own_is_found_from_the_recipe(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine-1B").mkdir()
    monkeypatch.chdir(tmp_path)
    assert told(capsys, records, "--for", "trl", "--model", "./mine-1B")[0] == 0
    assert str(tmp_path / "mine-1B") in (tmp_path / "recipe-trl-mine-1B" / "sft.yaml").read_text("utf-8")


@pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", "$(rm)", "-x", "a/", "'", "a;b"])
def test_what_is_no_models_name(
    name: str, records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = told(capsys, records, "--for", "trl", f"--model={name}", "--out", str(tmp_path / "x"))
    assert code == 2
    assert "is no model's name" in said
    assert not (tmp_path / "x").exists()


def test_wrong_use_is_a_sentence(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x"
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").write_text("mine")
    cases = [
        ([*usual(taken)], "is not empty. Name another folder with --out"),
        ([*usual(taken / "file")], "is no folder. Name another with --out"),
        (
            [*usual(out, "llama-factory"), "--profile", "trl"],
            "does not read the profile trl. It reads portable and plain",
        ),
        (["--for", "llm.c", "--model", MODEL], "invalid choice: 'llm.c'"),
        (["--for", "trl"], "required: --model"),
    ]
    for words, reason in cases:
        code, _, said = told(capsys, records, *words)
        assert (code, reason in said, "Traceback" in said) == (2, True, False), said
    assert (taken / "file").read_text() == "mine"
    code, _, said = told(capsys, tmp_path / "nowhere.jsonl", *usual(out))
    assert code == 2
    assert "There is no" in said and 'Add "trl" to export.profiles and build again' in said


def test_a_file_that_trainers_refuse_makes_no_recipe(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records.trl.train.jsonl"
    file.write_text(file.read_text() + json.dumps(PORTABLE) + "\n")
    code, _, said = told(capsys, records, *usual(tmp_path / "x"))
    assert code == 1
    assert f"{file} would be refused: line 11: " in said
    assert not (tmp_path / "x").exists()
