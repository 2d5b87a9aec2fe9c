"""How long the bot's event loop is held while it builds from a large archive.

    python -m tests.benchmarks.event_loop [MESSAGES]      default: 100000

The messages are imported first, by a process of its own. Then the bot builds a dataset from them with the rules
while it is connected to a loopback Discord in another thread, and somebody asks for `/tuner status` every two
seconds. Every callback of the bot's loop is timed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from asyncio import Handle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from bot.__main__ import spare_the_loop
from tests.benchmarks import memory
from tests.support.discord_world import Channel, World
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tests.support.threaded import in_thread

HEARTBEAT = 1.0  # seconds; Discord asks for 41
NAP = 0.001
ASKING = 2.0  # seconds between two uses of /tuner status


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="tuner-loop-") as name:
        folder = Path(name)
        memory.build(folder, count)
        (folder / f"{count}.db").rename(folder / "tuner.db")
        with in_thread(LoopbackDiscord(server_of_the_archive())) as server:
            server.gateway.heartbeat_interval = HEARTBEAT
            asyncio.run(measure(server, folder, count))


def server_of_the_archive() -> World:
    """The channel that was imported has no new messages."""
    world = World()
    world.add_user("ada")
    world.add_channel("ops")
    data = world.channels[world.add_channel("busy")].data
    world.channels = {
        **{i: channel for i, channel in world.channels.items() if channel.data is not data},
        memory.CHANNEL: Channel(data | {"id": str(memory.CHANNEL)}),
    }
    return world


async def measure(server: LoopbackDiscord, folder: Path, count: int) -> None:
    changes = {"dataset.raw_dump_dir": str(folder / "raw"), "discord.heartbeat_seconds": 2}
    async with running_bot(server.world, folder, changes, server=server) as running:
        spare_the_loop()
        await asyncio.sleep(2 * HEARTBEAT)
        late: list[float] = []
        answers: list[float] = []
        with timed_callbacks() as held:
            napping = asyncio.create_task(nap(late))
            started = time.perf_counter()
            used = await running.use("build").answered()
            asking = asyncio.create_task(ask(running, answers))
            await running.ended(3600)
            seconds = time.perf_counter() - started
            napping.cancel()
            await asyncio.gather(asking, napping, return_exceptions=True)
        assert "Build" in used.content, used.content
        print(f"{count:,} messages built in {seconds:.1f} s, {count / seconds:,.0f} messages/s")
        show("callbacks of the loop", [duration for duration, _ in held])
        show("lateness of a task that sleeps 1 ms", late)
        print("longest callbacks:")
        for duration, what in sorted(held, key=lambda one: one[0], reverse=True)[:8]:
            print(f"  {1000 * duration:7.1f} ms  {what}")
        print(f"heartbeats more than half an interval late: {len(server.gateway.late_heartbeats(1.5))}")
        print(f"/tuner build answered after {1000 * (used.answered_after or 0):.0f} ms")
        print(f"/tuner status asked {len(answers)} times, longest {1000 * max(answers, default=0):.0f} ms")


@contextmanager
def timed_callbacks() -> Iterator[list[tuple[float, str]]]:
    """Seconds and name of every callback that this thread's event loop runs inside the block."""
    run: Callable[[Handle], None] = Handle._run
    here = threading.get_ident()
    held: list[tuple[float, str]] = []

    def timed(handle: Handle) -> None:
        if threading.get_ident() != here:
            run(handle)
            return
        started = time.perf_counter()
        run(handle)
        held.append((time.perf_counter() - started, named(handle)))

    with patch.object(Handle, "_run", timed):
        yield held


def named(handle: Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]
    owner = getattr(callback, "__self__", None)
    return (
        owner.get_name() if isinstance(owner, asyncio.Task) else str(getattr(callback, "__qualname__", "?"))
    )


async def nap(late: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(NAP)
        late.append(time.perf_counter() - before - NAP)


async def ask(running: RunningBot, answers: list[float]) -> None:
    """Use /tuner status now and then; seconds until its embed was there."""
    while running.bot.builds.running:
        started, used = time.perf_counter(), running.use("status")
        await until(lambda used=used: used.followups or used.edits, 60)  # type: ignore[misc]
        answers.append(time.perf_counter() - started)
        await asyncio.sleep(ASKING)


def show(what: str, durations: list[float]) -> None:
    ranked = sorted(durations)
    rank = min(len(ranked) - 1, int(len(ranked) * 0.999))
    print(
        f"{what}: {len(ranked):,}, 99.9th percentile {1000 * ranked[rank]:.1f} ms, longest {1000 * ranked[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
