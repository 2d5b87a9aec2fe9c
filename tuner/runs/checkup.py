"""The whole of a check: everything that a build needs, gone through in the order in which one sets it up."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from tuner.adapters.openai_check import check_models
from tuner.adapters.sqlite_check import check_archive
from tuner.amounts import counted
from tuner.config import secret, secret_fault
from tuner.config.readiness import NO_CHANNELS, Finding, asked_model, missing_key
from tuner.config.settings import RULES, Settings

OLD_PRICE = 90  # days
LITTLE, TOO_LITTLE = 1 << 30, 50 << 20  # free bytes

AskDiscord = Callable[[], Awaitable[list[Finding]]]


async def checkup(
    settings: Settings, environment: Mapping[str, str], ask_discord: AskDiscord, *, connected: bool = False
) -> list[Finding]:
    """How everything stands that a build with these settings needs. Changes nothing, spends nothing.

    Who is `connected` needs no token any more.
    """
    findings = [*_configuration(settings)]
    if connected:
        findings += await ask_discord()
    elif fault := secret_fault(environment, settings.discord.token_env, "Reading from Discord"):
        findings.append(
            Finding("token", "unset", fault, "Copy it from the Developer Portal → Bot → Reset Token.")
        )
    else:
        findings += await ask_discord()
    findings += await _models(settings, environment)
    findings += _disk(settings)
    findings.append(await asyncio.to_thread(check_archive, Path(settings.store.path)))
    return findings


def _configuration(settings: Settings) -> Iterator[Finding]:
    if settings.discord.acknowledge_policy:
        yield Finding("policy", "good", "discord.acknowledge_policy is set.")
    else:
        yield Finding(
            "policy",
            "unset",
            "discord.acknowledge_policy is false: Discord forbids training on messages without its permission.",
            "Set it to true if you have that permission, and your members' consent.",
        )
    if settings.dataset.channels:
        yield Finding("channels", "good", f"{len(settings.dataset.channels)} named.")
    else:
        text, _, todo = NO_CHANNELS.partition(": ")
        yield Finding("channels", "unset", f"{text}.", todo[:1].upper() + todo[1:])
    people = settings.dataset.allowed_users
    if people:
        yield Finding("people", "good", f"the words of {len(people)} are used, of nobody else.")
    else:
        yield Finding(
            "people", "note", "everybody's words are used.", "Name who agreed in dataset.allowed_users."
        )


async def _models(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    if not asked_model(settings):
        todo = "For a dataset to train on, name a model in models.segment."
        return [Finding("model", "note", "the rules decide, no model is asked.", todo)]
    if faults := missing_key(settings, environment):
        return [Finding("model key", "unset", faults[0], f"Set {settings.openai.api_key_env}.")]
    named = list(
        dict.fromkeys(m for m in (settings.models.segment, settings.models.tool_trigger) if m != RULES)
    )
    key = secret(environment, settings.openai.api_key_env, "A check")
    prices = [_price(settings, name, datetime.now(UTC).date()) for name in named]
    return [*await check_models(key, settings.openai, named), *prices]


def _price(settings: Settings, model: str, today: date) -> Finding:
    price = settings.models.price(model)
    if price is None:
        todo = f'Add [models.prices."{model}"], so that cost can be shown and capped.'
        return Finding("price", "note", f"what {model} costs is not known.", todo)
    days = (today - price.read).days
    text = f"{model}: {price.input:g} and {price.output:g} $ per million tokens, read {price.read}."
    if days > OLD_PRICE:
        todo = f'Read it again, and put it into [models.prices."{model}"].'
        return Finding("price", "note", f"{text} That is {counted(days, 'day')} ago.", todo)
    return Finding("price", "good", text)


def _disk(settings: Settings) -> Iterator[Finding]:
    """The places that are written to: whether they can be, and how much room there is."""
    folders = {Path(p).absolute().parent for p in (settings.store.path, settings.dataset.output_path)}
    for folder in sorted(folders):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            yield Finding("disk", "bad", f"{folder} cannot be written to.", "Choose another place.")
            continue
        free = shutil.disk_usage(there).free
        state = "bad" if free < TOO_LITTLE else "note" if free < LITTLE else "good"
        todo = "" if free >= LITTLE else "Make room there, or choose another place."
        yield Finding("disk", state, f"{folder} has {free / 1e9:,.1f} GB free.", todo)  # type: ignore[arg-type] # a State
