"""`check`: go through everything that a build needs, and say what to do. Changes nothing, spends nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuner import config
from tuner.adapters.discord_check import check_with_token
from tuner.cli.printing import printable
from tuner.cli.running import NO_CONFIG, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.readiness import Finding, exit_code
from tuner.config.settings import Settings
from tuner.runs.checkup import checkup

MARKS = {"good": "ok", "note": "note", "bad": "fails", "unset": "missing"}
STYLES = {"good": "green", "note": "yellow", "bad": "red", "unset": "red"}
WIDTH = 120  # where there is no terminal to ask for its own


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments, needed=False)
    findings = [_file(arguments), *run_to_the_end(_check(settings))]
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=WIDTH)
    console.print(table(findings))
    code = exit_code(findings)
    say("A build could run." if code == 0 else "A build could not run yet: do what the last column says.")
    return code


async def _check(settings: Settings) -> list[Finding]:
    environment = config.environment()

    async def ask_discord() -> list[Finding]:
        token = config.secret(environment, settings.discord.token_env, "A check")
        return await check_with_token(token, settings.dataset.channels, settings.collect)

    return await checkup(settings, environment, ask_discord)


def _file(arguments: argparse.Namespace) -> Finding:
    path = config.find_config(arguments.config, Path())
    if path is None:
        text, _, todo = NO_CONFIG.partition(". ")
        return Finding("configuration", "note", f"{text}.", todo)
    return Finding("configuration", "good", f"{path} is read and has no fault.")


def table(findings: Sequence[Finding]) -> Table:
    """The findings as a table that steers no terminal."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("", "what", "how it is", "what to do"):
        shown.add_column(heading, overflow="fold")
    for finding in findings:
        cells = (MARKS[finding.state], finding.subject, finding.text, finding.todo)
        shown.add_row(
            *(_inert(cell) for cell in cells), style=STYLES[finding.state] if finding.state != "good" else ""
        )
    return shown


def _inert(cell: str) -> Text:
    """A cell in which [brackets] are brackets."""
    return Text(config.without_secrets(printable(cell)))
