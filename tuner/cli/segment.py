"""`segment`: write the conversations of the archive or of exports, or show why messages belong together."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path

from tuner import config, snowflake
from tuner.adapters.destinations import check_file
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_narrowed import narrowed
from tuner.adapters.sqlite_store import Store
from tuner.adapters.switch import replacing
from tuner.amounts import and_others, counted
from tuner.cli.archive import export_files, opened
from tuner.cli.explanation import READING_HELP, Stretch, shown
from tuner.cli.parser import LINES
from tuner.cli.printing import printable
from tuner.cli.running import config_of, say, settings_of
from tuner.cli.running import run as run_to_the_end
from tuner.config.settings import Settings
from tuner.errors import UsageError
from tuner.linking.arrays import single_threaded
from tuner.linking.explaining.explain import Explainer, Explanation
from tuner.models import Channel
from tuner.progress import Tally
from tuner.runs.adopting import read_opt_outs_of
from tuner.runs.audiences import audience_for
from tuner.stages.segment import calibrated, read_conversations

_LISTED = 20  # channels named in an answer to somebody who named another


def run(arguments: argparse.Namespace) -> int:
    if arguments.explain is not None:
        return _run_explain(arguments)
    if arguments.around is not None or arguments.lines is not None:
        arguments.wrong("--around and --lines need --explain CHANNEL")
    if arguments.out is None:
        arguments.wrong(
            "the following arguments are required: --out FILE, or --explain CHANNEL --around MESSAGE_ID"
        )
    exports = arguments.from_export or []
    settings = settings_of(arguments, needed=False)
    _check_free(arguments.out, settings, config_of(arguments))
    check_file(arguments.out, "--out", [Path(settings.store.path), *export_files(exports)])
    with single_threaded():
        count = run_to_the_end(write_conversations(settings, exports, arguments.channel, arguments.out))
    say(f"{counted(count, 'conversation')} → {arguments.out}")
    return 0


def _check_free(out: Path, settings: Settings, configuration: Path | None) -> None:
    """Raise UsageError where something lies that is read or made by other commands."""
    taken = config.occupied(settings)
    if configuration:
        taken[config.place(str(configuration))] = "the configuration"
    if other := taken.get(config.place(str(out))):
        raise UsageError(f"--out: {out} is the same file as {other}, which would be overwritten.")


def _run_explain(arguments: argparse.Namespace) -> int:
    if arguments.around is None:
        arguments.wrong("--explain needs --around MESSAGE_ID, the message to explain")
    if arguments.out is not None or arguments.channel:
        arguments.wrong(
            "--explain goes with neither --out nor --channel: it only shows, and names its channel"
        )
    settings = settings_of(arguments, needed=False)
    count = arguments.lines or LINES
    exports = arguments.from_export or []
    with single_threaded():
        lines = run_to_the_end(_explain(settings, exports, arguments.explain, arguments.around, count))
    for line in lines:
        say(line)
    return 0


async def write_conversations(
    settings: Settings, exports: Sequence[str], channel_ids: Sequence[int], out: Path
) -> int:
    """Write the conversations of exports, or of stored channels, one JSON object a line; how many."""
    async with AsyncExitStack() as stack:
        store, _ = await stack.enter_async_context(opened(settings, exports))
        history, count = await _history(store, settings), 0
        chosen = _chosen(await history.channels(), channel_ids)
        stream = await stack.enter_async_context(
            replacing(out, [Path(settings.store.path), *export_files(exports)])
        )
        linking = await calibrated(history, settings.segment.min_confidence, Tally())
        for channel in chosen:
            async for conversation in read_conversations(history, channel.id, linking.within(channel)):
                line = {
                    "channel": channel.name,
                    "channel_id": str(channel.id),
                    "messages": [str(m.id) for m in conversation.messages],
                }
                stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                count += 1
        return count


async def _explain(
    settings: Settings, exports: Sequence[str], channel: str, around: int, count: int
) -> list[str]:
    """What `count` messages around one were linked to, and why: lines for the terminal.

    `channel` is an id or a name. Reads from the channel's beginning to a little after the message.
    """
    async with opened(settings, exports) as (store, _):
        stored, history = History(store), await _history(store, settings)
        channels = await history.channels()
        chosen = _named(channels, channel)
        wanted = await stored.around(chosen.id, around, count // 2, count - 1 - count // 2)
        if not wanted:
            raise UsageError(await _not_there(stored, chosen, around))
        linking = (await calibrated(history, settings.segment.min_confidence, Tally())).within(chosen)
        explainer = Explainer(linking.weights, wanted, linking.calibration, linking.min_confidence)
        explanations = await _explanations(history, chosen, explainer, len(wanted))
        targets = {i for e in explanations for i in (e.target, e.otherwise and e.otherwise[0]) if i}
        answered = {m.id: m for m in await history.by_id(sorted(targets))}
        names = {c.id: c.name for c in channels}
    title = f"#{chosen.name} ({chosen.id}), times in UTC"
    return [printable(title), *READING_HELP, "", *shown(Stretch(explanations, around, answered, names))]


async def _history(store: Store, settings: Settings) -> History:
    """The archive as a run of now may use it."""
    audience = await audience_for(store, settings)
    opted_out = audience.opted_out | read_opt_outs_of(settings)
    return await narrowed(store, replace(audience, opted_out=opted_out))


async def _explanations(
    history: History, channel: Channel, explainer: Explainer, count: int
) -> list[Explanation]:
    found: list[Explanation] = []
    async with aclosing(history.messages(channel.id)) as batches:
        async for batch in batches:
            for message in batch:
                found += explainer.add(message)
                if len(found) == count:
                    return found
            await asyncio.sleep(0)
    return found + explainer.finish()


async def _not_there(history: History, channel: Channel, message_id: int) -> str:
    name = printable(f"#{channel.name}")
    reach = next((r for r in await history.reach() if r.channel.id == channel.id), None)
    if reach is None or reach.first is None or reach.last is None:
        return f"Nothing of {name} is stored. Read it first, with build-dataset."
    return (
        f"{name} holds no message {message_id}. It holds {counted(reach.messages + reach.stubs, 'message')}, from "
        f"{reach.first} ({snowflake.moment(reach.first):%Y-%m-%d %H:%M}) to {reach.last} "
        f"({snowflake.moment(reach.last):%Y-%m-%d %H:%M} UTC). Discord's “Copy Message ID” gives an id."
    )


def _chosen(channels: Iterable[Channel], channel_ids: Sequence[int]) -> list[Channel]:
    known = {channel.id: channel for channel in channels}
    unknown = [i for i in channel_ids if i not in known]
    if unknown:
        raise UsageError(
            f"Channel {unknown[0]} is not stored. Stored: {', '.join(f'{c.id} ({c.name})' for c in known.values())}."
        )
    return [known[i] for i in channel_ids] if channel_ids else list(known.values())


def _named(channels: Sequence[Channel], wanted: str) -> Channel:
    """The channel with this id or name, with or without a #."""
    name = wanted.removeprefix("#").casefold()
    found = [c for c in channels if str(c.id) == wanted] or [c for c in channels if c.name.casefold() == name]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(c.id) for c in found)
        raise UsageError(printable(f"Several channels are called #{name}. Give the id of one: {listed}."))
    listed = ", ".join(f"{c.id} (#{c.name})" for c in channels[:_LISTED])
    listed += and_others(len(channels) - _LISTED)
    raise UsageError(printable(f"Channel {wanted} is not stored. Stored: {listed or 'none yet'}."))
