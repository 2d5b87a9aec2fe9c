"""`--verbose`: a line for each request, and none about what nobody can change."""

from pathlib import Path

import discord
import pytest

from tests.support.discord_faults import http_error
from tests.support.discord_world import World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_openai import SERVER_ERROR, LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all
from tests.support.talks import talk
from tests.support.threaded import in_thread
from tuner.cli.main import main


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_API_TOKEN", "test-token")
    for warning in ("warn_nacl", "warn_dave"):  # as in a fresh process without the libraries
        monkeypatch.setattr(discord.VoiceClient, warning, True)
    Path("config.toml").write_text(
        "[discord]\nacknowledge_policy = true\n[models]\nbackoff_seconds = 0\n"
        "[collect]\nbackoff_seconds = 0\nrequests_per_second = 50\n"
    )


def logged(world: World, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, int]:
    """Builds; how many requests reached Discord and the model."""
    channel = talk(world, "tools", 12)
    with (
        in_thread(LoopbackDiscord(world)) as server,
        patched(server),
        in_thread(LoopbackOpenAI(approve_all)) as model,
    ):
        server.fail(f"^/channels/{channel}/messages$", http_error(503, "busy"), times=1)
        model.script([SERVER_ERROR])
        monkeypatch.setenv("OPENAI_API_KEY", model.key)
        options = ("--set", f"openai.base_url={model.url}", "--set", f"models.segment={MODEL}")
        assert main(["build-dataset", "-c", str(channel), *options, *more]) == 0
        return len(server.requests), len(model.requests)


def test_verbose_logs_every_request_and_no_word(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests, asked = logged(world, monkeypatch, "--verbose")
    said = capsys.readouterr().err
    door = [line for line in said.splitlines() if " DEBUG tuner.adapters.discord_door: " in line]
    chat = [line for line in said.splitlines() if " DEBUG tuner.adapters.openai_chat: " in line]
    assert 0 < len(door) <= requests
    assert any(line.endswith("#tools: asked, and got no answer: HTTP 503") for line in door)
    assert any(line.endswith("#tools: asked, and got 24 items") for line in door)
    assert any(
        "Archived threads of channel " in line and line.endswith(": asked, and got 0 threads")
        for line in door
    )
    assert any(
        line.endswith(f"asked, and got the object {channel}") for line in door for channel in world.channels
    )
    assert len(chat) == asked
    assert f"{MODEL}: asked, and got no answer: HTTP 500" in said
    assert all(" tokens (0 cached), fault: none" in line for line in chat[1:])
    assert "not installed" not in said and "lamp" not in said


def test_otherwise_neither_requests_nor_voice_are_mentioned(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(world, monkeypatch)
    said = capsys.readouterr().err
    assert "DEBUG" not in said and "not installed" not in said
