"""What a message has in common with whole conversations: facts about what is around it, and nothing else."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.chat import chatter
from tests.support.export_files import at
from tuner.linking import linker
from tuner.linking.features import GRID, PAIR
from tuner.linking.linker import Look, Looker, Weights
from tuner.linking.structure import SHORTLIST, STRUCTURE
from tuner.linking.talk import ABOUT, TURNS, WORDS, Talks, turns, words_in_common
from tuner.linking.window import Window
from tuner.models import Extras, Message

Said = tuple[int, str, int]  # by whom, what, and in which conversation

TWO_TALKS: Sequence[Said] = (
    (1, "my kettle whistles in the night", 0),
    (2, "anybody here who plays the violin?", 1),
    (3, "descale the kettle with vinegar, Uma", 0),
    (4, "violin since childhood, mostly folk", 1),
    (1, "the kettle had vinegar yesterday", 0),
    (2, "folk on a violin sounds lovely", 1),
    (5, "kettle or vinegar, both smell", 0),
)


def talks_of(said: Sequence[Said], addressed: dict[int, tuple[int, str]] | None = None) -> Talks:
    """Talks of these messages, each with the ones before; `addressed`: row → who is mentioned there."""
    window = Window()
    for row, (speaker, text, _) in enumerate(said):
        mentions = (addressed or {}).get(row)
        extras = Extras((mentions,) if mentions else ())
        window.add(Message(at(20.0 * row, row), 7, speaker, f"Person{speaker}", text, extras=extras))
    view = window.view(0, window.end)
    return Talks(view, np.array([talk for *_, talk in said]))


def asked(talks: Talks, row: int, candidates: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A row, its candidates and their conversations."""
    c = np.array([candidates])
    return np.array([row]), c, talks.conversation[c]


def turn(talks: Talks, row: int, candidate: int) -> dict[str, float]:
    rows, c, there = asked(talks, row, [candidate])
    return dict(zip(TURNS, turns(talks, talks.spots(rows[:, None], c, there))[:, 0, 0].tolist(), strict=True))


# -- words -------------------------------------------------------------------------


