"""How many lines of each profile the readers that are installed accept, and on what loss falls where TRL trains.

    [SEGBENCH_DATA=FOLDER] python -m tests.benchmarks.readers [--splits dev,newdomains] [--readers WORD]

Readers exclude each other's versions: run it in an environment for each, pip install '.[trainers]' or what a row
names. Without SEGBENCH_DATA there are the embedded sample, and the sample with two tools. Exit code 1 when a line is
refused, or loss falls on anything but the assistant's turns.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from tests.benchmarks import annotated
from tests.benchmarks.report import table
from tests.readers import made
from tests.readers.everyone import READERS
from tests.readers.reading import Reader, lines
from tests.readers.templates import TRAINED, WITH_TOOLS, trained
from tuner.profiles import ExportProfile

CANONICAL = ("qwen2_5", "qwen3")  # to compare with; others stop at a call of that form
CANONICAL_FORM: tuple[ExportProfile, ...] = ("openai",)
REPLIES = 20  # percent of the messages that are native replies


def corpus(split: str, folder: Path) -> Path:
    """A dataset of annotated chat, as an export of DiscordChatExporter's."""
    exports = folder / "exports"
    exports.mkdir()
    for number, channel in enumerate(annotated.load(split, hide_names=True)):
        document = annotated.export(channel, annotated.annotated_replies(channel, REPLIES, 0))
        (exports / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    return made.built(folder, "--from-export", str(exports))


def accepted(reader: Reader, profile: ExportProfile, records: Path) -> tuple[int, int]:
    """Lines that are, and all."""
    files = made.files_of(records, profile)
    total = sum(1 for file in files for _ in lines(file))
    return total - sum(len(reader.refusals(file)) for file in files), total


def rows(reader: Reader, datasets: dict[str, Path]) -> Iterator[tuple[list[str], bool]]:
    for profile in reader.profiles:
        counts = [accepted(reader, profile, records) for records in datasets.values()]
        cells = [f"{yes:,} of {total:,}" for yes, total in counts]
        yield [reader.name, reader.version, profile, *cells], all(yes == total for yes, total in counts)


def elsewhere(template: str, profile: ExportProfile, records: Path) -> float:
    """Percent of the trained characters that stand in no turn of the assistant's."""
    inside = outside = 0
    for file in made.files_of(records, profile):
        for _, line in lines(file):
            learned = [m for m in line["messages"] if m["role"] == "assistant" and m.get("weight") != 0]
            spans = trained(line, template)
            for span in spans:
                mine = any(m["content"] and m["content"].strip() in span for m in learned)
                mine = mine or any(
                    c["function"]["name"] in span for m in learned for c in m.get("tool_calls", [])
                )
                inside, outside = inside + len(span) * mine, outside + len(span) * (not mine)
    return 100 * outside / (inside + outside)


def losses(datasets: dict[str, Path]) -> Iterator[tuple[list[str], bool]]:
    for template in TRAINED:
        profiles: tuple[ExportProfile, ...] = ("trl", "plain") if template in WITH_TOOLS else ("plain",)
        for profile in (*(CANONICAL_FORM if template in CANONICAL else ()), *profiles):
            shares = [elsewhere(template, profile, records) for records in datasets.values()]
            cells = [f"{share:.1f} %" for share in shares]
            yield [template, profile, *cells], profile == "openai" or not any(shares)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.readers")
    parser.add_argument("--splits", default="dev,newdomains", help="annotated chat (default: %(default)s)")
    parser.add_argument("--skip-loss", action="store_true", help="only what readers accept")
    parser.add_argument("--readers", default="", metavar="WORD", help="only those whose name has it")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # what readers say of every line
    readers = [r for r in READERS if r.version and arguments.readers in r.name]
    with tempfile.TemporaryDirectory(prefix="tuner-readers-") as name:
        datasets = built(Path(name), arguments.splits.split(",") if not annotated.missing() else [])
        good = shown(
            ("reader", "version", "profile"), datasets, [r for x in readers for r in rows(x, datasets)]
        )
        if not arguments.skip_loss and any(reader.package == "trl" for reader in readers):
            print("\nLoss outside of the assistant's turns:\n")
            good &= shown(("template", "profile"), datasets, list(losses(datasets)))
    return int(not good)


def built(folder: Path, splits: Sequence[str]) -> dict[str, Path]:
    makers: dict[str, Callable[[Path], Path]] = {"sample": made.sample, "two tools": made.two_tools}
    makers |= {split: partial(corpus, split) for split in splits}
    places = {title: folder / str(number) for number, title in enumerate(makers)}
    for place in places.values():
        place.mkdir()
    with redirect_stdout(io.StringIO()):
        return {title: make(places[title]) for title, make in makers.items()}


def shown(head: Sequence[str], datasets: dict[str, Path], found: Sequence[tuple[list[str], bool]]) -> bool:
    print(table([[*head, *datasets], *(row for row, _ in found)]))
    return all(good for _, good in found)


if __name__ == "__main__":
    sys.exit(main())
