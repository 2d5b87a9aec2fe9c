"""Where people can be reached or found on networks: e-mail, IP and MAC addresses, links that open a door, invites. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tuner.screening.kinds import Found

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_TOP = r"(?:xn--[a-z0-9-]{2,40}|[a-z]{2,24}(?![a-z0-9_-])|[^\W\d_]{2,24})"
_MAIL = re.compile(
    rf"(?i)(?P<v>(?:\"[^\"\n@]{{1,62}}\"|[^\s@<>()\[\],;:\"'|/\\=*`]{{1,64}})@(?:{_LABEL}\.){{1,6}}{_TOP})(?![A-Za-z0-9_-])(?!\.[\w-]{{1,20}}/)"
)
_AFTER_RUN = re.compile(r"[^\s@]{0,63}[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef](?=[!-?A-~])")
_NO_MAIL = re.compile(
    r"(?i)^(?:git|hg|svn|root|user)@|\.(?:png|jpe?g|gif|webp|svg|so|py|js|ts|c|h|service|socket|local)$"
)
_AT = r"(?:\s{0,2}[(\[{<]\s{0,2}(?:at|ät|arroba|arobase|chiocciola|kropka|malpa|małpa|собака|@)\s{0,2}[)\]}>]\s{0,2}|\s(?:at|arroba|arobase|chiocciola|małpa|malpa|собака)\s|\s{0,2}@\s{0,2})"
_DOT = r"(?:\s{0,2}[(\[{<]\s{0,2}(?:dot|punkt|point|punto|ponto|kropka|точка|\.)\s{0,2}[)\]}>]\s{0,2}|\s(?:dot|punkt|point|punto|ponto|kropka|точка)\s)"
_ENDINGS = (
    "com|net|org|edu|gov|io|de|fr|es|it|pt|br|nl|pl|ru|uk|co|eu|us|ca|ch|at|be|jp|cn|me|info|app|dev|xyz|mail"
)
_SPELT = re.compile(
    rf"(?i)(?<![A-Za-z0-9_.+-])(?P<v>(?P<who>[\w.+-]{{2,40}}(?:{_DOT}[\w-]{{1,30}}){{0,2}})(?P<at>{_AT})(?:[\w-]{{1,40}}(?:{_DOT}|\.)){{1,4}}(?:{_ENDINGS}))(?![A-Za-z0-9_-])"
)
_SPELT_WITH = re.compile(
    r"(?i)[(\[{<]\s{0,2}(?:at|ät|arroba|arobase|chiocciola|małpa|malpa|собака|@)\s{0,2}[)\]}>]"
)
_DOTTED = re.compile(_DOT)
_NOBODY = frozenset(
    "look looking looked is are be was me us it them available hosted running up here there site page file found "
    "go available download people guys everyone that this stuff them just only not now all docs repo sold works work "
    "started arrive see seen apply live lives arrived check".split()
)
_IPV4 = re.compile(r"(?<![A-Za-z0-9_.:/+~^=-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_+~]|\.\w|-[0-9a-z])")
_IN_LINK = re.compile(
    r"(?<=://)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_.-])|(?<=[@=])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_.-])"
)
_VERSIONED = re.compile(
    r"(?i)(?:\bv|vers(?:ion|ão|ión|ione|ie|ja)?s?\b|верси\w|バージョン|版本|\brelease|\bbuild|\bkernel|\bdriver|\bupdate|"
    r"\bpatch|\bfirmware|\bnvidia|\bfglrx|\bopen\w+|\bmysql|\bpython|\bruby|\blib\w+|\bchapter|\bsection|\brev|\bupgrade|"
    r"\bdowngrade|\bchrome|\bfirefox|\bjava|\bubuntu|\bphp|\bgcc|\bqt|\bxorg|\bgnome|\bkde|\bplugin|\bpackage)"
    r"[^0-9]{0,24}$"
)
_TOLD = re.compile(
    r"(?i)\bips?\b|\bip[ -]|adres|address|\bping|\bssh\b|\bhost|server|gateway|router|\bdns\b|subnet|connect|http|"
    r"netmask|\bbind|\blisten|\bport\b|адрес|アドレス|地址|direcci[oó]n|indirizzo|endere[cç]o|adresse|login from"
)
_LEFT_ALONE = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/8", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "255.0.0.0/8"))
)
_RESOLVERS = frozenset(
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 4.2.2.1 4.2.2.2 208.67.222.222 208.67.220.220".split()
)
_IPV6 = re.compile(
    r"(?i)(?<![A-Za-z0-9_:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![A-Za-z0-9_:]|\.\w)"
)
_MAC = re.compile(
    r"(?i)(?<![A-Za-z0-9_:.-])(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![A-Za-z0-9_:-])"
)
_LINK = re.compile(
    r"(?i)(?:https?|wss?|ftp)://[^\s<>\"|`*]{1,400}?[?&#;](?:[\w.-]{0,30}?(?:access_?token|auth_?token|api_?key|token|secret|signature|"
    r"password|passwd|credential|session_?id|sessid|otp|jwt|sas)|key|auth|sig|pwd|pw|"
    r"x-amz-[\w-]{1,20}|x-goog-[\w-]{1,20}|hdnea|rlkey|resourcekey)"
    r"=(?!\[)(?=[^\s&<>\"|`*]{0,80}(?:[0-9%]|(?-i:[A-Z])))[^\s&<>\"|`*]{6,2000}[^\s<>\"|`*]{0,2000}"
)  # fmt: skip
_RESET = re.compile(
    r"(?i)https?://[^\s<>\"|`]{3,200}?/(?:reset|reset-password|password-reset|verify|confirm|activate|magic-?link|share|s3-presigned|"
    r"unsubscribe|invite|join)/(?=[\w=-]{0,100}[0-9])[\w=-]{16,400}"
)
_INVITE = re.compile(
    r"(?i)(?:https?://)?(?:[a-z]{1,10}\.)?(?:discord(?:app)?\.com/invite|discord\.(?:gg|io|me|li)|dsc\.gg|invite\.gg|"
    r"discord\s{0,2}[(\[]?\s{0,2}(?:dot|\.)\s{0,2}[)\]]?\s{0,2}gg)\s{0,1}/\s{0,1}[\w-]{2,64}"
    r"|(?:https?://)?(?:t\.me/(?:\+|joinchat/)|chat\.whatsapp\.com/(?:invite/)?)[\w-]{8,40}"
)  # fmt: skip


def mails(text: str) -> Iterator[Found]:
    if "@" in text:
        for match in _MAIL.finditer(text):
            start, end = match.span("v")
            start = _beginning(text, start, end)
            if end - start > 5 and text[start] != "@" and not _NO_MAIL.search(text[start:end]):
                yield Found("e-mail", start, end)
    for match in _SPELT.finditer(text) if _may_be_spelt(text) else ():
        if _is_spelt(match):
            yield Found("e-mail", *match.span("v"))


def _beginning(text: str, start: int, end: int) -> int:
    """Where an address begins, without marks before it, and words of a script that puts no space between."""
    start += len(text[start:end]) - len(text[start:end].lstrip(".{}!?*_~&#$%^+-…"))
    run = _AFTER_RUN.match(text, start, end)
    return run.end() if run else start


def _may_be_spelt(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in ("at", "ät", "@", "arro", "arob", "chioc", "lpa", "собака")) and (
        _DOTTED.search(lower) is not None
        or _SPELT_WITH.search(lower) is not None
        or "@ " in lower
        or " @" in lower
    )


def _is_spelt(match: re.Match[str]) -> bool:
    """Whether somebody spelt an address out, and did not just say where something is."""
    if match["who"].lower() in _NOBODY:
        return False
    if _SPELT_WITH.search(match["at"]):
        return True
    return " dot " in match["v"].lower() or (
        match["at"].strip().lower() != "at" and bool(_DOTTED.search(match["v"]))
    )


def ips(text: str) -> Iterator[Found]:
    """IPv4 and IPv6; neither versions nor times, and not what is everybody's: loopback, masks, public resolvers."""
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            if _is_ipv4(match[0]) and not _is_version(text, match):
                yield Found("IP address", *match.span())
        for match in _IN_LINK.finditer(text):
            if _is_ipv4(match[0]):
                yield Found("IP address", *match.span())
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            if _is_ipv6(match[0]):
                yield Found("IP address", *match.span())


