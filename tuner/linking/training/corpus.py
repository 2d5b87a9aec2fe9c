"""The irc-disentanglement corpus (Kummerfeld et al. 2019, Gouravajhala et al. 2023) as if it were Discord history.

NAME.ascii.txt holds a line of chat a line, NAME.annotation.txt the links somebody drew between them, `12 15 -`
for "line 15 answers line 12" and `15 15 -` for "line 15 starts something". Naming somebody becomes a mention.
Everything passes the intake, so that a model learns from what it will see of a server.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from tuner.errors import UsageError
from tuner.models import Message
from tuner.people.audience import Audience
from tuner.people.intake import Incoming, User, admit
from tuner.snowflake import DISCORD_EPOCH_MS

BOTS = frozenset({"ubotu", "ubottu"})  # write what they are asked to in #ubuntu, often

_LOG, _ANNOTATION = ".ascii.txt", ".annotation.txt"
_LINE = re.compile(
    r"(?:[a-z][\w-]* (?P<date>\d{4}-\d\d-\d\d) )?"
    r"(?:\[(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?\]\s*)?(?P<rest>.*)"
)
_SAID = re.compile(r"<(?P<speaker>[^>]*)>\s?(?P<text>.*)")
_EMOTE = re.compile(r"(?!\*{3})\*+\s*(?P<speaker>\S+)\s?(?P<text>.*)")
_RENAME = re.compile(r"(?:===\s*)?(\S+) is now known as (\S+)")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")

_DAY, _HOUR = 86400.0, 3600.0
_CYCLE = 1461 * _DAY  # four years, after which the calendar repeats
_OLDEST = datetime(2016, 1, 1, tzinfo=UTC).timestamp()  # Discord's ids begin in 2015
_SOME_DATE = datetime(2010, 1, 1, tzinfo=UTC).timestamp()  # of a log that has none
_FIRST_ID = 10**17
_POSITION = (1 << 22) - 1

_OPENING = "@<(\"'"
_CLOSING = "!\"#$%&'()*+,./:;<=>?@\\^`{|}~"
_TRIMMINGS = "_-|[]`^0123456789" + _CLOSING
# Nicknames that are everyday words, too: in the middle of a sentence they name nobody.
_COMMON = frozenset(
    """about after again all also always and another any anyone anything are ask away back bad bash because
    been before being best better big boot both bug but bye came can cat check code come could day dead debian
    default did different does doing done down each else end even ever every everyone everything fast file find
    fine firefox first fix for free from full get gets getting give gnome goes going gone good got great had
    hard has have help here him his home hot how idea image install instead into its just kde keep kernel kill
    know last later least left less let like linux list little local log long look lot love mac made mail make
    man many may maybe me mean menu might mine more most move much must my name need never new next nice night
    none not nothing now off old one only open other our out over own paste people play please point post power
    problem program put question quit read ready real really reboot red right root run same say says see seems
    send server set she should show since site slow some someone something soon sorry still stop stuff such
    sudo sure swap system take talk test text than thank thanks that the them then there these they thing
    things think this though time too top tried true try two ubuntu unix update upgrade use used user using
    very video wait want was way web well went were what when where which while who why will windows wine with
    won't work works world would wrong xorg yeah yep yes yet you your""".split()
)

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class AnnotatedChannel:
    """A channel of which people said what answers what.

    `parents` maps annotated messages to those they answer, none for one that starts something. `scored` are the
    messages that were looked at: the annotated ones, and what they answer from the first of them on. `incoming`
    are the messages before the intake, and `addressing` those of them whose first word names somebody.
    """

    name: str
    messages: tuple[Message, ...]
    parents: Mapping[int, frozenset[int]]
    scored: frozenset[int]
    incoming: tuple[Incoming, ...]
    addressing: frozenset[int]


def read_corpus(folder: Path) -> list[AnnotatedChannel]:
    """Every channel in a folder, by file name. UsageError when there is none, or a file is not of the corpus."""
    logs = sorted(folder.glob(f"*{_LOG}"))
    if not logs:
        raise UsageError(
            f"There is no *{_LOG} in {folder}. Name a folder of the irc-disentanglement corpus that holds "
            f"NAME{_LOG} and NAME{_ANNOTATION} side by side."
        )
    return [_read_channel(path) for path in logs]


def without_names(channel: AnnotatedChannel) -> AnnotatedChannel:
    """The channel with nobody named: on Discord people press the reply button where they type a name on IRC."""
    incoming = [
        replace(item, text=_unnamed(item, addressing=item.id in channel.addressing), mentions=())
        for item in channel.incoming
    ]
    return _admitted(replace(channel, addressing=frozenset()), incoming)


