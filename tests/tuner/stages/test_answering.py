"""Who answers, whatever the language: whom the rules learn from, and where a sample ends."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.lines import ANN, BEN, CAT, Line, spoken
from tuner.models import Excerpt, Segment
from tuner.stages.verdict import by_rules


def segment(
    lines: Sequence[Line], links: Sequence[float] = (), targets: Sequence[int | None] = ()
) -> Segment:
    messages = tuple(spoken(lines))
    answered = tuple(None if at is None else messages[at].id if at >= 0 else 1 for at in targets)
    return Segment(7, messages, links=tuple(links), targets=answered)


def ruled(
    lines: Sequence[Line],
    links: Sequence[float] = (),
    targets: Sequence[int | None] = (),
    personas: Sequence[int] = (),
) -> tuple[int, int] | str:
    """How many messages are kept and for whom, or why none."""
    outcome = by_rules(segment(lines, links, targets), {}, personas)
    return (len(outcome.messages), outcome.persona) if isinstance(outcome, Excerpt) else outcome


# -- in any language -----------------------------------------------------------------

TALKS = {  # a question, an answer, another one that tells more, thanks of several words
    "en": (
        "where is the spare key?",
        "under the mat, I think",
        "no, it hangs in the shed behind the door",
        "oh great, thank you so much!",
    ),
    "de": (
        "wo ist der Ersatzschlüssel?",
        "unter der Matte, glaube ich",
        "nein, er hängt im Schuppen hinter der Tür",
        "oh super, vielen lieben Dank!",
    ),
    "es": (
        "¿dónde está la llave de repuesto?",
        "debajo del felpudo, creo",
        "no, cuelga en el cobertizo detrás de la puerta",
        "¡genial, muchísimas gracias!",
    ),
    "pt": (
        "onde está a chave reserva?",
        "debaixo do tapete, eu acho",
        "não, está pendurada no galpão atrás da porta",
        "ótimo, muito obrigado mesmo!",
    ),
    "ru": (
        "где запасной ключ?",
        "под ковриком, мне кажется",
        "нет, он висит в сарае за дверью",
        "отлично, спасибо вам большое!",
    ),
    "ar": (
        "أين المفتاح الاحتياطي؟",
        "تحت السجادة على ما أظن",
        "لا، إنه معلق في السقيفة خلف الباب",
        "ممتاز، شكرا جزيلا لك!",
    ),
    "hi": (
        "अतिरिक्त चाबी कहाँ है?",
        "मुझे लगता है चटाई के नीचे",
        "नहीं, वह शेड में दरवाज़े के पीछे टंगी है",
        "अच्छा, आपका बहुत बहुत धन्यवाद!",
    ),
    "zh": (
        "备用钥匙在哪里？",
        "我觉得在门口的垫子下面",
        "不对，它挂在棚子里门的后面那个钩子上",
        "太好了，非常感谢你！",
    ),
    "ja": (
        "予備の鍵はどこですか？",
        "マットの下だと思います",
        "いいえ、物置のドアの後ろに掛かっています",
        "なるほど、本当にありがとうございます！",
    ),
    "th": (
        "กุญแจสำรองอยู่ที่ไหนครับ",
        "คิดว่าอยู่ใต้พรมเช็ดเท้า",
        "ไม่ครับ แขวนอยู่ในโรงเก็บของหลังประตู",
        "เยี่ยมเลย ขอบคุณมากครับ",
    ),
    "ko": (
        "여분 열쇠는 어디에 있어요?",
        "제 생각에는 매트 아래에 있어요",
        "아니요, 창고 안 문 뒤에 걸려 있어요",
        "좋아요, 정말 감사합니다!",
    ),
}


@pytest.mark.parametrize("language", TALKS)
def test_the_same_talk_gives_the_same_sample_in_any_language(language: str) -> None:
    ask, guess, answer, thanks = TALKS[language]
    talk = [Line(0, ANN, ask), Line(20, BEN, guess), Line(60, BEN, answer), Line(90, ANN, thanks)]
    assert ruled(talk) == (3, BEN)
    assert ruled([talk[0], talk[2], Line(70, CAT, guess), talk[3]]) in ((2, BEN), (3, CAT))
    assert ruled([talk[0], Line(20, BEN, thanks)]) == "trivial"
    assert ruled([Line(0, CAT, thanks), Line(20, BEN, ask)]) == "unanswered"


@pytest.mark.parametrize("language", TALKS)
def test_a_question_back_ends_nothing(language: str) -> None:
    ask, _, answer, thanks = TALKS[language]
    talk = [Line(0, ANN, ask), Line(20, BEN, answer), Line(40, ANN, thanks), Line(50, BEN, ask)]
    assert ruled(talk) == (2, BEN)


# -- who answers ---------------------------------------------------------------------


def test_who_closes_the_talk_is_not_who_answered() -> None:
    """Known by its shape alone: the words are in no list."""
    talk = [
        Line(0, ANN, "zo mal ka dur?"),
        Line(9, BEN, "tir na bol sed gar mi"),
        Line(20, ANN, "vel mor sa tin"),
    ]
    assert ruled(talk) == (2, BEN)


def test_who_answers_most_is_learned_from() -> None:
    talk = [
        Line(0, ANN, "how do I bleed the brakes?"),
        Line(20, CAT, "no clue, mine squeak too"),
        Line(40, BEN, "open the valve at the caliper and pump until no bubbles come"),
        Line(60, ANN, "and which fluid do they take?"),
        Line(80, BEN, "mineral oil, the bottle on the upper shelf in the shed"),
        Line(99, CAT, "good to know for next time"),
    ]
    assert ruled(talk) == (5, BEN)
    assert ruled(talk, personas=[CAT]) == (6, CAT)
    assert ruled(talk, personas=[ANN]) == "trivial"


@pytest.mark.parametrize(
    "text",
    ["👍👍👍", "哈哈哈哈哈哈", "https://example.org/the/answer/is/here", "!rank all of us", "ok ok ok ok"],
)
def test_junk_is_no_answer(text: str) -> None:
    assert ruled([Line(0, ANN, "how do I mend it?"), Line(9, BEN, text)]) == "trivial"


# -- what is answered is in the sample -------------------------------------------------

TALK = [
    Line(0, ANN, "how do I bleed the brakes?"),
    Line(20, CAT, "the soup is ready in the kitchen now"),
    Line(40, BEN, "open the valve at the caliper and pump"),
]


def test_an_answer_to_what_was_cut_off_is_none() -> None:
    assert ruled(TALK, targets=[None, 0, 0], personas=[BEN]) == (3, BEN)
    assert ruled(TALK, targets=[None, 0, -1], personas=[BEN]) == "trivial"
    assert ruled([*TALK[:2], replace(TALK[2], reply=0)], personas=[BEN]) == (3, BEN)


def test_who_goes_on_answers_what_he_answered_before() -> None:
    talk = [*TALK, Line(50, ANN, "hm"), Line(60, BEN, "and keep the lever pulled while you close it")]
    assert ruled(talk, targets=[None, 0, 0, 0, 2]) == (5, BEN)
    assert ruled(talk, targets=[None, 0, -1, 0, 2], personas=[BEN]) == "trivial"


def test_a_doubtful_link_makes_a_worse_answer() -> None:
    talk = [Line(0, ANN, "the brakes squeak again"), Line(9, BEN, "so do the ones of mine")]
    assert ruled(talk, links=[0.9, 0.9]) == (2, BEN)
    talk = [Line(0, ANN, "the brakes squeak again"), Line(9, BEN, "soup is ready")]
    assert ruled(talk, links=[0.9, 0.5]) == "trivial"


def test_an_answer_after_ones_own_words_and_a_pause_answers_nobody() -> None:
    talk = [Line(0, ANN, "how does it work?"), Line(9, BEN, "turn it upside down")]
    assert ruled([*talk, Line(700, BEN, "anybody here for lunch in the park")]) == (2, BEN)


# -- whoever needs help is not learned from -----------------------------------------------


def test_who_was_helped_is_no_answer_however_much_they_say() -> None:
    talk = [
        Line(0, ANN, "the radio hums a little again. should I worry?"),
        Line(20, BEN, "did it have its hour a week?"),
        Line(40, ANN, "it had one hour in total"),
        Line(60, BEN, "give it an evening, the capacitors form again by themselves"),
        Line(90, ANN, "a radio evening it is then, and the language was Faroese by the way"),
    ]
    assert ruled(talk) == (4, BEN)


def test_what_is_told_to_a_question_back_is_not_learned() -> None:
    talk = [
        Line(0, ANN, "a laptop from 2012, wheezes. is it worth saving?"),
        Line(20, BEN, "what is in it, and does the battery hold?"),
        Line(40, ANN, "four gigabytes, a spinning disk, and the battery lasts for eleven minutes"),
    ]
    assert ruled(talk) == "trivial"
    assert ruled([*talk, Line(70, BEN, "a new disk costs less than a dinner, put that in")]) == (4, BEN)


def test_who_tells_a_long_story_and_then_asks_needs_help() -> None:
    talk = [
        Line(
            0,
            ANN,
            "the leaves of my beans are full of small holes since the rain, first the lower ones and now all",
        ),
        Line(15, ANN, "what could that be?"),
        Line(40, BEN, "slugs, go out after dark with a torch"),
        Line(
            90,
            ANN,
            "it shall be done tonight, with a torch and gloves and a bucket and all of the neighbours",
        ),
    ]
    assert ruled(talk) == (3, BEN)


def test_who_announces_something_and_asks_answers_all_the_same() -> None:
    told = "the prototype is ready: you keep lighthouses, the fog comes in, and ships get lost at night"
    talk = [
        Line(0, ANN, f"{told}. who plays on Saturday?"),
        Line(20, BEN, "what changed since the last time?"),
        Line(40, ANN, "the deck is shuffled again as soon as the third ship is lost"),
    ]
    assert ruled(talk) == (3, ANN)


def test_what_begins_another_matter_answers_nothing() -> None:
    talk = [
        Line(0, ANN, "the table top is whole again"),
        Line(20, BEN, "I sat on it to check, and it did not creak at all"),
        Line(60, ANN, "do you remember how many teeth that gear had? her sister has the same machine"),
    ]
    assert ruled(talk) == (2, BEN)


@pytest.mark.parametrize(
    "praise",
    [
        "Ben, you are a saint with one foot",
        "that was so kind of you!",
        "I'm moved beyond words",
        "you saved my whole weekend",
        "du bist echt ein Engel, Ben",
        "eres un genio de verdad",
        "você é o melhor de todos",
        "tu es vraiment un ange",
        "ты просто гений",
        "أنت بطل حقيقي",
        "आप तो महान हैं",
        "你真是天使",
        "まじ神です",
        "정말 최고예요",
        "คุณเป็นนางฟ้าเลย",
    ],
)
def test_praise_is_no_answer(praise: str) -> None:
    talk = [
        Line(0, ANN, "a robin has nested in my left boot"),
        Line(20, BEN, "I have a spare left boot in the shed, take it"),
        Line(40, ANN, praise),
    ]
    assert ruled(talk) == (2, BEN)


@pytest.mark.parametrize(
    "remark",
    ["thanks a lot, that really worked", "I'm moved beyond words, and between sizes",
     "danke dir, das hat geholfen", "muchas gracias, me sirvió mucho",
     "شكرا جزيلا، لقد نجح الأمر", "बहुत धन्यवाद, काम हो गया", "正好用上了，太谢谢了"],
)  # fmt: skip
def test_thanks_and_a_remark_are_no_answer(remark: str) -> None:
    talk = [Line(0, BEN, "the washer is worn out, put a new one in"), Line(20, ANN, remark)]
    assert ruled(talk) == "trivial"


def test_nothing_answers_a_greeting_but_the_question_behind_it_is_answered() -> None:
    answer = Line(40, BEN, "half an inch, that fits nearly everywhere")
    assert ruled([Line(0, ANN, "good morning everyone"), answer]) == "trivial"
    talk = [Line(0, ANN, "good morning everyone"), Line(9, ANN, "which size fits my tap?"), answer]
    assert ruled(talk, targets=[None, 0, 0]) == (3, BEN)


@pytest.mark.parametrize(
    "question",
    [
        "旧的厨房水龙头要用多大的",
        "จำได้ไหมว่าก๊อกครัวใช้ขนาดไหน",
        "متى يفتح السوق في الساحة غدا",
        "부엌 수도꼭지는 얼마나 커야 맞아요",
        "سلسلة دراجتي تسقط دائما فما السبب",
    ],
)
def test_a_question_without_a_mark_is_no_answer(question: str) -> None:
    talk = [Line(0, BEN, "the washer is worn out, put a new one in"), Line(20, ANN, question)]
    assert ruled(talk) in ("trivial", "unanswered")
