"""Erasing people: out of the archive, out of every file written of it, out of what was uploaded; with a receipt.

The archive is told first who goes, so that wherever a process dies, the next one does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tuner.adapters.opt_outs import add_opt_outs
from tuner.adapters.sqlite_datasets import Datasets
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_jobs import Jobs, Stale
from tuner.adapters.sqlite_people import People
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted, word
from tuner.config.settings import Settings
from tuner.errors import TunerError
from tuner.runs.audiences import audience_for
from tuner.runs.submitting import Trainer
from tuner.runs.withdrawing import Receipt, sweep
from tuner.training.orders import uploaded_name
from tuner.training.providers import Place

Trainers = Callable[[Place], AbstractAsyncContextManager[Trainer]]


@dataclass(frozen=True, slots=True)
class Erased:
    """How many messages lost their text, and of whom nothing was stored."""

    messages: int
    strangers: tuple[int, ...]


async def erase_people(store: Store, settings: Settings, user_ids: Sequence[int]) -> Erased:
    """Take people's words out of the archive for good, and note that files may still hold them."""
    history, people, datasets = History(store), People(store), Datasets(store)
    if settings.people.opt_outs:
        add_opt_outs(Path(settings.people.opt_outs), user_ids)
    audience = await audience_for(store, settings)
    erasing = await people.stored(user_ids)
    known = erasing | await people.seen(user_ids, audience) | set(await people.opted_out(user_ids))
    await datasets.mark()
    await datasets.spoil_of(user_ids)
    await people.opt_out(user_ids, erasing)
    messages = await history.forget(user_ids, audience)
    await history.purge()  # also of what an earlier try could not clear
    return Erased(messages, tuple(i for i in user_ids if i not in known))


async def clear_files(
    store: Store, settings: Settings, trainers: Trainers, user_ids: Sequence[int] = ()
) -> Receipt:
    """Take what was withdrawn out of every file and every upload. Whoever calls it holds the archive."""
    receipt = await sweep(store, settings, user_ids)
    await delete_uploads(store, trainers, receipt)
    receipt.missed += await _trained(store, user_ids)
    return receipt


async def delete_uploads(store: Store, trainers: Trainers, receipt: Receipt) -> None:
    """Delete what was uploaded and holds withdrawn words, where its provider can be asked."""
    jobs = Jobs(store)
    for place, files in groupby(await jobs.stale(), key=lambda file: file.place):
        try:
            async with trainers(place) as trainer:
                for file in files:
                    for number in await _numbers(trainer, file):
                        await trainer.delete(number)
                        receipt.done.append(f"{number} at {place.title} was deleted.")
                    await jobs.deleted(file)
        except TunerError as error:
            receipt.later.append(_not_deleted(place, error))


async def _numbers(trainer: Trainer, file: Stale) -> list[str]:
    """What a file is called there; where no answer told, it is looked for: it may have arrived."""
    if file.remote_id:
        return [file.remote_id]
    return [found.id for found in await trainer.files(uploaded_name(file.sha256))]


def _not_deleted(place: Place, error: TunerError) -> str:
    return f"What was uploaded to {place.title} was not deleted: {error}"


async def _trained(store: Store, user_ids: Sequence[int]) -> list[str]:
    """What was trained on these people's words, which no file can be taken out of."""
    jobs = Jobs(store)
    found = {job.id: job for user_id in user_ids for job in await jobs.trained_on(user_id)}
    unknown = [job.id for job in await jobs.unknown_people()] if user_ids else []
    told = [
        f"{job.id} at {job.order.place.title}, {job.result or job.remote_id or 'which was not sent'}"
        for job in sorted(found.values(), key=lambda job: job.id)
    ]
    lines = []
    if told:
        lines.append(
            f"Their words were in the datasets of training jobs: {'; '.join(told)}. What was trained there stays until "
            "you delete it there."
        )
    if unknown:
        lines.append(
            f"Of {counted(len(unknown), 'training job')} it is not known whose words "
            f"{word(len(unknown), 'it', 'they')} learned: {_listed(unknown)}."
        )
    return lines


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
