"""The link model: links that depend on nothing but the messages, on any machine, and how it is fitted."""

import os
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from tests.support.chat import OLDER_PROCESSOR, chatter
from tuner.linking import features, linker
from tuner.linking.calibrate import FEWEST, Calibrator, unmarked
from tuner.linking.calibration import ADJUSTED, UNCHANGED, Calibration
from tuner.linking.features import CANDIDATES
from tuner.linking.linker import Link, Linker, Weights
from tuner.linking.membership import LEAST, Memberships, Question, least_needed
from tuner.linking.network import ONE, WEIGHT_GRID, Network, probabilities
from tuner.linking.structure import SHORTLIST, SITUATION
from tuner.linking.training.fitting import ANSWERED, Examples, Plan, fit
from tuner.linking.window import REACH, Window, half_powers
from tuner.models import Extras, Message

WEIGHTS = Weights.shipped()


def linked(messages: list[Message], calibration: Calibration = UNCHANGED, least: float = 0.0) -> list[Link]:
    model = Linker(WEIGHTS, calibration, least)
    found = [link for message in messages for link in model.add(message)]
    return [*found, *model.finish()]


# -- links -------------------------------------------------------------------------


def test_every_message_has_one_link_in_its_turn() -> None:
    messages = chatter(1500)
    links = linked(messages)
    assert [link.message for link in links] == messages
    place = {message.id: i for i, message in enumerate(messages)}
    for i, link in enumerate(links):
        assert 0 <= link.confidence <= 1
        if link.message.reply_to is not None:
            assert (link.target, link.confidence) == (link.message.reply_to, 1.0)
        elif link.target is not None:
            assert 0 < i - place[link.target] <= REACH


def test_links_do_not_depend_on_how_many_messages_are_decided_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages = chatter(2300, seed=3)
    whole = linked(messages)
    for block in (40, 333, 5000):
        monkeypatch.setattr(linker, "BLOCK", block)
        assert linked(messages) == whole


def test_what_comes_later_than_the_look_ahead_changes_nothing() -> None:
    messages = chatter(1200, seed=4)
    decided = linked(messages[:900])[: 900 - 2 * linker.AHEAD]
    assert linked(messages)[: len(decided)] == decided


def test_less_sure_links_are_not_made() -> None:
    messages = chatter(800, seed=5)
    sure = linked(messages, least=0.8)
    assert all(link.confidence >= 0.8 for link in sure if link.target is not None)
    assert sum(link.target is None for link in sure) > sum(link.target is None for link in linked(messages))


def test_the_window_forgets() -> None:
    model = Linker(WEIGHTS)
    most = 0
    for message in chatter(6000, seed=6):
        model.add(message)
        window = model._looker.window
        most = max(most, window.end - window.start)
    assert most <= 2 * REACH + 2 * linker.BLOCK + 2 * linker.AHEAD


# -- where a message belongs --------------------------------------------------------


def asked(position: int, *candidates: tuple[int, int], start: int = 0, least: int = 0) -> Question:
    """A question; candidates are positions and parts, columns as they come."""
    listed = [(parts, column, other) for column, (other, parts) in enumerate(candidates)]
    return Question(position, listed, start, least)


def test_candidates_of_one_conversation_speak_for_it_together() -> None:
    members = Memberships()
    questions = [
        asked(0, start=ONE),
        asked(1, (0, ONE)),  # surely with 0
        asked(2, start=ONE),
        asked(3, (0, 300), (1, 320), (2, 400)),
    ]
    assert members.decided(questions)[-1] == (1, 620, 2, 400)


