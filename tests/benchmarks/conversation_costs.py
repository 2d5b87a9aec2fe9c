"""What telling conversations apart costs: time, memory; and that it does not depend on how history is read.

    python -m tests.benchmarks.conversation_costs ours ARCHIVE       time one reading of an archive
    python -m tests.benchmarks.conversation_costs prototype          time the prototype on some of its channels

Those two are what `python -m tests.benchmarks.conversations` runs, each in a process of its own on one CPU.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from tests.benchmarks import annotated
from tests.benchmarks.conversation_archive import (
    BUSY,
    REPLIES,
    SEED,
    chat,
    conversations,
    fitted,
    store_busy_channel,
    store_channels,
)
from tests.benchmarks.report import table, verdict
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store, open_store
from tuner.linking.linker import Weights
from tuner.models import Message

ROOT = Path(__file__).parents[2]
FASTEST = 20_000  # messages per second of CPU time that are required
RATIO = 8  # times the prototype
ROUNDS = 3
EVERY = 9  # the prototype reads every ninth channel
WEIGHTS = "model-discord.json"
PEAK = 250  # MB
CHUNKED = 10_000  # messages
BATCHES = (1, 7, 500, 5000)
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
}


# -- speed -------------------------------------------------------------------------


def speed() -> bool:
    """Print messages per second, ours and the prototype's in turn; whether ours is fast enough."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="tuner-speed-") as folder:
        archive = Path(folder) / "archive.db"
        channels = chat()
        asyncio.run(store_channels(archive, channels))
        for _ in range(ROUNDS):
            ours.append(timed("ours", str(archive)))
            theirs.append(timed("prototype"))
    best, slow = max(run["cpu"] for run in ours), max(run["cpu"] for run in theirs)
    head = [*(f"round {n + 1}" for n in range(ROUNDS)), "best", "best by the clock"]
    lines = [["messages/s, one core", *head]]
    for name, runs in (("ours", ours), ("prototype, 2 passes", theirs)):
        measured = [run["cpu"] for run in runs]
        shown = [*measured, max(measured), max(run["wall"] for run in runs)]
        lines.append([name, *(f"{rate:,.0f}" for rate in shown)])
    print(
        f"Archive rows to conversations: {ours[0]['messages']:,} messages in {len(channels)} channels, {REPLIES} % "
        f"native replies.\nThe prototype gets {theirs[0]['messages']:,} of them, already in memory. Rounds "
        "alternate, each in a process of its own\non one CPU; rates are per second of CPU time.\n"
    )
    print(table(lines) + "\n")
    print(
        "Before, once a run and not in these rates, the links are fitted to the archive: "
        f"{min(run['calibrating'] for run in ours):.1f} s of CPU time,\n{ours[0]['replies']:,} native replies.\n"
    )
    checks = [
        ["messages/s", f"{best:,.0f}", f"≥ {FASTEST:,}", verdict(best >= FASTEST)],
        ["times the prototype", f"{best / slow:.1f}", f"≥ {RATIO}", verdict(best >= RATIO * slow)],
    ]
    print(table([["speed", "measured", "required", "verdict"], *checks]) + "\n", flush=True)
    return best >= FASTEST and best >= RATIO * slow


