"""A JSON file as a parser may be given it: nothing in it is larger than a parser of strangers' files can bear.

The C parser crashes on a number of thousands of digits, and takes gigabytes for brackets within brackets. So
everything is looked at before it is handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import ijson  # type: ignore[import-untyped]

DEEPEST = 64  # objects and lists within one another; exports have less than ten
LONGEST_NUMBER = 40  # characters
LONGEST_TEXT = 4 << 20  # bytes
LARGEST_ITEM = 64 << 20  # bytes of one element of a list of the outermost object
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A string, or the beginning of one that does not end here: so that no quote in it is tried as another beginning.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_TEXT_END = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{%d}" % LONGEST_NUMBER)
_LARGE_EXPONENT = re.compile(rb"[0-9][eE][+-]?[0-9]{4}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class OutOfBoundsError(ValueError):
    """A file holds what no parser should be given; the text says what, as the end of a sentence."""


UNREADABLE = (ijson.JSONError, UnicodeDecodeError, OutOfBoundsError)
"""What reading raises at the place where a file is damaged."""


class BoundedJson:
    """A file that is parsed while it is read."""

    def __init__(self, path: Path) -> None:
        self._stream: IO[bytes] = path.open("rb")
        if self._stream.read(3) != BYTE_ORDER_MARK:
            self._stream.seek(0)
        self._open_text = 0  # bytes of a string that has begun and not ended
        self._carried = b""  # a backslash at its end whose other half is still to come
        self._rest = b""  # the end of what came, which may be the beginning of something longer
        self._depth = 0
        self._item = 0  # bytes since the last one ended

    def events(self) -> Iterator[tuple[str, str, Any]]:
        """Everything in the file: its dotted place, what it is, its value."""
        yield from ijson.parse(self)

    def items(self, prefix: str) -> Iterator[Any]:
        """The values at a dotted place, one after another."""
        yield from ijson.items(self, prefix)

    def close(self) -> None:
        self._stream.close()

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises OutOfBoundsError before it hands on what is too large."""
        data = self._stream.read(size)
        self._check(data)
        return data

    def _check(self, data: bytes) -> None:
        outside = self._without_texts(data)
        seen = self._rest + outside
        if _LONG_NUMBER.search(seen) or _LARGE_EXPONENT.search(seen):
            raise OutOfBoundsError(f"it holds a number of more than {LONGEST_NUMBER} digits")
        self._rest = seen[-LONGEST_NUMBER:]
        self._item += len(data)
        self._nest(outside.translate(None, _NOT_BRACKETS))
        if self._item > LARGEST_ITEM:
            raise OutOfBoundsError(f"it holds an item of more than {LARGEST_ITEM >> 20} MB")

    def _nest(self, brackets: bytes) -> None:
        for bracket in brackets:
            self._depth += 1 if bracket in b"[{" else -1
            if self._depth > DEEPEST:
                raise OutOfBoundsError(f"it holds more than {DEEPEST} lists or objects within one another")
            if self._depth <= 2:
                self._item = 0

    def _without_texts(self, data: bytes) -> bytes:
        """The bytes that are not in strings; a string leaves a space."""
        start = 0
        if self._open_text:
            end = _TEXT_END.match(self._carried + data)
            if not end:
                self._begin_text(self._carried + data, self._open_text - len(self._carried))
                return b""
            start = end.end() - len(self._carried)
        outside = _TEXT.sub(lambda found: b" " if found[1] else found[0], data[start:])
        self._open_text = 0
        at = outside.find(b'"')
        if at >= 0:
            self._begin_text(outside[at:], 0)
            outside = outside[:at]
        return outside

    def _begin_text(self, data: bytes, before: int) -> None:
        """A string goes on after `data`. Of it only an escape that is cut in two matters later."""
        self._open_text = before + len(data)
        backslashes = len(data) - len(data.rstrip(b"\\"))
        self._carried = b"\\" if backslashes % 2 else b""
        if self._open_text > LONGEST_TEXT:
            raise OutOfBoundsError(f"it holds a text of more than {LONGEST_TEXT >> 20} MB")
