"""What training still needs before anything can be asked of a provider, all of it at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tuner.config.secrets import secret_fault
from tuner.config.settings import Settings
from tuner.training.providers import PROVIDERS, place_of

_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


def missing_for_training(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Sentences that say what to set; none when a job can be started."""
    training = settings.training
    place = place_of(training)
    if place is None:
        return [
            f"{settings.named('training.provider')} is empty: name who trains, one of {', '.join(PROVIDERS)}."
        ]
    faults = []
    if not training.model:
        faults.append(
            f"{settings.named('training.model')} is empty: name the model that {place.title} is to train."
        )
    if not place.base_url:
        faults.append(
            f"{settings.named('training.base_url')} is empty: set it to where {place.title} is, as in "
            "https://NAME.openai.azure.com/openai/v1/."
        )
    elif not _URL.fullmatch(place.base_url):
        faults.append("training.base_url: should be an address that begins with https://, without ? and #.")
    if training.provider == "fireworks" and not re.fullmatch(r"[a-z0-9-]+", training.account):
        faults.append("training.account: should be the name of your Fireworks account, as in accounts/NAME.")
    if fault := secret_fault(environment, place.key_env, f"Training at {place.title}"):
        faults.append(fault)
    return faults
