"""Arguments in, exit code out: 0 done, 1 the run failed, 2 wrong usage or configuration, 130/143 broken off."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import signal
import sys

from tuner import config
from tuner.cli.parser import parsed
from tuner.cli.printing import printable_lines
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
        arguments = parsed(sys.argv[1:] if argv is None else argv)
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
    except OSError as error:
        _complain(
            f"{error.filename or 'A file'} cannot be used: {error.strerror or error}. Nothing stored is lost."
        )
        return 1
    return code


def _run(arguments: argparse.Namespace) -> int:
    """Load what the command needs, and nothing that only another one does, and do it."""
    code: int = importlib.import_module(f"tuner.cli.{arguments.command}").run(arguments)
    return code


class _Inert(logging.Formatter):
    """Log lines that steer no terminal and show no key, whatever a channel or a file is called."""

    def format(self, record: logging.LogRecord) -> str:
        return config.without_secrets(printable_lines(super().format(record)))


def _set_up_logging(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Inert("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tuner").setLevel(logging.DEBUG if verbose else logging.INFO)
    # Of Discord's library, with --verbose: rate limits and retries. Never its DEBUG, which is whole answers.
    logging.getLogger("discord").setLevel(logging.INFO if verbose else logging.ERROR)
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # it warns of voice, which nobody wants here


def _complain(text: str) -> None:
    sys.stderr.write(f"tuner: {config.without_secrets(printable_lines(text))}\n")
