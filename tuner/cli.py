"""Arguments in, exit code out: 0 done, 1 the run failed, 2 wrong usage or configuration, 130/143 broken off."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

from rich.console import Console
from threadpoolctl import threadpool_limits

from tuner import __version__, commands, config, console
from tuner.config import Settings
from tuner.dataset.tokens import token_counter
from tuner.dataset.validation import check_file
from tuner.errors import FatalError, TunerError, UsageError

Value = TypeVar("Value")

SAMPLE_OUTPUT = {
    "dataset.output_path": "data/sample/records.jsonl",
    "dataset.stats_path": "data/sample/stats.json",
    "store.path": "data/sample/tuner.db",
}
NO_CONFIG = (
    f"There is no configuration: looked for {' and '.join(config.SEARCHED)} here. Copy config.sample.toml to "
    "config.toml and fill it in, or try the embedded sample: build-dataset --sample."
)
GO_ON = "Broken off. What was read and decided is kept in the archive; the same command goes on from there."


LINES, MOST_LINES = 12, 500  # messages that segment --explain shows


class Interrupted(Exception):
    """SIGINT or SIGTERM came; `exit_code` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(GO_ON)
        self.exit_code = 128 + number


def entry() -> None:
    """The `tuner` command and `python -m tuner`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal can show every channel's name
    sys.exit(main())


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit code. Expected trouble is a sentence on stderr, never a traceback."""
    try:
        arguments = _parser().parse_args(argv)
        _set_up_logging(arguments.verbose)
        with threadpool_limits(1, "blas"):  # more threads for small matrices wait for one another, busily
            code: int = arguments.command(arguments)
        sys.stdout.flush()
    except SystemExit as leaving:  # argparse has said what is to be said
        return leaving.code if isinstance(leaving.code, int) else 2
    except (FatalError, Interrupted) as error:
        _say(str(error))
        return error.exit_code
    except TunerError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Broken off.")
        return 128 + signal.SIGINT
    except (
        BrokenPipeError
    ):  # whoever read the output has gone; the interpreter must not complain on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


# -- arguments ---------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistake with a sentence, not with every option there is."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"tuner: {message}. {self.prog} --help shows how it is written.\n")


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tuner",
        description="Turns a Discord server's history into a chat fine-tuning dataset.",
        epilog="Start here, with no token and no key: tuner build-dataset --sample",
    )
    parser.add_argument("--version", action="version", version=f"tuner {__version__}")
    parser.set_defaults(verbose=False)
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_build, _add_segment, _add_validate, _add_status, _add_forget):
        add(commands_of)
    return parser


def _add_build(commands_of: _Commands) -> None:
    build = commands_of.add_parser(
        "build-dataset",
        help="collect what is new and build the dataset",
        description="Collects what is new from Discord, or from exports, into the archive, and builds the dataset "
        "from it. Options win over --set, and --set over the configuration file.",
    )
    source = build.add_mutually_exclusive_group()
    source.add_argument(
        "--from-export",
        nargs="+",
        metavar="PATH",
        help="read DiscordChatExporter JSON, files or folders, not Discord",
    )
    source.add_argument(
        "--sample", action="store_true", help="build from the embedded sample: no token, no key"
    )
    _add_configuration(build)
    _add_dataset_flags(build)
    build.set_defaults(command=_build)


def _add_segment(commands_of: _Commands) -> None:
    segment = commands_of.add_parser(
        "segment",
        help="write the conversations, or show why messages belong together",
        description="Writes the conversations, one JSON object a line. With --explain: shows for the messages "
        "around one of them which message each was linked to, how sure that is, and why. Both read the archive, "
        "or exports.",
    )
    segment.add_argument(
        "--from-export", nargs="+", metavar="PATH", help="DiscordChatExporter JSON, not the archive"
    )
    segment.add_argument(
        "--channel", action="append", type=_id, default=[], metavar="ID", help="only this channel"
    )
    segment.add_argument(
        "--out", type=Path, metavar="FILE", help="where the conversations go (needed without --explain)"
    )
    explaining = segment.add_argument_group("to see why messages belong together")
    explaining.add_argument(
        "--explain",
        metavar="CHANNEL",
        help="explain the links of this channel, an id or a name; needs --around",
    )
    explaining.add_argument(
        "--around", type=_id, metavar="MESSAGE_ID", help="the message to explain, and those next to it"
    )
    explaining.add_argument(
        "--lines", type=_count, metavar="N", help=f"how many messages to explain (default: {LINES})"
    )
    _add_configuration(segment)
    segment.set_defaults(command=_segment, wrong=segment.error)


