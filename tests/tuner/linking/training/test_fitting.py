"""Fitting a network: what it is told to aim at, and the mean of several."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.linking.training.fitting import ANSWERED, IN_CONVERSATION, Examples, Plan, fit, mean

PLAN = Plan(hidden=4, start_hidden=2, epochs=120, conversation=0.5)
WIDE = 3


def examples(count: int = 2048) -> Examples:
    """Of three candidates one is answered, another is in its conversation, and one is wrong; they can be told."""
    dice = np.random.default_rng(2)
    answered = dice.integers(0, WIDE, count)
    related = (answered + dice.integers(1, WIDE, count)) % WIDE
    wrong = 3 - answered - related
    right = np.zeros((count, WIDE + 1), np.uint8)
    right[np.arange(count), answered], right[np.arange(count), related] = ANSWERED, IN_CONVERSATION
    pair = np.zeros((count, WIDE, 2), np.float16)
    pair[np.arange(count), related, 0] = 1
    pair[np.arange(count), wrong, 1] = 1
    return Examples(
        query=np.ones((count, 2), np.float16),
        candidate=np.zeros((count, 2), np.float16),
        pair=pair,
        index=np.zeros((count, WIDE), np.int32),
        open=np.ones((count, WIDE), bool),
        right=right,
    )


def chosen(plan: Plan) -> np.ndarray:
    """What the likeliest option of each message is."""
    data = examples()
    return np.take_along_axis(data.right, scored(data, plan).argmax(1)[:, None], 1)


def scored(data: Examples, plan: Plan) -> np.ndarray:
    network = fit(data, plan, lambda _: None)
    query, candidate = network.halves(data.query.astype(np.float32), data.candidate.astype(np.float32))
    pair = data.pair.astype(np.float32).reshape(-1, 2).T
    scores = network.pairs(query, candidate, data.index.astype(np.int64), pair)
    return np.concatenate([scores, network.starts(data.query.astype(np.float32))[:, None]], 1)


def test_what_is_answered_may_be_aimed_at_alone() -> None:
    assert (chosen(replace(PLAN, conversation=0.0)) == ANSWERED).mean() > 0.99


def test_any_message_of_the_conversation_is_right_where_only_that_is_aimed_at() -> None:
    found = chosen(replace(PLAN, conversation=1.0))
    assert (found > 0).mean() > 0.99


def test_several_networks_score_as_their_mean() -> None:
    data = examples()
    one, two = (scored(data, replace(PLAN, epochs=4, seeds=(seed,))) for seed in (0, 1))
    assert not np.array_equal(one, two)
    both = scored(data, replace(PLAN, epochs=4, seeds=(0, 1)))
    assert both == pytest.approx((one + two) / 2, abs=0.1)


def test_the_mean_of_one_network_is_that_network() -> None:
    network = fit(examples(512), replace(PLAN, epochs=2), lambda _: None)
    assert mean([network]) is network
    twice = mean([network, network])
    assert np.array_equal(twice.direct, network.direct)
    assert twice.query.shape[1] == 2 * network.query.shape[1]
