"""What is found of each kind, what only looks like it, and that a look takes time by the length of a text."""

import re
from itertools import pairwise

import pytest

from tests.support.growth import UNITS, is_linear
from tuner.screening.kinds import SECRETS_ONLY, Wanted
from tuner.screening.scan import replaced, scan

OWN_UNITS = (
    *("sk-", "-sk-", "eyJ.", "-eyJ", "mfa.", "a.b.", "SG.", "sl.", "ops_eyJ-", "AKIA", "xox", "key", "secret", "token=", "api key ", "aws ", "azure ", "Bearer "),
    *("password=", "password is ", "-----BEGIN PRIVATE KEY-----", "a://b:", "http://a?token=", "?key=", "otpauth://", "discord.com/api/webhooks/1/", "discord.gg/"),
    *("a@", "\"@", "at dot ", "a (at) ", "x at y dot ", " dot ", "1.", "1-", "1 ", "0", "０", "+49 ", "(0", "a:", "ab:", "::", "f:1", "1.1.1.1 ", "1.1234,", "1°"),
    *("DE89 ", "4111 ", "id 1", "0x", "born ", "jan ", "1 jan ", "1/1/", "生日", "1月1日", "1 a ", "12 Mill ", "Via A ", "rue de ", "ul. A ", "улица ", "Straße ", "Calle a ", "東京都", "区1", "路1"),
)  # fmt: skip


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in scan(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("mail: jane@bücher.example!", "e-mail", "jane@bücher.example"),
        ("邮箱是jane@example.com谢谢", "e-mail", "jane@example.com"),
        ("jane (at) mail [dot] com", "e-mail", "jane (at) mail [dot] com"),
        ("jane arroba correo punto es", "e-mail", "jane arroba correo punto es"),
        ("||+49 170 1234567||", "phone", "+49 170 1234567"),
        ("４１５-２２２-３３３３", "phone", "４１５-２２２-３３３３"),
        ("電話は090-1234-5678です", "phone", "090-1234-5678"),
        ("ssh 203.0.113.77 works", "IP address", "203.0.113.77"),
        ("it is at http://203.0.113.77:8080/x", "IP address", "203.0.113.77"),
        ("`fe80::c218:85ff:fe33:9065`", "IP address", "fe80::c218:85ff:fe33:9065"),
        ("post to 48.85837, 2.294481", "coordinates", "48.85837, 2.294481"),
        ("P.O. Box 1234", "address", "P.O. Box 1234"),
        ("we live at SW1A 1AA", "address", "SW1A 1AA"),
        ("my passport is C01X00T47", "ID number", "C01X00T47"),
        ("chat.whatsapp.com/AbCdEf123456", "invite", "chat.whatsapp.com/AbCdEf123456"),
        ("sk-\u200bproj-abcd1234efgh5678ij", "secret", "sk-\u200bproj-abcd1234efgh5678ij"),
        ("export PASSWORD=hunter", "secret", "hunter"),
        ("Authorization: Bearer abcdef0123456789", "secret", "abcdef0123456789"),
    ],
)
def test_what_is_found(text: str, kind: str, value: str) -> None:
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4 of nvidia", "kernel 2.6.35.11 is out", "v10.0.19041.1", "127.0.0.1 and 0.0.0.0 and 255.255.255.0", "use 8.8.8.8",
        "at 12:30:45 on 2024-05-01", "std::vector<int> a::b", "1024*768", "1920x1080 at 144", "[ 1465.543947] usb 2-1: new device", "$1,234,567.89",
        "https://bugs.launchpad.net/bugs/1085044", "look at google dot com", "you at least point me there", "ping git@github.com:a/b.git", "img@2x.png",
        "my password is bad", "the password is 12 characters", "what is a token?", "key = value", "123456789012345678", "<@123456789012345678> <#114215487654736905>",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "id 550e8400-e29b-41d4-a716-446655440000", "5 people on the road", "3 way street fight", "I was born in Berlin",
        "turn left on Main Street", "via USB 3", "10 000 000", "2024 2025 2026", "100 200 3000", "3.1415926535897932", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "http://user:pass@proxy:port", "ACM 12345678", "1-800", "16 GB of RAM, 8 cores, 2 SSDs", "1234 5678 9012 3456", "第3章 10ページ", "これは2024年5月1日です",
    ],
)  # fmt: skip
def test_what_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_parts_can_be_turned_off() -> None:
    text = "jane@example.com, sk-abcd1234efgh5678ij, 203.0.113.77"
    assert [one.kind for one in scan(text)] == ["e-mail", "secret", "IP address"]
    assert [one.kind for one in scan(text, SECRETS_ONLY)] == ["secret"]
    assert [one.kind for one in scan(text, Wanted(secrets=False, details=frozenset({"e-mail"})))] == [
        "e-mail"
    ]
    assert scan(text, Wanted(secrets=False, details=frozenset())) == []


def test_no_two_are_in_the_same_place() -> None:
    text = "https://admin:Tr0ub4dor@203.0.113.77/d?token=abc123def456 from jane@example.com"
    spans = [(one.start, one.end) for one in scan(text)]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "Tr0ub4dor" not in replaced(text, scan(text), lambda kind, value: f"[{kind}]")


def test_marks_inside_a_value_do_not_hide_it() -> None:
    for mark in ("`", "||", "**", "\u200b", "\u2060", "\\", "\u00ad"):
        text = f"jane{mark}.doe@exa{mark}mple.com"
        assert found(text) == [("e-mail", text)], mark


@pytest.mark.parametrize("unit", dict.fromkeys((*UNITS, *OWN_UNITS)))
def test_a_look_takes_time_by_the_length_of_a_text(unit: str) -> None:
    assert is_linear(scan, unit)


@pytest.mark.parametrize(
    "text",
    [
        "password: Tr0ub4dor&3",
        "the password is Tr0u[b4]dor! and then",
        "passwort: a1(b)c2;d3, danke",
        "pwd=Pa$$w0rd99",
        "https://example.org/?user=a&password=abc1$2",
        "**password: abc{123}x**",
    ],
)
def test_a_password_is_covered_to_its_end(text: str) -> None:
    left = replaced(text, scan(text), lambda kind, value: "#")
    assert re.search(r"#(?:\*\*|[,!])?(?: danke| and then)?$", left), left


def test_what_stands_for_a_password_is_none() -> None:
    for text in (
        "set password=$PASSWORD",
        "password=%PASSWORD%",
        "passwords=3 tries",
        "password: see page 3",
    ):
        assert scan(text) == []
