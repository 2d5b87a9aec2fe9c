"""Ended or killed in the middle of a build, and started again: nothing is lost and nothing is asked twice."""

import asyncio
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bot.test_process import bot_process, configured
from tests.support.building import Workplace
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import JsonObject, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all, chat_with, questions
from tests.support.talks import talk
from tests.support.threaded import in_thread
from tuner.adapters.discord_history import DiscordSource, rest_client
from tuner.adapters.sqlite_store import open_store
from tuner.pipeline import build_dataset
from tuner.progress import Tally

SERVERS = 1 << 5  # Manage Server
TALKS = 240  # 480 messages: five pages, thirty questions to the model


@dataclass(slots=True)
class Scene:
    """A server, a model, and a bot that lives more than once."""

    work: Workplace
    discord: LoopbackDiscord
    model: LoopbackOpenAI
    channel: int
    ops: int
    ada: JsonObject

    @property
    def changes(self) -> dict[str, object]:
        return {
            "discord.admin_channel": str(self.ops),
            "discord.heartbeat_seconds": 1,
            "models.segment": MODEL,
            "openai.base_url": self.model.url,
            "dataset.raw_dump_dir": "",
        }

    @contextmanager
    def life(self) -> Iterator[subprocess.Popen[str]]:
        """The bot in a new process, ready for commands."""
        sessions = len(self.discord.gateway.sessions)
        file = configured(self.work, self.channel, self.changes)
        secrets = {"DISCORD_TOKEN": "test-token", "OPENAI_API_KEY": self.model.key}
        with bot_process(self.discord.url, "--config", str(file), **secrets) as process:
            await_(lambda: len(self.discord.gateway.sessions) > sessions)
            yield process

    def build(self) -> Interaction:
        used = self.discord.interact("tuner build", user=self.ada, permissions=SERVERS)
        return asyncio.run(used.answered())

    def said(self, words: str) -> list[str]:
        """What the bot posted in the admin channel with these words in it."""
        sent = [one.message for one in self.discord.written if one.how == "send"]
        texts = [one["content"] for one in sent if int(one["channel_id"]) == self.ops]
        return [text for text in texts if words in text]

    def states(self) -> list[str]:
        return [state for (state,) in self.work.rows("SELECT state FROM runs ORDER BY id")]

    def decided(self) -> int:
        [(count,)] = self.work.rows("SELECT count(*) FROM decisions")
        return int(count)


def await_(condition: Callable[[], object]) -> None:
    asyncio.run(until(condition, PATIENCE))


@contextmanager
def staged(folder: Path) -> Iterator[Scene]:
    world = World()
    channel, ops, ada = talk(world, "tools", TALKS), world.add_channel("ops"), world.add_user("ada")
    with ExitStack() as stack:
        discord = stack.enter_context(in_thread(LoopbackDiscord(world)))
        model = stack.enter_context(in_thread(LoopbackOpenAI(approve_all)))
        yield Scene(Workplace(folder), discord, model, channel, ops, ada)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with staged(tmp_path) as scene:
        yield scene


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The records of one headless run on an archive of its own; a world's ids never vary."""
    with staged(tmp_path_factory.mktemp("undisturbed")) as scene:
        asyncio.run(build_headless(scene))
        return scene.work.records.read_bytes()


async def build_headless(scene: Scene) -> None:
    settings = scene.work.settings([scene.channel], scene.changes)
    with patched(scene.discord):
        async with (
            rest_client("test-token") as client,
            open_store(scene.work.archive) as store,
            chat_with(scene.model) as chat,
        ):
            await build_dataset(
                settings,
                store,
                lambda audience, tally: DiscordSource(client, audience, settings.collect, tally),
                chat,
                Tally(),
                "a test",
            )


def interrupt(scene: Scene, where: str, number: signal.Signals) -> int:
    """One life that ends by a signal in the middle of a build; its exit code."""
    with scene.life() as process:
        if where == "collect":
            asked, many = scene.discord.history_requests, 3
            scene.discord.held = lambda request: request in asked()[many - 1 :]
        else:
            asked, many = lambda: scene.model.requests, 8
            scene.model.held = lambda request: len(asked()) >= many
        assert scene.build().content.startswith("Build #1 started.")
        await_(lambda: len(asked()) >= many)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        scene.discord.held = scene.model.held = lambda request: False
        assert "Traceback" not in errors
        return process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("where", ["collect", "refine"])
def test_the_next_build_goes_on(scene: Scene, undisturbed: bytes, where: str, number: signal.Signals) -> None:
    code = interrupt(scene, where, number)
    killed = number is signal.SIGKILL
    assert code == (-signal.SIGKILL if killed else 0)
    assert scene.states() == (["running"] if killed else ["interrupted"])
    stored, decided = len(scene.work.stored(scene.channel)), scene.decided()
    if where == "collect":
        assert 0 < stored < 2 * TALKS
    else:
        assert 0 < decided < TALKS
    if not killed:
        status, _ = scene.discord.world.channels[scene.ops].messages
        assert status["embeds"][0]["title"] == "Build #1: interrupted"
        assert len(scene.said("Build #1 is interrupted")) == 1
    assert not scene.work.records.exists()

    asked, read = len(scene.model.requests), len(scene.discord.history_requests())
    with scene.life() as process:
        if killed:
            await_(lambda: scene.said("Build #1 was interrupted"))
            assert scene.states() == ["interrupted"]
            status = scene.discord.world.channels[scene.ops].messages[0]
            assert status["embeds"][0]["title"] == "Build #1: interrupted"
        assert scene.build().content.startswith("Build #2 started.")
        await_(lambda: scene.said("Build #2 is finished"))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors

    assert len(scene.said("Build #1")) == 1
    assert scene.states() == ["interrupted", "finished"]
    segments = [segment for request in scene.model.requests[asked:] for segment in questions(request)]
    assert len(segments) == TALKS - decided
    pages = [int(request.query["after"]) for request in scene.discord.history_requests()[read:]]
    newest = scene.work.stored(scene.channel)[stored - 1] if stored else 0
    # The last millisecond that is stored is shown once more: two messages of it may have changed places.
    assert all(after >> 22 >= (newest >> 22) - 1 for after in pages)
    assert scene.work.records.read_bytes() == undisturbed
    assert f"finished: {TALKS} samples" in scene.said("Build #2")[0]
