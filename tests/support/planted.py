"""Invented secrets and personal details of many kinds, in chat lines of many languages: what screening is measured by.

Deterministic by its seed. Values are made from what their issuers publish of them, not from the rules that look for
them; numbers with checksums are computed here.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LINES = 40
Make = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A line with one thing in it that must go; `value` is the part that tells."""

    kind: str
    line: str
    value: str


CARRIERS = (
    "{}", "here: {}", "hey can you check {} for me?", "it's {} i think", "**{}**", "||{}||", "`{}`", "use {} and tell me if it works",
    "das ist {} glaube ich", "hier nochmal: {}", "c'est {} si tu veux", "je te mets {} ici", "es {} creo", "te paso {} por aquí", "è {} se serve",
    "ecco {}, fammi sapere", "é {} mesmo", "segue {} pra você", "het is {} hoor", "to jest {} chyba", "вот {} держи", "это {} кажется",
    "これです {} お願いします", "{} です", "这是 {} 谢谢", "{} 就是这个", "이거야 {}", "({})", "ok so {}, got it?", "new one ({}) from today", "\"{}\" lol", "> {}",
)  # fmt: skip


def planted(seed: int = 7) -> Iterator[Planted]:
    """Every kind, so many lines each."""
    for kind, (make, carriers) in KINDS.items():
        rng = random.Random(f"{seed}:{kind}")
        for n in range(LINES):
            value = make(rng)
            carrier = carriers[n % len(carriers)]
            yield Planted(kind, carrier.format(value), _telling(kind, value))


def _telling(kind: str, value: str) -> str:
    """What of a value must not be left: of a setting the password, of an address the user's part."""
    if kind == "url password":
        return value.split("://")[1].split("@")[0].split(":")[1]
    if kind in ("connection string", "spoken password"):
        return value.split("§")[1]
    return value.split("§")[1] if "§" in value else value


# -- letters ------------------------------------------------------------------------

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URLSAFE = ALNUM + "-_"


def _of(rng: random.Random, letters: str, count: int) -> str:
    made = "".join(rng.choice(letters) for _ in range(count))
    if letters in (ALNUM, URLSAFE):  # a random key of this length always has a digit; ends are letters
        return f"{rng.choice(string.ascii_letters)}{made[1:-2]}{rng.choice(string.digits)}{rng.choice(string.ascii_letters)}"
    return made


def _shaped(*parts: str | tuple[str, int]) -> Make:
    """Literal parts, and (letters, count) drawn."""

    def make(rng: random.Random) -> str:
        return "".join(part if isinstance(part, str) else _of(rng, *part) for part in parts)

    return make


def _digits(rng: random.Random, count: int, first: str = "123456789") -> str:
    return rng.choice(first) + "".join(rng.choice(string.digits) for _ in range(count - 1))


# -- secrets ------------------------------------------------------------------------


def _discord_token(rng: random.Random) -> str:
    user = base64.b64encode(_digits(rng, rng.choice((17, 18, 19))).encode()).decode().rstrip("=")
    return f"{user}.{_of(rng, URLSAFE, 6)}.{_of(rng, URLSAFE, rng.choice((27, 38)))}"


def _webhook(rng: random.Random) -> str:
    host = rng.choice(("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"))
    return f"https://{host}/api/{rng.choice(('', 'v10/'))}webhooks/{_digits(rng, 18)}/{_of(rng, URLSAFE, 68)}"


