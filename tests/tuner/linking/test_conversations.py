"""Conversations: linked messages belong together, whatever a channel is like."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chat import chatter
from tests.support.export_files import at
from tests.support.lines import (
    ANN,
    BEN,
    CAT,
    CHANNEL,
    DAN,
    LINKING,
    Line,
    channels,
    grouped,
    positions,
    rambling,
    spoken,
)
from tuner.linking.conversations import LONGEST, ConversationStream, conversations
from tuner.linking.window import REACH
from tuner.models import Channel, Conversation, Message

# -- what the model is for ---------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 400_000, 10**8])
def test_a_native_reply_is_a_hard_link_across_any_silence(seconds: float) -> None:
    lines = [
        Line(0, ANN, "is the kiln free?"),
        Line(1, BEN, "soup is on"),
        Line(seconds, CAT, "yes", reply=0),
    ]
    found = [c for c in conversations(spoken(lines), LINKING) if 0 in positions(c)]
    assert [2 in positions(c) for c in found] == [True]
    assert found[0].confidences[positions(found[0]).index(2)] == 1.0


def test_a_native_reply_is_a_hard_link_over_any_number_of_messages() -> None:
    count = 5 * REACH
    lines = [*rambling(count), Line(40.0 * count, CAT, "about that", reply=0)]
    home = [positions(c) for c in conversations(spoken(lines), LINKING)]
    assert [c for c in home if 0 in c] == [c for c in home if count in c]


def test_a_native_reply_to_what_is_not_there_starts_something() -> None:
    first, second = spoken([Line(0, ANN), Line(5, BEN)])
    assert grouped([first, replace(second, reply_to=at(-50))]) == [[0], [1]]


def test_a_stub_carries_its_links() -> None:
    lines = [Line(0, ANN), Line(10, -5, None, reply=0), Line(20, BEN, reply=1)]
    assert grouped(spoken(lines)) == [[0, 1, 2]]


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
    assert grouped(spoken(lines)) == [list(range(0, len(lines), 2)), list(range(1, len(lines), 2))]


def test_a_slow_channel_is_not_shattered() -> None:
    """Two people, a message every ten minutes for four days."""
    said = ["and the tomatoes?", "they are growing", "did you water them?", "yes, before breakfast", "good"]
    lines = [Line(600.0 * i, (ANN, BEN)[i % 2], said[i % len(said)]) for i in range(6 * 24 * 4)]
    found = grouped(spoken(lines))
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
    found = grouped(spoken(lines))
    assert len(found) >= 90
    whole = {tuple(range(start, start + len(said))) for start in range(0, len(lines), len(said))}
    assert len(whole & set(map(tuple, found))) >= 90


def test_a_thread_falls_into_fewer_conversations_than_a_channel_does() -> None:
    thread = Channel(CHANNEL, "which drill?", parent_id=CHANNEL + 1)
    assert LINKING.within(Channel(CHANNEL, "tools")) == LINKING
    messages = chatter(600, replies=0.0)
    apart, together = grouped(messages), grouped(messages, LINKING.within(thread))
    assert len(together) < len(apart)


# -- what holds for any channel ----------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(channels(), st.sampled_from([0.0, 0.5, 0.9]))
def test_every_message_is_in_one_conversation_in_order(messages: list[Message], least: float) -> None:
    found = list(conversations(messages, replace(LINKING, min_confidence=least)))
    for conversation in found:
        assert list(conversation.messages) == sorted(conversation.messages, key=lambda m: m.id)
        assert conversation.channel_id == CHANNEL
        assert len(conversation.confidences) == len(conversation.messages)
        assert all(0 <= sure <= 1 for sure in conversation.confidences)
    assert sorted((m for c in found for m in c.messages), key=lambda m: m.id) == messages


@settings(max_examples=40, deadline=None)
@given(channels())
def test_a_native_reply_is_with_its_target_and_certain(messages: list[Message]) -> None:
    found = list(conversations(messages, LINKING))
    home = {m.id: number for number, c in enumerate(found) for m in c.messages}
    replies = [m for m in messages if m.reply_to is not None]
    assert [m for m in replies if m.reply_to in home and home[m.id] != home[m.reply_to]] == []
    sure = {m.id: s for c in found for m, s in zip(c.messages, c.confidences, strict=True)}
    assert {sure[m.id] for m in replies} <= {1.0}


@settings(max_examples=40, deadline=None)
@given(channels(), st.sampled_from([0.5, 0.9]))
def test_links_that_are_not_sure_enough_are_not_made(messages: list[Message], least: float) -> None:
    for conversation in conversations(messages, replace(LINKING, min_confidence=least)):
        assert min(conversation.confidences[1:], default=1.0) >= least


@settings(max_examples=30, deadline=None)
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
    messages = spoken(rambling(3000))
    assert list(conversations(messages, LINKING)) == list(conversations(list(messages), LINKING))


def test_without_a_native_reply_nothing_is_joined_further_than_the_model_reaches() -> None:
    lines = [replace(line, reply=None) for line in rambling(3000)]
    for found in grouped(spoken(lines)):
        assert max((b - a for a, b in pairwise(found)), default=0) <= REACH


def test_a_surer_linker_makes_more_and_smaller_conversations() -> None:
    messages = spoken(rambling(2000))
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
    short, _ = most_held(spoken(short_talks(500)))
    most, found = most_held(spoken(short_talks(2000)))
    assert sum(len(c.messages) for c in found) == 8000
    assert most <= short + REACH < 2000


def test_talk_without_end_is_given_out_in_parts_and_stays_together() -> None:
    count = 2 * LONGEST + 10
    lines = [Line(float(i), ANN + i % 2, reply=i - 1 if i else None) for i in range(count)]
    most, found = most_held(spoken(lines))
    assert [len(c.messages) for c in found] == [LONGEST // 2] * 3 + [LONGEST // 2 + 10]
    assert [m for c in found for m in c.messages] == spoken(lines)
    assert most <= LONGEST + 4 * REACH


def test_conversation_waits_for_a_reply_that_is_known_to_come_and_no_longer() -> None:
    late = 6 * REACH
    lines = short_talks(3 * REACH)
    lines[late] = replace(lines[late], reply=0)
    stream = ConversationStream(LINKING)
    given_out = [(i, positions(c)) for i, m in enumerate(spoken(lines)) for c in stream.add(m)]
    [(when, waited)] = [(i, c) for i, c in given_out if 0 in c]
    assert late in waited
    assert max(waited) + REACH <= when < len(lines) - 1
    assert any(i < late for i, _ in given_out)  # others did not wait
