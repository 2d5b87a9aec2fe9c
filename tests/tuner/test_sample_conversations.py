"""The embedded sample, told apart as a careful reader does it: how near do we come, and is it hard enough to say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import sample
from tests.support.annotated_sample import FLOORS, Annotation, annotations, exports, mixed, score

TRUTH = annotations()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.built(tmp_path_factory.mktemp("annotated"))


def test_it_is_told_apart_as_well_as_we_say(folder: Path) -> None:
    scores = sample.scores_of(folder)
    assert [name for name, floor in FLOORS.items() if scores[name] < floor] == [], scores


def test_every_message_is_annotated_but_system_messages() -> None:
    for export in exports():
        said = {m["id"] for m in export["messages"] if m["type"] in ("Default", "Reply")}
        assert TRUTH[export["channel"]["name"]].conversation.keys() == said


def test_what_is_answered_came_before_and_is_of_the_same_conversation() -> None:
    for truth in TRUTH.values():
        for message, target in truth.answers.items():
            assert int(target) < int(message)
            assert truth.conversation[target] == truth.conversation[message]


def test_native_replies_are_annotated_as_the_answers_they_are() -> None:
    for export in exports():
        truth = TRUTH[export["channel"]["name"]]
        for message in export["messages"]:
            target = message.get("reference", {}).get("messageId")
            if message["type"] == "Reply" and target in truth.conversation:
                assert truth.answers[message["id"]] == target


def test_it_is_hard_enough_to_say_something() -> None:
    replies = [(truth, reply) for truth in TRUTH.values() for reply in truth.replies()]
    interrupted = sum(truth.interrupted(reply) for truth, reply in replies)
    assert interrupted >= len(replies) / 3
    messages = [m for export in exports() for m in export["messages"] if m["type"] in ("Default", "Reply")]
    native = sum(m["type"] == "Reply" for m in messages)
    mentions = sum("<@" in m["content"] for m in messages)
    assert 0.20 <= native / len(messages) <= 0.25  # as on real Discord
    assert 0.03 <= mentions / len(messages) <= 0.06
    assert max(sample.silences(s)["clean per 100 replies"] for s in (60, 180, 600)) < 60


# -- the measures themselves -------------------------------------------------------


def talk() -> Annotation:
    """1 and 3 by Ann, 2 and 4 by Ben: 2 answers 1, 4 answers 3, another talk."""
    author = {"1": "ann", "2": "ben", "3": "ann", "4": "ben"}
    return Annotation({"1": 1, "2": 1, "3": 2, "4": 2}, {"2": "1", "4": "3"}, author)


@pytest.mark.parametrize(
    ("conversations", "purity", "parent", "clean"),
    [
        ([["1", "2"], ["3", "4"]], 100, 100, 100),
        ([["1", "2", "3", "4"]], 200 / 3, 100, 50),
        ([["1"], ["2"], ["3", "4"]], 100, 50, 100),
        ([["1", "4"], ["2"], ["3"]], 0, 0, 0),
    ],
)
def test_scores(conversations: list[list[str]], purity: float, parent: float, clean: float) -> None:
    found = score({"talk": talk()}, {"talk": conversations})
    assert (found["purity"], found["parent*"], found["clean"]) == pytest.approx((purity, parent, clean))


def test_a_sample_is_judged_by_the_first_message_of_its_answer() -> None:
    lines = [["1", "2"], ["1", "3", "4"], ["1", "4"]]
    records = [{"metadata": {"message_ids": messages}} for messages in lines]
    assert mixed({"talk": talk()}, records) == records[1:]
