"""Quiet channels made of busy ones: the corpus has none, and most of a Discord server is.

A busy channel's conversations are put one after another, with silences between them, at some pace, and among a
few regulars who meet again and again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tuner.linking.training.corpus import AnnotatedChannel
from tuner.models import Message
from tuner.snowflake import at_ms

_ALONE = 0.3  # share of the messages that nobody answered which are kept
_FIRST_PERSON = 1_000
_USUAL_MS = 40_000  # between two messages of a conversation in the corpus, about
_LONGEST_PAUSE_MS = 20 * _USUAL_MS  # inside a conversation, before the pace makes it longer
_LONGEST_SILENCE_MS = 30 * 24 * 3600 * 1000


def quiet(channel: AnnotatedChannel, seed: int) -> AnnotatedChannel:
    """The annotated conversations of a channel, one after another; nothing links two of them.

    Pace, silences and who is who depend on the seed and the channel's name only.
    """
    dice = random.Random(f"quiet:{seed}:{channel.name}")
    pace = 2.0 ** dice.uniform(0, 7)
    regulars = range(_FIRST_PERSON, _FIRST_PERSON + dice.randrange(2, 9))
    clock = channel.messages[0].id >> 22
    new: list[Message] = []
    ids: dict[int, int] = {}
    starts = []
    for conversation in _conversations(channel):
        if len(conversation) == 1 and dice.random() > _ALONE:
            continue
        clock += min(int(_USUAL_MS * pace * 2.0 ** dice.uniform(2.5, 12)), _LONGEST_SILENCE_MS)
        people = _cast(conversation, regulars, dice)
        before = conversation[0]
        for message in conversation:
            gap = min(at_ms(message.id) - at_ms(before.id), _LONGEST_PAUSE_MS)
            clock += max(500, int(gap * pace * 2.0 ** dice.uniform(-1, 1)))
            ids[message.id] = (clock << 22) | len(new)
            new.append(_moved(message, ids, people))
            before = message
        starts.append(new[-len(conversation)].id)
    parents = {
        ids[child]: frozenset(ids[parent] for parent in answered if parent in ids)
        for child, answered in channel.parents.items()
        if child in ids
    }
    return AnnotatedChannel(
        name=f"{channel.name}, quiet",
        messages=tuple(new),
        parents={**parents, **dict.fromkeys(starts, frozenset())},
        scored=frozenset(ids.values()),
        incoming=(),
        addressing=frozenset(),
    )


def _conversations(channel: AnnotatedChannel) -> list[list[Message]]:
    """Messages that answer one another, oldest first; conversations by their first message."""
    home: dict[int, set[int]] = {}
    for child, parents in channel.parents.items():
        joined = {child}.union(*(home.get(other, {other}) for other in (child, *parents)))
        home.update(dict.fromkeys(joined, joined))
    messages = {message.id: message for message in channel.messages}
    distinct = {min(joined): joined for joined in home.values()}
    return [[messages[i] for i in sorted(distinct[first])] for first in sorted(distinct)]


def _cast(conversation: Sequence[Message], regulars: Sequence[int], dice: random.Random) -> dict[int, int]:
    """Somebody for each speaker: regulars, and newcomers when there are not enough."""
    speakers = list(dict.fromkeys(message.speaker for message in conversation))
    newcomers = range(regulars[-1] + 1, regulars[-1] + 1 + max(0, len(speakers) - len(regulars)))
    cast = [*dice.sample(regulars, min(len(speakers), len(regulars))), *newcomers]
    return dict(zip(speakers, cast, strict=True))


def _moved(message: Message, ids: dict[int, int], people: dict[int, int]) -> Message:
    mentions = tuple((people[who], name) for who, name in message.extras.mentions if who in people)
    return replace(
        message,
        id=ids[message.id],
        speaker=people[message.speaker],
        reply_to=ids.get(message.reply_to) if message.reply_to else None,
        extras=replace(message.extras, mentions=mentions),
        last_reply=0,
    )
