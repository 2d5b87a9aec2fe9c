"""What takes details out of words, and gives people their aliases, as it is configured for an archive."""

from __future__ import annotations

from tuner.adapters.sqlite_aliases import aliases_of
from tuner.adapters.sqlite_names import salt_of
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.stages.screen import Screener


async def screener_for(store: Store, settings: Settings) -> Screener:
    """Aliases are those of the names that the archive knows by now."""
    aliased = settings.prompt.names == "alias"
    aliases = await aliases_of(store, settings.dataset.output_path) if aliased else None
    return Screener(settings.screen.wanted, await salt_of(store.fetch), aliases)
