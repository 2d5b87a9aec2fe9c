"""How people ask about earlier talk in each language, and what only looks like it."""

from itertools import chain

import pytest

from tests.support.growth import UNITS, is_linear
from tuner.stages.phrases import LANGUAGES
from tuner.stages.recall import recalled

ASKED: dict[str, tuple[str, ...]] = {
    "en": (
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
        "what size was the coupling you told Deniz about?",
        "which size did I say for the cards?",
        "What was that cardamom amount which Wren told us for the knots?",
        "we talked about this the other day",
        "somebody mentioned a film lab two months ago",
        "@Hal what was the wood of the dowel you used for my table top, i've got a second hole now",
        "@Hal, remember when you talked about the tomato that survives at a north wall? Which variety was that?",
    ),
    "de": (
        "Weißt du noch, welche Dichtung man für den Wasserhahn braucht?",
        "Erinnert sich jemand, wer den Schlüssel hat?",
        "Was hat Mira über den Karton gesagt?",
        "Wie hieß der Laden nochmal?",
        "Hattest du nicht letzte Woche einen Markt erwähnt?",
        "weiß noch jemand wann der Markt aufmacht",
    ),
    "fr": (
        "Tu te souviens de la taille du joint ?",
        "Quelqu'un se souvient qui a la clé ?",
        "Qu'est-ce que Mira avait dit sur le carton ?",
        "C'était quoi déjà le nom du magasin ?",
        "Tu avais parlé d'un marché la semaine dernière, non ?",
    ),
    "es": (
        "¿Te acuerdas de la medida de la junta?",
        "¿Alguien recuerda quién tiene la llave?",
        "¿Qué dijo Mira sobre el cartón?",
        "¿Cómo se llamaba aquella tienda?",
        "la otra vez hablamos de un mercado, cuál era?",
    ),
    "pt": (
        "Você lembra qual era a medida do vedante?",
        "Alguém se lembra quem tem a chave?",
        "O que a Mira disse sobre o papelão?",
        "Como se chamava mesmo aquela loja?",
    ),
    "it": (
        "Ti ricordi la misura della guarnizione?",
        "Qualcuno si ricorda chi ha la chiave?",
        "Cosa aveva detto Mira del cartone?",
    ),
    "ru": (
        "Помнишь, какая прокладка нужна для крана?",
        "Кто-нибудь помнит, у кого ключ?",
        "Что Мира говорила про картон?",
        "Как назывался тот магазин?",
        "Ты же на прошлой неделе говорил про рынок?",
    ),
    "ar": (
        "هل تتذكر مقاس الجلدة للصنبور؟",
        "هل يذكر أحد من معه المفتاح؟",
        "ماذا قالت ميرا عن الكرتون؟",
        "ماذا كان اسم المحل الذي ذكرته الأسبوع الماضي؟",
    ),
    "hi": (
        "क्या तुम्हें याद है नल के लिए कौन सा वॉशर चाहिए?",
        "किसी को याद है चाबी किसके पास है?",
        "मीरा ने गत्ते के बारे में क्या कहा था?",
    ),
    "zh": (
        "你还记得水龙头要用多大的垫圈吗",
        "有人记得钥匙在谁那里吗？",
        "上次米拉说纸箱要怎么处理来着",
        "你之前推荐的那家店叫什么",
    ),
    "ja": (
        "蛇口のパッキンのサイズを覚えていますか",
        "誰か鍵を持っている人を覚えていませんか？",
        "あの店の名前は何でしたっけ",
        "この前話していた市場はどこですか",
    ),
    "ko": (
        "수도꼭지 패킹 크기 기억나세요?",
        "열쇠 누가 갖고 있는지 기억하는 사람 있나요",
        "미라가 상자에 대해 뭐라고 했지?",
        "그 가게 이름이 뭐였더라",
    ),
    "th": (
        "จำได้ไหมว่าก๊อกน้ำใช้แหวนยางขนาดไหน",
        "มีใครจำได้บ้างว่ากุญแจอยู่กับใคร",
        "คราวก่อนมีราบอกว่ากล่องต้องทำยังไง",
    ),
}

