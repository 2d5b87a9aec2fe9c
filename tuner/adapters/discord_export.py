"""Exports of DiscordChatExporter (JSON), read as a stream: files of any size, partitions, threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.adapters.bounded_json import UNREADABLE, BoundedJson, OutOfBoundsError
from tuner.adapters.export_message import fault, read_message
from tuner.adapters.export_survey import BATCH, SILENT_FILE, Survey, silence, survey, take
from tuner.amounts import counted
from tuner.errors import FatalError, UsageError
from tuner.models import DIRECT_MESSAGES, Channel
from tuner.people.audience import Audience
from tuner.people.intake import Incoming, Known, User, admit_page
from tuner.people.names import hide_names
from tuner.people.titles import titled
from tuner.progress import Tally
from tuner.stages.source import Batch, NoneReadableError, Wanted

THREADS = ("GuildNewsThread", "GuildPublicThread", "GuildPrivateThread")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FatalError(f"{error.filename} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file and the channel it holds a part of."""

    path: Path
    channel: Channel


def find_exports(paths: Sequence[str], tally: Tally) -> list[ExportFile]:
    """The exports at `paths`, files or folders; reads only their beginnings.

    A damaged file is named and left out, other JSON in a folder is passed over with a note. Raises UsageError
    when there is no export, FatalError when there are damaged ones only.
    """
    found: list[ExportFile] = []
    damaged: list[str] = []
    passed_over: list[str] = []
    for candidate in _candidates(paths):
        try:
            found.append(read_header(candidate))
        except UsageError as error:
            passed_over.append(str(error))
        except FatalError as error:
            damaged.append(str(error))
    if not found and damaged:
        raise FatalError("\n".join(damaged))
    if not found and len(passed_over) == 1 and not Path(paths[0]).is_dir():
        raise UsageError(passed_over[0])
    for why in damaged:
        tally.note(why, warning=True)
    if passed_over:
        more = f" (and {counted(len(passed_over) - 1, 'more file')})" if len(passed_over) > 1 else ""
        tally.note(f"Passed over{more}: {passed_over[0]}", warning=True)
    if not found:
        raise UsageError(f"No DiscordChatExporter export was found in {', '.join(paths)}.")
    return found


