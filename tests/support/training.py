"""What tests of training jobs need: a loopback provider, a folder with a dataset, settings that do not wait."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.providers import ACCOUNT, KEY, LoopbackProvider, write_dataset
from tuner import config
from tuner.adapters.sqlite_jobs import Jobs
from tuner.adapters.sqlite_store import Store, open_store
from tuner.config.settings import Settings
from tuner.runs.training import Plan, planned, start
from tuner.training.jobs import Job

ENVIRONMENT = {"TRAINING_KEY": KEY}
MODEL = "gpt-oss-20b"
NO_CHANGES: Mapping[str, Any] = {}


def training_settings(folder: Path, base_url: str, changes: Mapping[str, Any] = NO_CHANGES) -> Settings:
    """Settings that fit a test: everything below the folder, waits of moments."""
    chosen: dict[str, Any] = {
        "dataset.output_path": str(folder / "records.jsonl"),
        "dataset.stats_path": "",
        "store.path": str(folder / "tuner.db"),
        "training.provider": "compatible",
        "training.base_url": base_url,
        "training.api_key_env": "TRAINING_KEY",
        "training.model": MODEL,
        "training.backoff_seconds": 0.01,
        "training.settle_seconds": 0.4,
        "training.timeout_seconds": 5.0,
        "training.poll_seconds": 1.0,
        "training.attempts": 6,
        **changes,
    }
    return config.load({}, chosen.items(), "The test")


def place_of_provider(provider: LoopbackProvider, name: str) -> dict[str, Any]:
    """The settings that point at one of the provider's faces."""
    urls = {"together": provider.together, "fireworks": provider.fireworks}
    return {
        "training.provider": name,
        "training.base_url": urls.get(name, provider.openai),
        "training.account": ACCOUNT if name == "fireworks" else "",
    }


@dataclass(frozen=True, slots=True)
class Scene:
    """A provider, an archive, and a dataset in a folder."""

    provider: LoopbackProvider
    settings: Settings
    store: Store

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.store)

    async def plan(self) -> Plan:
        return await planned(self.settings, ENVIRONMENT)

    async def start(self, **given: Any) -> Job:
        """A job, from its plan to its provider."""
        return await start(self.store, self.settings, ENVIRONMENT, await self.plan(), "a test", **given)


@asynccontextmanager
async def training_scene(
    folder: Path, name: str = "compatible", changes: Mapping[str, Any] = NO_CHANGES
) -> AsyncIterator[Scene]:
    """A scene whose provider speaks like the one named."""
    profile = "portable" if name == "together" else "openai"
    write_dataset(folder, f"records.{profile}.train.jsonl", 14)
    write_dataset(folder, f"records.{profile}.valid.jsonl", 2, "bye")
    async with LoopbackProvider() as provider:
        settings = training_settings(
            folder, provider.openai, {**place_of_provider(provider, name), **changes}
        )
        async with open_store(Path(settings.store.path)) as store:
            yield Scene(provider, settings, store)
