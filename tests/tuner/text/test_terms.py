"""What a text is searched for by, and that the archive's index splits texts in the same way."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.adapters.sqlite_store import migrations
from tuner.text.terms import INDEXED, as_indexed, beginnings, grams, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The kettle, it's 12 mm", ["the", "kettle", "it's", "12", "mm"]),
        ("Dockerの設定 v2", ["docker", "の設定", "v2"]),
        ("ก๊อกน้ำ kitchen", ["ก๊อกน้ำ", "kitchen"]),
        ("पुरानी केतली", ["पुरानी", "केतली"]),
        ("l'arbre", ["arbre"]),
        ("", []),
    ],
)
def test_words_of_any_script(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("kettle", ["kettle"]),
        ("水", ["水"]),
        ("水龙头", ["水龙", "龙头"]),
        ("กา", ["กา"]),
        ("กุญแจ", ["กุญ", "ุญแ", "ญแจ"]),
    ],
)
def test_terms_of_a_word(word: str, found: list[str]) -> None:
    assert grams(word) == found


@pytest.mark.parametrize(
    ("language", "word", "found"),
    [
        ("en", "kettles", ()),
        ("de", "schlüssel", ("schlüs",)),
        ("ru", "кухонного", ("кухонн",)),
        ("ru", "чайника", ("чайни",)),
        ("ru", "кот", ()),
        ("ko", "열쇠를", ("열쇠",)),
        ("ko", "열쇠", ("열쇠",)),
        ("ar", "المفتاح", ("مفتاح", "المفتاح", "والمفتاح", "بالمفتاح", "للمفتاح")),
        ("hi", "चाबी", ("चाब",)),
        ("zh", "水龙头", ()),
        ("de", "8080", ()),
    ],
)
def test_how_other_forms_begin(language: str, word: str, found: tuple[str, ...]) -> None:
    assert beginnings(word, language) == found


LETTERS = st.sampled_from([*"ab Zé1,.\n水龙头のカｶ々กุญแจລາວကခកខ키पु", "cafe\u0301", "\u200b", "😀"])


@given(st.lists(LETTERS, max_size=30).map("".join))
def test_the_index_splits_texts_as_queries_are_split(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript("".join(sql for _, sql in migrations()))
        db.execute("INSERT INTO messages (id, channel_id, speaker, content) VALUES (1, 1, 1, ?)", (text,))
        [(indexed,)] = db.execute("SELECT content FROM searchable")
    assert indexed.split() == as_indexed(text).split()


def test_of_an_endless_text_without_spaces_the_beginning_is_found() -> None:
    text = "水" * (INDEXED + 10)
    assert as_indexed(text).split() == ["水水"] * (INDEXED - 1) + ["水"]
