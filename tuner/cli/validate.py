"""`validate`: check a dataset as a trainer would."""

from __future__ import annotations

import argparse

from tuner.adapters.switch import finish_switches
from tuner.amounts import counted
from tuner.cli.running import say
from tuner.dataset.tokens import token_counter
from tuner.dataset.validation import check_file


def run(arguments: argparse.Namespace) -> int:
    finish_switches(arguments.file.parent)
    report = check_file(arguments.file, arguments.profile, token_counter())
    for fault in report.faults:
        say(f"{arguments.file}: {fault}")
    for note in report.notes:
        say(f"{arguments.file}: {note}")
    about = "" if report.exact else "about "
    count = len(report.faults)
    verdict = counted(count, "fault") if count else "valid"
    say(
        f"{arguments.file}: {verdict} as {report.profile}, {counted(report.lines, 'line')}, "
        f"{about}{counted(report.tokens, 'token')}"
    )
    return 1 if report.faults else 0
