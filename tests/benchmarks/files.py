"""What a dataset's files are worth: how much is learned, how large each is, and what the held-out part shares.

    SEGBENCH_DATA=… python -m tests.benchmarks.files

Without SEGBENCH_DATA only the embedded sample is measured. Exit code 0: nothing that is held out is given away,
1: something is.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import annotated
from tests.benchmarks.report import table
from tuner.dataset.split import answers, run_numbers, said, words
from tuner.dataset.tokens import TokenCounter, token_counter
from tuner.profiles import EXPORT_PROFILES

Line = Mapping[str, Any]

FORMER_SYSTEM = """\
You are $persona, a member of the Discord server "$server". You talk in #$channel as one of the people there:
in your own voice, to the point, honest about what you do not know. Messages of others begin with their name.
"""
FORMER_TOOL = {
    "name": "retrieve_context",
    "description": "Searches earlier messages of this channel. Use it when somebody refers to something said before.",
    "parameters": {
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": "Words that the earlier messages are likely to contain.",
            }
        },
        "required": ["query"],
        "additionalProperties": False,
    },
}
REPLIES, SEED = 20, 0  # percent of the annotated answers that are native replies


def built(folder: Path, source: Sequence[str], settings: Sequence[str] = ()) -> Path:
    """The records of a build, its other files beside them."""
    records = folder / "records.jsonl"
    options = [part for setting in settings for part in ("--set", setting)]
    profiles = f"export.profiles={json.dumps(EXPORT_PROFILES)}"
    command = [sys.executable, "-m", "tuner", "build-dataset", *source, "-o", str(records)]
    done = subprocess.run([*command, "--set", profiles, *options], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return records


def former_prompt(folder: Path) -> list[str]:
    """Settings of the built-in prompt as it was before tools were described once and in few words."""
    folder.mkdir()
    (folder / "system.md").write_text(FORMER_SYSTEM, encoding="utf-8")
    tools = [{"type": "function", "function": FORMER_TOOL}]
    (folder / "tools.json").write_text(json.dumps(tools), encoding="utf-8")
    return [
        "prompt.announce_tools=true",
        f"prompt.system_file={folder / 'system.md'}",
        f"prompt.tools_file={folder / 'tools.json'}",
    ]


def corpus(split: str, folder: Path) -> list[str]:
    """Options that read an annotated corpus."""
    exports = folder / "exports"
    exports.mkdir()
    for channel in annotated.load(split, hide_names=False):
        document = annotated.export(channel, annotated.annotated_replies(channel, REPLIES, SEED))
        (exports / f"{channel.name}.json").write_text(json.dumps(document), encoding="utf-8")
    return ["--from-export", str(exports)]


def lines(path: Path) -> list[Line]:
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def worth(records: Path, counter: TokenCounter) -> list[str]:
    """A row: samples, their answers, tokens, the share of them that is learned."""
    found = lines(records)
    tokens = sum(map(counter.sample, found))
    trained = sum(map(counter.learned, found))
    spoken = sum(len([*answers(line)]) for line in found)
    return [str(len(found)), str(spoken), f"{tokens:,}", f"{100 * trained / tokens:.1f}"]


def shared(held_out: Collection[int], records: Sequence[Line]) -> int:
    """Answers that are held out and have thirteen words in a row with the training part in common."""
    training = {
        run
        for i, line in enumerate(records)
        if i not in held_out
        for text in said(line)
        for run in _runs(text)
    }
    return sum(1 for i in held_out for text in answers(records[i]) if not training.isdisjoint(_runs(text)))


def _runs(text: str) -> Iterator[int]:
    return run_numbers(words(text))


def leaks(records: Path) -> list[str]:
    """A row: lines held out; answers of theirs that training gives away, and how many a random split would."""
    found = lines(records)
    valid = {_key(line) for line in lines(records.with_name("records.openai.valid.jsonl"))}
    held_out = {i for i, line in enumerate(found) if _key(line) in valid}
    chance = set(random.Random(SEED).sample(range(len(found)), len(held_out)))
    return [str(len(held_out)), str(shared(held_out, found)), str(shared(chance, found))]


def _key(line: Line) -> str:
    return json.dumps(line["messages"])


def sizes(records: Path) -> list[str]:
    """Percent of the records' size, a profile each."""
    whole = records.stat().st_size
    return [
        f"{100 * sum(p.stat().st_size for p in records.parent.glob(f'records.{profile}.*.jsonl')) / whole:.0f}"
        for profile in EXPORT_PROFILES
    ]


def main() -> int:
    counter = token_counter()
    splits = [] if annotated.missing() else ["dev", "newdomains"]
    worths = [["data", "prompt", "samples", "answers", "tokens", "% learned"]]
    leaking = [["data", "held out", "given away", "if drawn by lot"]]
    measured = [["data", *(f"{profile}, % of records" for profile in EXPORT_PROFILES)]]
    for name in ["sample", *splits]:
        with tempfile.TemporaryDirectory(prefix="tuner-files-") as folder:
            source = ["--sample"] if name == "sample" else corpus(name, Path(folder))
            former = built(Path(folder) / "former", source, former_prompt(Path(folder) / "former"))
            records = built(Path(folder), source)
            worths += [
                [name, way, *worth(path, counter)] for way, path in (("former", former), ("now", records))
            ]
            leaking.append([name, *leaks(records)])
            measured.append([name, *sizes(records)])
    for rows in (worths, leaking, measured):
        print(table(rows), end="\n\n")
    return 1 if any(row[2] != "0" for row in leaking[1:]) else 0


if __name__ == "__main__":
    raise SystemExit(main())
