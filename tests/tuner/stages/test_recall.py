"""Which turns recall earlier talk, and which of what is found fits."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.models import Dialogue, Turn
from tuner.stages.recall import COMMON, MOST_RESULTS, MOST_WORDS, RECALL, best, keywords, recalls


@pytest.mark.parametrize(
    "text",
    [
        "remember when the kettle exploded?",
        "Do you remember the name of that seed shop",
        "does anyone recall which lens Mika used",
        "anyone remember where the screws went",
        "what was that keyboard you mentioned?",
        "who was it again with the drone",
        "what was the name of the place from last month",
        "I remember that kettle, which one was it",
        "you mentioned a repair shop last week",
        "didn't you say... you said something about glue a while ago, no?\nyou told me earlier",
        "what did Jonas say about the router",
        "WHAT DID SHE RECOMMEND for the wheel",
        "we talked about this the other day",
        "somebody mentioned a film lab two months ago",
    ],
)
def test_phrases_that_recall(text: str) -> None:
    assert RECALL.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "does the stove work again?",
        "I'll remember that",
        "try to remember the screws",
        "remember to water the tomatoes",
        "I can't remember anything today",
        "what is that?",
        "who wants soup",
        "what did you do",
        "you said yes!",
        "last week was cold",
        "two days ago it rained",
        "what are you saying",
        "dismembered when it fell",
        "when was the last bus",
    ],
)
def test_phrases_that_do_not(text: str) -> None:
    assert not RECALL.search(text)


def dialogue(*turns: tuple[int, str]) -> Dialogue:
    made = tuple(Turn(speaker, f"p{speaker}", text, (n,)) for n, (speaker, text) in enumerate(turns, 1))
    return Dialogue(1, 9, made)


def test_only_what_the_persona_answers_at_once_counts() -> None:
    ask = "do you remember the glue?"
    assert recalls(dialogue((1, ask), (9, "yes"), (1, "ok"), (9, "bye"))) == [1]
    assert recalls(dialogue((1, ask), (2, "no idea"), (9, "me neither"))) == []
    assert recalls(dialogue((1, "hi"), (9, ask), (1, "yes"), (9, "good"))) == []
    assert recalls(dialogue((1, ask), (9, "yes"), (2, ask), (9, "yes, still"))) == [1, 3]


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


@given(st.text())
def test_keywords_are_few_distinct_and_in_order(text: str) -> None:
    words = keywords(text)
    assert len(words) == len(set(words)) <= MOST_WORDS
    assert not COMMON & set(words)
    positions = [text.casefold().find(word) for word in words]
    assert positions == sorted(positions)


def test_messages_with_more_and_rarer_words_win_and_come_oldest_first() -> None:
    common = list(range(100, 140))
    assert best({"soup": [*common, 7, 5], "saffron": [7, 5]}) == [5, 7]
    assert best({"soup": common}) == []  # one frequent word says nothing
    assert best({"saffron": [3]}) == [3]
    assert best({"soup": [1, 2, 3, 4], "spoon": [4, 3, 2, 1]}) == [2, 3, 4]  # the newest of equals
    assert best({}) == []


HITS = st.dictionaries(
    st.text("abc", min_size=1, max_size=2), st.lists(st.integers(1, 15), min_size=1, unique=True), max_size=6
)


@given(HITS)
def test_the_best_are_few_found_and_fit(hits: dict[str, list[int]]) -> None:
    chosen = best(hits)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= MOST_RESULTS

    def weight(i: int) -> Fraction:
        return sum((Fraction(1, len(found)) for found in hits.values() if i in found), Fraction(0))

    most = max((weight(i) for found in hits.values() for i in found), default=Fraction(0))
    for i in chosen:
        holding = [found for found in hits.values() if i in found]
        assert len(holding) >= 2 or min(map(len, holding)) <= MOST_RESULTS
        assert weight(i) >= most / 2
    left_out = {i for found in hits.values() for i in found} - set(chosen)
    if len(chosen) < MOST_RESULTS:
        for i in left_out:
            holding = [found for found in hits.values() if i in found]
            plain = len(holding) == 1 and len(holding[0]) > MOST_RESULTS
            assert plain or weight(i) < most / 2


@given(HITS)
def test_the_best_do_not_depend_on_the_order_of_what_was_found(hits: dict[str, list[int]]) -> None:
    turned = {word: found[::-1] for word, found in reversed(hits.items())}
    assert best(turned) == best(hits)
