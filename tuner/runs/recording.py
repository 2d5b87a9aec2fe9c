"""One run at a time on an archive, and a row that says how it goes: what `status` shows, also after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tuner.adapters.sqlite_runs import Run, Runs
from tuner.adapters.sqlite_store import Store, builder_lock
from tuner.errors import FatalError, TunerError
from tuner.progress import Outcome, Tally

INTERRUPTED = "Broken off. What was read and decided is kept; build again to go on."
HEARTBEAT = 2.0  # seconds between two writings of a run's counts into the archive


@asynccontextmanager
async def recorded(store: Store, options: Mapping[str, Any], tally: Tally, owner: str) -> AsyncIterator[int]:
    """Hold the archive for one run and record how it goes and how it ends; yields the run's number.

    Raises FatalError, saying who, when somebody else holds it.
    """
    runs = Runs(store)
    with builder_lock(store.path) as free:
        if not free:
            raise FatalError(_refusal(store.path, await runs.last(1)))
        tally.begin(await runs.start(owner, options))
        heartbeat = asyncio.create_task(_keep_recording(runs, tally), name=f"record run {tally.run_id}")
        try:
            yield tally.run_id
        except asyncio.CancelledError:
            await _end(runs, tally, "interrupted", INTERRUPTED)
            raise
        except TunerError as error:
            await _end(runs, tally, "failed", str(error))
            raise
        except BaseException as error:
            await _end(runs, tally, "failed", f"an unexpected {type(error).__name__}")
            raise
        else:
            await _end(runs, tally, "finished", "")
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)


async def _end(runs: Runs, tally: Tally, outcome: Outcome, text: str) -> None:
    """Record and announce the end. A full disk may refuse the record; the archive stays as it is then."""
    with suppress(FatalError):
        await runs.end(tally.run_id, outcome, tally.final_counts(), text)
    tally.end(outcome, text)


async def _keep_recording(runs: Runs, tally: Tally) -> None:
    while True:
        with suppress(FatalError):
            await runs.update(tally.run_id, tally.snapshot())
        await asyncio.sleep(HEARTBEAT)


def _refusal(path: Path, last: Sequence[Run]) -> str:
    known = [run for run in last if run.state == "running"]  # none in the moment before its row is written
    who = f": run {known[0].id} by {known[0].owner}, since {known[0].started_at}" if known else ""
    return f"The archive {path} is being built from{who}. Wait until that is done, or end it first."
