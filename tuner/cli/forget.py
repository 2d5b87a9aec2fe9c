"""`forget`: erase people's words and never use them again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import builder_lock, open_store
from tuner.cli.archive import existing_archive
from tuner.cli.running import run as run_to_the_end
from tuner.cli.running import say, settings_of
from tuner.config.settings import Settings
from tuner.errors import FatalError


def run(arguments: argparse.Namespace) -> int:
    erased = run_to_the_end(_forget(settings_of(arguments, needed=False), arguments.user))
    say(
        f"{erased} messages lost their text, and these people's words will not be stored again. Datasets and "
        "transcripts written before still hold them: build again, and delete the old files."
    )
    return 0


async def _forget(settings: Settings, user_ids: Sequence[int]) -> int:
    """Erase people's words from the archive for good; how many messages lost their text."""
    path = existing_archive(settings)
    async with open_store(path) as store:
        with builder_lock(path) as free:
            if not free:
                raise FatalError(
                    f"The archive {path} is being built from. Wait until that is done, or end it first."
                )
            history = History(store)
            audience = await history.audience(settings.dataset.allowed_users, settings.dataset.personas)
            return await history.forget(user_ids, audience)
