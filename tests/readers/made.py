"""Datasets for readers: the embedded sample in every profile, with the usual tool and with another beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import chdir
from importlib import resources
from pathlib import Path
from typing import Any

from tuner.adapters.dataset_files import upload_paths
from tuner.cli.main import main
from tuner.profiles import EXPORT_PROFILES, ExportProfile

DATASETS = ("sample", "two tools")
# A trainer that makes a table of the tools gives each the other's parameters.
ANOTHER_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "remind_me",
        "description": "Says something again at a later time.",
        "parameters": {
            "type": "object",
            "properties": {
                "topic": {"type": "string", "description": "What to say."},
                "hours": {"type": "integer", "minimum": 1},
                "people": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["topic", "hours"],
            "additionalProperties": False,
        },
    },
}


def sample(folder: Path) -> Path:
    return built(folder, "--sample")


def two_tools(folder: Path) -> Path:
    usual = json.loads((resources.files("tuner.prompt") / "tools.json").read_text(encoding="utf-8"))
    tools = folder / "tools.json"
    tools.write_text(json.dumps([*usual, ANOTHER_TOOL]), encoding="utf-8")
    return built(folder, "--sample", "--set", f"prompt.tools_file={json.dumps(str(tools))}")


def built(folder: Path, *options: str) -> Path:
    """The records of a dataset; the profiles' files lie beside them."""
    records = folder / "records.jsonl"
    command = ["build-dataset", *options, "-o", str(records), "--stats-file", str(folder / "stats.json")]
    with chdir(folder):
        code = main([*command, "--set", f"export.profiles={json.dumps(EXPORT_PROFILES)}"])
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return records


def files_of(records: Path, profile: ExportProfile) -> Sequence[Path]:
    """To train on, and held out."""
    return [path for path in upload_paths(records, profile).values() if path.exists()]
