"""Peak memory of importing and building from small and large histories.

    python -m tests.benchmarks.memory [MESSAGES ...]      default: 100000 400000

Each size is generated as a DiscordChatExporter file, then built with the rules in a process of its own.
Prints peak resident memory (MiB), messages per second, and the ratio of the largest to the smallest peak.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

CHANNEL = 100_000_000_000_000_000
PEOPLE = [(CHANNEL + 1000 + i, f"member {i}") for i in range(40)]
WORDS = """the a my it works not why does build fail again try this cable board soup garden seed paint wheel
maybe tomorrow thanks really which one of those lamps needs screws sorry late tea dice rules turn roll map""".split()
START_MS = 1_700_000_000_000
DISCORD_EPOCH_MS = 1_420_070_400_000


def messages(count: int, seed: int = 7) -> Iterator[dict[str, object]]:
    """Talk of a busy channel: bursts, a fifth native replies, lulls of hours."""
    rng = random.Random(seed)
    at, recent = START_MS, []
    for number in range(count):
        at += rng.choice((2_000, 8_000, 20_000, 60_000, 240_000)) if rng.random() < 0.995 else 4 * 3_600_000
        message_id = (at - DISCORD_EPOCH_MS) << 22 | number & 0x3FFFFF
        user_id, name = rng.choice(PEOPLE[: 3 + number // 50 % 12])
        message: dict[str, object] = {
            "id": str(message_id),
            "type": "Default",
            "timestamp": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
            "content": " ".join(rng.choices(WORDS, k=rng.randint(2, 24))),
            "author": {"id": str(user_id), "name": name, "nickname": name, "isBot": False},
            "attachments": [],
            "stickers": [],
            "mentions": [],
        }
        if recent and rng.random() < 0.2:
            message["type"] = "Reply"
            message["reference"] = {"messageId": rng.choice(recent)}
        recent = [*recent[-30:], str(message_id)]
        yield message


def write_export(path: Path, count: int) -> None:
    """A DiscordChatExporter file of that many messages, written as a stream."""
    with path.open("w", encoding="utf-8") as stream:
        guild = {"id": "1", "name": "generated"}
        channel = {"id": str(CHANNEL), "type": "GuildTextChat", "name": "busy"}
        stream.write(f'{{"guild": {json.dumps(guild)}, "channel": {json.dumps(channel)}, "messages": [\n')
        for number, message in enumerate(messages(count)):
            stream.write((",\n" if number else "") + json.dumps(message))
        stream.write("\n]}\n")


def build(folder: Path, count: int) -> tuple[float, float]:
    """Peak memory in MiB and seconds of one build in its own process."""
    export = folder / f"{count}.json"
    write_export(export, count)
    command = [sys.executable, "-m", "tuner", "build-dataset", "--from-export", str(export)]
    for key, name in (
        ("store.path", "db"),
        ("dataset.output_path", "jsonl"),
        ("dataset.stats_path", "stats"),
    ):
        command += ["--set", f"{key}={folder / f'{count}.{name}'}"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the build of {count} messages failed: {' '.join(command)}")
    return usage.ru_maxrss / 1024, time.perf_counter() - started


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or [100_000, 400_000]
    peaks = []
    with tempfile.TemporaryDirectory(prefix="tuner-memory-") as folder:
        for count in sizes:
            peak, seconds = build(Path(folder), count)
            peaks.append(peak)
            print(
                f"{count:>9,} messages: peak {peak:6.1f} MiB, {count / seconds:,.0f} messages/s", flush=True
            )
    print(f"largest / smallest peak: {max(peaks) / min(peaks):.2f}")


if __name__ == "__main__":
    main()
