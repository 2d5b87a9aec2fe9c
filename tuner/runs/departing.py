"""Whoever left the server does not agree any more: found out before a build that goes by agreeing."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection

from tuner.adapters.sqlite_consents import Consents
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings

Departed = Callable[[Collection[int], Collection[int]], Awaitable[Collection[int]]]
"""Servers and people → those of the people who are in none of the servers."""


async def note_departed(store: Store, settings: Settings, departed: Departed) -> None:
    """Write down who of those who agreed has left the server. Where exports are read, nobody can tell."""
    people = settings.people
    if people.consent != "opt_in" or settings.dataset.dry_run:
        return
    ledger = Consents(store)
    agreed = (await ledger.decided(people.consent_version)).agreed
    known = {channel.guild_id for channel in await History(store).channels()} - {0}
    guilds = {settings.discord.guild} if settings.discord.guild else known
    for user_id in sorted(await departed(guilds, agreed)):
        await ledger.decide(user_id, "gone", people.consent_version, f"gone-{user_id}-{time.time_ns()}")
