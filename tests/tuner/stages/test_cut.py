"""Cut: conversations into segments."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lines import ANN, BEN, CAT, CHANNEL, DAN, LINKING, Line, channels, spoken
from tuner.config.settings import SegmentRules
from tuner.linking.conversations import conversations
from tuner.models import Conversation, Message
from tuner.stages.cut import cut

RULES = SegmentRules()


def whole(messages: Sequence[Message], confidences: Sequence[float] = ()) -> Conversation:
    return Conversation(CHANNEL, tuple(messages), tuple(confidences) or (0.5,) * len(messages))


def pieces(
    lines: Sequence[Line], rules: SegmentRules = RULES, personas: Sequence[int] = ()
) -> list[list[int]]:
    found = cut(whole(spoken(lines)), rules, personas)
    return [[m.id & 0xFFFF for m in s.messages] for s in found.segments]


def test_cut_at_the_longest_lull_of_the_later_half() -> None:
    gaps = [500, 10, 10, 10, 300, 10, 10, 10, 10]  # the first and longest is too early to be a good place
    seconds = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    lines = [Line(s, ANN + i % 2) for i, s in enumerate(seconds)]
    assert pieces(lines, SegmentRules(max_messages=8)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("text", ["word " * 60, "長い話" * 40])
def test_a_talk_that_is_too_long_for_a_sample_is_cut_at_a_lull(text: str) -> None:
    gaps = [10, 10, 10, 300, 10, 10, 10, 10, 10]
    lines = [Line(sum(gaps[:i]), ANN + i % 2, text) for i in range(len(gaps) + 1)]
    found = cut(whole(spoken(lines)), RULES, most_tokens=616)
    assert len(found.segments) > 1
    assert len(found.segments[0].messages) == 4
    assert len(cut(whole(spoken(lines)), RULES).segments) == 1


def test_two_messages_that_are_too_long_stay_together() -> None:
    """Whether they are too long is told in the end, by their tokens."""
    lines = [Line(0, ANN, "word " * 800), Line(1, BEN, "word " * 800), Line(2, ANN), Line(3, BEN)]
    found = cut(whole(spoken(lines)), RULES, most_tokens=128)
    assert [[m.id & 0xFFFF for m in s.messages] for s in found.segments] == [[0, 1], [2, 3]]


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
    found = cut(whole(spoken(lines)), SegmentRules(min_turns=3), personas)
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


def test_a_native_reply_reaches_over_a_stub() -> None:
    lines = [Line(0, ANN), Line(1, BEN), Line(2, -5), Line(3, ANN, reply=1), Line(4, BEN)]
    assert pieces(lines) == [[0, 1, 3, 4]]
    assert pieces([*lines[:3], replace(lines[3], reply=2), lines[4]]) == [[0, 1], [3, 4]]
    assert pieces([*lines[:4], Line(4, -6), Line(5, BEN)])[0] == [0, 1, 3]


def test_a_segment_is_as_sure_as_the_links_that_hold_it_together() -> None:
    lines = [Line(i, ANN + i % 2) for i in range(8)]
    lines[2] = replace(lines[2], speaker=-5)  # separates
    sure = (0.1, 0.9, 1.0, 0.2, 0.5, 0.7, 0.6, 0.0)
    found = cut(whole(spoken(lines), sure), RULES, [ANN]).segments
    assert [[m.id & 0xFFFF for m in s.messages] for s in found] == [[3, 4, 5, 6]]
    assert found[0].confidence == pytest.approx(0.6)  # of the links of 4, 5 and 6


DAY = 86_400


def test_a_silence_of_a_day_separates_unless_a_native_reply_reaches_over_it() -> None:
    lines = [Line(0, ANN), Line(10, BEN), Line(10 + DAY, ANN), Line(20 + DAY, BEN)]
    assert pieces(lines) == [[0, 1], [2, 3]]
    assert pieces([*lines[:3], replace(lines[3], reply=1)]) == [[0, 1, 2, 3]]
    assert pieces([*lines[:3], replace(lines[3], reply=2)]) == [[0, 1], [2, 3]]
    assert pieces([*lines[:2], Line(DAY, ANN), Line(20 + DAY, BEN)]) == [[0, 1, 2, 3]]


def test_a_segment_knows_what_its_messages_answer() -> None:
    messages = spoken([Line(0, ANN), Line(1, BEN), Line(2, -5), Line(3, ANN), Line(4, BEN)])
    ids = [message.id for message in messages]
    targets = (None, ids[0], ids[1], ids[1], ids[3])
    first, second = cut(
        Conversation(CHANNEL, tuple(messages), (0.9, 0.8, 0.7, 0.6, 0.5), targets), RULES
    ).segments
    assert (first.links, first.targets) == ((0.9, 0.8), (None, ids[0]))
    assert (second.links, second.targets) == ((0.6, 0.5), (ids[1], ids[3]))


small_rules = st.builds(
    SegmentRules,
    max_messages=st.integers(2, 12),
    min_turns=st.integers(2, 4),
    max_participants=st.integers(2, 4),
)


@settings(max_examples=80, deadline=None)
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
    between = conversation[conversation.index(members[0]) : conversation.index(members[-1]) + 1]
    assert tuple(m for m in between if not m.is_stub) == members
    after_stubs = [b for a, b in pairwise(between) if a.is_stub and not b.is_stub]
    assert all(m.reply_to in ids for m in after_stubs)
    assert len(members) <= rules.max_messages
    assert 2 <= len({m.speaker for m in members}) <= rules.max_participants
    assert 1 + sum(a.speaker != b.speaker for a, b in pairwise(members)) >= rules.min_turns
    assert not personas or members[-1].speaker in personas
    assert all(m.reply_to is None or m.reply_to in ids for m in members[1:])


# -- a talk of other people -----------------------------------------------------------

FIRST = [Line(0, ANN, "where is the key?"), Line(20, BEN, "on the shelf, left of the door")]
SECOND = [Line(60, CAT, "when does the market open?"), Line(80, DAN, "at seven, if it does not rain")]


def test_a_talk_of_other_people_that_begins_with_a_question_is_another() -> None:
    assert pieces([*FIRST, *SECOND]) == [[0, 1], [2, 3]]


def test_a_question_may_be_led_in() -> None:
    led_in = replace(SECOND[0], text="unrelated: when does the market open")
    assert pieces([*FIRST, led_in, SECOND[1]]) == [[0, 1], [2, 3]]


def test_who_comes_back_days_later_was_not_in_the_talk() -> None:
    later = Line(3 * DAY, BEN, "the market was closed, by the way", reply=3)
    assert linked([*FIRST, *SECOND, later], [None, 0, 1, 2, 3]) == [[0, 1], [2, 3, 4]]


@pytest.mark.parametrize(
    "second",
    [
        [replace(SECOND[0], text="I hope the market opens early"), SECOND[1]],  # a remark on what was said
        [replace(SECOND[0], reply=1), SECOND[1]],
        [replace(SECOND[0], named=(BEN,)), SECOND[1]],
        [*SECOND, Line(99, BEN, "later than that in winter")],
        [replace(SECOND[0], speaker=ANN), SECOND[1]],
        SECOND[:1],  # nobody answers
    ],
    ids=["no question", "a reply", "a mention", "somebody comes back", "one goes on", "one alone"],
)
def test_what_leads_back_is_the_same_talk(second: list[Line]) -> None:
    assert len(pieces([*FIRST, *second])) == 1


def linked(lines: Sequence[Line], targets: Sequence[int | None]) -> list[list[int]]:
    messages = spoken(lines)
    answered = tuple(None if place is None else messages[place].id for place in targets)
    conversation = replace(whole(messages), targets=answered)
    return [[m.id & 0xFFFF for m in s.messages] for s in cut(conversation, RULES).segments]


INTERLEAVED = [
    FIRST[0],
    SECOND[0],
    Line(70, BEN, "on the shelf, left of the door"),
    Line(80, DAN, "at seven, if it does not rain"),
    Line(90, ANN, "which shelf?"),
    Line(99, BEN, "the upper one"),
]


def test_a_talk_of_other_people_within_another_is_one_by_itself() -> None:
    assert linked(INTERLEAVED, [None, 0, 0, 1, 2, 4]) == [[0, 2, 4, 5], [1, 3]]


@pytest.mark.parametrize(
    "change",
    [
        {5: {"speaker": DAN}},
        {2: {"speaker": CAT}},
        {1: {"text": "a lovely morning it is"}},
        {3: {"named": (ANN,)}},
    ],
    ids=["one of them joins", "they join", "no question", "a mention"],
)
def test_who_talks_to_both_holds_them_together(change: dict[int, dict[str, object]]) -> None:
    lines = [replace(line, **change.get(n, {})) for n, line in enumerate(INTERLEAVED)]  # type: ignore[arg-type] # fields
    assert len(linked(lines, [None, 0, 0, 1, 2, 4])) == 1
