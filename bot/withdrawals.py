"""Clears files of what people withdrew: at the start, after each erasure, as soon as no build is under way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_store import Store, builder_lock
from tuner.config.settings import Settings
from tuner.errors import TunerError
from tuner.runs.erasing import Erased, clear_files, erase_people
from tuner.runs.training import trainer_at
from tuner.runs.withdrawing import Receipt

log = logging.getLogger("tuner.bot")

PAUSE = 60.0  # seconds until it is tried again, while a build holds the archive


class Withdrawals:
    """Owner of the task that clears files. Erasing itself does not wait for anything."""

    def __init__(self, settings: Settings, store: Store, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._store = store
        self._environment = environment
        self._datasets = Datasets(store)
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Do what a process before this one may have left, and go on from there."""
        self._wanted.set()
        self._task = asyncio.create_task(self._keep_clearing(), name="tuner withdrawals")

    async def close(self) -> None:
        """What is not done is done after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def soon(self) -> None:
        """Something was withdrawn."""
        self._wanted.set()

    async def erase(self, user_ids: Sequence[int]) -> tuple[Erased, Receipt | None]:
        """Erase people, and clear the files at once where no build is under way; None says that one is."""
        erased = await erase_people(self._store, self._settings, user_ids)
        receipt = await self._cleared(user_ids)
        if receipt is None or receipt.later:
            self.soon()
        return erased, receipt

    async def _cleared(self, user_ids: Sequence[int] = ()) -> Receipt | None:
        async with self._turn:
            with builder_lock(self._store.path) as free:
                if not free:
                    return None
                return await clear_files(
                    self._store,
                    self._settings,
                    lambda place: trainer_at(place, self._settings, self._environment),
                    user_ids,
                )

    async def _keep_clearing(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if not await self._done():
                await asyncio.sleep(PAUSE)
                self._wanted.set()

    async def _done(self) -> bool:
        """Whether nothing is left to be cleared."""
        try:
            if not await self._datasets.left_to_do():
                return True
            receipt = await self._cleared()
        except (TunerError, OSError) as error:
            log.warning("Files could not be cleared of withdrawn words yet: %s", type(error).__name__)
            return False
        return receipt is not None and not receipt.later
