"""Words in any script, and one sign for what scripts write differently."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import is_linear
from tuner.text.scripts import _MARKS, SPELLED, plain, words


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(st.text())
def test_any_text_has_words(text: str) -> None:
    found, count = words(plain(text).lower())
    assert count <= len(found) <= len(plain(text))
    assert all(found)


@given(st.text(alphabet="aB0_'’ -.\n\x1c\x7f"))
def test_ascii_is_split_as_other_text_is(text: str) -> None:
    expected = re.findall(r"\w[\w']*", plain(text))
    assert words(plain(text))[0] == expected
    assert words(f"{plain(text)} я")[0] == [*expected, "я"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't panic_now 42", ["don't", "panic_now", "42"]),
        ("日本語", ["日本", "本語"]),
        ("好", ["好"]),
        ("ubuntuを再起動 now", ["ubuntu", "を再", "再起", "起動", "now"]),
        ("ไส้เดือน", ["ไส้", "ส้เ", "้เด", "เดื", "ดือ", "ือน"]),
        ("क्या हिन्दी", ["क्या", "हिन्दी"]),
        ("한국어 좋아요", ["한국어", "좋아요"]),
        ("녹차가 정원에서 정원으로 저는 나도", ["녹차", "정원", "정원", "저는", "나도"]),
        ("café été", ["cafe", "ete"]),
        ("ＡＢＣ　ﾃｽﾄ", ["ABC", "テス", "スト"]),
        ("شَجَرَة أحمد", ["شجرة", "احمد"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(plain(text))[0] == expected


@pytest.mark.parametrize(
    ("text", "signs"),
    [("？！", "?!"), ("؟", "?"), ("¿que?", "?que?"), ("…", "..."), ("。。。", "..."), ("’", "'")],
)
def test_one_sign_for_what_scripts_write_differently(text: str, signs: str) -> None:
    assert plain(text) == signs


def test_marks_are_those_of_the_scripts_that_spell() -> None:
    def letters(listed: str) -> set[int]:
        ends = listed.strip("[]").split("-")
        return {code for one, two in pairwise(ends) for code in range(ord(one[-1]), ord(two[0]) + 1)}

    marks = {code for code in letters(SPELLED) if unicodedata.category(chr(code))[0] == "M"}
    assert {code for code in marks if not _MARKS.match(chr(code))} == set()


@pytest.mark.parametrize("unit", ["日", "ก", "é", "。", "'", "ا", "한", "क्"])
def test_reading_takes_time_by_the_length(unit: str) -> None:
    assert is_linear(lambda text: words(plain(text)), unit)
