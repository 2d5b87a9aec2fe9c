"""Street addresses and coordinates, as far as rules go: what streets are called, and a number beside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.screening.kinds import Found

_NAME = r"[^\W\d_][\w'’.-]{0,30}"
_BIG = r"[A-ZÀ-ÖØ-ÞĀ-ŽА-ЯЁ][\w'’.-]{1,30}"
_LITTLE = r"(?:de|del|della|delle|dei|di|da|do|dos|das|du|des|d'|la|las|los|le|les|l'|el|y|e|van|der|den|the|saint|san|santa|von|zum|zur|am|im)"
_LOCALITY = r"(?:,? ?(?:[A-Z]{1,2}-)?[0-9]{4,5}(?:-[0-9]{3,4})?(?: ?[A-Z]{2}\b)? [A-ZÀ-ÖØ-ÞĀ-Ž][\w'’.-]{2,25}(?: [A-ZÀ-Ž][\w'’-]{2,20})?)?"
_FLAT = r"(?:,? (?:apt|apartment|unit|suite|ste|flat|floor|bldg|wohnung|whg|app|apto?|piso|int|kat|m|kv|кв)\.? ?#?[0-9]{1,4}[a-z]?)?"

_STREETS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (  # English: 12 Mill Lane
        ("street", "avenue", "road", "lane", "drive", "boulevard", "court", "terrace", "crescent", "parkway", "highway", "square", " st", " ave", " rd", " dr",
         " ln", " blvd", " ct", " way", " close", " place", " pl", "grove", "gardens", "hill", "row", "walk"),
        re.compile(
            rf"(?<![\w.$/:-])[0-9]{{1,5}}(?:[-/][0-9]{{1,4}})?[A-Za-z]? (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?(?!(?i:of|the|on|in|to|a|an|miles?|years?|days?|people|times|more|minutes?|hours?|km|at|for|and|or|is|cars?|guys|man|men|way|off|from|per|down|out|dirty|other|different|long|lanes?|blocks?|side|dead|new|old|big|main(?! st)|mostly|vs|x|st|nd|rd|th)\b)"
            rf"(?:(?:{_BIG}|[0-9]{{1,3}}(?:st|nd|rd|th))(?: {_BIG}){{0,3}} (?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Terrace|Ter|Square|Sq|Close|Crescent|Cres|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Trail|Grove|Gardens|Hill|Row|Walk|Mews|Quay)\b"
            rf"|(?i:[a-z][a-z'’-]{{2,20}}(?: [a-z][a-z'’-]{{2,20}})?) (?i:street|avenue|road|lane|boulevard|blvd|crescent|terrace)\b)"
            rf"\.?(?i:{_FLAT})(?:,? [A-Z][a-z'’-]{{2,20}}(?: [A-Z][a-z'’-]{{2,20}})?)?(?:,? [A-Z]{{2}},? [0-9]{{5}}(?:-[0-9]{{4}})?\b|,? [A-Z]{{1,2}}[0-9][A-Z0-9]? ?[0-9][A-Z]{{2}}\b)?"
        ),
    ),
    (  # German, Dutch, Scandinavian: Lindenstraße 4, Kerkstraat 12, Storgatan 3
        ("straße", "strasse", "str.", "weg", "allee", "gasse", "platz", "ring", "damm", "ufer", "chaussee", "straat", "laan", "plein", "gracht", "kade",
         "singel", "dijk", "dreef", "gata", "gatan", "vägen", "gade", "vej", "veien", "straat", "steeg", "steig", "markt"),
        re.compile(
            rf"(?<![\w-])(?:{_BIG}(?i:straße|strasse|str\.|allee|gasse|platz|damm|ufer|chaussee|weg|steig|straat|laan|plein|gracht|kade|singel|dijk|dreef|steeg|gatan|gata|vägen|gade|veien|vej)"
            rf"|(?i:[\w-]{{3,30}}(?:straße|strasse|straat|gracht))|(?:{_BIG} |(?i:an der|am|auf der|zum|zur) ){{0,3}}{_BIG}[ -](?:Straße|Strasse|Str\.|Allee|Weg|Platz|Ring|Damm|Ufer|Gasse|Markt))"
            rf" ?(?<![\d.])[0-9]{{1,4}}(?: ?[a-zA-Z](?![\w]))?(?:[-/][0-9]{{1,4}}[a-z]?)?(?![\w.:]|%)(?i:{_FLAT}){_LOCALITY}"
        ),
    ),
    (  # French: 12 rue de la Paix
        ("rue", "avenue", "boulevard", "bd ", "place", "chemin", "impasse", "allée", "allee", "route", "quai", "cours", "passage", "square", "av."),
        re.compile(
            rf"(?i:(?<![\w.$/:-])[0-9]{{1,4}}(?: ?(?:bis|ter|quater))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|allée|allee|route|quai|cours|passage|square) "
            rf"(?:(?:de la|de l'|de l’|du|des|de|d'|d’|la|le|les|saint|sainte)[ -]?)?{_NAME}(?:[ -](?:de |du |des |la |l')?(?-i:{_BIG}))?(?:[ -](?-i:{_BIG}))?){_LOCALITY}"
        ),
    ),
    (  # Spanish, Portuguese, Italian: Calle Mayor 5, Rua Augusta, 120, Via Garibaldi 9
        ("calle", "c/", "avenida", "avda", "av.", "plaza", "paseo", "camino", "carrera", "ronda", "rua", "travessa", "praça", "praca", "alameda", "largo", "estrada",
         "rodovia", "via ", "viale", "piazza", "corso", "vicolo", "piazzale", "strada", "lungo", "contrada", "calzada", "jirón", "jr."),
        re.compile(
            rf"(?<![\w/])(?i:calle|c/|avenida|avda\.?|av\.|plaza|paseo|camino|carrera|ronda|rua|travessa|praça|praca|alameda|largo|estrada|rodovia|viale|piazza|corso|vicolo|piazzale|strada|contrada|calzada)"
            rf" ?(?:(?i:{_LITTLE}) ?){{0,2}}(?:{_BIG}|(?i:[^\W\d_]{{4,20}}))(?: (?:(?i:{_LITTLE}) ?){{0,2}}{_BIG}){{0,3}}(?:,? ?(?i:n[.º°o]{{0,2}}|num\.?|número|nr\.?|#)? ?)(?<=[ ,º°.#o])[0-9]{{1,5}}(?: ?[a-zA-Z](?!\w)|bis)?(?![\w%:]|\.\d){_LOCALITY}"
            rf"|(?<![\w/])(?:Via(?: (?i:{_LITTLE}))?(?: [A-Z][a-zàèéìòù'’]{{2,20}}){{1,4}}|via(?: (?i:{_LITTLE}))?(?: [A-Z][a-zàèéìòù'’]{{2,20}}){{1,4}}(?=,|(?: n[.°]))),? ?(?:n[.°]? ?)?[0-9]{{1,4}}(?:/?[a-zA-Z](?!\w))?(?![\w%:]|\.\d){_LOCALITY}"
        ),
    ),
    (  # Polish
        ("ul.", "ulica", "ulicy", "al.", "aleja", "alei", "pl.", "plac", "os.", "osiedle"),
        re.compile(
            rf"(?<![\w.])(?i:ul\.|ulica|ulicy|al\.|aleja|aleje|alei|pl\.|plac|os\.|osiedle) ?(?:[0-9]{{1,2}} )?{_BIG}(?: {_BIG}){{0,3}},? (?:nr )?[0-9]{{1,4}}[a-zA-Z]?(?:/[0-9]{{1,4}})?(?:,? ?m\. ?[0-9]{{1,3}})?(?![\w.:]){_LOCALITY}"
        ),
    ),
    (  # Russian, Ukrainian
        ("ул", "пр-т", "просп", "пр.", "пер", "шоссе", "наб", "бульвар", "площад", "пл.", "проезд", "вул", "б-р"),
        re.compile(
            r"(?i)(?<![\w])(?:ул\.|ул|улиц[аеуы]|вул\.|вулиця|пр-т|проспекте?|просп\.|пр\.|пер\.|переулок|шоссе|наб\.|набережная|бульвар|б-р|площадь|пл\.|проезд)"
            r" ?[\w.-]{2,30}(?: [\w.-]{2,30})?,? ?(?:д\.|дом|д|буд\.)? ?[0-9]{1,4}[а-яa-z]?(?:/[0-9]{1,4})?(?![\w%:])(?:,? ?(?:к|корп|стр|кв|квартира)\.? ?[0-9]{1,4}){0,3}"
            r"|(?<![\w])[А-ЯЁ][\w-]{2,30} (?:ул\.|улица|улице|проспект|переулок|шоссе|бульвар),? ?(?:д\.|дом|д)? ?[0-9]{1,4}(?:,? ?кв\.? ?[0-9]{1,4})?(?![\w%:])"
        ),
    ),
    (  # Japanese, with or without a prefecture
        ("市", "区", "町", "村", "郡", "都", "丁目", "番地"),
        re.compile(
            r"(?:〒? ?[0-9]{3}-[0-9]{4} ?)?(?:[一-鿿]{2,3}[都道府県])?[一-鿿ぁ-んァ-ヶー々]{1,8}[市区郡町村][一-鿿ぁ-んァ-ヶー々]{0,12}"
            r"[ ]?[0-9]{1,4}(?:丁目|番地?|[-−ー‐])[0-9]{0,4}(?:(?:番地?|号|[-−ー‐])[0-9]{0,4}){0,3}号?(?:室)?"
        ),
    ),
    (  # Chinese
        ("路", "街", "巷", "弄", "大道", "号", "號"),
        re.compile(
            r"(?:[一-鿿]{2,8}?(?:省|自治区|市|区|區|县|縣|镇|鎮|乡|鄉)){0,4}[一-鿿]{1,10}?(?:路|街|大道|巷|弄|道)(?:[一二三四五六七八九十东西南北中]{1,2}段|[东西南北中]路)?"
            r" ?[0-9]{1,5}(?:弄|巷)?[0-9]{0,4} ?(?:号|號)(?: ?[0-9一-鿿]{0,10}(?:室|楼|樓|栋|棟|单元|單元|层))?"
        ),
    ),
    (  # Korean
        ("로 ", "길 ", "동 "),
        re.compile(r"(?:[가-힣]{2,8}(?:시|도|군|구) ?){1,3}[가-힣0-9]{1,12}(?:로|길|동) ?[0-9]{1,4}(?:-[0-9]{1,4})?(?:번지|번길)?(?: ?[0-9]{1,4}(?:동|호)){0,2}"),
    ),
)  # fmt: skip

_UK = re.compile(r"(?<![\w-])[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}(?![\w-])")
_ZIP = re.compile(
    r"(?<![\w])[A-Z][a-z]{2,20}(?: [A-Z][a-z]{2,20})?,? (?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? [0-9]{5}(?:-[0-9]{4})?(?![\w.])"
)
_BOX = re.compile(
    r"(?i)(?<!\w)(?:p\.? ?o\.? ?box|postfach|apartado(?: de correos)?|bo[îi]te postale|caixa postal|postbus|skrytka pocztowa|casella postale) ?[0-9]{2,6}(?!\w)"
)
_SPOT = re.compile(
    r"(?<![\w.,:-])-?[0-9]{1,2}\.[0-9]{4,8}°? ?[NS]?,? {0,2}-?(?:1[0-7]|[0-9])?[0-9]\.[0-9]{4,8}(?:°? ?[EWO])?(?![\w.])"
    r"|[0-9]{1,2}° ?[0-9]{1,2}['′’] ?[0-9.]{1,6}[\"″”'’]{1,2} ?[NS],? {0,2}[0-9]{1,3}° ?[0-9]{1,2}['′’] ?[0-9.]{1,6}[\"″”'’]{1,2} ?[EWO]"
)
_FIVE = re.compile(r"[A-Z]{2},? [0-9]{5}")
_BOXES = ("box", "postfach", "apartado", "postale", "postal", "postbus", "pocztowa")
_LIVES = (
    "address",
    "live",
    "post code",
    "postcode",
    "postal",
    "zip",
    "ship",
    "send",
    "deliver",
    "home",
    "house",
)


_ANCHORS = tuple(
    (anchor, number, anchor.isascii()) for number, (anchors, _) in enumerate(_STREETS) for anchor in anchors
)


def addresses(text: str) -> Iterator[Found]:
    lower, is_ascii = text.lower(), text.isascii()
    tried: set[int] = set()
    for anchor, number, anchor_is_ascii in _ANCHORS:
        if (anchor_is_ascii or not is_ascii) and anchor in lower and number not in tried:
            tried.add(number)
            for match in _STREETS[number][1].finditer(text):
                yield Found("address", *match.span())
    for pattern in _more(text, lower):
        for match in pattern.finditer(text):
            yield Found("address", *match.span())


def _more(text: str, lower: str) -> Iterator[re.Pattern[str]]:
    """What else may name a place: a post code with its town, a box, a post code where somebody lives."""
    if _FIVE.search(text):
        yield _ZIP
    if any(word in lower for word in _BOXES):
        yield _BOX
    if any(word in lower for word in _LIVES):
        yield _UK


def coordinates(text: str) -> Iterator[Found]:
    if text.count(".") >= 2 or "°" in text:
        for match in _SPOT.finditer(text):
            yield Found("coordinates", *match.span())