def _add_validate(commands_of: _Commands) -> None:
    validate = commands_of.add_parser(
        "validate",
        help="check a dataset as a trainer would",
        description="Checks a dataset as a trainer would; prints what is wrong in which line. Exit code 0 when it "
        "is valid, 1 when not.",
    )
    validate.add_argument("file", type=Path, metavar="FILE", help="a JSONL file")
    validate.add_argument(
        "--profile",
        choices=("records", *config.EXPORT_PROFILES),
        help="records: with metadata, as Tuner keeps it; openai: for upload (default: what the lines look like)",
    )
    validate.add_argument(
        "-v", "--verbose", action="store_true", help="log more; message content may be logged"
    )
    validate.set_defaults(command=_validate)


def _add_status(commands_of: _Commands) -> None:
    status = commands_of.add_parser(
        "status",
        help="show the last runs and what is stored",
        description="Shows the last runs, and of each channel what is stored and whether it reaches "
        "dataset.earliest. Changes nothing.",
    )
    _add_configuration(status)
    status.set_defaults(command=_status)


def _add_forget(commands_of: _Commands) -> None:
    forget = commands_of.add_parser("forget", help="erase people's words and never use them again")
    forget.add_argument("user", nargs="+", type=_id, metavar="USER_ID", help="whose words")
    _add_configuration(forget)
    forget.set_defaults(command=_forget)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help=f"settings (default: {' or '.join(config.SEARCHED)})"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="override any setting of the file (repeatable)",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log more; message content may be logged"
    )


def _list(text: str) -> list[str]:
    return text.replace(",", " ").split()


# flag, setting, how its text becomes a value, how that is written, what it is
_FLAGS: tuple[tuple[str, str, Callable[[str], Any], str, str], ...] = (
    ("--channels", "dataset.channels", _list, "IDS", "channels to read, separated by commas"),
    (
        "--allowed-users",
        "dataset.allowed_users",
        _list,
        "IDS",
        "whose words may be used, separated by commas",
    ),
    ("--earliest", "dataset.earliest", str, "TIME", "read from here on: a date or ISO 8601 time"),
    ("--max-messages", "dataset.max_messages", int, "N", "read at most this many per channel and run"),
    ("--max-samples", "dataset.max_samples", int, "N", "stop after this many samples"),
    ("--segment-concurrency", "dataset.segment_concurrency", int, "N", "model calls in flight"),
    ("--output", "dataset.output_path", str, "FILE", "where the records go"),
    ("--raw-dump-dir", "dataset.raw_dump_dir", str, "DIR", "where raw transcripts go"),
    ("--stats-file", "dataset.stats_path", str, "FILE", "where the counts go"),
    ("--segment-model", "models.segment", str, "MODEL", "who approves segments: a model, or rules"),
    (
        "--tool-trigger-model",
        "models.tool_trigger",
        str,
        "MODEL",
        "who decides on tool calls: a model, or rules",
    ),
    ("--max-calls", "models.max_calls", int, "N", "ask models at most this often"),
    ("--max-cost", "models.max_cost", float, "USD", "spend at most this many US dollars on models"),
)
_SWITCHES = (
    ("--print-stats", "dataset.print_stats", "print the counts as JSON at the end"),
    ("--dry-run", "dataset.dry_run", "do everything, write no dataset"),
)


def _add_dataset_flags(parser: argparse.ArgumentParser) -> None:
    for flag, setting, kind, form, text in _FLAGS:
        parser.add_argument(flag, dest=setting, type=kind, metavar=form, help=f"{text} [{setting}]")
    for flag, setting, text in _SWITCHES:
        parser.add_argument(
            flag,
            dest=setting,
            action=argparse.BooleanOptionalAction,
            default=None,
            help=f"{text} [{setting}]",
        )


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a Discord id, a number such as 123456789012345678")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= MOST_LINES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_LINES}")
    return int(text)