NOT_ASKED: dict[str, tuple[str, ...]] = {
    "en": (
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
        "However, remember that PyScript lives in the browser",
        "remember that you need to restart it",
        "did you remember to water the plants?",
        "please remember that the shop closes at six.",
        "as I said earlier, it is broken",
        "i said last week that it would rain",
    ),
    "de": (
        "Erinnere dich daran, den Müll rauszubringen",
        "Denk daran, den Müll rauszubringen",
        "Weißt du, wie spät es ist?",
        "Das Wetter war letzte Woche schön",
        "Was hast du gekauft?",
        "Erinnerst du mich morgen?",
    ),
    "fr": (
        "Souviens-toi de sortir les poubelles",
        "N'oublie pas la clé",
        "Qu'est-ce que tu fais ?",
        "Tu as vu le film ?",
        "tu te souviens de fermer la porte ?",
    ),
    "es": (
        "Recuerda sacar la basura",
        "Acuérdate de cerrar la puerta",
        "¿Qué haces?",
        "¿te acuerdas de sacar la basura?",
        "La semana pasada llovió",
    ),
    "pt": (
        "Lembre-se de tirar o lixo",
        "Não esqueça a chave",
        "O que você quer?",
        "Semana passada choveu",
        "você lembra de fechar a porta?",
    ),
    "it": (
        "Ricordati di portare fuori la spazzatura",
        "Cosa fai?",
        "ti ricordi di chiudere la porta?",
    ),
    "ru": (
        "Помни, что надо вынести мусор",
        "Не забудь вынести мусор",
        "Что ты делаешь?",
        "На прошлой неделе шёл дождь",
    ),
    "ar": (
        "تذكر أن تخرج القمامة",
        "لا تنس المفتاح",
        "ماذا تفعل؟",
        "كان الجو باردا الأسبوع الماضي",
    ),
    "hi": (
        "कूड़ा बाहर निकालना याद रखना",
        "मुझे वह दिन याद है",
        "तुम क्या कर रहे हो?",
        "पिछले हफ्ते बारिश हुई",
    ),
    "zh": (
        "记得把垃圾拿出去",
        "记得带伞",
        "你在做什么？",
        "上周下雨了",
        "我不记得了",
    ),
    "ja": (
        "ゴミを出すのを覚えておいてください",
        "これを覚えてね",
        "何をしていますか",
        "先週は雨でした",
    ),
    "ko": (
        "쓰레기 버리는 거 기억해 두세요",
        "이거 꼭 기억해",
        "뭐 하고 있어요?",
        "지난주에 비가 왔어요",
    ),
    "th": (
        "จำไว้ว่าต้องทิ้งขยะ",
        "อย่าลืมกุญแจ",
        "ทำอะไรอยู่",
        "อาทิตย์ที่แล้วฝนตก",
    ),
}


def test_every_language_has_both() -> None:
    assert len(LANGUAGES) >= 10
    assert ASKED.keys() == NOT_ASKED.keys() == LANGUAGES.keys()
    assert min(len(texts) for texts in chain(ASKED.values(), NOT_ASKED.values())) >= 3


@pytest.mark.parametrize(("language", "text"), [(k, text) for k, texts in ASKED.items() for text in texts])
def test_who_asks_about_earlier_talk_is_understood(language: str, text: str) -> None:
    found = recalled(text)
    assert found is not None
    assert found[0] == language
    assert found[1] in text


@pytest.mark.parametrize("text", [text for texts in NOT_ASKED.values() for text in texts])
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert recalled(text) is None


def test_the_sentence_that_asks_is_told() -> None:
    asked = "The tap drips. Do you remember the size of the washer? I have a bucket."
    assert recalled(asked) == ("en", "Do you remember the size of the washer?")


OWN = (
    "remember ",
    "what did you say ",
    "weißt du ",
    "was hat ",
    "помнишь",
    "记得",
    "上次",
    "覚えて",
    "기억",
    "จำ",
    "याद ",
    "هل ",
)


@pytest.mark.parametrize("unit", [*UNITS, *OWN])
def test_no_text_takes_long(unit: str) -> None:
    assert is_linear(recalled, unit)
