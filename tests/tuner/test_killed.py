"""A build that is killed loses at most a page: nothing stored is lost, nothing stored is asked for again."""

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.building import Workplace, large_server
from tests.support.loopback_discord import LoggedRequest, LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE
from tests.support.threaded import in_thread

KILLS = 20


async def test_killed_at_twenty_moments_the_archive_is_that_of_an_uninterrupted_run(tmp_path: Path) -> None:
    """Each process is killed after some requests, the listing of channels included, and a moment more."""
    world, channels = large_server()
    whole, killed = workplace(tmp_path / "whole"), workplace(tmp_path / "killed")
    async with LoopbackDiscord(world) as calm:
        await whole.build(calm, channels)

    moments = random.Random(20)
    asked_before: set[tuple[str, str]] = (
        set()
    )  # but for the page of each channel that was under way at a kill
    reading = 0
    with in_thread(LoopbackDiscord(world, delay=0.01)) as server, ExitStack() as processes:
        upcoming = processes.enter_context(ended(killed.prepare(server, channels)))
        for life in range(KILLS + 1):
            stored = ends(killed, tmp_path / f"copy {life}")
            seen = len(server.requests)
            last_words = seen + moments.randint(20, 34) if life < KILLS else None
            server.held = beyond(server, last_words)
            process, upcoming = upcoming, processes.enter_context(ended(killed.prepare(server, channels)))
            wake(process)
            while last_words is not None and len(server.requests) < last_words:
                assert process.poll() is None, f"ended before it was killed: {process.communicate()}"
                time.sleep(0.002)
            if last_words is not None:
                time.sleep(moments.random() * 0.04)
                process.kill()
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == (0 if last_words is None else -9), errors

            asked = pages(server.requests[seen:])
            reading += bool(asked)
            assert len(asked) == len(set(asked))
            assert asked_before.isdisjoint(asked)
            assert all(int(after) >= stored.get(path, 0) for path, after in asked)
            asked_before |= set(asked) - set(dict(asked).items())  # dict: the last page of each channel

    assert reading > KILLS // 2  # most were killed while they read
    assert killed.everything() == whole.everything()
    assert killed.records.read_bytes() == whole.records.read_bytes()
    left = [
        path.name for path in killed.folder.rglob("*") if path.name.endswith((".lock", ".part", ".switch"))
    ]
    assert left == []
    states = [state for (state,) in killed.rows("SELECT state FROM runs ORDER BY id")]
    assert set(states[:-1]) == {"interrupted"} and states[-1] == "finished"


def beyond(server: LoopbackDiscord, last: int | None) -> Callable[[LoggedRequest], bool]:
    """What comes after so many requests: without an answer a process can't end before it is killed, however late."""
    return lambda request: last is not None and request in server.requests[last:]


def workplace(folder: Path) -> Workplace:
    folder.mkdir()
    return Workplace(folder)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """However the test ends, the process does too."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def wake(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def pages(requests: list[LoggedRequest]) -> list[tuple[str, str]]:
    return [(one.path, one.query["after"]) for one in requests if one.is_history]


def ends(place: Workplace, copy: Path) -> dict[str, int]:
    """Path of each channel's history → where its stored range ends; seen in a copy, to leave the archive as it is."""
    copied = workplace(copy)
    for file in place.folder.glob("tuner.db*"):
        shutil.copy(file, copy)
    if not copied.archive.exists() or not copied.rows("SELECT 1 FROM sqlite_master WHERE name = 'cursors'"):
        return {}
    rows = copied.rows("SELECT channel_id, last_id FROM cursors")
    return {f"/channels/{channel}/messages": last for channel, last in rows}
