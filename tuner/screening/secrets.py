"""Secrets in chat: tokens, keys and passwords, by the shapes that their issuers publish. Pure.

A rule is tried where one of its anchors stands in a text, so that many rules cost a message little. What has no shape
of its own, such as 32 hexadecimal digits, is a secret beside a word that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.screening.kinds import SECRET, Found

_EXAMPLES = frozenset(
    "user:pass user:password username:password pass password passwd yourpassword changeme".split()
)
LEAST = 12  # characters of a word that can be a key, or an address with a password in it
_B = r"(?<![A-Za-z0-9_])"  # where a key may begin
_E = r"(?![A-Za-z0-9])"
_HEX32, _UUID = "[0-9a-f]{32}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A kind of key: in lower case, what a text must hold for it; and how it looks, the secret itself as `v`."""

    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    is_told: bool = False  # by words that stand apart from it


def _key(prefixes: str, rest: str, *anchors: str) -> _Shape:
    """A key with a prefix that nothing else has."""
    return _Shape(
        anchors or tuple(prefixes.lower().split("|")), re.compile(f"{_B}(?P<v>(?:{prefixes}){rest}){_E}")
    )


def _near(words: str, value: str, *, before: int = 40) -> _Shape:
    """A value without a shape of its own, behind a word that says what it is, in the same line."""
    return _Shape(
        tuple(words.split("|")),
        re.compile(
            rf"(?i:{words})[^\n]{{0,{before}}}?(?<![A-Za-z0-9+/=_-])(?P<v>{value})(?![A-Za-z0-9+/_-])"
        ),
        is_told=True,
    )


