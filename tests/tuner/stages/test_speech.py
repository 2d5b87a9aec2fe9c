"""How much is said, in any script, and where it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import UNITS, is_linear
from tests.support.lines import ANN, BEN, Line, spoken
from tuner.models import Excerpt, Segment
from tuner.stages.recall import keywords, recalled
from tuner.stages.speech import PAUSE, says_something, without_placeholders, word_count
from tuner.stages.substance import substance
from tuner.stages.verdict import by_rules

SHORT = {  # one or two words: no answer to learn from
    "en": ["ok", "thank you", "good morning"],
    "de": ["gut", "guten Morgen"],
    "ru": ["да", "спасибо большое"],
    "ar": ["نعم", "شكرا جزيلا"],
    "he": ["כן", "תודה רבה"],
    "hi": ["हाँ", "नमस्ते", "बहुत धन्यवाद"],
    "ta": ["வணக்கம்"],
    "zh": ["好", "谢谢", "好的谢谢"],
    "ja": ["はい", "了解です", "なるほど"],
    "ko": ["네", "고마워요"],
    "th": ["ครับ", "ใช่", "ขอบคุณ"],
    "km": ["បាទ"],
    "my": ["ဟုတ်"],
}
LONG = {  # sentences
    "en": "By the door, under the towel",
    "de": "Neben der Tür, unter dem Handtuch",
    "ru": "У двери под полотенцем",
    "ar": "بجانب الباب تحت المنشفة",
    "he": "ליד הדלת מתחת למגבת",
    "hi": "दरवाज़े के पास तौलिये के नीचे",
    "ta": "கதவின் அருகே துண்டுக்கு கீழே",
    "zh": "在门边的毛巾下面",
    "ja": "ドアのそばのタオルの下です",
    "ko": "문 옆에 수건 아래에 있어요",
    "th": "อยู่ข้างประตูใต้ผ้าเช็ดตัว",
    "lo": "ຢູ່ຂ້າງປະຕູກ້ອງຜ້າເຊັດໂຕ",
    "km": "នៅក្បែរទ្វារក្រោមកន្សែង",
    "my": "တံခါးနားမှာ မျက်နှာသုတ်ပုဝါအောက်မှာ",
    "bo": "སྒོའི་འགྲམ་ལ་ཡོད་པ་རེད།",
}


@pytest.mark.parametrize("text", [text for texts in SHORT.values() for text in texts])
def test_little_is_said_in_any_language(text: str) -> None:
    assert 1 <= word_count(text) < 3


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_sentence_is_said_in_any_language(text: str) -> None:
    assert 3 <= word_count(text) <= 12


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("I don't know", 3),
        ("https://example.org/one/two/three", 0),
        (":party_blob: :wave: :tada:", 0),
        ("👍 !!! …", 0),
        ("see https://example.org/a-b-c now", 2),
        ("看https://example.org/a看", 1),
        ("see example.org/a-b-c or www.example.org now", 3),
        ("x_y 3 Zoe\u0308", 3),
        ("用 Python 写的", 3),
    ],
)
def test_what_counts_as_a_word(text: str, count: int) -> None:
    assert word_count(text) == count


@given(st.text())
def test_any_text_has_a_count(text: str) -> None:
    assert 0 <= word_count(text) <= len(text)
    assert word_count(f"{text}\n{text}") <= 2 * word_count(text) + 2


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "ㅤ", "https://a.b", "<https://a.b>", "||http://a.b/c?d=e|| https://x.y"),
        *(
            "example.org/page",
            "www.example.org",
            "WWW.Example.org/Page",
            "<www.example.org>",
            "example.org",
            "a-b.co.uk.",
        ),
        *("discord.gg/abcd", "youtu.be/dQw4w9WgXcQ?t=3", "bücher.example/liste", "example.org:8080/page"),
        *("https://discord.com/channels/1/2/3", "discord.com/channels/1/2/3", "discord://-/channels/1/2/3"),
        *(
            "[look](https://a.b)",
            "[see this page](<https://a.b/c>)",
            "[a](https://a.b)\n[b](www.b.org)",
            "**[look](http://a.b)**",
        ),
        *("ftp://a.b/c", "steam://run/440", "example.org/page www.example.org"),
    ],
)
def test_what_says_nothing(text: str) -> None:
    assert not says_something(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "?",
            "👍",
            ":)",
            "https://a.b yes",
            "look: [here](https://a.b)",
            "好",
            "https://a.b 👍",
            "[look](there)",
        ),
        *(
            "main.py",
            "node.js",
            "and/or",
            "1/2",
            "v1.2",
            "3.5",
            "me@example.org",
            "yes.it was",
            "e.g. this",
            "Ok.Thanks",
        ),
        *("see example.org/page", "www", "...", "src/main.py", "~/notes.txt", "10.0.0.1"),
    ],
)
def test_what_says_something(text: str) -> None:
    assert says_something(text)


def test_lines_that_stand_for_something_else_are_no_words() -> None:
    text = "[attachment: a.png]\nsee [attachment: b.png]\n[poll: tea?]\n[forwarded message]\n[sticker: x]"
    assert without_placeholders(text) == "see [attachment: b.png]"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[sticker: blob wave hello]",
            "[Sticker: wave]",
            "[image]",
            "[GIF: a cat falls off]",
            "[voice message]",
        ),
        *(
            "[attachment: a.png] [attachment: b.png]",
            " [poll: tea or coffee today?] ",
            "[file: notes.txt]\n[embed]",
        ),
    ],
)
def test_what_only_stands_for_something_else_is_no_answer(text: str) -> None:
    assert without_placeholders(text) == ""
    assert substance(text) == 0


@pytest.mark.parametrize(
    "text", ["[tea: two spoons]", "[image: a] is it", "see [sticker: x]", "[sticker", "image: a"]
)
def test_other_brackets_are_words(text: str) -> None:
    assert without_placeholders(text) == text


@pytest.mark.parametrize("unit", UNITS)
def test_any_text_is_judged_in_time_linear_in_its_length(unit: str) -> None:
    def work(text: str) -> None:
        recalled(text)
        keywords(text, [text])
        says_something(text)
        without_placeholders(text)
        word_count(text)

    assert is_linear(work, unit)


# -- the rules without a model -----------------------------------------------------


def ends(*lines: Line) -> int:
    """How many messages the rules keep; 0 for none."""
    messages = tuple(spoken(lines))
    kept = by_rules(Segment(7, messages), {}, ())
    return len(kept.messages) if isinstance(kept, Excerpt) else 0


@pytest.mark.parametrize("language", SHORT)
def test_the_rules_judge_a_talk_alike_in_any_language(language: str) -> None:
    for short in SHORT[language]:
        talk = (LONG[language], LONG[language], LONG[language], short)
        assert ends(*(Line(40 * n, ANN + n % 2, text) for n, text in enumerate(talk))) == 2


@pytest.mark.parametrize(
    "link",
    ["https://example.org/upside/down/now", "example.org/upside/down/now", "<www.example.org/a-b-c-d>"],
)
def test_the_rules_take_no_link_and_nothing_after_a_pause_for_an_answer(link: str) -> None:
    talk = [Line(0, ANN, "how does it work?"), Line(9, BEN, "turn it upside down")]
    assert ends(*talk, Line(20, ANN, link)) == 2
    assert ends(*talk, Line(20 + PAUSE, BEN, "anybody here for lunch?")) == 2
    assert ends(*talk, Line(20, BEN, "and then shake it")) == 3
