"""Builds datasets from a loopback Discord in a temporary folder, and looks into the archive they leave."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.discord_world import FORUM, World
from tests.support.loopback_discord import LoopbackDiscord, patched
from tuner import config
from tuner.adapters.discord_history import DiscordSource, rest_client
from tuner.adapters.sqlite_store import open_store
from tuner.config.settings import Settings
from tuner.pipeline import RunStats, build_dataset
from tuner.progress import Tally
from tuner.runs.finishing import NothingMadeError

Changes = Mapping[str, Any]  # settings by `table.key`, for one run
NO_CHANGES: Changes = {}

WHEN_TOLD = """
import sys
import tuner.cli.main
from tests.support.run_cli import main
sys.stdin.readline()
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder to build in, any number of times: archive, dataset, transcripts and stats lie below it."""

    folder: Path

    @property
    def archive(self) -> Path:
        return self.folder / "tuner.db"

    @property
    def records(self) -> Path:
        return self.folder / "records.jsonl"

    def overrides(self, channels: Sequence[int], changes: Changes = NO_CHANGES) -> dict[str, Any]:
        """Settings that fit a test: everything below the folder, no waiting, as fast as is allowed."""
        return {
            "dataset.channels": [str(i) for i in channels],
            "dataset.output_path": str(self.records),
            "dataset.raw_dump_dir": str(self.folder / "raw"),
            "dataset.stats_path": str(self.folder / "stats.json"),
            "store.path": str(self.archive),
            "discord.acknowledge_policy": True,
            "collect.requests_per_second": 50,
            "collect.backoff_seconds": 0,
            "export.profiles": ["openai"],
            "export.validation": 0,
            "segment.judge_share": 0,  # what models are asked is about segments, unless a test says more
            **changes,
        }

    def settings(self, channels: Sequence[int], changes: Changes = NO_CHANGES) -> Settings:
        return config.load({}, self.overrides(channels, changes).items(), "The test")

    async def build(
        self,
        server: LoopbackDiscord,
        channels: Sequence[int],
        changes: Changes = NO_CHANGES,
        tally: Tally | None = None,
        *,
        confirmed: bool = False,
    ) -> RunStats:
        """One run in this process, with the real client. Give a `tally` to see the counts of a run that fails.

        A run that makes no sample fails too, but it gives its counts here: most tests are about what it read.
        """
        settings = self.settings(channels, changes)
        if "collect.requests_per_second" not in changes:
            settings = _hurried(settings)
        with patched(server):
            async with rest_client("test-token") as client, open_store(self.archive) as store:
                try:
                    return await build_dataset(
                        settings,
                        store,
                        lambda audience, tally: DiscordSource(client, audience, settings.collect, tally),
                        None,
                        tally or Tally(),
                        "a test",
                        confirmed=confirmed,
                    )
                except NothingMadeError as error:
                    return error.stats

    def start(
        self, server: LoopbackDiscord, channels: Sequence[int], changes: Changes = NO_CHANGES
    ) -> subprocess.Popen[str]:
        """`build-dataset` in a process of its own; the server has to run in another thread."""
        return self._start(server, channels, changes, "-m", "tests.support.run_cli")

    def prepare(
        self, server: LoopbackDiscord, channels: Sequence[int], changes: Changes = NO_CHANGES
    ) -> subprocess.Popen[str]:
        """The same, but it waits until it gets a line on its standard input: starting Python takes a second."""
        return self._start(server, channels, changes, "-c", WHEN_TOLD)

    def _start(
        self, server: LoopbackDiscord, channels: Sequence[int], changes: Changes, *how: str
    ) -> subprocess.Popen[str]:
        file = self.folder / "config.toml"
        overrides = self.overrides(channels, changes)
        file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in overrides.items()))
        return subprocess.Popen(
            [sys.executable, *how, "build-dataset", "--config", str(file)],
            cwd=Path(__file__).parents[2],
            env={"LOOPBACK_DISCORD": server.url, "DISCORD_TOKEN": "test-token"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    # -- what is stored --------------------------------------------------------

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.archive)) as archive:
            return archive.execute(sql, parameters).fetchall()

    def stored(self, channel_id: int) -> list[int]:
        """Ids of a channel's stored messages, stubs included, in order."""
        sql = "SELECT id FROM messages WHERE channel_id = ? ORDER BY id"
        return [i for (i,) in self.rows(sql, channel_id)]

    def contents(self, channel_id: int) -> list[str | None]:
        """Texts of a channel's stored messages in order, None for a stub."""
        sql = "SELECT content FROM messages WHERE channel_id = ? ORDER BY id"
        return [text for (text,) in self.rows(sql, channel_id)]

    def ranges(self, channel_id: int) -> list[tuple[int, int]]:
        sql = "SELECT first_id, last_id FROM cursors WHERE channel_id = ? ORDER BY first_id"
        return [(first, last) for first, last in self.rows(sql, channel_id)]

    def everything(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """All that reading leaves: messages and ranges."""
        return (
            self.rows("SELECT * FROM messages ORDER BY id"),
            self.rows("SELECT * FROM cursors ORDER BY channel_id, first_id"),
        )

    def archive_bytes(self) -> bytes:
        """The archive as it lies on the disk, its write-ahead log included."""
        return b"".join(file.read_bytes() for file in sorted(self.folder.glob("tuner.db*")))


def _hurried(settings: Settings) -> Settings:
    """Faster than a configuration may be: there is nobody to be spared."""
    collect = settings.collect.model_copy(update={"requests_per_second": 2000.0})
    return settings.model_copy(update={"collect": collect})


def ids(world: World, channel_id: int) -> list[int]:
    """The ids of all messages that a server has in a channel."""
    return [int(message["id"]) for message in world.channels[channel_id].messages]


def large_server() -> tuple[World, list[int]]:
    """12,000 messages in 4 channels and a forum, most of its posts archived; and the 5 ids to configure."""
    world = World()
    asker, *_ = [world.add_user(name) for name in ("ada", "bo", "cleo")]
    channels = []
    for name, count in (("general", 3010), ("games", 2490), ("music", 2000), ("quiet", 1500)):
        channels.append(world.add_channel(name))
        world.fill(channels[-1], count)
    forum = world.add_channel("help", FORUM)
    for i in range(30):
        post = world.add_thread(forum, f"question {i}", archived=i % 5 > 0)
        world.add_message(post, asker, "Does anybody know?", id=post)
        world.fill(post, 99)
    return world, [*channels, forum]
