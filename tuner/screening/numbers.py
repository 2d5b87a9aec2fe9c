"""Numbers that name a person or an account, told by their checksums: cards, bank accounts, national numbers. Pure.

Where a checksum is weak, or there is none, a word beside the number has to say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.iso7064 import mod_11_2
from stdnum.it import codicefiscale
from stdnum.jp import in_ as my_number
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import nif
from stdnum.ro import cnp
from stdnum.ru import inn
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import ssn
from stdnum.za import idnr as za_id

from tuner.screening.kinds import Found

_CARD = re.compile(r"(?<![A-Za-z0-9_.,/+-])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![A-Za-z0-9_]|[.,-][0-9])")
_ISSUERS = (
    (re.compile("4"), (13, 16, 19)),
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("30[0-5]|3095|36|3[89]"), (14, 16)),
    (re.compile("6011|64[4-9]|65"), (16, 19)),
    (re.compile("35(?:2[89]|[3-8])"), (16,)),
    (re.compile("62|81"), (16, 19)),
    (re.compile("5018|5020|5038|5893|6304|6759|676[1-3]|2200|2201|2202|2203|2204"), (16,)),
)
_IBAN = re.compile(
    r"(?i)(?<![a-z0-9])[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{2,4}){3,9}(?:[ -]?[a-z0-9]{1,3})?(?![a-z0-9])"
)
_IBAN_LENGTHS = range(15, 35)

_SSN = re.compile(r"(?<![A-Za-z0-9_.+/-])[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}(?![A-Za-z0-9_]|[.-][0-9])")
_NINO = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Za-z0-9])"
)
_Check = Callable[[str], bool]

# Told by their form and checksum alone.
_FORMS: tuple[tuple[re.Pattern[str], _Check], ...] = (
    (re.compile(r"(?<![A-Za-z0-9_.-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![A-Za-z0-9_])"), cpf.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[0-9]{8}[ -]?[a-hj-np-tv-z](?![A-Za-z0-9_])"), dni.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[xyz][ -]?[0-9]{7}[ -]?[a-hj-np-tv-z](?![A-Za-z0-9_])"), nie.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[a-z]{6}[0-9lmnpqrstuv]{2}[abcdehlmprst][0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{3}[a-z](?![A-Za-z0-9_])"), codicefiscale.is_valid),
    (re.compile(r"(?<![A-Za-z0-9_.-])[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![A-Za-z0-9_])"), nir.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3}[0-9x](?![A-Za-z0-9_])"), mod_11_2.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[a-z]{4}[0-9]{6}[hmx][a-z]{5}[a-z0-9][0-9](?![A-Za-z0-9_])"), curp.is_valid),
    (re.compile(r"(?i)(?<![A-Za-z0-9_])[0-3][0-9][01][0-9]{3}[-+abcdefyxwvu][0-9]{3}[0-9a-y](?![A-Za-z0-9_])"), hetu.is_valid),
    (re.compile(r"(?<![A-Za-z0-9_-])[0-9]{2}[01][0-9][0-3][0-9]-[1-8][0-9]{6}(?![A-Za-z0-9_-])"), rrn.is_valid),
    (re.compile(r"(?<![A-Za-z0-9_-])(?:(?:19|20)[0-9]{2}|[0-9]{2})[01][0-9][0-3][0-9][-+][0-9]{4}(?![A-Za-z0-9_-])"), personnummer.is_valid),
    (re.compile(r"(?<![A-Za-z0-9_.])756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}(?![A-Za-z0-9_])"), ahv.is_valid),
    (re.compile(r"(?<![A-Za-z0-9_-])[0-9]{3}-[0-9]{3}-[0-9]{3} [0-9]{2}(?![A-Za-z0-9_])"), lambda text: _is_snils(text)),
    (_NINO, bool),
)  # fmt: skip

# A word beside it that says whose number it is, and the checksum of those.
_TOLD: tuple[tuple[re.Pattern[str], tuple[_Check, ...]], ...] = tuple(
    (re.compile(rf"(?i){words}"), checks)
    for words, checks in (
        (r"pesel", (pesel.is_valid,)),
        (r"\bbsn\b|burgerservice|sofinummer", (bsn.is_valid,)),
        (r"\bnif\b|contribuinte", (nif.is_valid,)),
        (r"steuer-?\s?(?:id|nr|nummer|ident)|\bidnr\b|tax id", (idnr.is_valid,)),
        (r"\bnhs\b", (nhs.is_valid,)),
        (r"\bsin\b|social insurance", (sin.is_valid,)),
        (r"\bcpf\b", (cpf.is_valid,)),
        (r"\bинн\b", (inn.is_valid,)),
        (r"снилс", (lambda text: _is_snils(text),)),
        (r"my ?number|マイナンバー|個人番号", (my_number.is_valid,)),
        (r"aadh?aa?r|आधार|\buid\b", (aadhaar.is_valid,)),
        (r"kimlik|\btckn?\b", (tckimlik.is_valid,)),
        (
            r"personn?ummer|fødsels|fodsels|\bcpr\b",
            (personnummer.is_valid, fodselsnummer.is_valid, cpr.is_valid),
        ),
        (r"\bcnp\b", (cnp.is_valid,)),
        (r"rodné|rodne", (rc.is_valid,)),
        (r"주민", (rrn.is_valid,)),
        (r"\bid number|south african id", (za_id.is_valid,)),
        (r"\bssn\b|social security", (ssn.is_valid,)),
        (
            r"passport|reisepass|passeport|pasaporte|passaporto|passaporte|paspoort|paszport|паспорт|パスポート|旅券|护照|護照|driver'?s? licen[cs]e|"
            r"driving licen[cs]e|führerschein|permis de conduire|carnet de conducir|rijbewijs|prawo jazdy|personalausweis|dowód osobisty|"
            r"dowodu|免許証|驾照|carta d'identità",
            (lambda text: sum(map(str.isdigit, text)) >= 5,),
        ),
    )
)
_TELLING = re.compile(
    r"(?i)pesel|bsn|burger|sofi|nif|contrib|steuer|idnr|tax id|nhs|\bsin\b|insur|cpf|инн|снилс|number|ナンバー|番号|aadh|adha|आधार|uid|kimlik|tck|person|ødsel|odsel|"
    r"cpr|cnp|rodn|주민|\bid\b|ssn|social|pass|pasa|pasz|paspoort|паспорт|旅券|护照|護照|licen|schein|permis|carnet|rijbew|prawo|ausweis|dow[oó]d|免許|驾照|carta"
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.,/-])[A-Z]{0,3}[0-9](?:[ .-]?[0-9A-Z]){5,13}(?![A-Za-z0-9_]|[-/][0-9])"
)
_BEHIND, _AHEAD = 40, 15  # characters in which the word stands
_WHEN = re.compile(
    r"(?:19|20)[0-9]{2}[ ./-][01][0-9][ ./-][0-3][0-9](?![0-9])|(?:[0-9]{1,3}\.){2,3}[0-9]{1,3}$"
)


def cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        if is_card(re.sub("[ -]", "", match[0])):
            yield Found("card", *match.span())


def is_card(digits: str) -> bool:
    """Whether an issuer numbers cards so, and the checksum holds; no ids of Discord's, no runs of one digit."""
    issued = any(len(digits) in lengths and issuer.match(digits) for issuer, lengths in _ISSUERS)
    return issued and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def accounts(text: str) -> Iterator[Found]:
    """IBANs; what follows one in a line may look like a part of it."""
    for match in _IBAN.finditer(text):
        end = match.end()
        while end > match.start() + _IBAN_LENGTHS.start - 1:
            if _is_iban(text[match.start() : end]):
                yield Found("bank account", match.start(), end)
                break
            cut = max(text.rfind(" ", match.start(), end), text.rfind("-", match.start(), end))
            end = cut


