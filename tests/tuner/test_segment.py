"""Segment: messages into conversations, conversations into segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.export_files import at
from tuner.config import SegmentRules
from tuner.models import Conversation, Extras, Message
from tuner.stages.segment import LONGEST, MEMORY, ConversationStream, conversations, cut

CHANNEL = 7
ANN, BEN, CAT, DAN = 1, 2, 3, 4
NAMES = {ANN: "Ann", BEN: "Ben", CAT: "Cat", DAN: "Dan"}
RULES = SegmentRules()


@dataclass(frozen=True)
class Line:
    """A message in a few words: `reply` is the index of the line replied to, `named` are mentioned."""

    seconds: float
    speaker: int
    text: str | None = "hello"
    reply: int | None = None
    named: tuple[int, ...] = ()


def talk(lines: Sequence[Line]) -> list[Message]:
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


def grouped(messages: Iterable[Message]) -> list[list[int]]:
    """The conversations as the positions of their messages (their low bits), by first message."""
    return sorted([m.id & 0xFFFF for m in c.messages] for c in conversations(messages))


# -- the hand rules, one at a time -------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [Line(0, ANN), Line(1, BEN, "what?"), Line(400_000, CAT, reply=0)],
            [[0, 2], [1]],
            id="a native reply, across any silence",
        ),
        pytest.param(
            [Line(0, ANN), Line(20, BEN, "other?"), Line(900, CAT, "@Ann yes", named=(ANN,))],
            [[0, 2], [1]],
            id="the last message of a person named",
        ),
        pytest.param(
            [Line(0, ANN), Line(20, BEN, "other?"), Line(40, CAT, "Ben or Ann", named=(ANN, BEN))],
            [[0], [1, 2]],
            id="of several named, the one addressed first",
        ),
        pytest.param(
            [Line(0, ANN), Line(20, BEN, "other?"), Line(40, CAT, "<@1> no, <@2>", named=(BEN, ANN))],
            [[0, 2], [1]],
            id="addressed first by raw mention",
        ),
        pytest.param(
            [Line(0, ANN), Line(MEMORY + 1, CAT, "@Ann there?", named=(ANN,))],
            [[0], [1]],
            id="not somebody who has been silent too long",
        ),
        pytest.param(
            [Line(0, ANN), Line(170, ANN, "and another?")],
            [[0, 1]],
            id="one's own message just before, even with a question",
        ),
        pytest.param(
            [Line(0, ANN), Line(30, BEN, "a?"), Line(60, CAT, "@Ben b", named=(BEN,)), Line(120, BEN)],
            [[0], [1, 2, 3]],
            id="the message that named the speaker since",
        ),
        pytest.param(
            [
                Line(0, ANN),
                Line(30, BEN, "@Ann you", named=(ANN,)),
                Line(50, CAT, "new?"),
                Line(70, ANN, "me?"),
                Line(90, CAT, "hm?"),
                Line(110, BEN, "yes you?"),
            ],
            [[0, 1, 3, 5], [2, 4]],
            id="one's partner, if they spoke later than oneself",
        ),
        pytest.param(
            [Line(0, ANN), Line(30, BEN, "new?"), Line(250, ANN, "on?")],
            [[0, 2], [1]],
            id="one's own last message",
        ),
        pytest.param(
            [Line(0, ANN), Line(40, BEN, "sure")],
            [[0, 1]],
            id="somebody who was silent answers the message before",
        ),
        pytest.param(
            [Line(0, ANN), Line(40, BEN, "is it open?")],
            [[0], [1]],
            id="but starts something with a question",
        ),
        pytest.param(
            [Line(0, ANN), Line(61, BEN, "sure")],
            [[0], [1]],
            id="and after a pause",
        ),
        pytest.param(
            [Line(0, ANN), Line(10, -5, None, reply=0), Line(20, BEN, reply=1)],
            [[0, 1, 2]],
            id="a stub carries its links",
        ),
    ],
)
def test_hand_rules(lines: list[Line], expected: list[list[int]]) -> None:
    assert grouped(talk(lines)) == expected


def test_native_reply_turns_later_talk_to_the_one_answered() -> None:
    lines = [
        Line(0, ANN, "a?"),
        Line(10, BEN, "b?"),
        Line(20, CAT, "to Ann", reply=0),
        Line(30, BEN, "go on"),
        Line(40, ANN, "thanks"),
        Line(50, CAT, "welcome?"),
    ]
    assert grouped(talk(lines)) == [[0, 2, 4, 5], [1, 3]]


def test_reply_to_a_message_that_is_not_there_stands_alone() -> None:
    first, second = talk([Line(0, ANN), Line(5, BEN)])
    assert grouped([first, replace(second, reply_to=at(-50))]) == [[0], [1]]


# -- what holds for any channel ----------------------------------------------------

lines_of = st.builds(
    Line,
    seconds=st.sampled_from(
        [0.0, 1.0, 20.0, 70.0, 200.0, 400.0, 1700.0, 1900.0, 90_000.0]
    ),  # since the one before
    speaker=st.sampled_from([ANN, BEN, CAT, DAN, -5, -6]),
    text=st.sampled_from(["hello", "why?", "Ann: look", "<@2> Cat"]),
    reply=st.one_of(st.none(), st.integers(1, 30)),  # how many messages back
    named=st.lists(st.sampled_from([ANN, BEN, CAT, -5]), max_size=2, unique=True).map(tuple),
)


@st.composite
def channels(draw: st.DrawFn) -> list[Message]:
    lines, now = [], 0.0
    for position, line in enumerate(draw(st.lists(lines_of, max_size=50))):
        now += line.seconds
        reply = position - line.reply if line.reply is not None and line.reply <= position else None
        lines.append(replace(line, seconds=now, reply=reply))
    return talk(lines)


@settings(max_examples=150, deadline=None)
@given(channels())
def test_every_message_is_in_one_conversation_in_order(messages: list[Message]) -> None:
    found = list(conversations(messages))
    for conversation in found:
        assert list(conversation.messages) == sorted(conversation.messages, key=lambda m: m.id)
        assert conversation.channel_id == CHANNEL
    assert sorted((m for c in found for m in c.messages), key=lambda m: m.id) == messages


@settings(max_examples=150, deadline=None)
@given(channels())
def test_native_reply_is_with_its_target(messages: list[Message]) -> None:
    home = {m.id: number for number, c in enumerate(conversations(messages)) for m in c.messages}
    assert [m.id for m in messages if m.reply_to is not None and home[m.id] != home[m.reply_to]] == []


@settings(max_examples=100, deadline=None)
@given(channels(), st.data())
def test_what_has_been_given_out_depends_on_nothing_later(
    messages: list[Message], data: st.DataObject
) -> None:
    split = data.draw(st.integers(0, len(messages)))
    stream = ConversationStream()
    early = [c for m in messages[:split] for c in stream.add(m)]
    whole = list(conversations(messages))
    assert early == whole[: len(early)]
    late = [c for m in messages[split:] for c in stream.add(m)] + stream.finish()
    assert early + late == whole
    other_future = list(conversations([*messages[:split], *talk([Line(10**7, ANN)])]))
    assert early == other_future[: len(early)]


# -- memory ------------------------------------------------------------------------


def most_open(messages: Iterable[Message]) -> tuple[int, list[Conversation]]:
    """How many messages were held at the worst moment, and the conversations."""
    stream, held, most = ConversationStream(), 0, 0
    found: list[Conversation] = []
    for message in messages:
        ended = stream.add(message)
        held += 1 - sum(len(c.messages) for c in ended)
        most = max(most, held)
        found += ended
    return most, found + stream.finish()


def test_a_long_channel_is_not_held_in_memory() -> None:
    lines = [Line(60.0 * i, 1 + i % 50, "so?" if i % 7 == 0 else "so") for i in range(6000)]
    most, found = most_open(talk(lines))
    assert sum(len(c.messages) for c in found) == 6000
    assert most < 300


def test_talk_without_end_is_given_out_in_parts_and_stays_together() -> None:
    messages = talk([Line(float(i), ANN + i % 2) for i in range(2 * LONGEST + 10)])
    most, found = most_open(messages)
    assert [len(c.messages) for c in found] == [LONGEST // 2] * 3 + [LONGEST // 2 + 10]
    assert [m for c in found for m in c.messages] == messages
    assert most <= LONGEST


def test_conversation_waits_for_a_reply_that_is_known_to_come_and_no_longer() -> None:
    lines = [Line(0, ANN), Line(5000, BEN), Line(10_000, CAT, reply=0), Line(20_000, DAN), Line(30_000, DAN)]
    stream = ConversationStream()
    given_out = [[[m.id & 0xFFFF for m in c.messages] for c in stream.add(m)] for m in talk(lines)]
    assert given_out == [[], [], [[1]], [[0, 2]], [[3]]]


# -- segments ----------------------------------------------------------------------


def pieces(
    lines: Sequence[Line], rules: SegmentRules = RULES, personas: Sequence[int] = ()
) -> list[list[int]]:
    found = cut(Conversation(CHANNEL, tuple(talk(lines))), rules, personas)
    return [[m.id & 0xFFFF for m in s.messages] for s in found.segments]


def test_cut_at_the_longest_lull_of_the_later_half() -> None:
    gaps = [500, 10, 10, 10, 300, 10, 10, 10, 10]  # the first and longest is too early to be a good place
    seconds = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    lines = [Line(s, ANN + i % 2) for i, s in enumerate(seconds)]
    assert pieces(lines, SegmentRules(max_messages=8)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_a_new_participant_too_many_starts_a_segment() -> None:
    lines = [Line(0, ANN), Line(1, BEN), Line(2, CAT), Line(3, ANN)]
    assert pieces(lines, SegmentRules(max_participants=2)) == [[0, 1], [2, 3]]


def test_segments_end_on_who_may_be_the_persona() -> None:
    lines = [Line(0, ANN), Line(1, BEN), Line(2, CAT), Line(3, ANN)]
    assert pieces(lines, personas=[BEN]) == [[0, 1]]
    assert pieces(lines, personas=[DAN]) == []


@pytest.mark.parametrize(
    ("lines", "personas", "why"),
    [
        ([Line(0, ANN), Line(1, ANN)], (), "only one speaker"),
        ([Line(0, ANN), Line(1, BEN)], (DAN,), "nobody in it may be the persona"),
        ([Line(0, ANN), Line(1, BEN)], (), "too few turns"),
    ],
)
def test_reasons_for_leaving_out(lines: list[Line], personas: Sequence[int], why: str) -> None:
    found = cut(Conversation(CHANNEL, tuple(talk(lines))), SegmentRules(min_turns=3), personas)
    assert (found.segments, found.dropped) == ((), (why,))


def test_a_stub_separates() -> None:
    lines = [Line(0, ANN), Line(1, BEN), Line(2, -5), Line(3, ANN), Line(4, BEN)]
    assert pieces(lines) == [[0, 1], [3, 4]]


def test_an_answer_to_a_stub_starts_afresh() -> None:
    lines = [Line(0, -5), Line(1, ANN), Line(2, BEN), Line(3, ANN, reply=0), Line(4, BEN)]
    assert pieces(lines) == [[1, 2], [3, 4]]


def test_an_answer_to_what_was_cut_off_starts_afresh() -> None:
    lines = [Line(i, ANN + i % 2) for i in range(8)]
    lines[6] = replace(lines[6], reply=0)
    assert pieces(lines, SegmentRules(max_messages=4)) == [[0, 1, 2, 3], [4, 5], [6, 7]]


small_rules = st.builds(
    SegmentRules,
    max_messages=st.integers(2, 12),
    min_turns=st.integers(2, 4),
    max_participants=st.integers(2, 4),
)


@settings(max_examples=200, deadline=None)
@given(channels(), small_rules, st.sets(st.sampled_from([ANN, BEN, CAT])), st.booleans())
def test_any_segment_is_fit_for_a_sample(
    messages: list[Message], rules: SegmentRules, personas: set[int], whole: bool
) -> None:
    found = [Conversation(CHANNEL, tuple(messages))] if whole else list(conversations(messages))
    used: list[int] = []
    for conversation in found:
        for segment in cut(conversation, rules, personas).segments:
            check(segment.messages, conversation.messages, rules, personas)
            used += [m.id for m in segment.messages]
    assert len(set(used)) == len(used)


def check(
    members: Sequence[Message], conversation: Sequence[Message], rules: SegmentRules, personas: set[int]
) -> None:
    ids = {m.id for m in members}
    start = conversation.index(members[0])
    assert tuple(conversation[start : start + len(members)]) == members
    assert not any(m.is_stub for m in members)
    assert len(members) <= rules.max_messages
    assert 2 <= len({m.speaker for m in members}) <= rules.max_participants
    assert 1 + sum(a.speaker != b.speaker for a, b in pairwise(members)) >= rules.min_turns
    assert not personas or members[-1].speaker in personas
    assert all(m.reply_to is None or m.reply_to in ids for m in members[1:])