def with_replies(channel: AnnotatedChannel, percent: float, seed: int) -> AnnotatedChannel:
    """The channel with that share of the scored messages sent as native replies to something they answer.

    The draw depends on the seed and the channel's name only. Replies of an earlier draw are gone.
    """
    draw = random.Random(f"{seed}:{channel.name}")
    answers = sorted((i for i, parents in channel.parents.items() if parents), key=_position)
    count = min(len(answers), round(len(channel.scored) * percent / 100))
    chosen = sorted(draw.sample(answers, count), key=_position)
    targets = {i: draw.choice(sorted(channel.parents[i], key=_position)) for i in chosen}
    return _admitted(channel, [replace(item, reply_to=targets.get(item.id)) for item in channel.incoming])


def _position(message_id: int) -> int:
    """The line of a message in its log."""
    return message_id & _POSITION


def _admitted(channel: AnnotatedChannel, incoming: Sequence[Incoming]) -> AnnotatedChannel:
    """The channel with these messages, as an archive would show them."""
    everyone = Audience(allowed=None)
    last_reply: dict[int, int] = {}
    for item in incoming:
        if item.reply_to is not None:
            last_reply[item.reply_to] = max(item.id, last_reply.get(item.reply_to, 0))
    messages = (admit(_stable_id(channel.name), item, everyone) for item in incoming)
    shown = tuple(replace(m, last_reply=last_reply[m.id]) if m.id in last_reply else m for m in messages)
    return replace(channel, messages=shown, incoming=tuple(incoming))


def _stable_id(name: str) -> int:
    """An id for somebody or something that has only a name."""
    return _FIRST_ID + crc32(name.encode())


# -- files -------------------------------------------------------------------------


def _read_channel(path: Path) -> AnnotatedChannel:
    name = path.name.removesuffix(_LOG)
    lines = _read(path, partial(_parse_log, name=name))
    links = _read(path.with_name(name + _ANNOTATION), partial(_parse_links, count=len(lines)))
    return _channel(name, lines, links)


def _read(path: Path, parse: Callable[[str], Parsed]) -> Parsed:
    try:
        return parse(path.read_text(encoding="utf8", errors="replace"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}. Each NAME{_LOG} needs its NAME{_ANNOTATION} beside it."
        ) from None
    except ValueError as error:
        raise UsageError(
            f"{path} is not a file of the irc-disentanglement corpus: {error}. Take it out of the folder, or "
            "fetch the corpus again."
        ) from None


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a log; `speaker` is None where nobody speaks (joins, renames). `at` is unix time, in seconds."""

    at: float
    speaker: str | None
    text: str


def _parse_log(log: str, name: str) -> list[_Line]:
    """The lines of a log, with times. ValueError when it is none."""
    clock = _Clock()
    lines = [_parse_line(raw, clock) for raw in log.split("\n")]
    if not lines[-1].text and lines[-1].speaker is None:
        lines.pop()  # what follows the last line break
    if all(line.speaker is None for line in lines):
        raise ValueError("nobody says anything in it")
    first = next((line.at for line in lines if line.at), 0.0)
    times = _moments(name, [line.at or first for line in lines])
    return [replace(line, at=at) for line, at in zip(lines, times, strict=True)]


def _parse_line(raw: str, clock: _Clock) -> _Line:
    found = _LINE.match(raw)
    assert found  # every part of it is optional
    rest = found["rest"].strip()
    at = clock.read(found)
    said = (_SAID.match(rest) or _EMOTE.match(rest)) if found["hour"] else None
    return _Line(at, said["speaker"].lower(), said["text"]) if said else _Line(at, None, rest)


def _parse_links(annotation: str, count: int) -> dict[int, set[int]]:
    """Line → lines it answers, itself when it starts something. ValueError for what is no link of `count` lines."""
    links: dict[int, set[int]] = {}
    for number, raw in enumerate(annotation.splitlines(), 1):
        line = raw.rpartition(":")[2]  # some annotators' files start a line with a name
        if not line.strip() or line[0] in "#%/":
            continue
        ends = [word for word in line.split() if word != "-"]
        if not ends or not all(end.isdecimal() and int(end) < count for end in ends):
            raise ValueError(f"line {number}, “{line.strip()[:60]}”, links no lines of the chat")
        *parents, child = sorted(map(int, ends))
        links.setdefault(child, set()).update(parents or [child])
    if not links:
        raise ValueError("it holds no link")
    return links


# -- times -------------------------------------------------------------------------


class _Clock:
    """The times of a log's lines in seconds, never backwards; without dates they count from the first midnight."""

    def __init__(self) -> None:
        self._midnight = 0.0
        self._last: float | None = None

    def read(self, line: re.Match[str]) -> float:
        """The time of a matched line; one without a time happens with the line before."""
        if line["hour"]:
            time = int(line["hour"]) * _HOUR + int(line["minute"]) * 60 + int(line["second"] or 0)
            self._last = self._dated(line["date"], time) if line["date"] else self._undated(time)
        return self._last or 0.0

    def _dated(self, date: str, time: float) -> float:
        at = _midnight(*map(int, date.split("-"))) + time
        return at if self._last is None else max(at, self._last)

    def _undated(self, time: float) -> float:
        at = self._midnight + time
        last = at if self._last is None else self._last
        back = last - at
        if back <= 6 * _HOUR:
            return max(at, last)  # a few lines are in disorder
        # A new day, or half of one: the oldest logs have a 12-hour clock.
        step = _DAY / 2 if 10.9 * _HOUR < back < 12.1 * _HOUR else _DAY
        self._midnight += step
        return at + step


