"""Who trains models at a price: where each is, whose key it takes, which files it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.config.settings import Training, TrainingProvider
from tuner.profiles import ExportProfile


@dataclass(frozen=True, slots=True)
class Provider:
    """Facts about one provider. `base_url` is empty where everybody has their own.

    `fewest` is how many lines it wants. `hosting` says how a tuned model is billed once it is there.
    """

    title: str
    key_env: str
    hosting: str
    base_url: str = ""
    profile: ExportProfile = "openai"
    fewest: int = 10
    note: str = ""


PROVIDERS: Mapping[TrainingProvider, Provider] = {
    "openai": Provider(
        "OpenAI",
        "OPENAI_API_KEY",
        "tuned models are billed by the token, dearer than their base model",
        "https://api.openai.com/v1/",
        note="OpenAI closes fine-tuning: organisations that never used it are refused since 7 May 2026, everybody "
        "from 6 January 2027, and tuned gpt-4o and gpt-4.1 models stop on 14 January 2027.",
    ),
    "azure": Provider(
        "Azure",
        "AZURE_OPENAI_API_KEY",
        "a deployment of a tuned model is billed by the hour, used or not; Tuner deploys nothing",
    ),
    "nebius": Provider(
        "Nebius",
        "NEBIUS_API_KEY",
        "some tuned models are served by the token, the others by the hour",
        "https://api.tokenfactory.nebius.com/v1/",
    ),
    "together": Provider(
        "Together",
        "TOGETHER_API_KEY",
        "tuned models are served on dedicated endpoints, billed by the minute, used or not; Tuner starts none",
        "https://api.together.ai/v1/",
        profile="portable",
        fewest=1,
    ),
    "fireworks": Provider(
        "Fireworks",
        "FIREWORKS_API_KEY",
        "tuned models are served on deployments, billed by the hour, used or not; Tuner starts none",
        "https://api.fireworks.ai/",
        fewest=3,
    ),
    "compatible": Provider("the server", "OPENAI_API_KEY", "what serving costs is for its owner to say"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job is: a provider, its address, the account, and the name of the variable that holds the key."""

    provider: TrainingProvider
    base_url: str
    account: str = ""
    key_env: str = ""

    @property
    def facts(self) -> Provider:
        return PROVIDERS[self.provider]

    @property
    def title(self) -> str:
        return self.facts.title


def place_of(training: Training) -> Place | None:
    """Where a model is to be trained, None when nobody is named."""
    if not training.provider:
        return None
    facts = PROVIDERS[training.provider]
    base_url = training.base_url or facts.base_url
    return Place(
        training.provider,
        base_url.rstrip("/") + "/" if base_url else "",
        training.account,
        training.api_key_env or facts.key_env,
    )
