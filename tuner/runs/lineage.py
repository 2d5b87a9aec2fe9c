"""Whose words a dataset is made of, and which build made it: what is kept with a model that is trained on it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuner import snowflake
from tuner.adapters.former_datasets import former
from tuner.adapters.sqlite_jobs import Lineage
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import Store
from tuner.amounts import counted
from tuner.config.settings import LAST_YEAR
from tuner.errors import FatalError
from tuner.text.names import person

AT_ONCE = 500  # messages that the archive is asked about at once
_QUOTED = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d)\] (.+?): ", re.MULTILINE)  # a line of a tool's result


@dataclass(slots=True)
class Sources:
    """What records say that they are made of: messages by id, and quoted ones by channel and minute."""

    messages: set[int] = field(default_factory=set)
    personas: set[int] = field(default_factory=set)
    quoted: set[tuple[int, str, str]] = field(default_factory=set)  # channel, minute, name
    whole: bool = True  # every line says where it is from


async def lineage_of(store: Store, records: Path, digests: Sequence[str]) -> Lineage:
    """The build and the people behind dataset files of these SHA-256, from the records that lie beside them.

    Raises FatalError when the files are not of one build, or hold words that were erased since.
    """
    runs = Runs(store)
    beside = await asyncio.to_thread(former, records)
    makers = {await runs.maker(digest) for digest in (*digests, *([beside.sha256] if beside else []))} - {
        None
    }
    if len(makers) > 1:
        raise FatalError(
            f"The dataset files beside {records} are not of one build (they are of builds "
            f"{', '.join(map(str, sorted(filter(None, makers))))}), so it is not known whose words are in them. "
            "Build again."
        )
    run_id = next(iter(makers), None)
    if beside is None:
        return Lineage(run_id)
    sources = await asyncio.to_thread(sources_of, records)
    people, missing = await _people(store, sources)
    return Lineage(run_id, frozenset(people) if sources.whole and not missing else None)


def sources_of(records: Path) -> Sources:
    """What the lines of a file of records are made of."""
    sources = Sources()
    with records.open("rb") as stream:
        for raw in stream:
            _add(sources, raw)
    return sources


def _add(sources: Sources, raw: bytes) -> None:
    try:
        line = json.loads(raw)
        metadata = line["metadata"]
        channel = int(metadata["channel_id"])
        sources.messages.update(map(int, metadata["message_ids"]))
        sources.personas.add(int(metadata["assistant_user_id"]))
        sources.quoted.update((channel, *quoted) for quoted in _quoted(line["messages"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        sources.whole = False


def _quoted(messages: Any) -> Iterator[tuple[str, str]]:
    """When what tools gave back was said, and under which name."""
    for message in messages:
        if message.get("role") == "tool":
            for line in _QUOTED.finditer(message["content"]):
                yield line[1], line[2]


async def _people(store: Store, sources: Sources) -> tuple[set[int], int]:
    """Who said all that, and how many messages this archive does not know."""
    people, known, erased = set(sources.personas), 0, 0
    ids = sorted(sources.messages)
    for start in range(0, len(ids), AT_ONCE):
        rows = await store.fetch(
            "SELECT speaker, content IS NULL FROM messages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids[start : start + AT_ONCE]),),
        )
        known += len(rows)
        erased += sum(gone for _, gone in rows)
        people.update(speaker for speaker, _ in rows)
    if erased:
        raise FatalError(
            f"The dataset holds {counted(erased, 'message')} whose words were erased from the archive since it was "
            "built: deleted, or of people who left. Build again, and train on that."
        )
    for channel, minute, name in sorted(sources.quoted):
        people.update(await _said_by(store, channel, minute, name))
    return {one for one in people if one > 0}, len(ids) - known


async def _said_by(store: Store, channel: int, minute: str, name: str) -> list[int]:
    """Who of that name said something in a channel in that minute; all who did where nobody is called that any more."""
    try:
        start = datetime.strptime(minute, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return []
    if start.year > LAST_YEAR:
        return []
    span = (snowflake.first_id(start), snowflake.first_id(start + timedelta(minutes=1)))
    rows = await store.fetch(
        "SELECT DISTINCT speaker, coalesce(name, '') FROM messages LEFT JOIN authors ON authors.id = speaker "
        "WHERE channel_id = ? AND messages.id >= ? AND messages.id < ? AND content IS NOT NULL",
        (channel, *span),
    )
    called = [speaker for speaker, known in rows if known and name.startswith(person(known))]
    return called or [speaker for speaker, _ in rows]
