"""Which samples are held out: the newest, in whole conversations, and nothing that the rest gives away."""

import random
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.split import (
    FEWEST_TRAINED,
    MOST_HELD_OUT,
    Entry,
    Split,
    answers,
    newest,
    run_numbers,
    said,
    split,
    words,
)

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen"


def record(*turns: str, answer: str = "sure") -> dict[str, Any]:
    """Somebody's turns, and the answer that is learned."""
    heard = [{"role": "user", "content": f"Ann said:\n{turn}"} for turn in turns]
    return {
        "messages": [
            {"role": "system", "content": "You are Ben."},
            *heard,
            {"role": "assistant", "content": answer},
        ]
    }


def distinct(count: int) -> list[dict[str, Any]]:
    """Records that share nothing but their form."""
    rng = random.Random(1)
    made = ["".join(rng.choices("bcdfgklmnprstvz", k=6)) for _ in range(count * 30)]
    return [
        record(" ".join(made[n * 30 : n * 30 + 14]), answer=" ".join(made[n * 30 + 14 : n * 30 + 30]))
        for n in range(count)
    ]


def of_one_channel(count: int) -> list[Entry]:
    return [Entry(1, n, n) for n in range(1, count + 1)]


def made(
    records: Sequence[Mapping[str, Any]], share: float = 0.1, entries: list[Entry] | None = None
) -> Split:
    return split(entries or of_one_channel(len(records)), records.__getitem__, share)


def test_the_newest_are_held_out() -> None:
    assert made(distinct(40)) == Split(frozenset({36, 37, 38, 39}))


def test_nothing_is_held_out_when_nothing_is_wanted_or_too_little_would_be_left() -> None:
    assert made(distinct(40), 0.0) == Split(frozenset())
    assert made(distinct(FEWEST_TRAINED)) == Split(frozenset())
    assert len(made(distinct(FEWEST_TRAINED + 2), 0.5).held_out) == 2


def test_a_conversation_is_held_out_whole_or_not_at_all() -> None:
    entries = [Entry(1, n // 5, n) for n in range(40)]
    assert made(distinct(40), 0.1, entries).held_out == frozenset()
    assert made(distinct(40), 0.15, entries).held_out == frozenset(range(35, 40))


def test_what_is_too_little_for_one_channel_adds_up() -> None:
    entries = [Entry(channel, n, n) for channel in range(20) for n in range(5)]
    held = made(distinct(100), 0.1, entries).held_out
    assert len(held) == 10
    assert {entries[i].at for i in held} == {4}


def test_an_answer_that_the_training_part_quotes_is_not_held_out() -> None:
    records = distinct(40)
    records[39] = record("what are the numbers", answer=LONG)
    assert 39 in made(records).held_out
    records[3] = record(f"I know them: {LONG}, and more")
    assert made(records) == Split(frozenset({36, 37, 38}), 1)


def test_nor_one_that_a_tool_call_of_the_training_part_returned() -> None:
    records = distinct(40)
    records[39] = record("what are the numbers", answer=LONG)
    records[3]["messages"].insert(2, {"role": "tool", "tool_call_id": "x", "content": f"[12:00] Ben: {LONG}"})
    assert 39 not in made(records).held_out


def test_nor_one_that_stands_there_as_context() -> None:
    records = distinct(40)
    records[39] = record("what are the numbers", answer=LONG)
    records[3]["messages"].insert(1, {"role": "assistant", "content": LONG, "weight": 0})
    assert 39 not in made(records).held_out


def test_held_out_samples_may_quote_each_other() -> None:
    records = distinct(40)
    records[39] = record("what are the numbers", answer=LONG)
    records[38] = record(f"I know them: {LONG}")
    assert {38, 39} <= made(records).held_out


def test_near_copies_are_on_one_side() -> None:
    records = distinct(40)
    copy = record(records[39]["messages"][1]["content"].removeprefix("Ann said:\n") + " then", answer="short")
    records[39]["messages"][-1]["content"] = "short"
    records[3] = copy
    assert 39 not in made(records).held_out


def test_words_of_scripts_without_spaces_are_letters() -> None:
    text = "咖啡渣放在堆肥里每周两次就够了"
    assert len(words(text)) == len(text)
    records = distinct(40)
    records[39] = record("怎么办", answer=text)
    records[3] = record(f"她说{text}。")
    assert 39 not in made(records).held_out


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), min_size=0, max_size=60),
    st.floats(0, 0.5),
    st.randoms(use_true_random=False),
)
def test_whatever_is_split(homes: list[tuple[int, int]], share: float, rng: random.Random) -> None:
    entries = [Entry(channel, talk, n) for n, (channel, talk) in enumerate(homes)]
    pool = distinct(70)
    records = [rng.choice(pool) if rng.random() < 0.3 else pool[n] for n in range(len(entries))]
    held = split(entries, records.__getitem__, share).held_out
    assert len(held) <= MOST_HELD_OUT
    assert not held or len(entries) - len(held) >= FEWEST_TRAINED
    homes_held = {entries[i].home for i in held}
    assert all(i in held for i, entry in enumerate(entries) if entry.home in homes_held)
    given_away = {n for i in held for text in answers(records[i]) for n in run_numbers(words(text))}
    training = {
        n
        for i in range(len(entries))
        if i not in held
        for text in said(records[i])
        for n in run_numbers(words(text))
    }
    assert given_away.isdisjoint(training)


def test_the_newest_of_each_channel_go() -> None:
    entries = [Entry(channel, n, n) for n in range(30) for channel in (1, 2)]
    chosen = sorted((entries[i].channel, entries[i].at) for i in newest(entries, 0.1))
    for _, group in groupby(chosen, key=lambda pair: pair[0]):
        assert [at for _, at in group] == [27, 28, 29]