def _moments(name: str, times: Sequence[float]) -> list[float]:
    """Unix times in Discord's age, in the log's order. Where only minutes are known, a minute's lines share it."""
    start = 0.0
    if times[0] < 10 * _DAY:  # they count from a midnight; most names say which
        date = _DATE.match(name)
        start = _midnight(*map(int, date.groups())) if date else _SOME_DATE
    while start + times[0] < _OLDEST:
        start += _CYCLE
    if any(time % 60 for time in times):
        return [start + time for time in times]
    moments: list[float] = []
    for minute, together in groupby(times):
        count = sum(1 for _ in together)
        moments += [start + minute + 60.0 * (n + 0.5) / count for n in range(count)]
    return moments


def _midnight(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


# -- who is named ------------------------------------------------------------------


def _channel(name: str, lines: Sequence[_Line], links: Mapping[int, set[int]]) -> AnnotatedChannel:
    ids = [int(line.at * 1000) - DISCORD_EPOCH_MS << 22 | n for n, line in enumerate(lines)]
    spoken = {n for n, line in enumerate(lines) if line.speaker is not None}
    first = min(links)
    scored = {n for child, parents in links.items() for n in (child, *parents) if n >= first}
    parents = {
        ids[child]: frozenset(ids[n] for n in (links[child] & spoken) - {child})
        for child in sorted(links.keys() & spoken)
    }
    incoming, addressing = _incoming(lines, ids)
    channel = AnnotatedChannel(name, (), parents, frozenset(ids[n] for n in scored & spoken), (), addressing)
    return _admitted(channel, sorted(incoming, key=lambda item: item.id))


def _incoming(lines: Sequence[_Line], ids: Sequence[int]) -> tuple[list[Incoming], frozenset[int]]:
    """What is said in a log, and which of it addresses somebody."""
    nicks = _nicks(lines)
    users = {nick: User(_stable_id(nick), nick, nick in BOTS) for nick in {"", *nicks.values()}}
    incoming, addressing = [], set()
    for message_id, line in zip(ids, lines, strict=True):
        if line.speaker is None:
            continue
        named = [(n, nick) for n, nick in _named(line.text, nicks) if nick != line.speaker]
        mentions = tuple(users[nick] for nick in sorted({nick for _, nick in named}))
        incoming.append(Incoming(message_id, users[line.speaker], line.text, mentions=mentions))
        if any(n == 0 for n, _ in named):
            addressing.add(message_id)
    return incoming, frozenset(addressing)


def _nicks(lines: Sequence[_Line]) -> dict[str, str]:
    """What people are called → their nickname: the nickname, or a long and rare enough core of it."""
    nicks: dict[str, str] = {}
    for line in lines:
        if line.speaker:
            nicks[line.speaker] = line.speaker
        elif line.speaker is None and (renamed := _RENAME.match(line.text)):
            nicks.update((nick.lower(), nick.lower()) for nick in renamed.groups())
    for nick in list(nicks):
        core = nick.strip(_TRIMMINGS)
        if len(core) > 3 and core not in _COMMON:
            nicks.setdefault(core, nick)
    return nicks


def _named(text: str, nicks: Mapping[str, str]) -> list[tuple[int, str]]:
    """The nicknames that a text names, each with the number of its word."""
    named = []
    for number, word in enumerate(text.lower().split()):
        bare = _bare(word)
        nick = nicks.get(bare) or nicks.get(word)
        if nick and _is_meant(word, bare, first=number == 0):
            named.append((number, nick))
    return named


def _is_meant(word: str, bare: str, *, first: bool) -> bool:
    """Whether a word that is a nickname names somebody; the first word of a message does so more often."""
    if word[0] == "@" or (first and word[-1] in ":,>;"):
        return True
    return len(bare) > (2 if first else 3) and bare not in _COMMON


def _bare(word: str) -> str:
    """A lower-case word without the punctuation around it."""
    return word.lstrip(_OPENING).rstrip(_CLOSING)


def _unnamed(item: Incoming, *, addressing: bool) -> str:
    """The text without the nicknames in it."""
    if not item.mentions:
        return item.text
    nicks = {user.name for user in item.mentions}
    words = item.text.split()
    kept = [word for word in words if _bare(word.lower()) not in nicks]
    if addressing and len(kept) == len(words):
        kept = words[1:]  # the first was a short form
    return " ".join(kept)
