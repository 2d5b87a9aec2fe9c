"""Whether something is asked: by its mark in any script, or by the words that ask in the most used languages. Pure.

People leave out question marks, and some languages hardly need them. The words only add to what other signs say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tuner.stages.courtesies import told
from tuner.stages.substance import LEAST, substance, without_links

ANNOUNCED = 12  # words beside a question from which on something is told, not asked

_MARKS = "?？؟⁇⁈⸮;՞፧"
_SENTENCE = re.compile(rf"[^.!。！…\n{_MARKS}]+[.!。！…{_MARKS}]*")
# Of scripts without spaces, and of those that ask at the end of a word.
_ASKING_END = re.compile(
    "(?:か|かな|ですかね|吗|嗎|么|呢|까|나요|가요|"
    "(?:ไหม|มั้ย|หรือเปล่า|รึเปล่า|หรอ|อะไร|ทำไม|ไหน|เมื่อไหร่|เมื่อไร|เท่าไหร่|เท่าไร|ใคร|ยังไง|อย่างไร)(?:ครับ|คะ|ค่ะ|นะ|บ้าง)*)[요 ]*$"
)
_ASKING_INSIDE = re.compile(
    "怎么|怎麼|什么|什麼|哪里|哪裡|哪个|谁|誰|为什么|為什麼|多少|多大|多久|几点|幾點|有没有|能不能|可不可以|どう(?!も)|なぜ|どこ|いつ|何が|何を|何で|何時|誰が|どれ|どの|"
    "อะไร|ทำไม|ที่ไหน|เมื่อไหร่|เมื่อไร|ใคร|ยังไง|อย่างไร|กี่|어떻게|무엇|어디|언제|누구|왜|몇 |얼마나|क्या|कैसे|क्यों|कहाँ|कहां|कौन|"
    r"कितने|\bف?(?:ما السبب|ما هو|ما هي|لماذا|كيف|أين|متى|كم)\b"
)
_ASKING_WORDS = """
how what why where when who which whats anyone anybody does did could can should would is are has have any
wie was warum wieso wo wann wer welche welcher welches kann hat gibt weiß jemand
comment pourquoi où quand qui quel quelle est-ce quelqu'un combien
cómo qué por dónde cuándo quién cuál alguien cuánto
como onde quando quem qual alguém quanto porque
come cosa perché dove quando chi quale qualcuno
hoe wat waarom waar wanneer wie iemand
jak co gdzie kiedy kto czy dlaczego ktoś
nasıl neden nerede ne kim niye
как что почему зачем где когда кто какой какая какие есть кто-нибудь сколько
як що чому де коли хто чи
bagaimana apa kenapa mengapa di mana kapan siapa apakah
πώς τι γιατί πού πότε ποιος
كيف ماذا لماذا أين متى من هل ما
چطور چرا کجا کی چه آیا
איך מה למה איפה מתי מי האם
"""
_LED_IN = re.compile(r"^\W*(?:\w+\W+){0,2}?\w+[:：]\s+")  # unrelated: how do you all …
_LATIN = re.compile(r"^\W*[a-z\u00c0-\u024f]", re.IGNORECASE)
_FIRST = frozenset(told(_ASKING_WORDS).split())


def asks(text: str) -> bool:
    """Whether a text seems to ask something."""
    return any(_is_question(sentence) or _seems_one(sentence) for sentence in _sentences(text))


def only_asks(text: str) -> bool:
    """Whether a text asks, and tells nothing beside that."""
    return _asks_telling_less_than(LEAST, text)


def begins_asking(text: str) -> bool:
    """Whether the first that a text tells is a question."""
    telling = (sentence for sentence in _sentences(text) if substance(sentence) > 1)  # no name, no greeting
    return next((_is_question(sentence) for sentence in telling), False)


def asks_for_help(text: str) -> bool:
    """Whether a text asks outright, and tells little beside that: no announcement with a question behind it."""
    return _asks_telling_less_than(ANNOUNCED, text)


def seems_only_to_ask(text: str) -> bool:
    """The same as `only_asks` where people leave out the mark, known by the words that ask.

    Not by those of languages in Latin letters: they begin as many statements.
    """
    return _asks_telling_less_than(
        LEAST, text, lambda sentence: _is_question(sentence) or _asks_within(sentence)
    )


def _asks_telling_less_than(words: int, text: str, is_question: Callable[[str], bool] | None = None) -> bool:
    told_beside, asked = 0, False
    for sentence in _sentences(text):
        if (is_question or _is_question)(sentence):
            asked = True
        else:
            told_beside += substance(sentence)
    return asked and told_beside < words


def _sentences(text: str) -> Iterator[str]:
    for found in _SENTENCE.finditer(without_links(text)):
        if sentence := found[0].strip():
            yield sentence


def _is_question(sentence: str) -> bool:
    bare = sentence.rstrip(_MARKS)
    return bare != sentence or _ASKING_END.search(sentence.rstrip(".!。！… ")) is not None


def _seems_one(sentence: str) -> bool:
    return _begins_with_asking_word(_LED_IN.sub("", sentence)) or _ASKING_INSIDE.search(sentence) is not None


def _asks_within(sentence: str) -> bool:
    latin = _LATIN.search(sentence) is not None
    return _ASKING_INSIDE.search(sentence) is not None or (not latin and _begins_with_asking_word(sentence))


def _begins_with_asking_word(sentence: str) -> bool:
    first = told(sentence).split(maxsplit=1)[:1]
    return bool(first) and first[0].strip(",:") in _FIRST
