"""What is too like a sample before it, or too much of the same."""

import pytest

from tuner.config.settings import Screen
from tuner.models import Dialogue, Turn
from tuner.stages import alike
from tuner.stages.alike import NEAR_COPY, SAME_REPLY, TOO_MUCH_OF_ONE, Alike


def dialogue(asked: str, answer: str, persona: int = 2) -> Dialogue:
    return Dialogue(1, persona, (Turn(1, "Ann", asked, (1,)), Turn(persona, "Ben", answer, (2,))))


def question(number: int) -> str:
    return f"question {number}: why is {number * 7919} no prime, and what of {number * 31} and {number + 5}?"


def test_five_hundred_identical_pairs_are_one() -> None:
    checked = Alike(Screen())
    told = [
        checked.objection(dialogue("how do I mend the lamp?", "look at the wire first")) for _ in range(500)
    ]
    assert told == ["", *[NEAR_COPY] * 499]


def test_a_near_copy_is_one_in_any_script() -> None:
    long = "first open the lamp, then look at the wire, and if that is loose put it back and close everything again"
    chinese = "先打开灯然后看看电线如果松了就把它装回去再把所有东西都关好最后再试一次看看灯是不是亮了"
    for text in (long, chinese):
        checked = Alike(Screen())
        assert checked.objection(dialogue("how?", text)) == ""
        assert checked.objection(dialogue("How?", f"{text}!")) == NEAR_COPY
        assert checked.objection(dialogue("what is for dinner", text[: len(text) // 2])) == ""


def test_the_same_words_by_the_other_one_are_no_copy() -> None:
    checked = Alike(Screen())
    assert checked.objection(dialogue("is it the red wire", "no it is the blue one")) == ""
    assert checked.objection(dialogue("no it is the blue one", "is it the red wire")) == ""


def test_the_same_reply_is_learned_so_often() -> None:
    checked = Alike(Screen(same_reply=3))
    told = [checked.objection(dialogue(question(n), "Read the manual!")) for n in range(5)]
    assert told == ["", "", "", SAME_REPLY, SAME_REPLY]


def test_no_persona_has_more_than_its_share() -> None:
    checked = Alike(Screen(persona_share=0.5))
    told = [checked.objection(dialogue(question(n), f"answer {n * 17}", persona=2)) for n in range(100)]
    assert told.count(TOO_MUCH_OF_ONE) == 80
    others = [checked.objection(dialogue(question(n), f"reply {n * 13}", persona=3)) for n in range(100, 130)]
    assert others.count("") == 20


def test_all_can_be_turned_off() -> None:
    checked = Alike(Screen(near_copies=0, same_reply=0))
    assert {checked.objection(dialogue("how?", "so")) for _ in range(50)} == {""}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "REMEMBERED", 10)
    checked = Alike(Screen())
    for n in range(25):
        assert checked.objection(dialogue(question(n), f"answer {n * 17}")) == ""
    assert checked.objection(dialogue(question(24), f"answer {24 * 17}")) == NEAR_COPY
    assert checked.objection(dialogue(question(1), "answer 17")) == ""
