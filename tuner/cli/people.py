"""`people`: what everybody decided last about their words, from the ledger."""

from __future__ import annotations

import argparse

from tuner.adapters.sqlite_consents import Consent, Consents
from tuner.adapters.sqlite_store import open_to_look
from tuner.amounts import counted
from tuner.cli.running import existing_archive, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings

MEANING = {
    "agreed": "agreed",
    "declined": "declined",
    "gone": "left the server",
}


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments, needed=False)
    ledger = run_to_the_end(_ledger(settings))
    say(
        f"people.consent = {settings.people.consent!r}, version {settings.people.consent_version} of the text."
    )
    for one in ledger:
        say(
            f"{one.user_id}  {MEANING.get(one.decision, one.decision)}, version {one.text_version}, "
            f"{one.decided_at[:16].replace('T', ' ')} UTC, by interaction {one.interaction}"
        )
    agreed = sum(one.decision == "agreed" for one in ledger)
    say(f"{counted(len(ledger), 'person', 'people')} decided, {agreed:,} of them agreed.")
    return 0


async def _ledger(settings: Settings) -> list[Consent]:
    async with open_to_look(existing_archive(settings)) as store:
        return await Consents(store).latest()
