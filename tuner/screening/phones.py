"""Telephone numbers: an international one by its country's plan, a national one by its shape or a word beside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phonenumbers import NumberParseException, is_possible_number, is_valid_number, parse

from tuner.screening.kinds import Found

_DIGITS = re.compile(r"[0-9][^\w\n]{0,3}[0-9]")
_WORLD = re.compile(
    r"(?<![A-Za-z0-9_+=/&?#-])(?:\+ ?|00(?=[1-9]))(?:\(0\)|[0-9])(?:[ \t\u00a0.()/-]{0,3}[0-9]){6,14}(?![0-9]|-?[A-Za-z_])"
)
_CANDIDATE = re.compile(
    r"(?<![A-Za-z0-9_+.,:=/#$€£-])(?:\([0-9]{1,5}\)|[0-9]{1,5})(?:[ \t\u00a0.()/-]{0,3}[0-9]){5,13}(?![0-9]|[.,:][0-9]|-?[A-Za-z_%$€])"
)
# What no other number looks like, by country.
_SHAPES = re.compile(
    r"(?:1[-. ]?)?\([2-9][0-9]{2}\)[-. ]?[0-9]{3}[-. ][0-9]{4}"  # North America
    r"|(?:1[-. ])?[2-9][0-9]{2}([-.])[0-9]{3}\1[0-9]{4}"
    r"|[2-9][0-9]{2} [0-9]{3}[- ][0-9]{4}"
    r"|\([1-9][0-9]\) ?9?[0-9]{4}[- ]?[0-9]{4}"  # Brazil
    r"|8 ?[-(]?[3-9][0-9]{2}[-)]? ?[0-9]{3}[- ][0-9]{2}[- ][0-9]{2}"  # Russia
    r"|1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"  # China
    r"|0[1-9](?:[ .-][0-9]{2}){4}"  # France
    r"|0[0-9]{1,4}[- ()/]{1,2}[0-9]{2,8}(?:[- ][0-9]{2,5}){0,4}"  # with a trunk's 0
    r"|\(0[0-9]{1,5}\)[- /]?[0-9]{2,5}(?:[- ]?[0-9]{2,5}){1,3}"
    r"|0[67][0-9]{8}|01[567][0-9]{8,9}|07[0-9]{9}|0[789]0[0-9]{8}|010[0-9]{8}"  # mobiles, written together
)
_TOGETHER = re.compile(r"[0-9]+(?:[ -][0-9]+){0,6}|[0-9]+(?:\.[0-9]+){2,4}")
_REGIONS = ("DE", "FR", "GB", "IT", "NL", "JP", "ES", "PL", "PT", "BR", "RU", "CN", "AT", "CH", "BE", "SE", "AU", "IN", "KR", "TR", "UA", "MX")  # fmt: skip
_ANYWHERE = ("US", *_REGIONS)
_WORDS = re.compile(
    r"(?i)phone|\btele?\b|\btel[.:]|\bcall|\bcell|mobile|\btext me|\btxt|\bsms\b|whats ?app|\bmy (?:\w+ )?number|\bnumber(?: is|:)|\bnumero\b|handy|nummer|ruf\b|"
    r"anruf|\bruf|téléphone|telephone|portable|appelle|numéro|teléfono|telefono|móvil|movil|llama|llám|celular|cellulare|chiama|"
    r"numero|telefone|telemóvel|liga|ligue|bel me|mobiel|telefoon|telefon|zadzwo|komórk|numer|тел|звон|номер|мобил|"
    r"電話|携帯|番号|电话|電話|手机|手機|号码|號碼|전화|번호|핸드폰|reach me|contact|fax|ring me|dial|viber|telegram"
)
_DATE = re.compile(
    r"(?:[0-3]?[0-9][./-][01]?[0-9][./-](?:[12][0-9])?[0-9]{2}|[12][0-9]{3}[./-][01]?[0-9][./-][0-3]?[0-9])(?![0-9])"
)


def phones(text: str) -> Iterator[Found]:
    for match in _WORLD.finditer(text):
        if _is_of_the_world(match[0]):
            yield Found("phone", *match.span())
    told: bool | None = None
    for match in _CANDIDATE.finditer(text):
        number = match[0]
        count = sum(map(str.isdigit, number))
        if not 7 <= count <= 13 or _DATE.match(number) or len(set(number)) < 3:
            continue
        if told is None:
            told = bool(_WORDS.search(text))
        if _is_national(number, told=told):
            yield Found("phone", *match.span())


def _is_of_the_world(number: str) -> bool:
    bare = number.replace(" ", "")
    bare = f"+{bare[2:]}" if bare.startswith("00") else bare
    try:
        parsed = parse(bare.replace("(0)", ""), None)
    except NumberParseException:
        return False
    return bool(is_possible_number(parsed)) if number[0] == "+" else bool(is_valid_number(parsed))


def _is_national(number: str, *, told: bool) -> bool:
    """By its shape, where a country's plan has it; beside a word that says so, by the plan alone."""
    shaped = _SHAPES.fullmatch(number) is not None
    if not (shaped or told):
        return False
    if not shaped and not _TOGETHER.fullmatch(number):
        return False
    if shaped and (told or (number[0] in "(123456789" and not number.isdigit())):
        return True
    return any(_is_valid_in(number, region) for region in (_REGIONS if shaped else _ANYWHERE))


def _is_valid_in(number: str, region: str) -> bool:
    try:
        return bool(is_valid_number(parse(number, region)))
    except NumberParseException:
        return False