_SHAPES: tuple[_Shape, ...] = (
    # Discord: tokens of bots and people, webhooks
    _Shape(
        (".",),
        re.compile(r"(?<![\w-])(?P<v>mfa\.[\w-]{20,120}|[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{25,120})"),
    ),
    _Shape(
        ("webhooks",),
        re.compile(r"(?P<v>(?:https?://)?(?:[a-z]{1,12}\.)?(?:discord(?:app)?\.com)?/api/(?:v\d{1,2}/)?webhooks/\d{5,22}/[\w-]{20,120})"),
    ),
    # Models
    _key("sk-", r"(?=[A-Za-z_-]{0,80}\d)[A-Za-z0-9_-]{16,220}"),  # OpenAI, Anthropic, OpenRouter, DeepSeek
    _key("sess-", r"[A-Za-z0-9]{32,64}"),
    _key("gsk_", r"[A-Za-z0-9]{32,64}"),  # Groq
    _key("xai-", r"[A-Za-z0-9]{40,100}"),
    _key("r8_", r"[A-Za-z0-9]{30,48}"),  # Replicate
    _key("hf_|api_org_", r"[A-Za-z0-9]{28,48}"),
    _key("pplx-|csk-|fw_|jina_|tvly-|fc-", r"(?=[A-Za-z]{0,80}\d)[A-Za-z0-9]{24,100}"),
    _key("nvapi-|tgp_v1_", r"[A-Za-z0-9_-]{32,100}"),
    # Code and packages
    _key("gh[pousr]_", r"[A-Za-z0-9]{30,255}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _key("github_pat_", r"[A-Za-z0-9_]{40,100}"),
    _key("gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-", r"[A-Za-z0-9_.-]{20,100}", "gl"),
    _key("npm_", r"[A-Za-z0-9]{30,48}"),
    _key("pypi-", r"AgE[A-Za-z0-9_-]{40,400}"),
    _key("rubygems_", r"[0-9a-f]{40,56}"),
    _key("dckr_(?:pat|oat)_", r"[A-Za-z0-9_-]{20,64}", "dckr_"),
    _key("ATATT|ATCTT|ATBB|ATSTT", r"[A-Za-z0-9_=.-]{20,260}"),  # Atlassian, Bitbucket
    _key("lin_(?:api|oauth)_", r"[A-Za-z0-9]{30,64}", "lin_"),
    _key("figd_|figu_|figor_", r"[A-Za-z0-9_-]{30,64}"),
    _key("PMAK-", r"[0-9a-f]{20,28}-[0-9a-f]{30,36}"),
    _key("CCIPAT_", r"[A-Za-z0-9_]{30,100}"),
    _key("sgp_", r"[A-Za-z0-9_]{30,100}"),
    _key("bkua_", r"[0-9a-f]{36,44}"),
    # Clouds and databases
    _key("AKIA|ASIA|ABIA|ACCA|AROA|AIDA", r"[A-Z2-7]{16}|(?:AKIA|ASIA)[A-Z0-9]{16}"),
    _near("aws|amazon|akia|asia|secret|s3", r"(?=[A-Za-z+/]{0,40}\d)(?=[a-z0-9+/]{0,40}[A-Z])[A-Za-z0-9/+]{40}"),
    _key("AIza", r"[A-Za-z0-9_-]{30,45}"),
    _key("GOCSPX-", r"[A-Za-z0-9_-]{24,32}"),
    _key("ya29\\.", r"[A-Za-z0-9_-]{20,400}", "ya29."),
    _key("AQ\\.", r"[A-Za-z0-9_-]{30,100}", "aq."),
    _Shape(
        ("accountkey", "sharedaccess", "azure", "sig"),
        re.compile(r"(?i)(?:accountkey|sharedaccesskey|azure|storage)[^\n]{0,40}?(?<![A-Za-z0-9+/])(?P<v>[A-Za-z0-9+/]{42,86}={1,2})"),
    ),
    _Shape(("8q~", "7q~"), re.compile(r"(?<![\w.~-])(?P<v>[\w.~-]{3}[78]Q~[\w.~-]{31,34})")),  # Azure's clients
    _key("do[oprt]_v1_", r"[0-9a-f]{60,68}", "_v1_"),  # DigitalOcean
    _key("dapi", r"[0-9a-f]{32}(?:-\d)?"),  # Databricks
    _key("pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_.=-]{30,64}", "pscale_"),
    _key("sbp_", r"[0-9a-f]{40}"),
    _key("sb_secret_", r"[A-Za-z0-9_-]{20,64}"),
    _key("napi_", r"[a-z0-9]{40,70}"),  # Neon
    _key("hv[sbr]\\.", r"[A-Za-z0-9_-]{20,300}", "hvs.", "hvb.", "hvr."),
    _key("CFPAT-|cfat_|cfut_", r"[A-Za-z0-9_-]{40,64}"),
    _key("v1\\.0-", r"[0-9a-f]{20,28}-[0-9a-f]{100,160}", "v1.0-"),  # Cloudflare's origin CA
    _near("cloudflare|cf_api|cf-api|x-auth-key", r"(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{37,40}"),
    _key("HRKU-", r"[A-Za-z0-9_-]{36,64}"),
    _near("heroku|api key|api_key|apikey|secret|token", _UUID),
    _key("EAA", r"(?=[A-Za-z]{0,64}\d)[A-Za-z0-9]{80,260}"),
    _key("vercel_|vcp_|vck_", r"[A-Za-z0-9_]{24,64}"),
    _key("fo1_", r"[\w-]{43}"),
    _key("tskey-", r"[a-z]{3,8}-[A-Za-z0-9]{8,20}-?[A-Za-z0-9]{0,40}"),
    _key("rnd_", r"[A-Za-z0-9]{32}"),
    _key("pul-", r"[0-9a-f]{40}"),
    # Talk and mail
    _key("xox[abeoprs]-", r"[A-Za-z0-9-]{10,250}", "xox"),
    _key("xapp-|xoxe\\.xox[bp]-", r"[A-Za-z0-9-]{20,250}", "xapp-", "xoxe."),
    _Shape(
        ("hooks.slack.com", "webhook.office.com", "hooks.zapier.com"),
        re.compile(r"(?P<v>(?:https?://)?(?:hooks\.slack\.com/(?:services|workflows|triggers)|[\w-]{1,63}\.webhook\.office\.com/webhookb2|hooks\.zapier\.com/hooks/catch)/[\w/@-]{8,300})"),
    ),
    _Shape((":aa",), re.compile(r"(?<![\w:])(?P<v>(?:bot)?\d{8,10}:AA[\w-]{32,34})(?![\w-])")),  # Telegram
    _key("SG\\.", r"[\w-]{16,32}\.[\w-]{32,64}", "sg."),
    _key("key-", r"[0-9a-f]{32}"),  # Mailgun
    _key("xkeysib-|xsmtpsib-", r"[0-9a-f]{60,68}-?[A-Za-z0-9]{0,20}"),
    _Shape(("-us",), re.compile(r"(?<![0-9A-Za-z])(?P<v>[0-9a-f]{32}-us\d{1,2})(?!\d)")),  # Mailchimp
    _key("SK|AC", "[0-9a-f]{32}"),  # Twilio
    _near("twilio|auth token|auth_token|mailgun|datadog|mistral|cohere", _HEX32),
    _near("datadog|dd_app_key", "[0-9a-f]{40}"),
    _near("mistral|cohere|together|azure|openai|algolia|api_key|api-key|apikey|api key", r"(?=[A-Za-z]{0,64}\d)[A-Za-z0-9]{32,64}"),
    # Shops and money
    _key("[srp]k_(?:live|test)_|whsec_|sk_org_", r"[A-Za-z0-9+/=]{16,250}", "k_live_", "k_test_", "whsec_"),
    _key("sk_|xi_", r"[0-9a-f]{40,64}"),  # ElevenLabs
    _key("sq0(?:atp|csp|idp)-", r"[\w-]{20,50}", "sq0"),
    _key("EAAA", r"[\w-]{56,66}"),  # Square
    _key("shp(?:at|ca|pa|ss|ua)_", r"[0-9a-fA-F]{30,40}", "shp"),
    _key("access_token\\$(?:production|sandbox)\\$", r"[0-9a-z]{16}\$[0-9a-f]{32}", "access_token$"),
    _key("rzp_(?:live|test)_", r"[A-Za-z0-9]{14,24}", "rzp_"),
    _key("FLWSECK(?:_TEST)?-", r"[0-9a-zA-Z]{12,40}(?:-X)?", "flwseck"),
    # Watching
    _key("sntry[su]_", r"[A-Za-z0-9+/=_-]{40,400}", "sntry"),
    _near("sentry", "[0-9a-f]{64}"),
    _Shape(("sentry.io", "@o"), re.compile(r"(?P<v>https?://[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]{1,100}")),
    _key("NRAK-|NRJS-|NRAA-|NRII-|NRRA-", r"[A-Za-z0-9_-]{19,44}"),
    _Shape(("nral",), re.compile(r"(?<![0-9A-Za-z])(?P<v>[0-9a-f]{36}NRAL)")),
    _key("glsa_|glc_", r"[A-Za-z0-9_+/=]{32,400}"),  # Grafana
    _key("phc_|phx_|phs_", r"[A-Za-z0-9]{32,64}"),
    _key("dt0[a-z]\\d{2}\\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}", "dt0"),
    _key("dp\\.(?:pt|st|ct|sa|scim|audit)\\.", r"[\w.-]{40,80}", "dp."),  # Doppler
    # Files and notes
    _key("sl\\.", r"[\w-]{60,1500}", "sl."),  # Dropbox
    _near("dropbox", r"(?=[a-z]{0,15}\d)[a-z0-9]{15}"),
    _key("secret_", r"(?=[A-Za-z]{0,64}\d)[A-Za-z0-9]{32,64}"),  # Notion
    _key("ntn_", r"[A-Za-z0-9]{40,60}"),
    _key("key|pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}", "key", "pat"),  # Airtable
    _key("ops_", r"eyJ[\w-]{200,1000}"),
    _key("AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    _key("oy2|sk_prod_|EZAK|EZTK", r"[a-z0-9A-Z]{40,60}"),
    _key("shippo_(?:live|test)_", r"[0-9a-f]{40}", "shippo_"),
    _key("duffel_(?:live|test)_", r"[\w=-]{43}", "duffel_"),
    _key("A3T[A-Z0-9]", r"[A-Z0-9]{16}", "a3t"),
    _key("ABSK", r"[A-Za-z0-9+/]{100,280}={0,2}"),  # Bedrock
    _key("bot\\.[A-Za-z]", r"[\w-]{40,80}\.[\w-]{6}\.[\w-]{27,}", "bot."),
    # Signed tokens, and what is written into headers
    _Shape(
        ("eyj",), re.compile(r"(?<![\w.-])(?P<v>eyJ[\w-]{8,4000}\.[\w-]{8,8000}(?:\.[\w-]{0,2000})?)"),
    ),
    _Shape(("bearer", "basic"), is_told=True, pattern=re.compile(r"(?i)\b(?:bearer|authorization:\s{0,3}(?:basic|token))\s{1,3}(?P<v>(?=[A-Za-z._~+/-]{0,200}[0-9=])[\w.~+/=-]{16,4000})")),
    _Shape(("otpauth",), re.compile(r"(?i)(?P<v>otpauth://[^\s<>\"']{8,500})")),
    # A password in an address, in a connection string, in a setting
    _Shape(
        ("://",),
        re.compile(r"(?i)(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://(?P<v>[^\s/?#@:<>\"']{0,120}:[^\s/?#<>\"']{1,200})@(?=[\w\[])"),
    ),
)  # fmt: skip

_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|PuTTY-User-Key-File-\d[\s\S]*?(?:Private-MAC: [0-9a-f]{0,80}|\Z)"
)

_WORDS = (
    "password", "passwort", "passwd", "passphrase", "pwd", "pass", "kennwort", "contraseña", "contrasena", "clave",
    "mot de passe", "mdp", "senha", "palavra-passe", "parola", "hasło", "haslo", "wachtwoord", "пароль", "lösenord",
    "パスワード", "密码", "密碼", "비밀번호", "pw",
)  # fmt: skip
_NAMED = re.compile(
    rf"(?i)(?<![^\W_])(?:{'|'.join(_WORDS)})(?:\s{{0,3}}(?:=|:|：|→|->)\s{{0,3}}"
    r"|[ ](?:is|ist|es|est|to|é|è|to jest|lautet|was|:|—|-)[ ]|は|是|为|為)[ ]?"
    r"[\"'“”「]?(?P<v>(?=[^\s]{0,64}\d)[^\s\"'“”「」]{4,127}[^\s\"'“”「」.,;:)\]}>|*_`])"
)
_SETTING = re.compile(
    r"(?i)(?<![a-z0-9])(?:password|passwd|pwd)=[\"']?(?P<v>(?![/~$%{<(\[*])[^\s\"';,<>]{4,128})"
)
_VARIABLE = re.compile(
    r"(?i)(?:secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|client[_-]?secret)\w{0,20}"
    r"[\"']?\s{0,2}(?:=|:)\s{0,2}[\"']?(?P<v>(?![/~$.])(?=[^\s\d]{0,64}\d)(?=[^\sA-Za-z]{0,64}[A-Za-z])"
    r"[A-Za-z0-9_\-.+/=]{16,256})"
)
_SHAPES += (_Shape(("secret", "token", "key"), _VARIABLE, is_told=True),)
_ANCHORS = tuple(
    (anchor, number, shape.is_told) for number, shape in enumerate(_SHAPES) for anchor in shape.anchors
)


def secrets(text: str) -> Iterator[Found]:
    """What is secret in a text, in its plain form; some may be found twice."""
    lower = text.lower()
    if "private key" in lower or "putty-user" in lower:
        yield from _all(_BLOCK, text)
    for word in _WORDS:
        if word in lower:
            yield from _all(_NAMED, text)
            yield from _all(_SETTING, text)
            break
    keys = " ".join(word for word in lower.split() if len(word) >= LEAST)
    if keys:
        for pattern in _patterns(lower, keys):
            yield from _all(pattern, text)


def _patterns(lower: str, keys: str) -> Iterator[re.Pattern[str]]:
    """What to look for: where a key begins as some do, or a text speaks of one. A pattern once."""
    tried: set[int] = set()
    for anchor, number, is_told in _ANCHORS:
        if anchor in (lower if is_told else keys) and number not in tried:
            tried.add(number)
            yield _SHAPES[number].pattern


def _all(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    valued = "v" in pattern.groupindex
    for match in pattern.finditer(text):
        start, end = match.span("v") if valued else match.span()
        if end > start and text[start:end].lower() not in _EXAMPLES:
            yield Found(SECRET, start, end)
