"""What is too large for a parser never reaches it; everything else does, wherever a read happens to end."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.adapters.bounded_json import BoundedJson, OutOfBoundsError

ODD = '"\\[]{}1234567890eE+- \n'
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(-(10**18), 10**18) | st.text(ODD, max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(ODD, max_size=9), inner, max_size=4),
    max_leaves=20,
)


def read_in_pieces(path: Path, content: bytes, size: int) -> bytes:
    path.write_bytes(content)
    with closing(BoundedJson(path)) as stream:
        return b"".join(iter(lambda: stream.read(size), b""))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=VALUES, size=st.integers(1, 50))
def test_what_is_ordinary_passes_unchanged(tmp_path: Path, value: object, size: int) -> None:
    content = json.dumps({"messages": value}).encode()
    assert read_in_pieces(tmp_path / "x.json", content, size) == content


@pytest.mark.parametrize("size", [1, 7, 39, 1 << 16])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"a": "\\\\", "id": ' + "1" * 41, "a number of more than 40 digits"),
        ('{"a": "\\"", "id": -1e999999999}', "a number of more than 40 digits"),
        ('{"id": 1E+99999}', "a number of more than 40 digits"),
        ('{"a": "]]]]", "b": ' + "[" * 70, "more than 64 lists or objects"),
        ('{"a":' * 70, "more than 64 lists or objects"),
    ],
)
def test_what_is_too_large_is_refused(tmp_path: Path, size: int, content: str, why: str) -> None:
    with pytest.raises(OutOfBoundsError, match=why):
        read_in_pieces(tmp_path / "x.json", content.encode(), size)


def test_an_endless_text_or_item_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutOfBoundsError, match="a text of more than 4 MB"):
        read_in_pieces(tmp_path / "x.json", b'{"a": "' + b"x" * (5 << 20), 1 << 16)
    with pytest.raises(OutOfBoundsError, match="an item of more than 64 MB"):
        read_in_pieces(tmp_path / "x.json", b'{"messages": [{"a": [' + b"null, " * (12 << 20), 1 << 20)


def test_digits_and_brackets_in_texts_are_only_text(tmp_path: Path) -> None:
    content = json.dumps({"content": "[" * 500 + "1" * 5000 + "1e99999"}).encode()
    assert read_in_pieces(tmp_path / "x.json", content, 64) == content


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    assert read_in_pieces(tmp_path / "x.json", b"\xef\xbb\xbf{}", 64) == b"{}"


@pytest.mark.parametrize("unit", ['"', '"[', 'a"', "\\", "\n", '\\"'])
def test_a_text_of_quotes_costs_what_its_length_costs(unit: str, tmp_path: Path) -> None:
    """A quote that is tried as the beginning of another text makes it a hundred times as much at this size."""

    def seconds(count: int) -> float:
        file = tmp_path / "quotes.json"
        file.write_text(json.dumps({"messages": [unit * count]}), encoding="utf-8")
        begun = time.process_time()
        with closing(BoundedJson(file)) as stream:
            assert list(stream.items("messages.item")) == [unit * count]
        return time.process_time() - begun

    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(100_000) for _ in range(2)) < 300 * short  # fifty times the length
