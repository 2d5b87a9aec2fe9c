"""The archive for a command that changes it, and the providers that it may have to ask."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tuner import config
from tuner.adapters.sqlite_store import Store, builder_lock, open_store
from tuner.cli.running import existing_archive
from tuner.config.settings import Settings
from tuner.errors import FatalError
from tuner.runs.erasing import Trainers
from tuner.runs.submitting import Trainer
from tuner.training.providers import Place


@asynccontextmanager
async def held(settings: Settings) -> AsyncIterator[Store]:
    """The archive: nobody builds from it meanwhile."""
    path = existing_archive(settings)
    async with open_store(path) as store:
        with builder_lock(path) as free:
            if not free:
                raise FatalError(
                    f"The archive {path} is being built from. Wait until that is done, or end it first."
                )
            yield store


def trainers(settings: Settings) -> Trainers:
    """Providers by their place. What speaks to them is loaded when one is asked: hardly any command has to."""

    def at(place: Place) -> AbstractAsyncContextManager[Trainer]:
        training = importlib.import_module("tuner.runs.training")
        found: AbstractAsyncContextManager[Trainer] = training.trainer_at(
            place, settings, config.environment()
        )
        return found

    return at
