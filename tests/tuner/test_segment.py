"""Segment: messages into conversations, conversations into segments."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.export_files import at
from tuner.config.settings import SegmentRules
from tuner.linking.conversations import LONGEST, ConversationStream, Linking, conversations
from tuner.linking.linker import Weights
from tuner.linking.window import REACH
from tuner.models import Conversation, Extras, Message
from tuner.stages.cut import cut

CHANNEL = 7
ANN, BEN, CAT, DAN = 1, 2, 3, 4
NAMES = {ANN: "Ann", BEN: "Ben", CAT: "Cat", DAN: "Dan"}
RULES = SegmentRules()
LINKING = Linking(Weights.shipped())


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


def grouped(messages: Iterable[Message], linking: Linking = LINKING) -> list[list[int]]:
    """The conversations as the positions of their messages (their low bits), by first message."""
    return sorted(positions(c) for c in conversations(messages, linking))


def positions(conversation: Conversation) -> list[int]:
    return [m.id & 0xFFFF for m in conversation.messages]


# -- what the model is for ---------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 400_000, 10**8])
def test_a_native_reply_is_a_hard_link_across_any_silence(seconds: float) -> None:
    lines = [
        Line(0, ANN, "is the kiln free?"),
        Line(1, BEN, "soup is on"),
        Line(seconds, CAT, "yes", reply=0),
    ]
    found = [c for c in conversations(talk(lines), LINKING) if 0 in positions(c)]
    assert [2 in positions(c) for c in found] == [True]
    assert found[0].confidences[positions(found[0]).index(2)] == 1.0


def test_a_native_reply_is_a_hard_link_over_any_number_of_messages() -> None:
    count = 5 * REACH
    lines = [*rambling(count), Line(40.0 * count, CAT, "about that", reply=0)]
    home = [positions(c) for c in conversations(talk(lines), LINKING)]
    assert [c for c in home if 0 in c] == [c for c in home if count in c]


def test_a_native_reply_to_what_is_not_there_starts_something() -> None:
    first, second = talk([Line(0, ANN), Line(5, BEN)])
    assert grouped([first, replace(second, reply_to=at(-50))]) == [[0], [1]]


def test_a_stub_carries_its_links() -> None:
    lines = [Line(0, ANN), Line(10, -5, None, reply=0), Line(20, BEN, reply=1)]
    assert grouped(talk(lines)) == [[0, 1, 2]]


KITCHEN = (
    "Ben did you salt the soup yet",
    "Ann not yet, the soup has to boil first",
    "Ben then salt the soup when it boils, two spoons",
    "Ann two spoons of salt, done",
)
WORKSHOP = (
    "Dan which screws hold the bicycle brake",
    "Cat the short screws, the long ones scratch the bicycle",
    "Dan found them, the brake screws were under the bench",
    "Cat good, tighten the brake and try the bicycle",
)


def named_pairs(rounds: int = 3) -> list[Line]:
    """Two pairs who speak in turns, each message naming whom it is for: even positions are one's, odd the other's."""
    lines: list[Line] = []
    for number in range(rounds * len(KITCHEN)):
        for text, pair in ((KITCHEN, (ANN, BEN)), (WORKSHOP, (CAT, DAN))):
            speaker, other = pair if number % 2 == 0 else pair[::-1]
            lines.append(Line(15.0 * len(lines), speaker, text[number % len(text)], named=(other,)))
    return lines


def test_pairs_who_name_one_another_come_apart() -> None:
    lines = named_pairs()
    assert grouped(talk(lines)) == [list(range(0, len(lines), 2)), list(range(1, len(lines), 2))]


def test_a_slow_channel_is_not_shattered() -> None:
    """Two people, a message every ten minutes for four days."""
    said = ["and the tomatoes?", "they are growing", "did you water them?", "yes, before breakfast", "good"]
    lines = [Line(600.0 * i, (ANN, BEN)[i % 2], said[i % len(said)]) for i in range(6 * 24 * 4)]
    found = grouped(talk(lines))
    assert max(map(len, found)) > REACH
    assert len(found) < len(lines) / 10


def test_the_talks_of_a_quiet_channel_come_apart() -> None:
    """The same two people, six messages in three minutes, then nothing for hours or days; a hundred times."""
    said = ["does the kiln work?", "it did", "it is cold now", "try the fuse", "ah, that was it", "told you"]
    lines: list[Line] = []
    seconds = 0.0
    for number in range(100):
        seconds += (7_200, 20_000, 86_400)[number % 3]
        lines += [Line(seconds + 30 * i, (ANN, BEN)[i % 2], text) for i, text in enumerate(said)]
    found = grouped(talk(lines))
    assert len(found) >= 90
    whole = {tuple(range(start, start + len(said))) for start in range(0, len(lines), len(said))}
    assert len(whole & set(map(tuple, found))) >= 90


# -- what holds for any channel ----------------------------------------------------

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
    return [m for m in talk(lines) if m.id & 0xFFFF not in gone]


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


@settings(max_examples=100, deadline=None)
@given(channels(), st.sampled_from([0.0, 0.5, 0.9]))
def test_every_message_is_in_one_conversation_in_order(messages: list[Message], least: float) -> None:
    found = list(conversations(messages, replace(LINKING, min_confidence=least)))
    for conversation in found:
        assert list(conversation.messages) == sorted(conversation.messages, key=lambda m: m.id)
        assert conversation.channel_id == CHANNEL
        assert len(conversation.confidences) == len(conversation.messages)
        assert all(0 <= sure <= 1 for sure in conversation.confidences)
    assert sorted((m for c in found for m in c.messages), key=lambda m: m.id) == messages


@settings(max_examples=100, deadline=None)
@given(channels())
def test_a_native_reply_is_with_its_target_and_certain(messages: list[Message]) -> None:
    found = list(conversations(messages, LINKING))
    home = {m.id: number for number, c in enumerate(found) for m in c.messages}
    replies = [m for m in messages if m.reply_to is not None]
    assert [m for m in replies if m.reply_to in home and home[m.id] != home[m.reply_to]] == []
    sure = {m.id: s for c in found for m, s in zip(c.messages, c.confidences, strict=True)}
    assert {sure[m.id] for m in replies} <= {1.0}


@settings(max_examples=100, deadline=None)
@given(channels(), st.sampled_from([0.5, 0.9]))
def test_links_that_are_not_sure_enough_are_not_made(messages: list[Message], least: float) -> None:
    for conversation in conversations(messages, replace(LINKING, min_confidence=least)):
        assert min(conversation.confidences[1:], default=1.0) >= least


@settings(max_examples=60, deadline=None)
@given(channels(), st.data())
def test_what_has_been_given_out_depends_on_nothing_later(
    messages: list[Message], data: st.DataObject
) -> None:
    split = data.draw(st.integers(0, len(messages)))
    stream = ConversationStream(LINKING)
    early = [c for m in messages[:split] for c in stream.add(m)]
    at_once = list(conversations(messages, LINKING))
    assert early == at_once[: len(early)]
    late = [c for m in messages[split:] for c in stream.add(m)] + stream.finish()
    assert early + late == at_once


def test_two_readings_of_one_channel_are_the_same() -> None:
    messages = talk(rambling(3000))
    assert list(conversations(messages, LINKING)) == list(conversations(list(messages), LINKING))


def test_without_a_native_reply_nothing_is_joined_further_than_the_model_reaches() -> None:
    lines = [replace(line, reply=None) for line in rambling(3000)]
    for found in grouped(talk(lines)):
        assert max((b - a for a, b in pairwise(found)), default=0) <= REACH


def test_a_surer_linker_makes_more_and_smaller_conversations() -> None:
    messages = talk(rambling(2000))
    loose, strict = (grouped(messages, replace(LINKING, min_confidence=c)) for c in (0.0, 0.9))
    assert len(strict) > len(loose)
    assert max(map(len, strict)) <= max(map(len, loose))


# -- memory ------------------------------------------------------------------------


def most_held(messages: Iterable[Message]) -> tuple[int, list[Conversation]]:
    """How many messages were held at the worst moment, and the conversations."""
    stream, held, most = ConversationStream(LINKING), 0, 0
    found: list[Conversation] = []
    for message in messages:
        ended = stream.add(message)
        held += 1 - sum(len(c.messages) for c in ended)
        most = max(most, held)
        found += ended
    return most, found + stream.finish()


def short_talks(count: int) -> list[Line]:
    """Separate talks of four messages, two hours apart, by two people of many."""
    return [
        Line(7200.0 * n + 10 * i, speaker, text, named=(other,))
        for n in range(count)
        for i, text in enumerate(KITCHEN)
        for speaker, other in [(1 + (2 * n + i % 2) % 60, 1 + (2 * n + 1 - i % 2) % 60)]
    ]


def test_a_long_channel_is_not_held_in_memory() -> None:
    """Only what the linker looks at, what can still grow, and what waits for a reply; not what came before."""
    short, _ = most_held(talk(short_talks(500)))
    most, found = most_held(talk(short_talks(2000)))
    assert sum(len(c.messages) for c in found) == 8000
    assert most <= short + REACH < 2000


def test_talk_without_end_is_given_out_in_parts_and_stays_together() -> None:
    count = 2 * LONGEST + 10
    lines = [Line(float(i), ANN + i % 2, reply=i - 1 if i else None) for i in range(count)]
    most, found = most_held(talk(lines))
    assert [len(c.messages) for c in found] == [LONGEST // 2] * 3 + [LONGEST // 2 + 10]
    assert [m for c in found for m in c.messages] == talk(lines)
    assert most <= LONGEST + 4 * REACH


def test_conversation_waits_for_a_reply_that_is_known_to_come_and_no_longer() -> None:
    late = 6 * REACH
    lines = short_talks(3 * REACH)
    lines[late] = replace(lines[late], reply=0)
    stream = ConversationStream(LINKING)
    given_out = [(i, positions(c)) for i, m in enumerate(talk(lines)) for c in stream.add(m)]
    [(when, waited)] = [(i, c) for i, c in given_out if 0 in c]
    assert late in waited
    assert max(waited) + REACH <= when < len(lines) - 1
    assert any(i < late for i, _ in given_out)  # others did not wait


# -- segments ----------------------------------------------------------------------


def whole(messages: Sequence[Message], confidences: Sequence[float] = ()) -> Conversation:
    return Conversation(CHANNEL, tuple(messages), tuple(confidences) or (0.5,) * len(messages))


def pieces(
    lines: Sequence[Line], rules: SegmentRules = RULES, personas: Sequence[int] = ()
) -> list[list[int]]:
    found = cut(whole(talk(lines)), rules, personas)
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
    found = cut(whole(talk(lines)), SegmentRules(min_turns=3), personas)
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


def test_a_segment_is_as_sure_as_the_links_that_hold_it_together() -> None:
    lines = [Line(i, ANN + i % 2) for i in range(8)]
    lines[2] = replace(lines[2], speaker=-5)  # separates
    sure = (0.1, 0.9, 1.0, 0.2, 0.5, 0.7, 0.6, 0.0)
    found = cut(whole(talk(lines), sure), RULES, [ANN]).segments
    assert [[m.id & 0xFFFF for m in s.messages] for s in found] == [[3, 4, 5, 6]]
    assert found[0].confidence == pytest.approx(0.6)  # of the links of 4, 5 and 6


small_rules = st.builds(
    SegmentRules,
    max_messages=st.integers(2, 12),
    min_turns=st.integers(2, 4),
    max_participants=st.integers(2, 4),
)


@settings(max_examples=200, deadline=None)
@given(channels(), small_rules, st.sets(st.sampled_from([ANN, BEN, CAT])), st.booleans())
def test_any_segment_is_fit_for_a_sample(
    messages: list[Message], rules: SegmentRules, personas: set[int], together: bool
) -> None:
    found = [whole(messages)] if together else list(conversations(messages, LINKING))
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
