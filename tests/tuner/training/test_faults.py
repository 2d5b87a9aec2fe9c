"""Refusals in words: their kind, the provider's own text on one line, and never the key."""

from typing import Any

import pytest

from tuner.errors import FatalError, RetryError, UsageError
from tuner.training.faults import LONGEST_WORDS, UnansweredError, classed, told, words_of
from tuner.training.providers import Place

PLACE = Place("nebius", "https://x/v1/", key_env="NEBIUS_API_KEY")
KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "", FatalError),
        (401, "", UsageError),
        (402, "", FatalError),
        (403, "", UsageError),
        (403, "training_not_available", UsageError),
        (404, "", UsageError),
        (408, "", UnansweredError),
        (409, "", UnansweredError),
        (413, "", FatalError),
        (422, "", FatalError),
        (429, "", RetryError),
        (429, "insufficient_quota", FatalError),
        (500, "", UnansweredError),
        (503, "", UnansweredError),
        (302, "", FatalError),
    ],
)
def test_kinds(status: int, code: str, kind: type[Exception]) -> None:
    fault = classed(PLACE, status, {"error": {"message": "why", "code": code or None}}, KEY)
    assert isinstance(fault, kind)
    assert isinstance(fault, UnansweredError) == (kind is UnansweredError)
    assert isinstance(fault, UsageError) == (kind is UsageError)


def test_a_wait_is_passed_on_unless_it_is_long() -> None:
    short = classed(PLACE, 429, {}, KEY, after=7)
    assert isinstance(short, RetryError) and short.after == 7
    assert isinstance(classed(PLACE, 429, {}, KEY, after=7_000), FatalError)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no\n such\tthing"}}, "no such thing"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"error": {"error": {"message": "deep"}}}, "deep"),
        ({"error": []}, ""),
        ({"error": {}}, ""),
        ([], ""),
        (None, ""),
        ("<html>", "<html>"),
        ({"message": f"your key {KEY} is wrong"}, "your key (hidden: it looks like a token or key) is wrong"),
        ({"message": "sk-proj-abcdefghijklmnop"}, "(hidden: it looks like a token or key)"),
    ],
)
def test_words(body: Any, words: str) -> None:
    assert words_of(body, KEY) == words


def test_words_are_cut() -> None:
    assert len(told("x" * 10_000)) == LONGEST_WORDS