def _is_iban(text: str) -> bool:
    bare = re.sub("[ -]", "", text)
    return len(bare) in _IBAN_LENGTHS and bool(iban.is_valid(bare, check_country=False))


def identities(text: str) -> Iterator[Found]:
    for pattern, is_valid in _FORMS:
        for match in pattern.finditer(text):
            if is_valid(match[0]):
                yield Found("ID number", *match.span())
    for match in _SSN.finditer(text):
        if ssn.is_valid(match[0].replace(" ", "-")):
            yield Found("ID number", *match.span())
    if not _TELLING.search(text):
        return
    for match in _NUMBER.finditer(text):
        beside = f"{text[max(0, match.start() - _BEHIND) : match.start()]}\n{text[match.end() : match.end() + _AHEAD]}"
        if _is_number(match[0]) and _is_told(match[0], beside):
            yield Found("ID number", *match.span())


def _is_told(number: str, beside: str) -> bool:
    return any(_passes(check, number) for words, checks in _TOLD if words.search(beside) for check in checks)


def _is_number(text: str) -> bool:
    """Whether digits are no moment, no address of a machine, and not all alike."""
    return len(set(text)) > 2 and not _WHEN.match(text)


def _passes(check: _Check, text: str) -> bool:
    return bool(check(text)) or bool(check(re.sub(r"[ ./-]", "", text)))


def _is_snils(text: str) -> bool:
    """A Russian pension number: nine digits weighted by their place, then the rest of a division by 101."""
    digits = [int(c) for c in text if c.isdigit()]
    if len(digits) != 11:
        return False
    weighed = sum(digit * (9 - place) for place, digit in enumerate(digits[:9]))
    return weighed % 101 % 100 == digits[9] * 10 + digits[10]
