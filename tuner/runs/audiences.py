"""For whom an archive is read: the people of the configuration, less those who opted out or do not agree."""

from __future__ import annotations

from tuner.adapters.sqlite_consents import Consents
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import Settings
from tuner.people.audience import Audience
from tuner.people.consent import by_consent


async def audience_for(store: Store, settings: Settings) -> Audience:
    """Whose words may be used by `people.consent`."""
    dataset, people = settings.dataset, settings.people
    wanted = settings.screen.wanted
    audience = await History(store).audience(dataset.allowed_users, dataset.persona_ids, wanted)
    decided = await Consents(store).decided(people.consent_version)
    return by_consent(audience, people.consent, decided)
