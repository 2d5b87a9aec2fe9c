"""What is found of planted secrets and details, of how many kinds, in how many languages and disguises."""

import unicodedata
from collections import Counter

import pytest

from tests.support.planted import CHECKED, KINDS, LINES, SECRETS, Planted, planted
from tuner.screening.placeholders import PLACEHOLDER, Placeholders


@pytest.fixture(scope="module")
def lines() -> list[Planted]:
    return list(planted())


def test_every_kind_is_found(lines: list[Planted]) -> None:
    placeholders = Placeholders(b"key")
    left = Counter(one.kind for one in lines if _is_left(one, placeholders.marked(_whole(one.line))))
    found = {kind: 1 - left[kind] / LINES for kind in KINDS}
    assert len(KINDS) >= 80
    assert found["discord token"] == found["discord webhook"] == found["discord token, zero width"] == 1
    assert {kind: share for kind, share in found.items() if share < _wanted(kind)} == {}


def test_another_seed_is_found_as_well() -> None:
    placeholders = Placeholders(b"key")
    lines = list(planted(11))
    left = Counter(one.kind for one in lines if _is_left(one, placeholders.marked(_whole(one.line))))
    assert {kind: count for kind, count in left.items() if 1 - count / LINES < _wanted(kind)} == {}


def test_what_is_beside_them_stays(lines: list[Planted]) -> None:
    """Of a sentence around a value, no more goes than the value."""
    around = [one for one in lines if one.line.startswith("hey can you check ")]
    for one in around:
        marked = Placeholders(b"key").marked(one.line)
        assert marked.startswith("hey can you check ") and marked.endswith(" for me?"), (one, marked)
    assert len(around) > 50


def test_looking_again_finds_nothing_new(lines: list[Planted]) -> None:
    for one in lines:
        placeholders = Placeholders(b"key")
        marked = placeholders.marked(_whole(one.line))
        again = Placeholders(b"key")
        assert again.marked(marked) == marked, one
        assert PLACEHOLDER.search(marked), one


def _wanted(kind: str) -> float:
    return 0.99 if kind in SECRETS or kind in CHECKED else 0.95


def _whole(line: str) -> str:
    return line.replace("§", "")


def _is_left(one: Planted, screened: str) -> bool:
    """Whether the value stands there yet, or half of it."""
    value, text = _plain(_whole(one.value)), _plain(screened)
    third = len(value) // 3
    return value in text or value[third : third + max(4, len(value) // 2)] in text


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("\u200b", "")
