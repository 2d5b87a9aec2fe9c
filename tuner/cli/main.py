"""Arguments in, exit code out: 0 done, 1 the run failed, 2 wrong usage or configuration, 130/143 broken off."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import signal
import sys

from tuner.cli.parser import parser
from tuner.cli.running import Interrupted
from tuner.errors import FatalError, TunerError


def entry() -> None:
    """The `tuner` command and `python -m tuner`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal can show every channel's name
    sys.exit(main())


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit code. Expected trouble is a sentence on stderr, never a traceback."""
    try:
        arguments = parser().parse_args(argv)
        _set_up_logging(arguments.verbose)
        code = _run(arguments)
        sys.stdout.flush()
    except SystemExit as leaving:  # argparse has said what is to be said
        return leaving.code if isinstance(leaving.code, int) else 2
    except (FatalError, Interrupted) as error:
        _complain(str(error))
        return error.exit_code
    except TunerError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        _complain("Broken off.")
        return 128 + signal.SIGINT
    except (
        BrokenPipeError
    ):  # whoever read the output has gone; the interpreter must not complain on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(arguments: argparse.Namespace) -> int:
    """Load what the command needs, and nothing that only another one does, and do it."""
    code: int = importlib.import_module(f"tuner.cli.{arguments.command}").run(arguments)
    return code


def _set_up_logging(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    logging.getLogger("tuner").setLevel(logging.DEBUG if verbose else logging.INFO)
    if not verbose:  # voice libraries that are missing, rate limits that are waited out: nothing to act on
        logging.getLogger("discord").setLevel(logging.ERROR)


def _complain(text: str) -> None:
    sys.stderr.write(f"tuner: {text}\n")
