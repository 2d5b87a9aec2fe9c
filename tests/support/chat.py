"""Invented busy chat: several talks at once, people who name one another, reply, fall silent and return."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from tests.support.export_files import at, person, said, write
from tuner.models import Extras, Message

_WORDS = (
    "the kernel driver does not boot after update what about your screen resolution thanks that worked anyone know how "
    "to mount a disk yes try again with sudo no idea it is broken maybe reinstall where is config file"
).split()


OLDER_PROCESSOR = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4"}
"""Environment in which numpy adds and multiplies as on a machine of 2004; elsewhere than on x86 it means nothing."""


def chatter(count: int, seed: int = 0, replies: float = 0.2, people: int = 14) -> list[Message]:
    """Messages of one channel. `replies`: the share sent with the reply button."""
    dice = random.Random(seed)
    talks = [[dice.randrange(1, people + 1), dice.randrange(1, people + 1)] for _ in range(5)]
    messages: list[Message] = []
    talk_of: list[int] = []
    seconds = 0.0
    for low in range(count):
        seconds += dice.choice((2, 5, 9, 20, 45, 300, 4000) if dice.random() < 0.97 else (90_000,))
        number = dice.randrange(len(talks))
        if dice.random() < 0.05:
            talks[number] = [dice.randrange(1, people + 1), dice.randrange(1, people + 1)]
        speaker, other = dice.sample(talks[number], 2)
        text: str | None = " ".join(dice.choices(_WORDS, k=dice.randrange(1, 14))) + dice.choice(
            ("", "?", "!", " ...")
        )
        mentions: tuple[tuple[int, str], ...] = ()
        if dice.random() < 0.2:
            mentions = ((other, f"Person{other}"),)
            text = f"@Person{other} {text}"
        if dice.random() < 0.03:
            text, mentions, speaker = None, (), -speaker
        earlier = [i for i in range(max(0, low - 400), low) if talk_of[i] == number]
        reply_to = messages[dice.choice(earlier[-4:])].id if earlier and dice.random() < replies else None
        messages.append(
            Message(at(seconds, low), 7, speaker, f"Person{speaker}", text, reply_to, extras=Extras(mentions))
        )
        talk_of.append(number)
    last: dict[int, int] = {m.reply_to: m.id for m in messages if m.reply_to is not None}
    return [replace(m, last_reply=last.get(m.id, 0)) for m in messages]


def export_chatter(folder: Path, channel_id: int, count: int) -> Path:
    """An export of such chat, other chat in every channel; those who are no longer allowed are bots in it."""
    seed = channel_id % 64
    records = []
    for message in chatter(count, seed):
        author = person(abs(message.speaker), message.name, bot=message.is_stub)
        if message.is_stub:
            author["id"] = str(abs(message.speaker) + 1000)
        records.append(
            said(
                message.id + (seed << 16),  # unlike in other channels
                author,
                message.text or "beep",
                reply_to=message.reply_to and message.reply_to + (seed << 16),
                mentions=[person(i, name) for i, name in message.extras.mentions],
            )
        )
    return write(folder / f"{channel_id}.json", records, channel_id, f"channel-{seed}")
