"""Who helps, by whose questions they answered."""

from collections.abc import Sequence
from dataclasses import replace

from tests.support.lines import ANN, BEN, CAT, DAN, Line, spoken
from tuner.models import Segment
from tuner.stages.helping import Helping

QUESTIONS = (
    "where is the spare key?",
    "how do I open the shed?",
    "who waters the tomatoes on Monday?",
    "was it you?",
)
ANSWERS = (
    "it hangs in the shed behind the door",
    "lift the latch and pull at the same time",
    "Dan does, every week",
)


def helping(*talks: Sequence[Line]) -> Helping:
    found = Helping()
    for talk in talks:
        lines = [replace(line, seconds=60 * number) for number, line in enumerate(talk)]
        found.add(Segment(7, tuple(spoken(lines))), {})
    return found


def said(speaker: int, text: str, reply: int | None = None) -> Line:
    return Line(0, speaker, text, reply)


def asked(asker: int, helper: int, number: int = 0) -> list[Line]:
    """A question and its answer."""
    return [said(asker, QUESTIONS[number]), said(helper, ANSWERS[number])]


def test_who_answers_questions_of_several_people_helps() -> None:
    found = helping(asked(ANN, BEN), asked(CAT, BEN, 1), asked(ANN, BEN, 2))
    [ben] = found.helpers()
    assert (ben.user_id, ben.answered, ben.askers, ben.got) == (BEN, 3, 2, 0)


def test_two_questions_are_too_few_and_one_person_too() -> None:
    assert helping(asked(ANN, BEN), asked(CAT, BEN, 1)).helpers() == []
    assert helping(*(asked(ANN, BEN, n) for n in range(3))).helpers() == []


def test_who_is_helped_as_often_as_they_help_does_not() -> None:
    given = [asked(ANN, BEN), asked(CAT, BEN, 1), asked(DAN, BEN, 2)]
    got = [asked(BEN, one, n) for n, one in enumerate((ANN, CAT, DAN))]
    assert helping(*given, *got).helpers() == []
    assert len(helping(*given, *got[:2]).helpers()) == 1


def test_who_answered_less_than_a_tenth_of_the_most_does_not() -> None:
    often = [asked(ANN if n % 2 else CAT, BEN, n % 3) for n in range(31)]
    seldom = [asked(ANN, DAN), asked(CAT, DAN, 1), asked(ANN, DAN, 2)]
    assert [h.user_id for h in helping(*often, *seldom).helpers()] == [BEN]
    assert [h.user_id for h in helping(*often[:30], *seldom).helpers()] == [BEN, DAN]


def test_a_question_counts_once_for_whoever_answers_it_and_for_whoever_asked() -> None:
    talk = [
        *asked(ANN, BEN),
        said(CAT, "no, Dan has it in his pocket since Monday", reply=0),
        said(BEN, "right, he took it with him to the allotment", reply=0),
    ]
    ranked = {h.user_id: (h.answered, h.got) for h in helping(talk).ranked()}
    assert ranked == {BEN: (1, 0), CAT: (1, 0)}
    found = helping(talk, asked(BEN, ANN))
    assert {h.user_id: h.got for h in found.ranked()}[ANN] == 1


def test_small_talk_is_no_help() -> None:
    talk = [said(ANN, "the tomatoes are ripe"), said(BEN, "mine are still as green as the shed door")]
    assert helping(talk, [said(ANN, QUESTIONS[3]), said(BEN, "yes")]).ranked() == []