def _candidates(paths: Sequence[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(file for file in path.rglob("*.json") if not file.is_dir())
            if not below:
                raise UsageError(f"There is no .json file in {path}. Export with --format Json.")
            yield from below
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"There is no file or folder {path}.")


def read_header(path: Path) -> ExportFile:
    """What a file says of its channel, before its messages.

    Raises UsageError when it is no export, FatalError when it cannot be read.
    """
    wrong = (
        f"{path} is not a DiscordChatExporter export in JSON: {{}}. "
        "Export with --format Json, or point --from-export at another file."
    )
    try:
        with _in_words():
            values = _values_before_messages(path)
    except OutOfBoundsError as error:
        raise FatalError(wrong.format(error)) from None
    except UNREADABLE:
        raise FatalError(wrong.format("it is not valid JSON")) from None
    if values is None:
        raise UsageError(wrong.format("it has no list of messages"))
    try:
        return ExportFile(path, _channel(values))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UsageError(wrong.format("it does not name its guild and channel")) from None


def _values_before_messages(path: Path) -> dict[str, Any] | None:
    """The single values by their dotted place; None when no list of messages follows them."""
    values: dict[str, Any] = {}
    with closing(BoundedJson(path)) as stream:
        for prefix, event, value in stream.events():
            if prefix == "messages" and event == "start_array":
                return values
            if event in ("string", "number", "null"):
                values[prefix] = value
    return None


def _channel(values: dict[str, Any]) -> Channel:
    identity, guild_id = _number(values["channel.id"]), _number(values["guild.id"])
    kind = str(values.get("channel.type") or "")
    # The format has no field for a thread's parent: it stands where a channel's category does.
    threaded = kind in THREADS and values.get("channel.categoryId")
    direct = guild_id == 0 or kind.startswith("Direct")
    return Channel(
        identity,
        str(values["channel.name"] or identity),
        0 if direct else guild_id,
        DIRECT_MESSAGES if direct else str(values.get("guild.name") or ""),
        _number(values["channel.categoryId"]) if threaded else None,
        str(values.get("channel.topic") or ""),
    )


def _number(value: Any) -> int:
    """An id of the header; direct messages have guild 0."""
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(value)
    return number


class ExportSource:
    """Export files as a source of history."""

    repeatable = live = False

    def __init__(self, files: Sequence[ExportFile], audience: Audience, tally: Tally) -> None:
        self._files = files
        self._audience = audience
        self._tally = tally
        self._known: Known = frozenset()
        self._hidden: set[str] = set()
        self._named: set[str] = set()
        self._unread: set[int] = set()
        self._hopeless = ""  # what to say at the end when no file is whole

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The channels in the files that were asked for (none asked: all), threads with their parents.

        Raises FatalError when no file can be used.
        """
        threads = {file.channel.id for file in self._files}
        surveys = [await survey(file.path, file.channel.id, threads) for file in self._files]
        listed = list(self._files)  # of a damaged one, what is stored of its channel is used
        self._leave_out(surveys)
        self._meet(set().union(*(s.people for s in surveys)))
        found = {file.channel.id: self._titled(file.channel, surveys) for file in listed}
        kept = [c for c in found.values() if not wanted or c.id in wanted or c.parent_id in wanted]
        missing = sorted(set(wanted) - found.keys() - {c.parent_id for c in found.values()})
        if missing:
            why = (
                f"{self._tally.named('dataset.channels')} names {', '.join(map(str, missing))}, "
                f"which the exports do not hold. They hold: {', '.join(f'{c.id} ({c.name})' for c in found.values())}."
            )
            if not kept:
                raise NoneReadableError(why, gone=False)
            self._tally.note(why, warning=True)
        self._unread = {channel.id for channel in kept}
        return sorted(kept, key=lambda c: c.id)

    def _meet(self, people: Collection[User]) -> None:
        """Know everybody whom the files name."""
        audience = self._audience
        self._known = frozenset(
            (audience.speaker(user.id, is_bot=user.is_bot), audience.digest(name))
            for user in people
            for name in user.names
        )
        for user in people:
            self._hidden |= user.names if not audience.admits(user.id, is_bot=user.is_bot) else set()
            self._named |= user.names

    def _leave_out(self, surveys: Sequence[Survey]) -> None:
        """Say what is wrong with files, and read none that would bring in nothing but emptiness."""
        complaints = [s.complaint for s in surveys if s.complaint]
        silent = [s for s in surveys if s.is_silent]
        usable = [s for s in surveys if s.messages and s not in silent]
        if not usable and sum(s.messages for s in silent) > 1:
            complaints.append(silence([s.path for s in silent]))
        elif quiet := [s.path for s in silent if s.messages >= SILENT_FILE]:
            complaints.append(silence(quiet))
            usable += [s for s in silent if s.path not in quiet]
        else:
            usable += silent
        if complaints and not usable:
            raise FatalError("\n".join(complaints))
        if usable and all(s.damage for s in usable):
            self._hopeless = "\n".join(complaints)
        else:
            for complaint in complaints:
                self._tally.note(complaint, warning=True)
        left = {s.path for s in surveys if s.complaint and not s.messages} | {
            s.path for s in silent if s not in usable
        }
        self._files = [file for file in self._files if file.path not in left]

    def _titled(self, channel: Channel, surveys: Sequence[Survey]) -> Channel:
        beginners = set().union(*(s.beginners.get(channel.id, set()) for s in surveys))
        writers = set().union(*(s.writers for s in surveys if s.channel_id == channel.id))
        outside = [i for i in sorted(beginners) if not self._audience.admits(i)]
        author = next(iter([*outside, *sorted(beginners)]), None)
        kept = titled(replace(channel, author=author), self._audience, writers)
        return replace(kept, name=self._nameless(kept.name), topic=self._nameless(kept.topic))

    def _nameless(self, text: str) -> str:
        return hide_names(text, lambda name: name in self._hidden if name in self._named else None)

    async def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """Batches of the channel's messages from the wanted start on, file after file.

        The first one introduces everybody whom any of the files names. Raises FatalError at the end of everything
        when no file is whole: no dataset is made of fragments alone.
        """
        files = [file for file in self._files if file.channel.id == channel.id]
        with _in_words():
            sizes = [file.path.stat().st_size for file in files]
        known = self._known
        for number, file in enumerate(files):
            with _in_words():
                opened = BoundedJson(file.path)
            with closing(opened) as stream:
                raw = stream.items("messages.item")
                while True:
                    chunk, damage = await asyncio.to_thread(take, raw, BATCH)
                    incoming = [item for item in map(self._parse, chunk) if item and item.id >= wanted.start]
                    position = sum(sizes[:number]) + stream.tell()
                    page = admit_page(channel.id, incoming, self._audience)
                    if page.messages or known:
                        share = min(1.0, position / max(1, sum(sizes)))
                        yield Batch(replace(page, known=page.known | known), None, share)
                        known = frozenset()
                    if damage or len(chunk) < BATCH:
                        break
        self._unread.discard(channel.id)
        if self._hopeless and not self._unread:
            raise FatalError(self._hopeless)

    def _parse(self, raw: object) -> Incoming | None:
        message = read_message(raw)
        why = fault(message)
        if why:
            self._tally.dropped("collect", why)
        return None if why or message is None else message.value()
