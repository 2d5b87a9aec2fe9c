"""How well, how fast, in how much memory, and how steadily chat is told apart into conversations.

    SEGBENCH_DATA=FOLDER python -m tests.benchmarks.conversations
        [--only quality,calibration,speed,memory,chunking]
        [--splits dev,newdomains,train] [--seeds 0,1,2] [--messages 1000000] [--judge-share 0.1 --judge-right 0.9]

SEGBENCH_DATA names the folder of the segmentation benchmark, the one that holds the package `segbench`; its
scorer needs numpy and scipy. Exit code 0: every requirement is met, 1: one is not, 2: it could not be run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from tests.benchmarks.annotated import missing
from tests.benchmarks.conversation_calibration import calibration
from tests.benchmarks.conversation_costs import chunking, memory, speed
from tests.benchmarks.conversation_judge import Judge
from tests.benchmarks.conversation_quality import quality
from tests.benchmarks.report import table, verdict

SECTIONS = ("quality", "calibration", "speed", "memory", "chunking")
SPLITS = ("dev", "newdomains", "train")


def main() -> int:
    arguments = parsed()
    if why := missing():
        print(why, file=sys.stderr)
        return 2
    share, right = arguments.judge_share, arguments.judge_right
    judge = Judge(share, right) if share else None
    sections: dict[str, Callable[[], bool]] = {
        "quality": lambda: quality(arguments.splits, arguments.seeds, judge),
        "calibration": lambda: calibration(arguments.splits, arguments.seeds),
        "speed": speed,
        "memory": lambda: memory(arguments.messages),
        "chunking": chunking,
    }
    outcome = [["section", "all requirements", "seconds"]]
    for name in arguments.only:
        print(f"## {name.capitalize()}\n", flush=True)
        started = time.perf_counter()
        met = sections[name]()
        outcome.append([name, verdict(met), f"{time.perf_counter() - started:.0f}"])
    print(f"## Outcome\n\n{table(outcome)}")
    return int(any(row[1] == verdict(False) for row in outcome))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.conversations")
    parser.add_argument("--only", type=some_of(SECTIONS), default=SECTIONS, help="sections (default: all)")
    parser.add_argument(
        "--splits", type=some_of(SPLITS), default=SPLITS, help="annotated chat (default: all)"
    )
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="which messages are native replies")
    parser.add_argument("--messages", type=int, default=1_000_000, help="size of the archive for memory")
    parser.add_argument(
        "--judge-share", type=float, default=0.1, help="of links that a simulated judge decides (0: none)"
    )
    parser.add_argument("--judge-right", type=float, default=0.9, help="how often it is right")
    return parser.parse_args()


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def chosen(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}, only {', '.join(known)}")
        return names

    return chosen


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