def _is_ipv4(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return (
        text not in _RESOLVERS
        and not text.endswith(".0.0.0")
        and not any(address in net for net in _LEFT_ALONE)
    )


def _is_version(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 40) : match.start()]
    if _VERSIONED.search(before):
        return True
    numbers = [int(part) for part in match[0].split(".")]
    is_small = max(numbers) < 64 or max(numbers[:3]) < 10
    return is_small and not _TOLD.search(text)


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    parts = [part for part in text.split(":") if part]
    if address.is_loopback or address.is_unspecified or address.is_multicast or len(parts) < 2:
        return False
    return len(parts) > 5 or (any(c.isdigit() for c in text) and any(len(part) > 2 for part in parts))


def macs(text: str) -> Iterator[Found]:
    if text.count(":") >= 5 or text.count("-") >= 5:
        for match in _MAC.finditer(text):
            if len(set(match[0].lower()) - set(":-")) > 2 and not match[0].isdigit():
                yield Found("MAC address", *match.span())


def links(text: str) -> Iterator[Found]:
    """Links whose holder is let in: a key, a token, a signature in them."""
    if "://" not in text:
        return
    for match in _LINK.finditer(text):
        yield Found("link", *match.span())
    for match in _RESET.finditer(text):
        yield Found("link", *match.span())


def invites(text: str) -> Iterator[Found]:
    lower = text.lower()
    if "discord" in lower or ".gg" in lower or "t.me" in lower or "whatsapp" in lower:
        for match in _INVITE.finditer(text):
            yield Found("invite", *match.span())
