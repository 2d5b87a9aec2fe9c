"""`check`: everything that a build needs, how it stands and what to do, before anything is read or paid."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.discord_world import CATEGORY, VOICE, Permission, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.threaded import in_thread
from tuner.cli.main import main

KEY = "an-invented-key"


@contextmanager
def model_server(status: int = 200, body: object = None) -> Iterator[str]:
    """A server that lists models; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.path == "/v1/models" and self.headers["Authorization"] == f"Bearer {KEY}"
            self.send_response(status if good else 401)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body if good else {"error": {"message": KEY}}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing to log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


class Place:
    """A folder with a configuration, and a server to look at."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys

    def check(self, channels: list[int], *more: str) -> tuple[int, str]:
        """Exit code, and the table with its folded cells in one line each."""
        with in_thread(LoopbackDiscord(self.world)) as server, patched(server):
            code = main(
                [
                    "check",
                    "--set",
                    f"dataset.channels={channels}",
                    "--set",
                    "collect.backoff_seconds=0",
                    *more,
                ]
            )
            assert not any(one.method != "GET" or one.is_history for one in server.requests)
        said = self._capsys.readouterr()
        assert said.err == ""
        return code, re.sub(r"\s+", " ", said.out)


@pytest.fixture
def place(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_API_TOKEN", "test-token")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    (tmp_path / "config.toml").write_text(
        "[discord]\nacknowledge_policy = true\n[dataset]\nallowed_users = [5]\n"
    )
    return Place(world, capsys)


def test_all_is_well(place: Place, world: World, tmp_path: Path) -> None:
    general = world.add_channel("general")
    thread = world.add_thread(general, "planning")
    code, said = place.check([general, thread])
    assert code == 0 and said.endswith("A build could run. ")
    assert "ok configuration config.toml is read" in said
    assert "ok token Discord knows it" in said
    assert "ok intent Message Content is on." in said
    assert "ok #general can be read." in said and "ok #planning can be read." in said
    assert "ok archive data/tuner.db is made by the first build." in said
    assert "ok disk " in said and "GB free" in said
    assert not (tmp_path / "data").exists()


def test_what_is_missing_is_all_in_one_table(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").unlink()
    for name in ("DISCORD_API_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    code, said = place.check([], "--set", "models.segment=gpt-6-luna")
    assert code == 2 and said.endswith("A build could not run yet: do what the last column says. ")
    for subject in ("policy", "channels", "token", "model key"):
        assert f"missing {subject} " in said
    assert "note people " in said


def test_a_token_that_is_refused(place: Place, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_API_TOKEN", "another")
    code, said = place.check([world.add_channel("general")])
    assert code == 1 and "fails token Discord refused the bot token" in said and "another" not in said


def test_an_intent_that_is_off(place: Place, world: World) -> None:
    world.application_flags = 0
    code, said = place.check([world.add_channel("general")])
    assert (
        code == 1 and "fails intent Message Content is off" in said and "Privileged Gateway Intents" in said
    )


def test_each_channel_is_looked_at_and_one_stops_no_other(place: Place, world: World) -> None:
    good, closed, mute, voice = (world.add_channel(n) for n in ("good", "closed", "mute", "voice"))
    world.channels[voice].data["type"] = VOICE
    category = world.add_channel("category", CATEGORY)
    strange = world.add_channel("strange", 99)
    world.deny(closed, Permission.VIEW_CHANNEL)
    world.deny(mute, Permission.READ_MESSAGE_HISTORY)
    world.deny(voice, Permission.CONNECT)
    channels = [good, closed, mute, voice, category, strange, 5]
    code, said = place.check(channels)
    assert code == 0 and "ok #good can be read." in said
    assert f"note channel {closed} is closed to the bot." in said
    assert "note #mute the bot lacks Read Message History." in said
    assert "note #voice the bot lacks Connect." in said
    assert "note #category is of a kind" in said
    assert "ok #strange can be read." in said  # nobody knows its type; a build tries it, too
    assert "note channel 5 does not exist" in said
    code, said = place.check([closed, mute, 5])
    assert code == 1 and "fails #mute " in said and "fails channel 5 " in said


def test_a_server_that_is_in_trouble(place: Place, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    general = world.add_channel("general")
    with in_thread(LoopbackDiscord(world)) as server, patched(server):
        from tests.support.discord_faults import http_error

        server.fail("/channels/", http_error(503, "busy"), times=None)
        options = ("--set", "collect.attempts=2", "--set", "collect.backoff_seconds=0")
        assert main(["check", "-v", "--set", f"dataset.channels=[{general}]", *options]) == 1
    assert "could not be looked at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, {"data": [{"id": "gpt-6-luna"}]}, 0, "ok model gpt-6-luna can be asked."),
        (200, {"data": [{"id": "other"}]}, 0, "note model gpt-6-luna is not among the 1 model that"),
        (200, {"data": None}, 0, "ok model key "),
        (200, ["?"], 0, "ok model key "),
        (404, {}, 0, "note model key the server lists no models"),
        (403, {}, 1, "fails model key the model server refused it (HTTP 403)."),
        (500, {}, 1, "fails model key the model server answered HTTP 500."),
    ],
)
def test_the_model_key_is_tried_for_free(
    place: Place, world: World, status: int, body: object, code: int, said: str
) -> None:
    options = ("--set", "models.segment=gpt-6-luna", "--set", "models.tool_trigger=rules")
    with model_server(status, body) as url:
        result = place.check([world.add_channel("general")], *options, "--set", f"openai.base_url={url}")
    assert result[0] == code and said in result[1]
    assert "price" in result[1]


def test_a_model_server_that_is_not_there(place: Place, world: World) -> None:
    options = ("--set", "models.segment=some-model", "--set", "openai.base_url=http://127.0.0.1:9/v1")
    code, said = place.check([world.add_channel("general")], *options)
    assert code == 1 and "fails model key the model server could not be reached." in said
    assert "note price what some-model costs is not known." in said


def test_a_price_that_is_old(place: Place, world: World) -> None:
    price = "{ input = 1, output = 2, read = 2020-01-01 }"
    options = ("--set", "models.segment=m", "--set", f"models.prices.m={price}")
    with model_server(200, {"data": []}) as url:
        _, said = place.check([world.add_channel("general")], *options, "--set", f"openai.base_url={url}")
    assert "note price m: 1 and 2 $ per million tokens" in said and "days ago" in said


def archive(path: Path, *sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in sql:
            db.execute(statement)
        db.commit()


def test_an_archive_that_cannot_be_used(place: Place, world: World, tmp_path: Path) -> None:
    general = world.add_channel("general")
    foreign, newer, text = (tmp_path / name for name in ("foreign.db", "newer.db", "text.db"))
    archive(foreign, "CREATE TABLE songs (title)")
    archive(newer, "CREATE TABLE messages (id)", "PRAGMA user_version = 999")
    text.write_text("a shopping list, and quite a long one\n" * 100)
    for path, words in ((foreign, "some other program"), (newer, "newer version"), (text, "is no archive")):
        before = path.read_bytes()
        code, said = place.check([general], "--set", f"store.path={path}")
        assert code == 1 and "fails archive" in said and words in said
        assert path.read_bytes() == before
    code, said = place.check([general], "--set", f"store.path={text}/x.db")
    assert code == 1 and "cannot be written to" in said


def test_a_name_from_discord_steers_no_terminal(place: Place, world: World) -> None:
    general = world.add_channel("ge[red]ne\x1b[2Jral\u202e")
    code, said = place.check([general])
    assert code == 0 and "#ge[red]ne [2Jral" in said and "\x1b" not in said and "\u202e" not in said