def _jwt(rng: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(f'{{"sub":"{_digits(rng, 10)}","n":"x"}}'.encode()).decode().rstrip("=")
    return f"{head}.{body}.{_of(rng, URLSAFE, 43)}"


def _private_key(rng: random.Random) -> str:
    name = rng.choice(
        ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    )
    body = "\n".join(_of(rng, ALNUM + "+/", 64) for _ in range(6))
    return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"


def _url_password(rng: random.Random) -> str:
    scheme = rng.choice(("postgres", "mysql", "mongodb+srv", "redis", "amqp", "https", "ftp"))
    return f"{scheme}://{rng.choice(('admin', 'bot', 'root'))}:{_of(rng, ALNUM, 12)}@db{rng.randint(1, 9)}.internal/main"


def _connection(rng: random.Random) -> str:
    return f"Server=db{rng.randint(1, 9)};User Id=sa;{rng.choice(('Password', 'Pwd', 'password'))}=§{_of(rng, ALNUM, 11)}§;"


def _spoken(rng: random.Random) -> str:
    said = rng.choice(
        ("the password is §{}§", "password: §{}§", "pw: §{}§", "das passwort ist §{}§", "le mot de passe est §{}§", "la contraseña es §{}§", "a senha é §{}§",
         "het wachtwoord is §{}§", "hasło to §{}§", "пароль: §{}§", "パスワードは§{}§", "密码是§{}§", "la password è §{}§")
    )  # fmt: skip
    return said.format(
        f"{rng.choice(('hunter', 'Sommer', 'dragon', 'tiger'))}{rng.randint(10, 9999)}{rng.choice('!xK')}"
    )


def _azure(rng: random.Random) -> str:
    key = base64.b64encode(rng.randbytes(64)).decode()
    return (
        f"DefaultEndpointsProtocol=https;AccountName=store;AccountKey=§{key}§;EndpointSuffix=core.windows.net"
    )


def _aws_secret(rng: random.Random) -> str:
    name = rng.choice(("AWS_SECRET_ACCESS_KEY=", "aws_secret_access_key = ", "aws secret key: "))
    return f"{name}§{_of(rng, ALNUM + '+', 37)}1aZ§"


# -- details ------------------------------------------------------------------------

FIRST = ("jane", "tom", "miriam", "piotr", "olga", "jürgen", "chloe", "lucia", "kenji", "marta")
LAST = ("miller", "schmidt", "dupont", "rossi", "kowalski", "ivanova", "tanaka", "silva", "jansen", "garcia")


def _mail(rng: random.Random) -> str:
    user = rng.choice(("{}.{}", "{}_{}", "{}{}", "{}-{}", "{}.{}+list")).format(
        rng.choice(FIRST), rng.choice(LAST)
    )
    if rng.random() < 0.8:
        user = user.replace("ü", "ue")
    return f"{user}{rng.randint(1, 99)}@{rng.choice(('gmail.com', 'web.de', 'mail.ru', 'example.co.uk', 'posteo.net', 'bücher.example', 'wp.pl'))}"


def _spelt_mail(rng: random.Random) -> str:
    user = f"{rng.choice(FIRST[:5])}{rng.choice(LAST)}"
    form = rng.choice(
        (
            "{} (at) {} (dot) com",
            "{} [at] {} [dot] com",
            "{} at {} dot com",
            "{}(at){}.com",
            "{} [at] {}.com",
            "{} @ {} dot com",
        )
    )
    return form.format(user, rng.choice(("gmail", "proton", "posteo", "outlook")))


def _phone(rng: random.Random) -> str:
    form = rng.choice(
        ("+49 170 {7}", "+49 (0)30 {8}", "+1 415-{3}-{4}", "+1 (212) {3}-{4}", "+44 7{3} {6}", "+33 6 {2} {2} {2} {2}", "+34 6{2} {3} {3}", "+39 347 {3} {4}",
         "+351 91{1} {3} {3}", "+31 6 {8}", "+48 6{2} {3} {3}", "+7 9{2} {3}-{2}-{2}", "+81 90-{4}-{4}", "+86 138 {4} {4}", "+55 11 9{4}-{4}", "+919{9}")
    )  # fmt: skip
    return _filled(rng, form)


def _national_phone(rng: random.Random) -> str:
    form = rng.choice(
        ("(415) 2{2}-{4}", "415-2{2}-{4}", "212.5{2}.{4}", "0170 {7}", "030/{8}", "06 {2} {2} {2} {2}", "06-{8}", "090-{4}-{4}", "8 (912) {3}-{2}-{2}",
         "(11) 9{4}-{4}", "138 {4} {4}", "07700 {6}", "020 7{3} {4}")
    )  # fmt: skip
    return _filled(rng, form)


def _told_phone(rng: random.Random) -> str:
    form = rng.choice(
        ("call me 415555{4}", "mi teléfono es 6{2} {3} {3}", "mój telefon 60{1} {3} {3}", "o meu telemóvel 91{1} {3} {3}", "chiamami al 347 {3} {4}",
         "мой номер 8912{7}", "我的手机 138{8}", "電話は090{8}", "ruf an 0171{7}", "appelle le 06{8}", "bel me op 06{8}")
    )  # fmt: skip
    return _filled(rng, form)


def _filled(rng: random.Random, form: str) -> str:
    for count in range(1, 10):
        while f"{{{count}}}" in form:
            form = form.replace(f"{{{count}}}", _digits(rng, count, "23456789"), 1)
    return form


def _card(rng: random.Random) -> str:
    start, length = rng.choice(
        (
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("3528", 16),
            ("36", 14),
            ("2221", 16),
        )
    )
    body = start + "".join(rng.choice(string.digits) for _ in range(length - len(start) - 1))
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    number = body + str(-total % 10)
    gap = rng.choice(("", " ", "-")) if length == 16 else ""
    return gap.join(number[i : i + 4] for i in range(0, len(number), 4)) if gap else number


def _iban(rng: random.Random) -> str:
    country, length = rng.choice(
        (
            ("DE", 22),
            ("FR", 27),
            ("ES", 24),
            ("IT", 27),
            ("NL", 18),
            ("PL", 28),
            ("PT", 25),
            ("GB", 22),
            ("AT", 20),
            ("CH", 21),
        )
    )
    body = "".join(rng.choice(string.digits) for _ in range(length - 4))
    if country == "NL":
        body = "ABNA" + body[4:]
    if country == "GB":
        body = "BARC" + body[4:]
    if country == "IT":
        body = "X" + body[1:]
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    whole = f"{country}{98 - int(number) % 97:02d}{body}"
    return " ".join(whole[i : i + 4] for i in range(0, length, 4)) if rng.random() < 0.6 else whole


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def _dni(rng: random.Random) -> str:
    number = rng.randint(10_000_000, 99_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _nir(rng: random.Random) -> str:
    body = f"{rng.choice('12')}{rng.randint(50, 99)}{rng.randint(1, 12):02d}{rng.randint(10, 89)}{rng.randint(100, 400)}{rng.randint(100, 999)}"
    return f"{body}{97 - int(body) % 97:02d}"


def _cpf(rng: random.Random) -> str:
    digits = [rng.randint(0, 9) for _ in range(9)]
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        rest = sum(w * d for w, d in zip(weights, digits, strict=True)) * 10 % 11
        digits.append(rest % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _pesel(rng: random.Random) -> str:
    body = f"{rng.randint(50, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1000, 9999)}"
    check = sum(w * int(d) for w, d in zip((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), body, strict=True))
    return f"{rng.choice(('PESEL', 'mój pesel to', 'pesel:'))} §{body}{-check % 10}§"


def _bsn(rng: random.Random) -> str:
    while True:
        body = _digits(rng, 8)
        rest = sum(w * int(d) for w, d in zip(range(9, 1, -1), body, strict=True)) % 11
        if rest < 10:
            return f"{rng.choice(('mijn BSN is', 'bsn', 'burgerservicenummer:'))} §{body}{rest}§"


def _steuer_id(rng: random.Random) -> str:
    """Of the first ten digits one stands there twice, and another is missing."""
    ten = rng.sample(string.digits, 10)
    while ten[0] == "0":
        rng.shuffle(ten)
    place = rng.randrange(1, 10)
    other = rng.choice([i for i in range(10) if i != place])
    ten[place] = ten[other]
    product = 10
    for digit in ten:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return f"{rng.choice(('Steuer-ID', 'meine Steueridentifikationsnummer ist', 'steuerid:'))} §{''.join(ten)}{(11 - product) % 10}§"


def _china_id(rng: random.Random) -> str:
    body = f"{rng.choice(('110105', '310104', '440106'))}{rng.randint(1950, 2004)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(100, 999)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11]


def _ipv4(rng: random.Random) -> str:
    first = rng.choice([n for n in range(11, 223) if n != 127])
    return f"{first}.{rng.randint(33, 254)}.{rng.randint(0, 254)}.{rng.randint(1, 254)}"


def _ipv6(rng: random.Random) -> str:
    groups = [f"{rng.randint(0x1000, 0xFFFF):x}" for _ in range(4)]
    return rng.choice(("2001:db8:{}:{}:{}:{}::1", "2a02:{}:{}::{}:{}", "fe80::{}:{}:{}:{}")).format(*groups)


def _base58(payload: bytes) -> str:
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    whole = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(whole, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = letters[rest] + text
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + text


def _bitcoin(rng: random.Random) -> str:
    return _base58(bytes([rng.choice((0, 5))]) + rng.randbytes(20))


def _bech32(rng: random.Random) -> str:
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(f"{byte:08b}" for byte in rng.randbytes(20))
    values = [0] + [int(bits[i : i + 5], 2) for i in range(0, 160, 5)]

    def polymod(numbers: list[int]) -> int:
        check = 1
        for number in numbers:
            top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ number
            for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                check ^= generator if top >> bit & 1 else 0
        return check

    prefix = [3, 3, 0, 2, 3]  # bc
    rest = polymod(prefix + values + [0] * 6) ^ 1
    return "bc1" + "".join(letters[v] for v in values + [rest >> 5 * (5 - i) & 31 for i in range(6)])


def _solana(rng: random.Random) -> str:
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(bytes([rng.randint(16, 255)]) + rng.randbytes(31), "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = letters[rest] + text
    return f"{rng.choice(('my sol wallet', 'solana:', 'phantom address'))} §{text}§"


STREETS = (
    "{n} Mill Lane", "{n} Oak Street, Springfield", "{n} West 42nd Street", "{n} Baker Street", "{n} Sunset Blvd, Los Angeles, CA 90028",
    "Lindenstraße {n}, 10115 Berlin", "Am Alten Markt {n}", "Hauptstr. {n}", "Berliner Allee {n}a", "{n} rue de la République, 69002 Lyon", "{n} avenue Victor Hugo",
    "{n} bis boulevard Voltaire", "Calle Mayor {n}, 28013 Madrid", "Avenida de América, {n}", "calle de Alcalá {n}", "Via Garibaldi {n}", "Corso Vittorio Emanuele, {n}",
    "Piazza San Marco {n}", "Rua Augusta, {n}", "Avenida Paulista, {n}", "Kerkstraat {n}, 1017 Amsterdam", "Prinsengracht {n}", "ul. Marszałkowska {n}/4",
    "aleja Niepodległości {n}", "ул. Ленина, д. {n}", "Невский проспект, {n}", "улица Пушкина, дом {n}, кв. 3", "東京都渋谷区神南1-{n}-3", "大阪市北区梅田{n}丁目2番", "北京市朝阳区建国路{n}号",
    "上海市南京东路{n}号",
)  # fmt: skip
BIRTHS = (
    "I was born on §{d:%d.%m.%Y}§", "my birthday is §{d:%B} {d.day}, {d.year}§", "dob: §{d:%d/%m/%Y}§", "date of birth §{d:%Y-%m-%d}§", "ich bin am §{d:%d.%m.%Y}§ geboren",
    "mein Geburtstag ist der §{d.day}.{d.month}.{d.year}§", "je suis né le §{d:%d/%m/%Y}§", "date de naissance : §{d:%d/%m/%Y}§", "nací el §{d:%d/%m/%Y}§",
    "mi cumpleaños es el §{d.day} de marzo de {d.year}§", "sono nata il §{d:%d/%m/%Y}§", "nascido em §{d:%d/%m/%Y}§", "ik ben geboren op §{d:%d-%m-%Y}§",
    "urodziłem się §{d:%d.%m.%Y}§", "родился §{d:%d.%m.%Y}§", "мой день рождения §{d.day} мая {d.year}§", "誕生日は§{d.year}年{d.month}月{d.day}日§です", "我的生日是§{d.year}年{d.month}月{d.day}日§",
    "§{d:%d.%m.%Y}§ is my birthday", "생일은 §{d.year}년 {d.month}월 {d.day}일§",
)  # fmt: skip


def _street(rng: random.Random) -> str:
    return rng.choice(STREETS).format(n=rng.randint(2, 98))


def _birth(rng: random.Random) -> str:
    from datetime import date

    return rng.choice(BIRTHS).format(d=date(rng.randint(1955, 2006), rng.randint(1, 12), rng.randint(1, 28)))


def _key_link(rng: random.Random) -> str:
    form = rng.choice(
        ("https://files.example.org/d?token={}", "https://api.example.com/v1/me?access_token={}", "https://b.s3.amazonaws.com/k?X-Amz-Expires=9&X-Amz-Signature={}",
         "https://x.blob.core.windows.net/c/f?sv=2024&sig={}", "https://cal.example.com/feed?key={}", "https://zoom.us/j/81234567890?pwd={}")
    )  # fmt: skip
    return form.format(_of(rng, ALNUM, 32))


def _invite(rng: random.Random) -> str:
    return rng.choice(
        (
            "discord.gg/{}",
            "https://discord.gg/{}",
            "https://discord.com/invite/{}",
            "discordapp.com/invite/{}",
        )
    ).format(_of(rng, ALNUM, 8))


def _full_width(make: Make) -> Make:
    wide = {c: c + 0xFEE0 for c in range(0x30, 0x3A)}
    return lambda rng: make(rng).translate(wide)


def _with_gaps(make: Make) -> Make:
    def made(rng: random.Random) -> str:
        value = make(rng)
        at = rng.randint(2, len(value) - 2)
        return f"{value[:at]}\u200b{value[at:]}"

    return made


ANY = CARRIERS
OWN = ("{}", "hey {}", "{} ok?", "so, {} :)")  # for what says itself what it is, in its language
LONG = ("{}", "look:\n{}", "{}\nplease delete", "```\n{}\n```")
SECRETS: dict[str, tuple[Make, tuple[str, ...]]] = {
    "discord token": (_discord_token, ANY), "discord webhook": (_webhook, ANY), "discord mfa token": (_shaped("mfa.", (URLSAFE, 84)), ANY),
    "discord token, zero width": (_with_gaps(_discord_token), ANY),
    "openai": (_shaped("sk-", (ALNUM, 48)), ANY), "openai project": (_shaped("sk-proj-", (URLSAFE, 120)), ANY), "anthropic": (_shaped("sk-ant-api03-", (URLSAFE, 93), "AA"), ANY),
    "openrouter": (_shaped("sk-or-v1-", (HEX, 64)), ANY), "groq": (_shaped("gsk_", (ALNUM, 52)), ANY), "xai": (_shaped("xai-", (ALNUM, 80)), ANY),
    "replicate": (_shaped("r8_", (ALNUM, 37)), ANY), "hugging face": (_shaped("hf_", (ALNUM, 34)), ANY), "perplexity": (_shaped("pplx-", (ALNUM, 48)), ANY),
    "github classic": (_shaped("ghp_", (ALNUM, 36)), ANY), "github app": (_shaped("ghs_", (ALNUM, 36)), ANY), "github fine-grained": (_shaped("github_pat_", (ALNUM, 22), "_", (ALNUM, 59)), ANY),
    "gitlab": (_shaped("glpat-", (URLSAFE, 20)), ANY), "npm": (_shaped("npm_", (ALNUM, 36)), ANY), "pypi": (_shaped("pypi-AgEIcHlwaS5vcmc", (URLSAFE, 100)), ANY),
    "aws id": (_shaped("AKIA", ("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)), ANY), "aws secret": (_aws_secret, OWN), "google api": (_shaped("AIza", (URLSAFE, 35)), ANY),
    "google oauth": (_shaped("GOCSPX-", (URLSAFE, 28)), ANY), "azure storage": (_azure, OWN), "digitalocean": (_shaped("dop_v1_", (HEX, 64)), ANY),
    "databricks": (_shaped("dapi", (HEX, 32)), ANY), "planetscale": (_shaped("pscale_tkn_", (URLSAFE, 43)), ANY), "supabase": (_shaped("sbp_", (HEX, 40)), ANY),
    "vault": (_shaped("hvs.", (URLSAFE, 95)), ANY), "cloudflare": (_shaped("CLOUDFLARE_API_TOKEN=§", (URLSAFE, 40), "§"), OWN),
    "heroku": (_shaped("heroku api key §", (HEX, 8), "-", (HEX, 4), "-", (HEX, 4), "-", (HEX, 4), "-", (HEX, 12), "§"), OWN),
    "slack token": (_shaped("xoxb-", ("0123456789", 12), "-", ("0123456789", 12), "-", (ALNUM, 24)), ANY),
    "slack webhook": (_shaped("https://hooks.slack.com/services/T", ("ABCDEFGH01234", 8), "/B", ("ABCDEFGH01234", 8), "/", (ALNUM, 24)), ANY),
    "telegram": (_shaped(("123456789", 10), ":AA", (URLSAFE, 33)), ANY), "sendgrid": (_shaped("SG.", (URLSAFE, 22), ".", (URLSAFE, 43)), ANY),
    "mailgun": (_shaped("key-", (HEX, 32)), ANY), "twilio": (_shaped("SK", (HEX, 32)), ANY), "stripe": (_shaped("sk_live_", (ALNUM, 24)), ANY), "stripe webhook": (_shaped("whsec_", (ALNUM, 32)), ANY),
    "square": (_shaped("sq0atp-", (URLSAFE, 22)), ANY), "shopify": (_shaped("shpat_", (HEX, 32)), ANY), "linear": (_shaped("lin_api_", (ALNUM, 40)), ANY),
    "notion": (_shaped("ntn_", (ALNUM, 46)), ANY), "notion, older": (_shaped("secret_", (ALNUM, 43)), ANY), "sentry": (_shaped("sntrys_eyJ", (ALNUM, 100)), ANY),
    "new relic": (_shaped("NRAK-", ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 27)), ANY), "grafana": (_shaped("glsa_", (ALNUM, 32), "_", (HEX, 8)), ANY),
    "atlassian": (_shaped("ATATT3xFfGF0", (URLSAFE, 160), "=", ("0123456789ABCDEF", 8)), ANY), "dropbox": (_shaped("sl.", (URLSAFE, 130)), ANY),
    "figma": (_shaped("figd_", (URLSAFE, 40)), ANY), "postman": (_shaped("PMAK-", (HEX, 24), "-", (HEX, 34)), ANY), "airtable": (_shaped("pat", (ALNUM, 14), ".", (HEX, 64)), ANY),
    "private key": (_private_key, LONG), "jwt": (_jwt, ANY), "url password": (_url_password, ANY), "connection string": (_connection, OWN), "spoken password": (_spoken, OWN),
}  # fmt: skip
CHECKED: dict[str, tuple[Make, tuple[str, ...]]] = {
    "card": (_card, ANY), "iban": (_iban, ANY), "spanish dni": (_dni, ANY), "french nir": (_nir, ANY), "brazilian cpf": (_cpf, ANY), "polish pesel": (_pesel, OWN),
    "dutch bsn": (_bsn, OWN), "german tax id": (_steuer_id, OWN), "chinese id": (_china_id, ANY), "bitcoin": (_bitcoin, ANY), "bitcoin, bech32": (_bech32, ANY),
}  # fmt: skip
OTHERS: dict[str, tuple[Make, tuple[str, ...]]] = {
    "mail": (_mail, ANY), "mail, spelt out": (_spelt_mail, OWN), "mail, zero width": (_with_gaps(_mail), ANY), "phone, international": (_phone, ANY), "phone, national": (_national_phone, ANY),
    "phone, by a word": (_told_phone, OWN), "phone, full width": (_full_width(_phone), ANY), "american ssn": (_ssn, ANY), "ipv4": (_ipv4, ANY), "ipv6": (_ipv6, ANY),
    "mac": (_shaped("a4:", (HEX, 2), ":", (HEX, 2), ":1f:", (HEX, 2), ":", (HEX, 2)), ANY), "ethereum": (_shaped("0x", (HEX, 40)), ANY),
    "monero": (_shaped("4", ("123456789AB", 1), ("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 93)), ANY), "solana": (_solana, OWN), "street": (_street, ANY), "birth": (_birth, OWN),
    "link with a key": (_key_link, ANY), "invite": (_invite, ANY),
}  # fmt: skip
KINDS = SECRETS | CHECKED | OTHERS
