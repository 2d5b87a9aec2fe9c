"""One look through a text for everything that is wanted; most texts have nothing, and cost next to nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tuner.screening.births import births
from tuner.screening.kinds import ALL, SECRET, Found, Kind, Rule, Wanted
from tuner.screening.numbers import accounts, cards, identities
from tuner.screening.online import invites, ips, links, macs, mails
from tuner.screening.phones import phones
from tuner.screening.places import addresses, coordinates
from tuner.screening.plain import forms
from tuner.screening.secrets import LEAST, secrets
from tuner.screening.wallets import wallets

# Without any of these there is nothing to find: a digit, an @, a link, a long word, an address spelt out, a password.
_ANYTHING = re.compile(r"[\d@＠﹫²³¹⁰-⁹₀-₉①-⒛⓪-⓿❶-➓]")
_SIGNS = (
    "://", ".gg", "t.me", "whatsapp", "pass", "pwd", "passw", "(at)", "[at]", "{at}", "<at>", "( at ", "[ at ", "(ät)", "(a)", "arroba", "arobase", "chiocciola", "małpa", " dot ", "(dot", "[dot", " punkt ", "(punkt", "[punkt", " point ", "(point", " punto ", "(punto",
    " ponto ", "(ponto", "kropka", "точка", "private key",
)  # fmt: skip
_DIGIT = re.compile(r"[0-9]")
_FOUR_DIGITS = re.compile(r"[0-9](?:[^\n0-9]{0,4}[0-9]){3}")
_PHONE = re.compile(r"[0-9](?:[ \t\u00a0.()/-]{0,3}[0-9]){6}")
_ID = re.compile(r"(?:[0-9][^0-9\n]{0,3}){5}")
_LONG = re.compile(r"[^\s]{10}")
_COMPANY = re.compile(r"[0-9]{2}(?:[ -]?[A-Za-z0-9]){8}")

Guard = Callable[[str], object]


def _always(text: str) -> bool:
    return True


# What is found first keeps its place: a password in a link, a link with an address in it.
_RULES: tuple[tuple[Kind, Guard, Rule], ...] = (
    (SECRET, _always, secrets),
    ("invite", _always, invites),
    ("link", _always, links),
    ("e-mail", _always, mails),
    ("wallet", _LONG.search, wallets),
    ("bank account", _COMPANY.search, accounts),
    ("card", _PHONE.search, cards),
    ("ID number", _ID.search, identities),
    ("IP address", _DIGIT.search, ips),
    ("MAC address", _LONG.search, macs),
    ("coordinates", _FOUR_DIGITS.search, coordinates),
    ("birth date", _DIGIT.search, births),
    ("address", _DIGIT.search, addresses),
    ("phone", _PHONE.search, phones),
)
VERSION = "1"  # of the rules for secrets; with another one, what an archive holds is looked through again


def scan(text: str, wanted: Wanted = ALL) -> list[Found]:
    """What stands in a text and is wanted, in order, no two in the same place."""
    if not _may_hold_any(text):
        return []
    taken: list[Found] = []
    used = bytearray(len(text))
    read = list(forms(text))
    for kind, guard, rule in _RULES:
        if wanted.wants(kind):
            spans = [
                form.span(found.start, found.end)
                for form in read
                if guard(form.text)
                for found in rule(form.text)
            ]
            for start, end in _merged(spans) if spans else ():
                if not any(used[start:end]):
                    used[start:end] = b"\1" * (end - start)
                    taken.append(Found(kind, start, end))
    return sorted(taken, key=lambda found: found.start)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of one kind, those that overlap made one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def replaced(text: str, founds: Iterable[Found], place: Callable[[Kind, str], str]) -> str:
    """The text with what was found in it given another form."""
    parts, done = [], 0
    for found in founds:
        parts += [text[done : found.start], place(found.kind, text[found.start : found.end])]
        done = found.end
    return "".join([*parts, text[done:]]) if parts else text


def _may_hold_any(text: str) -> bool:
    if _ANYTHING.search(text):
        return True
    lower = text.lower()
    for sign in _SIGNS:
        if sign in lower:
            return True
    return len(text) >= LEAST and max(map(len, text.split()), default=0) >= LEAST
