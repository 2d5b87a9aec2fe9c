"""`python -m bot` as a process: what it says and how it exits when set-up is wrong, and how it ends."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from tests.support.building import Workplace
from tests.support.discord_faults import GARBAGE, Answer, Fault, Wire, http_error
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.threaded import in_thread

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/api/v10"  # nothing listens there

LOOK_AROUND = """
import logging, pathlib, signal, sys, threading
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
import bot.__main__, bot.builds, bot.client, bot.embeds, bot.heartbeat, bot.tree, bot.cogs.archive, bot.cogs.tuner
assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING
assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
assert threading.active_count() == 1
assert not list(pathlib.Path().iterdir())
"""


def configured(work: Workplace, channel: int, changes: Mapping[str, object]) -> Path:
    """A configuration file for a bot that reads one channel. A change to None takes a setting away."""
    settings = {key: value for key, value in work.overrides([channel], changes).items() if value is not None}
    file = work.folder / "config.toml"
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    return file


@contextmanager
def bot_process(url: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The bot in a process of its own, which ends with the block at the latest."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_bot", *arguments],
        cwd=ROOT,
        env={"LOOPBACK_DISCORD": url, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def refusal(process: subprocess.Popen[str]) -> str:
    """What a process that ends by itself says is wrong: one sentence or two, and no traceback."""
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    said = errors[errors.index("tuner: ") :]
    assert said.count("\n") == 1, said
    return said


@pytest.fixture
def world() -> World:
    world = World()
    world.add_channel("general")
    world.add_channel("ops")
    return world


@pytest.fixture
def file(work: Workplace, world: World) -> Path:
    general, ops = world.channels
    return configured(work, general, {"discord.admin_channel": str(ops)})


def test_without_a_token_it_names_the_variable(file: Path) -> None:
    with bot_process(NOWHERE, "--config", str(file)) as process:
        assert "DISCORD_TOKEN" in refusal(process)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"discord.admin_channel": None}, "discord.admin_channel is not set"),
        ({"discord.admin_channel": "4", "discord.acknowledge_policy": False}, "Developer Policy"),
        ({"discord.admin_channel": "4", "store.paht": "x"}, "Did you mean store.path?"),
    ],
)
def test_settings_a_bot_needs(
    work: Workplace,
    changes: dict[str, object],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = configured(work, 3, changes)
    monkeypatch.setenv("DISCORD_TOKEN", "test-token")
    assert main(["--config", str(file)]) == 2
    assert words in capsys.readouterr().err
    assert not work.archive.exists()


def test_everything_that_is_missing_is_said_at_once(
    work: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    monkeypatch.delenv("DISCORD_API_TOKEN", raising=False)
    file = configured(work, 3, {"discord.admin_channel": None, "discord.acknowledge_policy": False})
    assert main(["--config", str(file)]) == 2
    said = capsys.readouterr().err
    for words in ("Developer Policy", "discord.admin_channel is not set", "needs the environment variable"):
        assert words in said


def test_without_a_configuration_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("tuner: There is no configuration: looked for ")
    assert main(["--config", "nowhere.toml"]) == 2
    assert "nowhere.toml" in capsys.readouterr().err
    assert main(["--nonsense"]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("token", ["test-\ntoken", "test-\r\ntoken", "tést-token", "test token", "tes\x07t"])
def test_a_token_that_cannot_be_one(
    file: Path, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISCORD_API_TOKEN", raising=False)
    monkeypatch.setenv("DISCORD_TOKEN", token)
    assert main(["--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert "DISCORD_TOKEN" in said and said.count("\n") == 1
    assert token not in said and "test" not in said.replace(str(file), "")


def test_commands_that_discord_refuses_name_the_field(world: World, file: Path) -> None:
    errors: Any = {
        "_errors": [{"code": "BASE_TYPE_BAD_LENGTH", "message": "Must be 100 or fewer in length."}]
    }
    for step in ("description", "2", "options", "0", "options", "0"):
        errors = {step: errors}
    invalid = Answer(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors})
    with in_thread(LoopbackDiscord(world)) as server:
        server.fail("/commands$", invalid, times=None, method="PUT")
        with bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process:
            said = refusal(process)
    assert "/tuner build earliest, description: Must be 100 or fewer in length." in said
    assert "lost" not in said


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/users/@me$", http_error(503)),
        ("/users/@me$", GARBAGE),
        ("/users/@me$", Wire.RESET),
        ("/oauth2/applications/@me$", Answer(200, {})),
        ("/gateway/bot$", http_error(503)),
        ("/commands$", http_error(503)),
        ("/commands$", GARBAGE),
        ("/commands$", Answer(400, {"code": 50035, "message": "Odd", "errors": ["odd"]})),
    ],
)
def test_what_passes_is_waited_for(world: World, file: Path, path: str, fault: Fault) -> None:
    with in_thread(LoopbackDiscord(world)) as server:
        server.fail(path, fault)
        with bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process:
            asyncio.run(until(lambda: server.gateway.sessions and server.commands.registrations, PATIENCE))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in errors) == (0, False), errors


def test_a_refused_token_is_tried_once(world: World, file: Path) -> None:
    with (
        in_thread(LoopbackDiscord(world, token="another-token")) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        said = refusal(process)
        assert "refused the bot token" in said
        assert "test-token" not in said
        assert [request.status for request in server.requests] == [401]


def test_a_token_that_is_revoked_while_it_runs(world: World, file: Path) -> None:
    with (
        in_thread(LoopbackDiscord(world)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        asyncio.run(until(lambda: server.gateway.sessions, PATIENCE))
        server.revoke_token()
        assert "refused the bot token" in refusal(process)


def test_a_missing_intent_is_named(world: World, file: Path) -> None:
    world.application_flags = 0
    with (
        in_thread(LoopbackDiscord(world)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        assert "Message Content intent" in refusal(process)
        assert len(server.gateway.connections) == 1


def test_a_server_that_the_bot_is_not_in_is_named(world: World, work: Workplace) -> None:
    general, ops = world.channels
    file = configured(work, general, {"discord.admin_channel": str(ops), "discord.guild": "4"})
    with (
        in_thread(LoopbackDiscord(world)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        assert "discord.guild = 4" in refusal(process)
    assert not server.gateway.connections


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_idles(world: World, file: Path, number: signal.Signals) -> None:
    with (
        in_thread(LoopbackDiscord(world)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        asyncio.run(until(lambda: server.gateway.sessions, PATIENCE))
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "Traceback" in errors) == (0, False), errors
        asyncio.run(until(lambda: not server.gateway.open))


def test_a_signal_ends_it_while_the_gateway_is_down(world: World, file: Path) -> None:
    with (
        in_thread(LoopbackDiscord(world)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        server.gateway.refusing = True
        asyncio.run(until(lambda: server.gateway.refused, PATIENCE))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors


def test_a_signal_ends_it_while_discord_does_not_answer(world: World, file: Path) -> None:
    with (
        in_thread(LoopbackDiscord(world, delay=3600)) as server,
        bot_process(server.url, "--config", str(file), DISCORD_TOKEN="test-token") as process,
    ):
        asyncio.run(until(lambda: server.requests, PATIENCE))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors


def test_importing_the_bot_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOOK_AROUND],
        cwd=tmp_path, env={}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
