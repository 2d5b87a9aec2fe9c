"""`train recipe`: a folder that trains a model on the dataset, where a GPU is."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from tuner.adapters.dataset_files import upload_paths
from tuner.adapters.recipe_folder import refuse_taken, write_folder
from tuner.adapters.switch import finish_switches
from tuner.amounts import counted
from tuner.cli.running import say, settings_of
from tuner.dataset.tokens import TokenCounter, token_counter
from tuner.dataset.validation import check_file
from tuner.errors import FatalError, UsageError
from tuner.profiles import ExportProfile
from tuner.training.recipes.making import folder
from tuner.training.recipes.plan import Amount, takes_tools
from tuner.training.recipes.recipe import PROFILES, Data, Line, Trainer

_MODEL = re.compile(r"[\w~./][\w~./:@+-]*")


def run(arguments: argparse.Namespace) -> int:
    trainer: Trainer = arguments.trainer
    model = _model(arguments.model)
    out = arguments.out or Path(f"recipe-{trainer}-{Path(model).name}")
    refuse_taken(out)
    records = arguments.records or Path(settings_of(arguments, needed=False).dataset.output_path)
    counter = token_counter()
    data = _data(records, _profile(trainer, model, records, arguments.profile), counter)
    recipe, files = folder(trainer, model, data, _amount(data, counter))
    write_folder(out, files)
    samples = counted(len(data.train), "sample")
    say(f"{out}: {samples} of {data.profile}, {len(data.valid):,} held out, for {trainer}")
    say(f"where a GPU is: cd {out} && {recipe.install} && {recipe.command}")
    say(f"{out / 'README.md'} says the rest, and how the model is served")
    return 0


def _model(name: str) -> str:
    """The name, a folder's from the root."""
    if not _MODEL.fullmatch(name) or name.endswith("/"):
        raise UsageError(
            f"--model = {name!r} is no model's name. Write it as on the Hugging Face hub, such as Qwen/Qwen3-8B, or "
            "name a folder."
        )
    local = Path(name).expanduser()
    return str(local.resolve()) if local.is_dir() else name  # the recipe is used in another folder


def _profile(trainer: Trainer, model: str, records: Path, wanted: ExportProfile | None) -> ExportProfile:
    """The profile to train on: what was asked for, or the first of the trainer's that fits the model."""
    known = PROFILES[trainer]
    if wanted and wanted not in known:
        raise UsageError(f"{trainer} does not read the profile {wanted}. It reads {' and '.join(known)}.")
    fitting = [wanted] if wanted else [p for p in known if p == "plain" or takes_tools(model)]
    for profile in fitting:
        if upload_paths(records, profile)["train"].exists():
            return profile
    missing = upload_paths(records, fitting[0])["train"]
    why = (
        ""
        if wanted or takes_tools(model)
        else f" The chat template of {model} knows no tools: plain has none."
    )
    raise UsageError(
        f"There is no {missing}.{why} Add {json.dumps(fitting[0])} to export.profiles and build again: nothing is "
        "asked twice. Or name a dataset with --records."
    )


def _data(records: Path, profile: ExportProfile, counter: TokenCounter) -> Data:
    finish_switches(records.parent)
    paths = upload_paths(records, profile)
    train = _read(paths["train"], profile, counter)
    return Data(profile, train, _read(paths["valid"], profile, counter) if paths["valid"].exists() else [])


def _read(path: Path, profile: ExportProfile, counter: TokenCounter) -> list[Line]:
    """The lines of a file that its readers accept."""
    report = check_file(path, profile, counter, most_faults=2)
    if report.faults:
        more = " and more" if len(report.faults) > 1 else ""
        raise FatalError(
            f"{path} would be refused: {report.faults[0]}{more}. `tuner validate {path}` says everything."
        )
    with path.open(encoding="utf-8-sig") as file:
        return [json.loads(line) for line in file]


def _amount(data: Data, counter: TokenCounter) -> Amount:
    longest = max(counter.sample(line) for line in (*data.train, *data.valid))
    return Amount(len(data.train), len(data.valid), longest, counter.exact)
