"""What can be typed after `train` of jobs at a provider."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add_jobs(
    ways_of: Any,
    add_configuration: Callable[[argparse.ArgumentParser], None],
    user_id: Callable[[str], int],
) -> None:
    """Add what begins jobs and keeps an eye on them to the ways of `train`."""
    for add in (_add_start, _add_status, _add_cancel):
        add(ways_of, add_configuration)
    shown = ways_of.add_parser(
        "list",
        help="show every job, from the archive",
        description="Shows every job as the archive knows it; asks nobody.",
    )
    shown.add_argument(
        "--person", type=user_id, metavar="USER_ID", help="only those whose dataset has words of this person"
    )
    add_configuration(shown)
    shown.set_defaults(command="train", action="list")


def _add_start(ways_of: Any, add_configuration: Callable[[argparse.ArgumentParser], None]) -> None:
    start = ways_of.add_parser(
        "start",
        help="upload the dataset and start a job, once its price is confirmed",
        description="Checks the dataset, says what training on it and hosting the result will cost, and asks. Then the "
        "dataset is uploaded and the job started, each once, also where this is broken off and run again. Exit code 0 "
        "when the provider has the job.",
    )
    start.add_argument("--yes", action="store_true", help="start it without being asked")
    start.add_argument("--again", action="store_true", help="also if the same was trained before")
    add_configuration(start)
    start.set_defaults(command="train", action="start")


def _add_status(ways_of: Any, add_configuration: Callable[[argparse.ArgumentParser], None]) -> None:
    status = ways_of.add_parser(
        "status",
        help="ask the provider how a job is doing",
        description="Asks the provider how jobs are doing: one by its number, or those that are not over, or the last. "
        "A job whose start was broken off is looked for.",
    )
    _add_number(status)
    status.add_argument(
        "--watch",
        action="store_true",
        help="go on until it is over; exit code 0 when it has finished, 1 when not",
    )
    add_configuration(status)
    status.set_defaults(command="train", action="status")


def _add_cancel(ways_of: Any, add_configuration: Callable[[argparse.ArgumentParser], None]) -> None:
    cancel = ways_of.add_parser(
        "cancel",
        help="end a job",
        description="Ends a job at its provider: one by its number, or the only one.",
    )
    _add_number(cancel)
    add_configuration(cancel)
    cancel.set_defaults(command="train", action="cancel")


def _add_number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "job", nargs="?", type=_number, metavar="JOB", help="its number, as `train list` shows it"
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a job's number, such as 3")
    return int(text)