def test_they_speak_for_one_another_as_surely_as_they_belong_together() -> None:
    members = Memberships()
    questions = [asked(0, start=ONE), asked(1, (0, ONE // 2)), asked(2, (0, 300), (1, 320))]
    assert members.decided(questions)[-1][:2] == (1, 320 + 150)


def test_what_is_less_likely_than_needed_starts_something() -> None:
    members = Memberships()
    questions = [
        asked(0, start=ONE),
        asked(1, (0, 500), start=400, least=501),
        asked(2, (0, 300), start=600, least=300),
        asked(3, start=ONE),
    ]
    decisions = members.decided(questions)[1:]
    assert decisions == [(SHORTLIST, 400, 0, 500), (0, 300, SHORTLIST, 600), (SHORTLIST, ONE, SHORTLIST, 0)]


def test_a_message_that_is_answered_needs_a_likelier_conversation() -> None:
    situation = np.zeros((4, len(SITUATION)), np.float32)
    situation[:, SITUATION.index("answers to this")] = [0, 1, 1.5, 3]
    none = np.zeros(4, np.int64)
    needed = least_needed(situation, none, 0.0)
    assert needed[0] == LEAST and needed[0] < needed[1] < needed[2] == needed[3] < ONE
    assert least_needed(situation, none, 0.9).min() == round(0.9 * ONE)


def test_a_conversation_far_less_likely_than_a_start_is_not_joined() -> None:
    situation, starts = np.zeros((3, len(SITUATION)), np.float32), np.array([0, ONE // 2, 3 * ONE // 4])
    needed = least_needed(situation, starts, 0.0)
    assert needed[0] == needed[1] == LEAST
    assert needed[2] > ONE - starts[2]


# -- arithmetic --------------------------------------------------------------------


def test_scores_are_exact_in_any_order_of_addition() -> None:
    window = Window()
    for message in chatter(700, seed=7):
        window.add(message)
    view = window.view(0, window.end)
    rows = np.arange(300, 600)
    pairs, messages, candidates = (
        features.pairs(view, rows),
        features.messages(view),
        features.candidates(view),
    )
    query, candidate = WEIGHTS.first.halves(messages[rows], candidates)
    single = WEIGHTS.first.pairs(query, candidate, pairs.candidates, pairs.values)
    backwards = Network(
        *(np.flip(getattr(WEIGHTS.first, f.name), 0).astype(np.float64) for f in fields(Network))
    )
    hidden = pairs.values[::-1].T.astype(np.float64) @ backwards.pair
    hidden += (candidates[:, ::-1].astype(np.float64) @ backwards.candidate)[pairs.candidates.ravel()]
    by_query = messages[rows][:, ::-1].astype(np.float64) @ backwards.query + WEIGHTS.first.bias
    hidden += np.repeat(by_query, CANDIDATES, axis=0)
    active = np.floor(np.clip(hidden, 0, 64) * features.GRID) / features.GRID
    double = (active[:, ::-1] @ backwards.output + backwards.direct @ pairs.values[::-1]).reshape(
        single.shape
    )
    assert np.array_equal(single[pairs.open], double[pairs.open])


def test_weights_too_large_for_exact_sums_are_refused() -> None:
    large = WEIGHTS.first.to_integers()
    large["bias"] = [600 * WEIGHT_GRID] * len(WEIGHTS.first.bias)
    large["pair"] = (np.array(large["pair"]) + 40 * WEIGHT_GRID).tolist()
    with pytest.raises(ValueError, match="too large"):
        Network.from_integers(large)


def test_half_powers_count_half_powers_of_two() -> None:
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 1023, 1024, 1536, 10**9])
    assert half_powers(values).tolist() == [0, 2, 3, 4, 4, 5, 5, 6, 19, 20, 21, 59]


def test_probabilities_are_a_softmax() -> None:
    scores = np.array([[0.0, 0.0, -30.0], [1.0, -1.0, -(2.0**20)]], dtype=np.float32)
    parts = probabilities(scores) / ONE
    assert parts[0] == pytest.approx([0.5, 0.5, 0], abs=0.002)
    assert parts[1] == pytest.approx([0.8808, 0.1192, 0], abs=0.002)


LINKS = """
import hashlib
from tests.support.chat import chatter
from tuner.linking.linker import Linker, Weights
model = Linker(Weights.shipped())
links = [link for message in chatter(1500, seed=11) for link in model.add(message)] + model.finish()
print(hashlib.sha256(repr([(link.target, link.confidence) for link in links]).encode()).hexdigest())
"""


def test_an_older_processor_finds_the_same_links() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", LINKS],
            env={**os.environ, **processor},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for processor in ({"PYTHONHASHSEED": "1"}, {**OLDER_PROCESSOR, "PYTHONHASHSEED": "2"})
    }
    assert len(digests) == 1


# -- fitting -----------------------------------------------------------------------


def examples(count: int) -> Examples:
    """The candidate with the first pair feature is answered; where none has it, something starts."""
    dice = np.random.default_rng(1)
    wide = 6
    marked = dice.integers(0, wide + 1, count)
    pair = dice.integers(0, 2, (count, wide, 3)).astype(np.float16)
    pair[:, :, 0] = marked[:, None] == np.arange(wide)
    return Examples(
        query=np.ones((count, 2), np.float16),
        candidate=np.zeros((count, 2), np.float16),
        pair=pair,
        index=np.zeros((count, wide), np.int32),
        open=np.ones((count, wide), bool),
        right=(ANSWERED * (marked[:, None] == np.arange(wide + 1))).astype(np.uint8),
    )


def test_fitting_finds_what_decides_and_finds_it_again() -> None:
    data = examples(4096)
    plan = Plan(hidden=4, start_hidden=2, epochs=60, conversation=0.5)
    one, two = (fit(data, plan, lambda _: None) for _ in range(2))
    assert one.to_integers() == two.to_integers()
    messages, pair = data.query.astype(np.float32), data.pair.astype(np.float32)
    query, candidate = one.halves(messages, np.zeros((1, 2), np.float32))
    scores = one.pairs(query, candidate, data.index.astype(np.int64), pair.reshape(-1, 3).T)
    starts = one.starts(messages)[:, None]
    right = np.concatenate([scores, starts], 1).argmax(1) == data.right.argmax(1)
    assert right.mean() > 0.99


# -- calibration -------------------------------------------------------------------


def calibration(messages: list[Message], weights: Weights = WEIGHTS) -> Calibration:
    calibrator = Calibrator(weights)
    for message in messages:
        calibrator.add(message)
    calibrator.end_channel()
    return calibrator.result()


def test_few_replies_change_nothing() -> None:
    assert calibration(chatter(300, replies=0.1)) == UNCHANGED


@pytest.mark.parametrize("caution", [-2, 0, 3])
def test_hidden_replies_do_not_say_how_often_something_starts(caution: float) -> None:
    """All of them answer something, so whoever takes nothing for a start finds the most."""
    found = calibration(chatter(2500, seed=8), replace(WEIGHTS, caution=WEIGHTS.caution + caution))
    assert found.replies >= FEWEST
    assert found.start == 0
    assert found.before <= found.others_before <= found.others_after
    assert found.after <= found.others_after


def misled(weights: Weights) -> Weights:
    """A model that trusts least what it first found likeliest: it learnt other chat than a server's."""
    second = weights.second
    direct = second.direct.copy()
    direct[ADJUSTED.index("probability")] -= 4
    return replace(weights, second=replace(second, direct=direct))


def test_calibration_mends_what_a_server_does_otherwise() -> None:
    messages = chatter(4000, seed=11)
    found = calibration(messages, misled(WEIGHTS))
    assert found.adjustments
    assert found.others_after > found.others_before


def test_calibration_is_the_same_every_time_and_stays_while_little_is_new() -> None:
    messages = chatter(2600, seed=9)
    first = calibration(messages[:2400])
    assert first == calibration(messages[:2400])
    later = calibration(messages[:2440])
    assert (first.adjustments, first.start) == (later.adjustments, later.start)


def test_calibration_without_gain_changes_nothing() -> None:
    messages = chatter(2000, seed=10)
    found = calibration(messages)
    assert found.others_after >= found.others_before
    if found.others_after == found.others_before:
        assert (found.adjustments, found.start) == ((), 0.0)


def test_adjusted_weights_are_added_to_scores() -> None:
    scores = np.zeros((2, 4), np.float32)
    values = np.zeros((len(ADJUSTED), 2 * 3), np.float32)
    values[1, 4] = 1
    change = Calibration(adjustments=(0.0, 0.5) + (0.0,) * (len(ADJUSTED) - 2), start=-0.25)
    assert change.applied(scores, values).tolist() == [[0, 0, 0, -0.25], [0, 0.5, 0, -0.25]]


def test_adjustments_choose_among_candidates_and_leave_a_start_as_likely() -> None:
    scores = np.array([[1, 0, 2, 0.5], [0, 0, 0, 1]], np.float32)
    values = np.zeros((len(ADJUSTED), 2 * 3), np.float32)
    values[1] = [4, 0, -4, 0, 4, 4]
    change = Calibration(adjustments=(0.0, 0.5) + (0.0,) * (len(ADJUSTED) - 2))
    before, after = probabilities(scores), change.parts(scores, values)
    assert after[:, -1].tolist() == before[:, -1].tolist()
    assert after[0].argmax() == 0 and before[0].argmax() == 2
    assert after[1, 0] < before[1, 0] < after[1, 1] == after[1, 2]
    assert (after.sum(1) > ONE - 5).all()


def test_a_hidden_reply_loses_its_ping_but_not_a_name_that_was_typed() -> None:
    reply = Message(9, 7, 1, "Ann", "I mean <@3>", 5, extras=Extras(mentions=((2, "Ben"), (3, "Cat"))))
    assert unmarked(reply).reply_to is None
    assert unmarked(reply).extras.mentions == ((3, "Cat"),)
