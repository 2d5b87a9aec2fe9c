"""What can be typed: commands, options, and what --help says of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from tuner import __version__, config
from tuner.cli.printing import printable
from tuner.cli.train_options import add_jobs
from tuner.profiles import EXPORT_PROFILES
from tuner.training.recipes.recipe import TRAINERS

LINES, MOST_LINES = 12, 500  # messages that segment --explain shows


class _Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistake with a sentence, not with every option there is."""

    def error(self, message: str) -> NoReturn:
        words = config.without_secrets(printable(message))
        self.exit(2, f"tuner: {words}. {self.prog} --help shows how it is written.\n")


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


class _Words(argparse.Action):
    """Values typed one after another, with commas or without, at once or one by one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option: str | None = None,
    ) -> None:
        words = [word for value in values or () for word in str(value).replace(",", " ").split()]
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), *words])


class _Personas(argparse.Action):
    """People and roles typed one after another; what stands between commas may be a name with spaces."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option: str | None = None,
    ) -> None:
        typed = [who for value in values or () for who in config.parse_personas(str(value))]
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), *filter(None, typed)])


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; what is no option is named, what may be a secret is not repeated."""
    config.check_arguments(argv)
    root = parser()
    arguments, rest = root.parse_known_args(argv)
    if rest:
        options = [word.partition("=")[0] for word in rest if word.startswith("-")]
        root.error(f"unrecognized arguments: {' '.join(options or rest)}")
    return arguments


def parser() -> argparse.ArgumentParser:
    """The parser; `command` of what it returns names the module of `tuner.cli` that does the work."""
    root = _Parser(
        prog="tuner",
        description="Turns a Discord server's history into a chat fine-tuning dataset.",
        epilog="Start here, with no token and no key: tuner build-dataset --sample",
    )
    root.add_argument("--version", action="version", version=f"tuner {__version__}")
    root.set_defaults(verbose=False)
    commands_of = root.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_build,
        _add_check,
        _add_screen,
        _add_segment,
        _add_validate,
        _add_status,
        _add_forget,
        _add_refresh,
        _add_people,
        _add_train,
    ):
        add(commands_of)
    return root


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
    build.add_argument(
        "--estimate",
        action="store_true",
        help="say what a build would read and ask, and what that would cost; ask no model, write no dataset",
    )
    build.add_argument(
        "--yes",
        action="store_true",
        help="erase the words of people who are no longer allowed; without it, a build that would, says whose and ends",
    )
    _add_configuration(build)
    _add_dataset_flags(build)
    build.set_defaults(command="build")


def _add_check(commands_of: _Commands) -> None:
    check = commands_of.add_parser(
        "check",
        help="go through all that a build needs, and say what to do",
        description="Goes through token, intent, channels and permissions, model key, prices, disk and archive, and "
        "says what to do. Changes nothing and spends nothing. Exit code 0 when a build could run, 2 when something "
        "has to be configured first, 1 when something else is in its way.",
    )
    _add_configuration(check)
    check.set_defaults(command="check")


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
        "--out", type=_file, metavar="FILE", help="where the conversations go (needed without --explain)"
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
    segment.set_defaults(command="segment", wrong=segment.error)


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
        choices=("records", *EXPORT_PROFILES),
        help="records: with metadata, as Tuner keeps it; openai: for upload (default: what the lines look like)",
    )
    validate.add_argument(
        "-v", "--verbose", action="store_true", help="log more; message content may be logged"
    )
    validate.set_defaults(command="validate")


def _add_screen(commands_of: _Commands) -> None:
    screen = commands_of.add_parser(
        "screen",
        help="show, masked, what screening finds",
        description="Looks through a file, any text or a dataset, or through exports, and shows by kind what the rules "
        "of [screen] find: masked examples, so that you can judge the rules. Changes nothing.",
    )
    screen.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a file of lines, or a dataset")
    screen.add_argument(
        "--from-export", nargs="+", metavar="PATH", help="DiscordChatExporter JSON, not a file"
    )
    _add_configuration(screen)
    screen.set_defaults(command="screen", wrong=screen.error)


def _add_status(commands_of: _Commands) -> None:
    status = commands_of.add_parser(
        "status",
        help="show the last runs and what is stored",
        description="Shows the last runs, and of each channel what is stored and whether it reaches "
        "dataset.earliest. Changes nothing.",
    )
    _add_configuration(status)
    status.set_defaults(command="status")


def _add_forget(commands_of: _Commands) -> None:
    forget = commands_of.add_parser(
        "forget",
        help="erase people's words and never use them again",
        description="Erases people's words for good, from the archive, every file written of it and what was uploaded, "
        "and keeps them out of every later run. Says what was not reached. With people.opt_outs set, other archives "
        "that read that file follow.",
    )
    forget.add_argument("user", nargs="+", type=_id, metavar="USER_ID", help="whose words")
    forget.add_argument(
        "--undo", action="store_true", help="take a mistyped id back, as long as nothing was erased by it"
    )
    _add_configuration(forget)
    forget.set_defaults(command="forget")


def _add_refresh(commands_of: _Commands) -> None:
    refresh = commands_of.add_parser(
        "refresh",
        help="take out of every written file what was withdrawn since",
        description="Goes through every dataset, former ones too, transcripts and stats, and takes out what people "
        "withdrew, deleted or edited since. Reads no history and asks no model.",
    )
    _add_configuration(refresh)
    refresh.set_defaults(command="refresh")


def _add_people(commands_of: _Commands) -> None:
    people = commands_of.add_parser(
        "people",
        help="list what people decided about their words",
        description="Lists what everybody decided last about their words: who, when, about which version of the text, "
        "by which interaction. Changes nothing.",
    )
    _add_configuration(people)
    people.set_defaults(command="people")


def _add_train(commands_of: _Commands) -> None:
    train = commands_of.add_parser(
        "train",
        help="train a model on the dataset: where a GPU is, or at a provider",
        description="Trains a model on the dataset: by a recipe where a GPU is, or by a job at the provider that "
        "[training] names.",
    )
    ways_of = train.add_subparsers(required=True, metavar="WHAT")
    _add_recipe(ways_of)
    add_jobs(ways_of, _add_configuration, _id)


def _add_recipe(ways_of: _Commands) -> None:
    recipe = ways_of.add_parser(
        "recipe",
        help="write a folder that trains where a GPU is",
        description="Writes a folder that trains where a GPU is: the dataset as the trainer wants it, one "
        "configuration, one command, and how the model is served. Sends nothing anywhere.",
    )
    recipe.add_argument("--for", dest="trainer", choices=TRAINERS, required=True, help="the trainer")
    recipe.add_argument("--model", required=True, metavar="NAME", help="such as Qwen/Qwen3-8B, or a folder")
    recipe.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder (default: recipe-, the trainer and the model)"
    )
    recipe.add_argument(
        "--records",
        type=_file,
        metavar="FILE",
        help="the dataset [dataset.output_path]; its profiles lie beside it",
    )
    recipe.add_argument(
        "--profile",
        choices=EXPORT_PROFILES,
        help="plain: for a model whose chat template knows no tools (default: as the model's name tells)",
    )
    _add_configuration(recipe)
    recipe.set_defaults(command="recipe")


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


# flags, setting, how its text becomes a value (an action: several of them), how that is written, what it is
_FLAGS: tuple[tuple[tuple[str, ...], str, Callable[[str], Any] | type[argparse.Action], str, str], ...] = (
    (("-c", "--channels"), "dataset.channels", _Words, "ID", "channels to read"),
    (("-u", "--allowed-users"), "dataset.allowed_users", _Words, "ID", "whose words may be used"),
    (
        ("-p", "--personas"),
        "dataset.personas",
        _Personas,
        "WHO",
        "whom to learn from: ids of people or roles, names of roles, or helpers",
    ),
    (("--earliest",), "dataset.earliest", str, "TIME", "read from here on: a date or ISO 8601 time"),
    (("--max-messages",), "dataset.max_messages", int, "N", "read at most this many per channel and run"),
    (("--max-samples",), "dataset.max_samples", int, "N", "stop after this many samples"),
    (("--segment-concurrency",), "dataset.segment_concurrency", int, "N", "model calls in flight"),
    (("-o", "--output"), "dataset.output_path", str, "FILE", "where the records go"),
    (("--raw-dump-dir",), "dataset.raw_dump_dir", str, "DIR", "where raw transcripts go"),
    (("--stats-file",), "dataset.stats_path", str, "FILE", "where the counts go"),
    (
        ("--profile", "--profiles"),
        "export.profiles",
        _Words,
        "NAME",
        f"files for trainers: {', '.join(EXPORT_PROFILES)}",
    ),
    (("--segment-model",), "models.segment", str, "MODEL", "who approves segments: a model, or rules"),
    (
        ("--tool-trigger-model",),
        "models.tool_trigger",
        str,
        "MODEL",
        "who decides on tool calls: a model, or rules",
    ),
    (("--max-calls",), "models.max_calls", int, "N", "ask models at most this often"),
    (("--max-cost",), "models.max_cost", float, "USD", "spend at most this many US dollars on models"),
)
_SWITCHES = (
    ("--print-stats", "dataset.print_stats", "print the counts as JSON at the end"),
    ("--dry-run", "dataset.dry_run", "do everything, write no dataset"),
    ("--reread", "collect.reread", "read everything wanted again, for edits and deletions of any age"),
)


def _add_dataset_flags(parser: argparse.ArgumentParser) -> None:
    for flags, setting, kind, form, text in _FLAGS:
        options: dict[str, Any] = {"dest": setting, "metavar": form, "help": f"{text} [{setting}]"}
        if isinstance(kind, type) and issubclass(kind, argparse.Action):
            parser.add_argument(*flags, action=kind, nargs="+", **options)
        else:
            parser.add_argument(*flags, type=kind, **options)
    for flag, setting, text in _SWITCHES:
        parser.add_argument(
            flag,
            dest=setting,
            action=argparse.BooleanOptionalAction,
            default=None,
            help=f"{text} [{setting}]",
        )


def typed_names(flags: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Under which option each of these settings was typed."""
    names = {setting: options[-1] for options, setting, *_ in _FLAGS}
    names |= {setting: flag for flag, setting, _ in _SWITCHES}
    return {setting: names[setting] for setting, _ in flags if setting in names}


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a Discord id, a number such as 123456789012345678")
    return int(text)


def _file(text: str) -> Path:
    if text.endswith("/") or Path(text).name in ("", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file in it")
    return Path(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= MOST_LINES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_LINES}")
    return int(text)
