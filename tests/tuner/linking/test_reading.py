"""How a message is read, in any language."""

import pytest

from tuner.linking.reading import Reader, Reading
from tuner.linking.vocabulary import KINDS
from tuner.models import Extras, Message
from tuner.stages.speech import word_count


def read(text: str) -> Reading:
    return Reader().read(Message(1 << 40, 7, 1, "Ann", text))


def kinds(text: str) -> set[str]:
    kind = read(text).kind
    return {name for bit, name in enumerate(KINDS) if kind >> bit & 1 and not name.startswith("has up to")}


@pytest.mark.parametrize(
    "text",
    [
        "where is the key?", "钥匙在哪里？", "鑰匙在哪裡？", "鍵はどこですか？",
        "열쇠 어디 있어요？", "กุญแจอยู่ไหน?", "أين المفتاح؟",
        "Wo ist der Schlüssel?", "¿Dónde está la llave?", "Где ключ?", "चाबी कहाँ है?",
        "Où est la clé ?", "Onde está a chave?",
        "Πού είναι το κλειδί\u037e", "որտեղ է բանալին՞", "ቁልፉ የት ነው፧",
    ],
)  # fmt: skip
def test_a_question_is_one_in_any_script(text: str) -> None:
    assert "asks" in kinds(text)


@pytest.mark.parametrize("text", ["你有钥匙吗", "鍵はありますか", "열쇠 있나요", "มีกุญแจไหม"])
def test_what_asks_without_a_mark_asks(text: str) -> None:
    assert "asks" in kinds(text)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("thanks",
            "thanks|谢谢|多謝|ありがとう|감사합니다|ขอบคุณครับ|شكراً|شكرا|danke|gracias|спасибо|"
            "धन्यवाद|obrigado|merci|grazie"),
        ("agrees", "yes|是的|好的|はい|네|ใช่|نعم|ja|sí|да|हाँ|sim|oui"),
        ("greets", "hello|你好|こんにちは|안녕하세요|สวัสดี|مرحبا|hallo|hola|привет|नमस्ते|olá|bonjour"),
        ("goes on",
            "and then|但是不行|でも違う|그런데 말이야|แต่ไม่|لكن لا|und dann|pero no|но нет|"
            "लेकिन नहीं|então vai|donc non"),
        ("begins like a question",
            "how|怎么办|どうする|어떻게 해|ทำไม|كيف ذلك|wie das|cómo|как это|कैसे|quando|pourquoi"),
        ("says I",
            "i did|我做了|私がやった|제가 했어요|ผมทำ|أنا فعلت|ich war es|tengo uno|я сделал|"
            "मैं करूँगा|tenho um|j'ai fait"),
        ("says you",
            "you did|你做了|あなたがやった|네가 했어|คุณทำ|أنت فعلت|dein Buch|usted sabe|ты сделал|"
            "आप करो|você sabe|vous savez"),
        (
            "speaks to everyone",
            "anyone here|有人知道|誰か知ってる|누구 있어요|มีใครรู้|يا شباب|weiß jemand|"
            "alguien sabe|кто-нибудь|कोई है|alguém sabe|quelqu'un",
        ),
        ("exclaims", "no!|不！|いや！|¡no"),
        ("trails off", "well...|嗯…|那个。。。|ええと・・・|ну…"),
        ("is a command", "!help|！help|／help"),
    ],
)  # fmt: skip
def test_kinds_are_told_in_many_languages(kind: str, texts: str) -> None:
    assert [text for text in texts.split("|") if kind not in kinds(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "die in a war", "was that so", "man pages also", "the main sale", "des encryption", "du -h /home", "com port",
        "son of a gun", "gift for a friend", "comment it out", "plus one", "sin is cos", "os x",
        "see the mit license",
    ],
)  # fmt: skip
def test_english_is_not_taken_for_another_language(text: str) -> None:
    said = kinds(text) - {"goes on"}
    assert said <= {"begins like a question"}
    assert len(read("war main sale gift comment plus sin os mit des son").words) == 11


@pytest.mark.parametrize(
    ("one", "two", "other"),
    [
        ("the rhubarb leaves are poisonous", "do not eat rhubarb", "the red bicycle is broken"),
        ("堆肥箱里有很多蚯蚓", "蚯蚓喜欢咖啡渣", "明天下午去骑自行车"),
        ("コンポストにミミズがいます", "ミミズは元気？", "自転車が壊れた"),
        ("ถังปุ๋ยหมักมีไส้เดือน", "ไส้เดือนชอบกาแฟ", "จักรยานพังแล้ว"),
        ("지렁이 상자 어디 있어요", "지렁이 좋아해요", "자전거 고장났어요"),
        ("तालाब में मछली है", "मछली बहुत बड़ी", "साइकिल टूट गई"),
        ("الدودة في السماد", "اَلدُّودَةُ كبيرة", "انكسرت دراجتي"),
        ("Где ёжик в саду", "Ежик спит", "Велосипед сломан"),
        ("ព្រៃឈើស្អាតណាស់", "ខ្ញុំស្រលាញ់ព្រៃឈើ", "កង់ខូចហើយ"),
    ],
)
def test_messages_about_one_thing_share_words(one: str, two: str, other: str) -> None:
    shared = [set(read(one).words) & set(read(text).words) for text in (two, other)]
    assert shared[0]
    assert not shared[1]


@pytest.mark.parametrize(
    "text",
    [
        "在门边的毛巾下面",
        "ドアのそばのタオルの下です",
        "อยู่ข้างประตูใต้ผ้าเช็ดตัว",
        "ubuntuを再起動する",
        "好",
        "दरवाज़े के पास तौलिये",
    ],
)
def test_length_is_counted_as_everywhere(text: str) -> None:
    assert read(text).length == word_count(text)


def test_a_typographic_apostrophe_is_one() -> None:
    assert read("I’m sure it’s theirs, don’t ask")[:4] == read("I'm sure it's theirs, don't ask")[:4]


def test_a_name_that_is_mentioned_is_no_word() -> None:
    extras = Extras(mentions=((8, "田中さん"),))
    named = Reader().read(Message(1 << 40, 7, 1, "Ann", "田中さん 蚯蚓", extras=extras))
    assert named.words == read("蚯蚓").words