def timed(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def rates(count: int, cpu: float, wall: float) -> dict[str, float]:
    return {"messages": count, "cpu": count / cpu, "wall": count / wall}


async def time_ours(archive: Path) -> str:
    count = 0
    async with open_store(archive) as store:
        history = History(store)
        await asyncio.to_thread(Weights.shipped)
        cpu = time.process_time()
        linking, calibration = await fitted(history)
        calibrating = time.process_time() - cpu
        cpu, wall = time.process_time(), time.perf_counter()
        for channel in await history.channels():
            async for conversation in conversations(history, channel.id, linking):
                count += len(conversation.messages)
        measured = rates(count, time.process_time() - cpu, time.perf_counter() - wall)
        return json.dumps(measured | {"calibrating": calibrating, "replies": calibration.replies})


def time_prototype() -> str:
    channels, model = chat()[::EVERY], annotated.prototype(WEIGHTS)
    replies = {c.name: annotated.replies_throughout(c, REPLIES, SEED) for c in channels}
    cpu, wall = time.process_time(), time.perf_counter()
    for channel in channels:
        model.predict(channel, replies[channel.name])
    measured = rates(annotated.spoken(channels), time.process_time() - cpu, time.perf_counter() - wall)
    return json.dumps(measured)


# -- memory ------------------------------------------------------------------------

# A process starts with the peak of the one that forked it, so a small one has to stand between.
_PEAK_OF = """
import os, resource, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(bool(status))
"""


def memory(count: int) -> bool:
    """Print the peak memory of segmenting one channel of `count` messages; whether that is little enough."""
    with tempfile.TemporaryDirectory(prefix="tuner-memory-") as folder:
        archive, out = Path(folder) / "archive.db", Path(folder) / "conversations.jsonl"
        asyncio.run(store_busy_channel(archive, chat(), count))
        command = [sys.executable, "-m", "tuner", "segment", "--set", f"store.path={archive}"]
        command += ["--out", str(out)]
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _PEAK_OF, *command], cwd=folder, capture_output=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.decode()}")
        seconds = time.perf_counter() - started
        peak = int(done.stdout) * 1024 / 1e6
        with out.open("rb") as stream:
            found = sum(1 for _ in stream)
        size = archive.stat().st_size / 1e6
    print(
        f"One channel of {count:,} messages, {REPLIES} % native replies ({size:,.0f} MB of archive), "
        f"segmented in {seconds:.0f} s\ninto {found:,} conversations.\n"
    )
    checks = ["peak resident MB", f"{peak:.0f}", f"≤ {PEAK}", verdict(peak <= PEAK)]
    print(table([["memory", "measured", "required", "verdict"], checks]) + "\n", flush=True)
    return peak <= PEAK


# -- chunking ----------------------------------------------------------------------


class Chunked(History):
    """History that is read in batches of a given size."""

    def __init__(self, store: Store, size: int) -> None:
        super().__init__(store)
        self._size = size

    def messages(
        self, channel_id: int, start: int = 0, end: int = (1 << 63) - 1, batch: int = 0
    ) -> AsyncGenerator[list[Message], None]:
        return super().messages(channel_id, start, end, self._size)


def chunking() -> bool:
    """Print a hash of one channel's conversations per batch size; whether they are all the same."""
    with tempfile.TemporaryDirectory(prefix="tuner-chunking-") as folder:
        archive = Path(folder) / "archive.db"
        asyncio.run(store_busy_channel(archive, chat(), CHUNKED))
        hashes = [asyncio.run(hashed(archive, size)) for size in BATCHES]
    print(f"One channel of {CHUNKED:,} messages.\n")
    lines = [["messages a batch", "conversations", "sha256", "verdict"]]
    for size, (found, digest) in zip(BATCHES, hashes, strict=True):
        same = "identical" if (found, digest) == hashes[0] else "different"
        lines.append([f"{size:,}", f"{found:,}", digest, same])
    print(table(lines) + "\n", flush=True)
    return len(set(hashes)) == 1


async def hashed(archive: Path, size: int) -> tuple[int, str]:
    """How many conversations there are, and a hash of their messages in the order they come."""
    digest, count = hashlib.sha256(), 0
    async with open_store(archive) as store:
        history = Chunked(store, size)
        linking, _ = await fitted(history)
        async for conversation in conversations(history, BUSY, linking):
            digest.update(json.dumps([m.id for m in conversation.messages]).encode() + b"\n")
            count += 1
    return count, digest.hexdigest()


def main() -> None:
    """One timing, as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    what, *rest = sys.argv[1:]
    print(asyncio.run(time_ours(Path(rest[0]))) if what == "ours" else time_prototype())


if __name__ == "__main__":
    main()