def _settings(arguments: argparse.Namespace, *, needed: bool) -> Settings:
    """Settings from the file, then --set, then named flags. `needed`: channels must be named."""
    flags = [(name, value) for name, value in vars(arguments).items() if "." in name and value is not None]
    overrides = [*map(config.parse_assignment, arguments.set), *flags]
    if getattr(arguments, "sample", False) and arguments.config is None:
        path: Path | None = commands.sample_config()
        overrides = [*SAMPLE_OUTPUT.items(), *overrides]
    else:
        path = config.find_config(arguments.config, Path())
    document = config.read_toml(path) if path else {}
    origins = [*([str(path)] if path else []), *(["the command line"] if overrides else [])]
    settings = config.load(document, overrides, " with ".join(origins))
    if needed and not settings.dataset.channels:
        raise UsageError(config.NO_CHANNELS if path else NO_CONFIG)
    return settings


# -- commands ----------------------------------------------------------------------


def _build(arguments: argparse.Namespace) -> int:
    exports = commands.sample_exports() if arguments.sample else arguments.from_export or []
    settings = _settings(arguments, needed=not exports)
    with console.shown(Console(stderr=True)) as listener:
        result = _run(commands.build(settings, exports, listener))
    for line in console.summary(result.counts):
        _print(line)
    if settings.dataset.print_stats:
        _print(json.dumps(result.counts, ensure_ascii=False, indent=2))
    return 0


def _segment(arguments: argparse.Namespace) -> int:
    if arguments.explain is not None:
        return _explain(arguments)
    if arguments.around is not None or arguments.lines is not None:
        arguments.wrong("--around and --lines need --explain CHANNEL")
    if arguments.out is None:
        arguments.wrong(
            "the following arguments are required: --out FILE, or --explain CHANNEL --around MESSAGE_ID"
        )
    exports = arguments.from_export or []
    settings = _settings(arguments, needed=False)
    count = _run(commands.segment(settings, exports, arguments.channel, arguments.out))
    _print(f"{count} conversations → {arguments.out}")
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    if arguments.around is None:
        arguments.wrong("--explain needs --around MESSAGE_ID, the message to explain")
    if arguments.out is not None or arguments.channel:
        arguments.wrong(
            "--explain goes with neither --out nor --channel: it only shows, and names its channel"
        )
    settings = _settings(arguments, needed=False)
    count = arguments.lines or LINES
    exports = arguments.from_export or []
    for line in _run(commands.explain(settings, exports, arguments.explain, arguments.around, count)):
        _print(line)
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    report = check_file(arguments.file, arguments.profile, token_counter())
    for fault in report.faults:
        _print(f"{arguments.file}: {fault}")
    about = "" if report.exact else "about "
    count = len(report.faults)
    verdict = ("1 fault" if count == 1 else f"{count} faults") if count else "valid"
    _print(
        f"{arguments.file}: {verdict} as {report.profile}, {report.lines} lines, {about}{report.tokens:,} tokens"
    )
    return 1 if report.faults else 0


def _status(arguments: argparse.Namespace) -> int:
    for line in _run(commands.status(_settings(arguments, needed=False))):
        _print(line)
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    erased = _run(commands.forget(_settings(arguments, needed=False), arguments.user))
    _print(
        f"{erased} messages lost their text, and these people's words will not be stored again. Datasets and "
        "transcripts written before still hold them: build again, and delete the old files."
    )
    return 0


# -- running -----------------------------------------------------------------------


def _run(work: Coroutine[Any, Any, Value]) -> Value:
    """Run to the end, or to SIGINT or SIGTERM; those cancel the work, which then ends cleanly."""

    async def supervised() -> Value:
        task = asyncio.ensure_future(work)
        received: list[int] = []

        def stop(number: int) -> None:
            received.append(number)
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
                loop.add_signal_handler(number, stop, number)
        try:
            return await task
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise

    try:
        return asyncio.run(supervised())
    except KeyboardInterrupt:
        raise Interrupted(signal.SIGINT) from None


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


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"tuner: {text}\n")
