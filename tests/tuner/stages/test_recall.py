"""Which turns recall earlier talk, what is searched for, which of what is found fits, and who leans on it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.models import Dialogue, Turn
from tuner.stages.recall import (
    MOST_RESULTS,
    MOST_WORDS,
    Recall,
    best,
    keywords,
    novel,
    recalls,
    shared,
    stray,
    terms,
)


def dialogue(*turns: tuple[int, str]) -> Dialogue:
    made = tuple(Turn(speaker, f"p{speaker}", text, (n,)) for n, (speaker, text) in enumerate(turns, 1))
    return Dialogue(1, 9, made)


def test_only_what_the_persona_answers_at_once_counts() -> None:
    ask = "do you remember the glue?"
    first = Recall(1, "en", ask)
    assert recalls(dialogue((1, ask), (9, "yes"), (1, "ok"), (9, "bye"))) == [first]
    assert recalls(dialogue((1, ask), (2, "no idea"), (9, "me neither"))) == []
    assert recalls(dialogue((1, "hi"), (9, ask), (1, "yes"), (9, "good"))) == []
    twice = recalls(dialogue((1, ask), (9, "yes"), (2, ask), (9, "yes, still")))
    assert [recall.place for recall in twice] == [1, 3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("remember when Mika's kettle exploded, the blue kettle?", ["mika's", "kettle", "exploded", "blue"]),
        ("what did you say about the re-run?", ["re-run"]),
        ("Käse, KÄSE und ein Öl_Fass", ["käse", "und", "ein", "öl_fass"]),
        ("do you remember it?", []),
        ("", []),
        ("पुरानी केतली, पुरानी", ["पुरानी", "केतली"]),
        ("cafe\u0301 au lait", ["cafe\u0301", "lait"]),
        ("咖啡 渣，咖啡", ["咖啡"]),
        ("やかん と 水 や 蛇口", ["やかん", "蛇口"]),
        ("蛇口のパッキンを交換", ["蛇口", "パッキン", "交換"]),
        ("Dockerの設定", ["docker", "設定"]),
        ("port 8080 or 7", ["port", "8080"]),
        ("l'arbre, d’un côté", ["arbre", "côté"]),
        ("I've they’re it's", []),
        ("물 주전자 수도", ["주전자", "수도"]),
        ("إبريق الماء", ["إبريق", "الماء"]),
        ("กาน้ำ เก่า", ["กาน้ำ", "เก่า"]),
        ('a "quoted" (thing) *bold* ||spoiler||', ["quoted", "bold", "spoiler"]),
    ],
)
def test_keywords(text: str, words: list[str]) -> None:
    assert keywords(text) == words


def test_names_of_those_who_talk_are_no_keywords() -> None:
    assert keywords("did Mika Stone like the soup?", ["Mika Stone", "p2"]) == ["soup"]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("de", "Weißt du noch, welche Dichtung?", ["dichtung"]),
        ("es", "¿Cómo se llamaba aquella tienda?", ["tienda"]),
        ("zh", "你还记得水龙头要用多大的垫圈吗", ["水龙头", "垫圈"]),
        ("ja", "この前話していた市場はどこですか", ["市場"]),
        ("th", "มีใครจำได้บ้างว่ากุญแจอยู่กับใคร", ["กุญแจ"]),
        ("hi", "क्या तुम्हें याद है नल के लिए कौन सा वॉशर चाहिए?", ["नल", "वॉशर"]),
    ],
)
def test_common_words_are_left_out_of_each_language(language: str, text: str, found: list[str]) -> None:
    assert keywords(text, (), language) == found


@given(st.text(), st.sampled_from(["en", "de", "zh", "ja", "ko", "th", "ar"]))
def test_keywords_are_few_and_distinct(text: str, language: str) -> None:
    found = keywords(text, (), language)
    assert len(found) == len(set(found)) <= MOST_WORDS
    assert all(word in text.casefold() for word in found if text.isascii())


def test_runs_of_letters_are_searched_for_by_their_terms() -> None:
    assert terms(["kettle", "水龙头", "鍵", "กุญแจ"]) == ["kettle", "水龙", "龙头", "鍵", "กุญ", "ุญแ", "ญแจ"]


# -- leaning -------------------------------------------------------------------------

ASK = "which washer did you use for the tap?"


@pytest.mark.parametrize(
    ("answer", "found", "both"),
    [
        ("half an inch, take the old one along", "half an inch fits nearly all", ["half", "inch"]),
        ("CONGRATULATIONS", "the washer is half an inch", []),
        ("a washer for the tap", "the washer of the tap", []),
        ("the taps washers", "the taps washers", []),  # other forms of what was asked
        ("12 mm", "mine has 12 mm", ["12"]),
        ("7", "at 7", []),
        ("Ben said so", "ben said so", []),  # a name
    ],
)
def test_what_answer_and_result_share_and_the_question_lacks(
    answer: str, found: str, both: list[str]
) -> None:
    assert shared(novel(answer, [ASK], ["Ben"], "en"), found, "en") == both


def test_one_word_of_a_long_answer_is_chance() -> None:
    answer = (
        "I bought a brass one, soldered the pipe, sanded the edges and painted everything in green enamel"
    )
    found = "mine was painted"
    assert shared(novel("painted", [ASK], [], "en"), found, "en") == ["painted"]
    assert shared(novel(answer, [ASK], [], "en"), found, "en") == []


def test_scripts_without_spaces_share_terms() -> None:
    known = ["你还记得水龙头要用多大的垫圈吗"]
    assert shared(novel("半英寸的", known, [], "zh"), "半英寸的垫圈基本都能用", "zh") == ["半英", "英寸"]
    assert shared(novel("垫圈", known, [], "zh"), "半英寸的垫圈", "zh") == []


def test_messages_with_more_and_rarer_words_win_and_come_oldest_first() -> None:
    common = list(range(100, 140))
    assert best({"soup": [*common, 7, 5], "saffron": [7, 5]}) == [5, 7]
    assert best({"soup": common}) == []  # one frequent word says nothing
    assert best({"saffron": [3]}) == [3]
    assert best({"soup": [1, 2, 3, 4], "spoon": [4, 3, 2, 1]}) == [2, 3, 4]  # the newest of equals
    assert best({}) == []


def test_who_shares_one_word_where_others_share_more_may_do_so_by_chance() -> None:
    assert stray({"soup": [1, 2], "spoon": [2], "pot": [3]}, [1, 2, 3]) == {1, 3}
    assert stray({"soup": [1], "pot": [3]}, [1, 3]) == set()  # none shares more
    assert stray({"咖啡": [1, 2], "啡渣": [1], "渣怎": [1]}, [1, 2]) == {2}
    assert stray({}, []) == set()


HITS = st.dictionaries(
    st.text("abc", min_size=1, max_size=2), st.lists(st.integers(1, 15), min_size=1, unique=True), max_size=6
)


@given(HITS)
def test_the_best_are_few_found_and_fit(hits: dict[str, list[int]]) -> None:
    chosen = best(hits)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= MOST_RESULTS

    def weight(i: int) -> Fraction:
        return sum(
            (Fraction(1, len(found).bit_length()) for found in hits.values() if i in found), Fraction(0)
        )

    most = max((weight(i) for found in hits.values() for i in found), default=Fraction(0))
    for i in chosen:
        holding = [found for found in hits.values() if i in found]
        assert len(holding) >= 2 or min(map(len, holding)) <= MOST_RESULTS
        assert weight(i) >= most / 3
    left_out = {i for found in hits.values() for i in found} - set(chosen)
    if len(chosen) < MOST_RESULTS:
        for i in left_out:
            holding = [found for found in hits.values() if i in found]
            plain = len(holding) == 1 and len(holding[0]) > MOST_RESULTS
            assert plain or weight(i) < most / 3


@given(HITS)
def test_the_best_do_not_depend_on_the_order_of_what_was_found(hits: dict[str, list[int]]) -> None:
    turned = {word: found[::-1] for word, found in reversed(hits.items())}
    assert best(turned) == best(hits)
