"""Invented talk: as DiscordChatExporter files, and as the values that stages take."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from tuner import snowflake
from tuner.models import Extras, Message, Segment

START_MS = 1_704_103_200_000  # 2024-01-01 10:00 UTC


class Said(NamedTuple):
    """One message: `minutes` after the one before it; `reply_to` is a position in the same talk."""

    author: str
    text: str
    minutes: float = 0.5
    reply_to: int | None = None


def user_id(name: str) -> int:
    return 200_000_000_000_000_000 + crc32(name.encode())


def channel_id(name: str) -> int:
    return 100_000_000_000_000_000 + crc32(name.encode())


def message_ids(channel: str, talk: Iterable[Said]) -> list[int]:
    """Snowflakes of the messages, different in every channel."""
    found, at = [], float(START_MS)
    for number, said in enumerate(talk):
        at += said.minutes * 60_000
        low = crc32(f"{channel} {number}".encode()) & 0x3FFFFF
        found.append((int(at) - snowflake.DISCORD_EPOCH_MS) << 22 | low)
    return found


def export(channel: str, talk: Sequence[Said]) -> dict[str, Any]:
    """The talk as DiscordChatExporter writes it; `@Name` of somebody who speaks in it is a mention."""
    ids = message_ids(channel, talk)
    people = dict.fromkeys(said.author for said in talk)
    messages = []
    for number, said in enumerate(talk):
        message: dict[str, Any] = {
            "id": str(ids[number]),
            "type": "Default" if said.reply_to is None else "Reply",
            "timestamp": snowflake.moment(ids[number]).isoformat(),
            "content": said.text,
            "author": _author(said.author),
            "attachments": [],
            "stickers": [],
            "mentions": [_author(name) for name in people if f"@{name}" in said.text],
        }
        if said.reply_to is not None:
            message["reference"] = {"messageId": str(ids[said.reply_to])}
        messages.append(message)
    return {
        "guild": {"id": "1", "name": "Invented"},
        "channel": {"id": str(channel_id(channel)), "type": "GuildTextChat", "name": channel, "topic": None},
        "messages": messages,
    }


def write_exports(folder: Path, talks: dict[str, Sequence[Said]]) -> Path:
    """One file a channel below `folder`, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for channel, talk in talks.items():
        (folder / f"{channel}.json").write_text(json.dumps(export(channel, talk)), encoding="utf-8")
    return folder


def messages(talk: Sequence[Said], channel: str = "general") -> tuple[Message, ...]:
    """The talk as stored messages, everybody's words admitted; mentions are written as Discord does."""
    ids = message_ids(channel, talk)
    people = dict.fromkeys(said.author for said in talk)
    found = []
    for number, said in enumerate(talk):
        text, mentions = said.text, []
        for name in people:
            if f"@{name}" in text:
                text = text.replace(f"@{name}", f"<@{user_id(name)}>")
                mentions.append((user_id(name), name))
        target = None if said.reply_to is None else ids[said.reply_to]
        found.append(
            Message(
                ids[number],
                channel_id(channel),
                user_id(said.author),
                said.author,
                text,
                target,
                extras=Extras(mentions=tuple(mentions)),
            )
        )
    return tuple(found)


def segment(*talk: Said | tuple[str, str], channel: str = "general") -> Segment:
    """The talk as one segment."""
    return Segment(channel_id(channel), messages([Said(*said) for said in talk], channel))


# -- a server's worth --------------------------------------------------------------

PEOPLE = "Mika Jonas Priya Oleg Saskia Tom Yara Ben Ines Felix Nour Kata".split()
THINGS = """the stove|my bike chain|the sourdough starter|that keyboard firmware|the rope bridge quest|the greenhouse
fan|an old film camera|the tomato seedlings|the choir recording|that chess opening|a leaking kettle|the new
router|the wooden shelf|the drone battery|the night train booking""".replace("\n", " ").split("|")
QUESTIONS = (
    "has anyone here managed to fix {thing}? it started acting up on {day}",
    "what would you do about {thing}, replace it or try again",
    "quick question about {thing}: is it normal that it takes {n} minutes",
    "finally finished with {thing}, took me {n} evenings",
)
ANSWERS = (
    "I had the same with {thing}, cleaning it {n} times was what helped in the end",
    "no, that is not normal, check the screws first",
    "depends a bit, how old is it? mine went fine after {n} tries",
    "nice, looks much better than what I got",
    "try it without the cover and see if it still happens on {day}",
    "oh yes, that was it, thanks!",
    "lol same",
    "so I tried that and it works now, it was really just the cover",
)
DAYS = "monday tuesday friday sunday".split()


def conversations(count: int, seed: int = 1) -> Iterator[list[Said]]:
    """That many unrelated talks of two to four people, each after a lull that ends the one before."""
    rng = random.Random(seed)
    for _ in range(count):
        people = rng.sample(PEOPLE, rng.randint(2, 4))
        thing = rng.choice(THINGS)

        def line(forms: Sequence[str], thing: str = thing) -> str:
            return rng.choice(forms).format(thing=thing, n=rng.randint(2, 9), day=rng.choice(DAYS))

        talk = [Said(people[0], line(QUESTIONS), rng.uniform(40, 300))]
        for number in range(rng.randint(2, 9)):
            others = [name for name in people if name != talk[-1].author]
            text = line(ANSWERS)
            if rng.random() < 0.1:
                text = f"@{talk[-1].author} {text}"
            talk.append(
                Said(rng.choice(others), text, rng.uniform(0.1, 3), number if rng.random() < 0.2 else None)
            )
        yield talk


def joined(talks: Iterable[Sequence[Said]]) -> list[Said]:
    """Talks one after another as one; replies stay within their talk."""
    whole: list[Said] = []
    for talk in talks:
        start = len(whole)
        whole += [s._replace(reply_to=None if s.reply_to is None else s.reply_to + start) for s in talk]
    return whole


def server(
    message_count: int, channels: Sequence[str] = ("general", "workshop", "garden", "games")
) -> dict[str, list[Said]]:
    """Talks in several channels, `message_count` messages in all."""
    share = message_count // len(channels)
    counts = [message_count - share * (len(channels) - 1), *[share] * (len(channels) - 1)]
    return {
        name: joined(conversations(count, seed))[:count]
        for seed, (name, count) in enumerate(zip(channels, counts, strict=True), 1)
    }


def _author(name: str) -> dict[str, Any]:
    return {"id": str(user_id(name)), "name": name.casefold(), "nickname": name, "isBot": False}
