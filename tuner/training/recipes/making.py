"""A recipe's whole folder: the trainer's files, and a page that says what to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tuner.amounts import counted
from tuner.training.recipes import for_axolotl, for_llama_factory, for_mlx, for_trl, for_unsloth
from tuner.training.recipes.plan import Amount, Plan, plan, size_of
from tuner.training.recipes.recipe import Data, Recipe, Trainer
from tuner.training.recipes.serving import MODELFILE, modelfile, serving

_MAKERS: Mapping[Trainer, Callable[[Plan, Data], Recipe]] = {
    "axolotl": for_axolotl.recipe,
    "trl": for_trl.recipe,
    "unsloth": for_unsloth.recipe,
    "llama-factory": for_llama_factory.recipe,
    "mlx": for_mlx.recipe,
}


def folder(trainer: Trainer, model: str, data: Data, amount: Amount) -> tuple[Recipe, dict[str, str]]:
    """The recipe, and every file of its folder: paths in it, and what is in them."""
    made = plan(model, amount)
    recipe = _MAKERS[trainer](made, data)
    page = _page(trainer, made, data, recipe)
    return recipe, {"README.md": page, MODELFILE: modelfile(made), **recipe.files}


def _page(trainer: Trainer, made: Plan, data: Data, recipe: Recipe) -> str:
    held_out = f", {len(data.valid):,} held out to measure it on" if data.valid else ""
    size = f"{made.size:g} billion parameters"
    if size_of(made.model) is None:
        size += ", a guess: the name tells no size"
    weights = "its weights in 4 bit (QLoRA)" if made.four_bit else "its weights in 16 bit"
    samples, epochs = counted(len(data.train), "sample"), counted(made.epochs, "time")
    step = counted(made.at_once * made.accumulate, "sample")
    return f"""# {made.model}, tuned with {trainer}

{samples} to learn from{held_out}. They are people's words: delete this folder, and what was tuned
with it, when one of them wants theirs deleted.

## Train

Where a GPU is, in this folder:

```console
$ {recipe.install}
$ {recipe.command}
```

The adapter is in `model` then. LoRA of rank {made.rank} on all linear layers, {weights} ({size}); a rate of
{made.rate:g}, {epochs} over the data, {step} a step, about
{counted(made.steps, "step")}. No sample is cut: the longest fits into {counted(made.longest, "token")}.

{recipe.masking}

When the loss on what is held out rises while the other falls, fewer epochs are better.

## Serve

{serving(trainer, made, data, recipe)}
## What your bot sends

What it was tuned on: the prompt as one system message, then turns that alternate, several speakers in one user's
turn. `tuner.prompt.shapes.shaped(talk, "{data.profile}")` makes it of what your bot has.
"""
