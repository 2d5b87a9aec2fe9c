"""How fast screening is, how often it is wrong on real chat, and what it finds of what was planted.

    [SEGBENCH_DATA=FOLDER] python -m tests.benchmarks.screening

Without SEGBENCH_DATA the embedded sample is the chat. Times are the processor's. Exit code 1 when fewer than 15,000
messages a second are looked through, or when a build of the embedded sample takes more than 1.3 times as long with
screening as without, both in turn.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.planted import KINDS, planted
from tuner.cli.main import main as tuner
from tuner.screening.placeholders import Placeholders
from tuner.screening.scan import scan

LEAST, MOST = 15_000, 1.3
ROUNDS = 3
SAMPLE = Path(__file__).parents[2] / "tuner/sample/export"
_SPOKEN = re.compile(r"^\[[^\]]*\] (?:<[^>]*> |\* )?")


def chat() -> list[str]:
    """Lines of real people, or of invented ones."""
    if folder := os.environ.get("SEGBENCH_DATA"):
        lines = (
            line
            for path in sorted(Path(folder).glob("data/*/*.ascii.txt"))
            for line in path.read_text("utf-8", "replace").splitlines()
        )
        return [_SPOKEN.sub("", line) for line in lines if not line.startswith("=== ")]
    exports = (json.loads(path.read_text("utf-8")) for path in sorted(SAMPLE.rglob("*.json")))
    return [message["content"] for export in exports for message in export["messages"]] * 20


def speed(lines: Sequence[str]) -> float:
    """Messages a second: the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time()
        for line in lines:
            scan(line)
        best = min(best, time.process_time() - before)
    return len(lines) / best


def build(*options: str) -> float:
    """Seconds of the processor that a build of the embedded sample takes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        before = time.process_time()
        sys.stdout.flush()
        assert tuner(["build-dataset", "--sample", *options]) == 0
        spent = time.process_time() - before
        os.chdir("/")
        return spent


def main() -> int:
    lines = chat()
    rate = speed(lines)
    hits = Counter(found.kind for line in lines for found in scan(line))
    print(f"{rate:,.0f} messages/s of {len(lines):,}")
    print("found:", ", ".join(f"{kind} {count}" for kind, count in hits.most_common()) or "nothing")
    made = list(planted())
    left = sum(one.value in Placeholders(b"").marked(one.line.replace("§", "")) for one in made)
    print(f"planted: {len(KINDS)} kinds, {len(made):,} lines, {left} left whole")
    off = ("--set", "screen.secrets=false", "--set", "screen.details=[]")
    times = [(build(), build(*off)) for _ in range(ROUNDS)]
    ratio = min(on for on, _ in times) / min(off for _, off in times)
    print(f"a build of the embedded sample: {ratio:.2f} times as long as without screening")
    return 0 if rate >= LEAST and ratio <= MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