def common(
    talks: Talks, row: int, candidates: Sequence[int]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    rows, c, there = asked(talks, row, candidates)
    values, about = words_in_common(talks, rows, there, np.ones(c.shape, bool))
    return dict(zip(WORDS, values[:, 0].tolist(), strict=True)), dict(
        zip(ABOUT, about[0].tolist(), strict=True)
    )


def test_words_speak_for_the_conversation_that_they_were_said_in() -> None:
    talks = talks_of(TWO_TALKS)
    values, about = common(talks, 6, [4, 5])
    kettle, violin = zip(*values.values(), strict=True)
    of = {name: number for number, name in enumerate(WORDS)}
    assert kettle[of["its words"]] > 0.3
    assert violin[of["its words"]] == 0
    assert violin[of["others' words"]] == kettle[of["its words"]]
    assert (kettle[of["most words"]], violin[of["most words"]]) == (1, 0)
    assert 0 < about["words of some conversation"] <= 1
    assert about["rare words"] > about["words of no conversation"] > 0


def test_words_of_any_candidate_s_conversation_count_not_only_those_of_the_candidate() -> None:
    said = [*TWO_TALKS[:4], (1, "it is what it is", 0), *TWO_TALKS[5:]]
    values, _ = common(talks_of(said), 6, [4, 5])
    assert values["its words"][0] > 0.3


def test_what_is_said_soon_after_counts_apart() -> None:
    values, _ = common(talks_of(TWO_TALKS), 1, [0, 1])
    assert values["its words"] == [0, 0]
    assert values["its words to come"][0] == 0
    assert values["its words to come"][1] > 0


def test_who_says_nothing_has_nothing_in_common() -> None:
    said = [*TWO_TALKS, (1, "", 0)]
    values, about = common(talks_of(said), 7, [6, 5])
    assert not any(map(any, values.values()))
    assert not any(about.values())


def test_a_place_without_a_candidate_says_nothing() -> None:
    talks = talks_of(TWO_TALKS)
    rows, _, there = asked(talks, 6, [4, 4])
    values, _ = words_in_common(talks, rows, there, np.array([[True, False]]))
    assert values[0, 0, 0] > 0
    assert not values[:, 0, 1].any()


@pytest.mark.parametrize(
    ("tea", "chess"),
    [
        (
            ("绿茶和乌龙茶都很香", "乌龙茶泡几分钟", "绿茶不要太烫"),
            ("象棋比赛谁来参加", "象棋我输了三盘", "参加比赛"),
        ),
        (("ชาเขียวหอมมาก", "ชาเขียวแช่กี่นาที", "ชาเขียวร้อนไป"), ("หมากรุกใครเล่น", "หมากรุกแพ้แล้ว", "หมากรุกอีกตา")),
        (("녹차가 향기롭다", "녹차는 몇 분", "녹차를 식혀"), ("장기 시합", "장기 졌다", "장기 또")),
        (("चाय बहुत अच्छी", "चाय कितनी देर", "चाय ठंडी"), ("शतरंज खेलोगे", "शतरंज हारा", "शतरंज फिर")),
    ],
    ids=["Chinese", "Thai", "Korean", "Hindi"],
)
def test_words_speak_in_any_script(tea: Sequence[str], chess: Sequence[str]) -> None:
    said = [(row, text, row % 2) for row, pair in enumerate(zip(tea, chess, strict=True)) for text in pair]
    said = [(row, text, row % 2) for row, (_, text, _) in enumerate(said)]
    values, _ = common(talks_of(said), 4, [2, 3])
    assert values["its words"][0] > values["its words"][1]


# -- turns -------------------------------------------------------------------------


def test_whose_turn_it_is() -> None:
    talks = talks_of(TWO_TALKS, {2: (1, "Uma")})
    goes_on = turn(talks, 4, 0)
    assert goes_on["last in it names the speaker"] == 1
    assert (goes_on["last in it is own"], goes_on["last but one in it is own"]) == (0, 1)
    assert goes_on["since own last in it"] < 3
    elsewhere = turn(talks, 4, 3)
    assert (elsewhere["since own last in it"], elsewhere["last in it names the speaker"]) == (3.5, 0)
    assert turn(talks, 3, 1)["last in it asks"] == 1
    assert turn(talks, 3, 0)["last in it names another"] == 1
    assert turn(talks, 4, 2)["last in it is the author's"] == 1
    assert turn(talks, 4, 0)["last in it is the author's"] == 0


def test_how_lively_a_conversation_is() -> None:
    talks = talks_of(TWO_TALKS)
    assert turn(talks, 4, 0)["people in it lately"] == 2 / 8
    assert turn(talks, 6, 0)["people in it lately"] == 2 / 8
    assert turn(talks, 6, 0)["its share of late"] == 3 / 8
    assert turn(talks, 6, 1)["its share of late"] == 3 / 8
    assert turn(talks, 6, 4)["goes on in"] == 0
    assert turn(talks, 3, 0)["goes on in"] > turn(talks, 5, 0)["goes on in"] - 1 > 0
    assert turn(talks, 3, 1)["goes on with the speaker"] == 0
    assert turn(talks, 2, 1)["goes on with the speaker"] == 0


def test_only_the_last_few_messages_say_how_many_take_part() -> None:
    crowd = [(row, "yes", 0) for row in range(9)]
    assert talks_of([*crowd, (3, "no", 0)]).speakers_lately().tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 8, 7]
    assert talks_of([(row % 2, "yes", row % 3) for row in range(30)]).speakers_lately().max() == 2


# -- bounds ------------------------------------------------------------------------


def looks(messages: Sequence[Message]) -> list[Look]:
    looker = Looker(Weights.shipped())
    found = [look for message in messages if (look := looker.add(message))]
    last = looker.finish()
    return [*found, last] if last else found


def given(messages: Sequence[Message]) -> tuple[np.ndarray, np.ndarray]:
    """What the second network is given of each message: of its pairs, and of its situation."""
    found = looks(messages)
    wide = len(STRUCTURE) + len(PAIR)
    pairs = [look.second.values.reshape(wide, -1, SHORTLIST) * look.second.open for look in found]
    return np.concatenate(pairs, 1), np.concatenate([look.second.situation for look in found])


def test_it_does_not_depend_on_how_many_messages_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages = chatter(2300, seed=12, people=40)
    pairs, situation = given(messages)
    for block in (40, 333, 5000):
        monkeypatch.setattr(linker, "BLOCK", block)
        other_pairs, other_situation = given(messages)
        unlike = (pairs != other_pairs).any(axis=(1, 2))
        assert [name for name, differs in zip((*STRUCTURE, *PAIR), unlike, strict=True) if differs] == []
        assert np.array_equal(situation, other_situation)


def test_all_of_it_is_on_the_grid_and_small() -> None:
    for array in given(chatter(2300, seed=13, people=40)):
        assert np.array_equal(array * GRID, np.rint(array * GRID))
        assert np.abs(array).max() <= 4
