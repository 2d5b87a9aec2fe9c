"""How much a text tells, and whether it asks, in any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import UNITS, is_linear
from tuner.stages.questions import asks, only_asks
from tuner.stages.substance import is_junk, substance

COURTESIES = """
thanks!|Thank you so much for the help|thaaanks|ok thanks|you're welcome|no problem :)|good night everyone|yes|sure
vielen Dank dir|danke für die Hilfe!|ja genau|Guten Morgen|merci beaucoup pour ton aide|d'accord|bonne nuit
muchas gracias por la ayuda|vale, gracias|sí claro|muito obrigado pela ajuda|valeu, até|beleza|grazie mille|va bene
dank je wel|bedankt|dziękuję bardzo|tak, jasne|teşekkür ederim|tamam|terima kasih banyak|cảm ơn bạn nhiều
спасибо большое!|да, хорошо|понял, спасибо|дякую|ευχαριστώ πολύ|شكرا جزيلا لك|نعم|ممنون|תודה רבה|बहुत धन्यवाद|ठीक है
谢谢你|好的谢谢|对对对|ありがとうございます！|なるほどですね|はい|了解です|ขอบคุณมากครับ 555
ใช่ครับ|감사합니다 ㅎㅎ|네 맞아요
"""
TOLD = [
    "turn it upside down",
    "thanks, but it goes the other way round",
    "es gehört unter die Spüle",
    "il est sous la table",
    "está debajo de la mesa",
    "он лежит под столом",
    "إنه تحت الطاولة الكبيرة",
    "वह मेज़ के नीचे रखा है",
    "它在桌子下面的箱子里",
    "好像在桌子下面的箱子里",
    "机の下の箱の中にあります",
    "มันอยู่ใต้โต๊ะตัวใหญ่",
    "책상 아래 상자 안에 있어요",
]


@pytest.mark.parametrize("text", [one for line in COURTESIES.strip().splitlines() for one in line.split("|")])
def test_a_courtesy_tells_next_to_nothing(text: str) -> None:
    assert substance(text) <= 1


@pytest.mark.parametrize("text", TOLD)
def test_a_sentence_tells_something(text: str) -> None:
    assert substance(text) >= 3
    assert not is_junk(text)


@pytest.mark.parametrize(
    "text", ["yes", "7", "no", "はい", "谢谢", "the blue one", "/etc/hosts", "!important wins, always."]
)
def test_what_is_no_junk(text: str) -> None:
    assert not is_junk(text)


ASKED = """
does it fit?|how do I mend it|anyone here who knows kilns|wie geht das|hat jemand Fleece|cómo se arregla|alguém sabe|
как это починить|كيف أصلحه|يعمل؟|इसे कैसे ठीक करूँ|怎么修|能修吗|どうやって直すの|直せますか|ซ่อมยังไงครับ|ได้ไหม|어떻게 고쳐요|
고칠 수 있을까|nasıl tamir ederim|πώς φτιάχνεται;
""".replace("\n", "").strip("|")


@pytest.mark.parametrize("text", ASKED.split("|"))
def test_questions_are_known_with_and_without_their_marks(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize(
    "text", ["it fits", "see https://a.b/c?d=e", "", "它在桌子下面", "机の下です", "책상 아래 있어요"]
)
def test_what_asks_nothing(text: str) -> None:
    assert not asks(text)


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("which one?", True),
        ("oh! which one?", True),
        ("是哪一个？", True),
        ("どれですか", True),
        ("try the blue one. does that help?", False),
        ("what you need is a longer screw", False),
        ("把它倒过来。好了吗？", False),
    ],
)
def test_what_asks_and_tells_nothing_beside(text: str, only: bool) -> None:
    assert only_asks(text) is only


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert 0 <= substance(text) <= 2 * len(text)
    if is_junk(text):
        assert substance(text) == 0
    only_asks(text)


@pytest.mark.parametrize("unit", UNITS)
def test_any_text_is_judged_in_time_linear_in_its_length(unit: str) -> None:
    def work(text: str) -> None:
        substance(text)
        is_junk(text)
        only_asks(text)

    assert is_linear(work, unit)
