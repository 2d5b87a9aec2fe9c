"""Dates of birth: a date beside a word that says whose day it is, in the languages of the rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.screening.kinds import Found

_MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    "jän", "mär", "mai", "okt", "dez", "janv", "fév", "fev", "avr", "juin", "juil", "aoû", "aou", "déc",
    "ene", "abr", "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "out", "dez", "mrt", "maa", "mei",
    "sty", "lut", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "paz", "lis", "gru",
    "янв", "фев", "мар", "апр", "ма", "июн", "июл", "авг", "сен", "окт", "ноя", "дек",
)  # fmt: skip
_MONTH = rf"(?:{'|'.join(sorted(set(_MONTHS), key=len, reverse=True))})[^\W\d_]{{0,9}}\.?"
_OF = r"(?: ?(?:de|of|of the|di|del)\b)?"
_DATE = (
    r"(?<![0-9.])(?:[0-3]?[0-9] ?[./-] ?[01]?[0-9] ?[./-] ?(?:[12][0-9])?[0-9]{2}(?![A-Za-z0-9_]|[.-][0-9])"
    r"|[0-1]?[0-9]/[0-3]?[0-9]/(?:[12][0-9])?[0-9]{2}(?![A-Za-z0-9_])"
    r"|[12][0-9]{3}[./-][01]?[0-9][./-][0-3]?[0-9](?![A-Za-z0-9_])"
    rf"|[0-3]?[0-9](?:st|nd|rd|th|er|º|ª|\.|-го)?{_OF} {_MONTH}{_OF},? ?(?:[12][0-9]{{3}}|'[0-9]{{2}})?(?![A-Za-z0-9_])"
    rf"|{_MONTH} [0-3]?[0-9](?:st|nd|rd|th)?(?:,? ?[12][0-9]{{3}})?(?![A-Za-z0-9_])"
    r"|(?:[12][0-9]{3} ?[年년] ?|(?:昭和|平成|令和)[0-9元]{1,2}年)?[0-9]{1,2} ?[月월] ?[0-9]{1,2} ?[日号號일])"
    r"|(?<![0-9.])[12][0-9]{3} ?[年년] ?[0-9]{1,2} ?[月월] ?[0-9]{1,2} ?[日号號일]?"
)  # fmt: skip
_BORN = (
    r"\bborn\b|\bbirth ?(?:day|date)?s?\b|\bb-?day\b|\bd\.?o\.?b\b|geboren|geburts|\bgeb\.|\bnée?\b|naissance|anniversaire|\bnaci\w{0,4}|nací|nacimiento|cumple|"
    r"\bnat[oa] |\bnascit|compleanno|\bnasc|aniversário|aniversario|geboorte|verjaar|\bjarig|urodz|\bur\.|родил|рожден|\bд\.?р\b|\bдр\b|生年月日|誕生日|"
    r"生まれ|出生|生日|생년월일|생일|태어|född|født|syntynyt|doğum|narozen|народ"
)
_BEFORE = re.compile(rf"(?i)(?:{_BORN})[^\n]{{0,40}}?(?P<v>{_DATE})")
_AFTER = re.compile(
    rf"(?i)(?P<v>{_DATE})[^\n]{{0,15}}?(?:\bborn\b|\bis my birth|\bgeboren|生まれ|出生|誕生日|年生|我的生日|は誕生|생일|태어|est mon anniv|es mi cumple|è il mio compl|is mijn verjaar|\bis my b-?day|mein geburtstag|мой день рожд)"
)
_WORDS = (
    "born", "birth", "bday", "b-day", "dob", "d.o.b", "geboren", "geburts", "geb.", "né le", "née le", "né(e)", "naiss", "anniv", "naci", "nací", "cumple", "nato ", "nata ",
    "nasc", "complean", "anivers", "geboorte", "verjaar", "jarig", "urodz", "ur.", "родил", "рожд", "д.р", "др ", "др:", "生年", "誕生", "生まれ", "出生", "生日", "年生", "생년",
    "생일", "태어", "född", "født", "synty", "doğum", "naroz", "народ",
)  # fmt: skip


def births(text: str) -> Iterator[Found]:
    lower = text.lower()
    for word in _WORDS:
        if word in lower:
            for pattern in (_BEFORE, _AFTER):
                for match in pattern.finditer(text):
                    yield Found("birth date", *match.span("v"))
            return
