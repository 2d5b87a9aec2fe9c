"""How what was tuned is served, with the chat template that it was tuned with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from tuner.training.recipes.plan import Plan
from tuner.training.recipes.recipe import OUTPUT, Data, Recipe, Trainer

MODELFILE = "Modelfile"
GGUF = "model.gguf"
_PARSERS: Sequence[tuple[str, str]] = (
    (r"qwen-?(2\.5|3(?![.\d]))", "hermes"),
    (r"llama-?3", "llama3_json"),
    (r"m[ai]n?istral", "mistral"),
    (r"gpt-?oss", "openai"),
    (r"glm-?4", "glm45"),
    (r"deepseek-?v3", "deepseek_v3"),
)
_CHATML = """TEMPLATE \"\"\"{{ range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
\"\"\"
PARAMETER stop <|im_end|>
"""
_LLAMA = """TEMPLATE \"\"\"{{ range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>

{{ .Content }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>

\"\"\"
PARAMETER stop <|eot_id|>
"""
_OLLAMA: Sequence[tuple[str, str]] = ((r"qwen-?2", _CHATML), (r"smollm", _CHATML), (r"llama-?3", _LLAMA))


def modelfile(plan: Plan) -> str:
    """For Ollama, which reads no Jinja: it writes prompts by a template of its own kind."""
    return f"FROM ./{GGUF}\n{_fitting(_OLLAMA, plan.model)}"


def serving(trainer: Trainer, plan: Plan, data: Data, recipe: Recipe) -> str:
    """A part of the folder's page."""
    parts = [*([_mlx(plan)] if trainer == "mlx" else [_vllm(plan, data)]), _merging(recipe), _llama_cpp()]
    return "\n".join([*parts, _ollama(plan, data)])


def _vllm(plan: Plan, data: Data) -> str:
    options = ["--enable-lora", f"--max-lora-rank {max(plan.rank, 8)}", f"--lora-modules tuned={OUTPUT}"]
    options.append(f"--chat-template {OUTPUT}/chat_template.jinja")
    if data.offers_tools:
        parser = _fitting(_PARSERS, plan.model) or "NAME"
        options.append(f"--enable-auto-tool-choice --tool-call-parser {parser}")
        note = "" if parser != "NAME" else "`vllm serve --help=tool-call-parser` lists the names.\n"
    else:
        note = ""
    command = " ".join(["vllm serve", shlex.quote(plan.model), *options])
    return (
        f"vLLM loads the adapter beside the model; ask it for the model `tuned`:\n\n{_block(command)}\n{note}"
    )


def _mlx(plan: Plan) -> str:
    command = f"mlx_lm.server --model {shlex.quote(plan.model)} --adapter-path {OUTPUT}"
    return f"mlx-lm serves the adapter beside the model:\n\n{_block(command)}\n"


def _merging(recipe: Recipe) -> str:
    return f"llama.cpp and Ollama want one model:\n\n{_block(*recipe.merge)}\n"


def _llama_cpp() -> str:
    return (
        "llama.cpp (`convert_hf_to_gguf.py` is in its repository):\n\n"
        + _block(
            f"python convert_hf_to_gguf.py merged --outfile {GGUF} --outtype q8_0",
            f"llama-server -m {GGUF} --jinja --chat-template-file merged/chat_template.jinja",
        )
        + "\n"
    )


def _ollama(plan: Plan, data: Data) -> str:
    """Its template language is another one; where nobody wrote the family's, it has to be compared by eye."""
    words = "Ollama takes the same file:\n\n" + _block(
        f"ollama create tuned -f {MODELFILE}", "ollama run tuned"
    )
    if not _fitting(_OLLAMA, plan.model):
        words += (
            "\n`ollama show tuned --template` shows how it writes a prompt: it has to say what the model's "
            "`chat_template.jinja` says, or the model is asked in a form that it was not tuned in.\n"
        )
    if data.offers_tools:
        words += "\nThe tools of this dataset need llama.cpp or vLLM: the `Modelfile` writes none.\n"
    return words


def _fitting(known: Sequence[tuple[str, str]], model: str) -> str:
    return next((made for pattern, made in known if re.search(pattern, model, re.IGNORECASE)), "")


def _block(*commands: str) -> str:
    return "```console\n" + "".join(f"$ {command}\n" for command in commands) + "```\n"
