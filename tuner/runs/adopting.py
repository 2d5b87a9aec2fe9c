"""Whose words a run may use, and what that changes in the archive: nothing, if it only looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tuner.adapters.opt_outs import read_opt_outs
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_narrowed import narrowed
from tuner.adapters.sqlite_people import People
from tuner.adapters.sqlite_screened import screen_stored
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted, word
from tuner.config.settings import Settings
from tuner.errors import UsageError
from tuner.people.audience import Audience
from tuner.progress import Tally
from tuner.runs.audiences import audience_for

ALLOWED = "dataset.allowed_users"
EVERYONE = (
    f"{ALLOWED} is empty: everyone's words are used, bots excepted. Name the people who "
    "agreed, to use theirs only."
)


async def audience_of_run(
    store: Store, settings: Settings, tally: Tally, *, confirmed: bool
) -> tuple[History, Audience]:
    """The archive, and for whom it is read: adopted by a build, looked at by a dry run."""
    if settings.dataset.dry_run:
        return await look_as_audience(store, settings, tally)
    return await adopt_audience(store, settings, tally, confirmed=confirmed)


async def adopt_audience(
    store: Store, settings: Settings, tally: Tally, *, confirmed: bool
) -> tuple[History, Audience]:
    """Bring the archive to hold words of the configured people only; the archive, and for whom it is read.

    Raises UsageError, with nothing erased, where words would be and nobody `confirmed` that.
    """
    history, people = History(store), People(store)
    await carry_opt_outs(store, settings, tally)
    audience = await _configured(store, settings, tally)
    await _screen(history, store, settings, tally)
    leaving = await people.leaving(audience)
    if leaving.messages and not confirmed:
        raise UsageError(
            f"{settings.named(ALLOWED)} leaves out {counted(leaving.people, 'person', 'people')} whose words "
            f"are stored: {counted(leaving.messages, 'message')} would be erased, for good. If that is "
            "meant, build with --yes (in Discord: confirm:True). If not, name them again. A dry run shows what "
            "would come out and erases nothing."
        )
    change = await history.adopt(audience)
    if removed := change.people_removed:
        tally.note(
            f"{counted(leaving.messages, 'message')} of {counted(removed, 'person', 'people')} who "
            f"{word(removed, 'is', 'are')} no longer allowed {word(leaving.messages, 'was', 'were')} erased, and "
            f"{word(removed, 'the name', 'their names')}."
        )
    if change.must_reread:
        tally.note(f"People were added to {settings.named(ALLOWED)}: history is read again for their words.")
    return history, audience


async def look_as_audience(store: Store, settings: Settings, tally: Tally) -> tuple[History, Audience]:
    """For a run that changes nothing: the archive as the configured people would leave it, and for whom it is read.

    What is new is read for the people of the last real build, so that nothing is lost to the next one; people who
    were added since are read by that.
    """
    history, people = History(store), People(store)
    asked = await _configured(store, settings, tally)
    asked = replace(asked, opted_out=asked.opted_out | read_opt_outs_of(settings))
    adopted = await people.adopted(asked)
    if adopted is None:  # nothing was read before: there is nothing to lose
        await history.adopt(asked)
        return history, asked
    joined = asked.named - adopted.named
    if asked.allowed is None:  # an id that nobody writes under may be a role's
        joined = frozenset(await people.seen(joined, asked))
    if (asked.allowed is None and adopted.allowed is not None) or joined:
        tally.note(
            f"People were added to {settings.named(ALLOWED)}: the next build that is no dry run reads their words."
        )
    leaving = await people.leaving(asked)
    if leaving.messages:
        tally.note(
            f"Without the dry run, {counted(leaving.messages, 'message')} of "
            f"{counted(leaving.people, 'person', 'people')} who {word(leaving.people, 'is', 'are')} no longer in "
            f"{settings.named(ALLOWED)} would be erased; here "
            f"{word(leaving.messages, 'it is', 'they are')} left out only."
        )
    return await narrowed(store, asked), adopted


async def _screen(history: History, store: Store, settings: Settings, tally: Tally) -> None:
    """Have the archive hold no secrets: what was stored before there were rules for them, or with others."""
    changed = await screen_stored(store, settings.screen.wanted)
    if changed:
        await history.purge()
        tally.note(
            f"Secrets were taken out of what was stored before: {counted(changed, 'text')} "
            f"{word(changed, 'was', 'were')} changed, for good."
        )


async def carry_opt_outs(store: Store, settings: Settings, tally: Tally) -> None:
    """Have the archive know, and erase, the people of `people.opt_outs`."""
    file = settings.people.opt_outs
    if not file:
        return
    if not Path(file).exists():
        tally.note(f"people.opt_outs: there is no {file} yet, so it names nobody.", warning=True)
    history, people = History(store), People(store)
    audience = await audience_for(store, settings)
    known = (await history.audience(())).opted_out
    new = sorted(read_opt_outs_of(settings) - known)
    if new:
        await people.opt_out(new, await people.stored(new))
        erased = await history.forget(new, audience)
        tally.note(
            f"{counted(len(new), 'person', 'people')} named in {file} {word(len(new), 'is', 'are')} forgotten here "
            f"too: {counted(erased, 'message')} lost {word(erased, 'its', 'their')} text."
        )


def read_opt_outs_of(settings: Settings) -> frozenset[int]:
    file = settings.people.opt_outs
    return read_opt_outs(Path(file)) if file else frozenset()


async def _configured(store: Store, settings: Settings, tally: Tally) -> Audience:
    if not settings.dataset.allowed_users and settings.people.consent == "listed":
        tally.note(EVERYONE, warning=True)
    return await audience_for(store, settings)
