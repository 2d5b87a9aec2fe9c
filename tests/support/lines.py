"""Messages of one channel in a few words, as the archive would hold them."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.support.export_files import at
from tuner.linking.conversations import Linking, conversations
from tuner.linking.linker import Weights
from tuner.models import Conversation, Extras, Message

CHANNEL = 7
ANN, BEN, CAT, DAN = 1, 2, 3, 4
NAMES = {ANN: "Ann", BEN: "Ben", CAT: "Cat", DAN: "Dan"}
LINKING = Linking(Weights.shipped())


@dataclass(frozen=True)
class Line:
    """A message in a few words: `reply` is the index of the line replied to, `named` are mentioned."""

    seconds: float
    speaker: int
    text: str | None = "hello"
    reply: int | None = None
    named: tuple[int, ...] = ()


def spoken(lines: Sequence[Line]) -> list[Message]:
    """Messages whose `last_reply` is what the archive would say."""
    ids = [at(line.seconds, low) for low, line in enumerate(lines)]
    last_reply: dict[int, int] = {}
    for i, line in zip(ids, lines, strict=True):
        if line.reply is not None:
            last_reply[ids[line.reply]] = i
    return [
        Message(
            id=i,
            channel_id=CHANNEL,
            speaker=line.speaker,
            name=NAMES.get(line.speaker, ""),
            text=line.text if line.speaker > 0 else None,
            reply_to=None if line.reply is None else ids[line.reply],
            extras=Extras(mentions=tuple((other, NAMES.get(other, "")) for other in line.named)),
            last_reply=last_reply.get(i, 0),
        )
        for i, line in zip(ids, lines, strict=True)
    ]


def grouped(messages: Iterable[Message], linking: Linking = LINKING) -> list[list[int]]:
    """The conversations as the positions of their messages (their low bits), by first message."""
    return sorted(positions(c) for c in conversations(messages, linking))


def positions(conversation: Conversation) -> list[int]:
    return [m.id & 0xFFFF for m in conversation.messages]


def rambling(count: int, seed: int = 0) -> list[Line]:
    """People who come and go, a message every 40 seconds; some name others, reply, or are outside."""
    rng, things = random.Random(seed), "kiln soup brake ladder choir router beans fuse".split()
    lines: list[Line] = []
    for i in range(count):
        speaker = rng.choice([1 + (i // 50 + n) % 20 for n in range(4)] + [-5])
        text = f"{rng.choice(['is', 'no,', 'and'])} the {rng.choice(things)} {rng.choice(['ok?', 'fine', 'hot'])}"
        named = (1 + (i // 50) % 20,) if rng.random() < 0.2 else ()
        reply = i - rng.randint(1, min(i, 600)) if i and rng.random() < 0.1 else None
        lines.append(Line(40.0 * i, speaker, text, reply, named))
    return lines


lines_of = st.builds(
    Line,
    seconds=st.sampled_from(
        [0.0, 1.0, 20.0, 70.0, 200.0, 400.0, 1700.0, 1900.0, 90_000.0]
    ),  # since the one before
    speaker=st.sampled_from([ANN, BEN, CAT, DAN, -5, -6]),
    text=st.sampled_from(["hello", "why?", "Ann: look", "<@2> Cat", "", "the kiln is hot again", "thanks"]),
    reply=st.one_of(st.none(), st.integers(1, 30)),  # how many messages back
    named=st.lists(st.sampled_from([ANN, BEN, CAT, -5]), max_size=2, unique=True).map(tuple),
)


@st.composite
def channels(draw: st.DrawFn) -> list[Message]:
    """Up to 50 messages drawn one by one, some replying to what is not there, after up to 700 that ramble."""
    before = draw(st.sampled_from([0, 0, 0, 300, 700]))
    lines, now = rambling(before, draw(st.integers(0, 3))), 40.0 * before
    for position, line in enumerate(draw(st.lists(lines_of, max_size=50)), before):
        now += line.seconds
        reply = position - line.reply if line.reply is not None and line.reply <= position else None
        lines.append(replace(line, seconds=now, reply=reply))
    gone = draw(st.sets(st.integers(before, before + 50), max_size=3))
    return [m for m in spoken(lines) if m.id & 0xFFFF not in gone]
