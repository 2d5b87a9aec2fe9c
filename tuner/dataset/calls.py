"""How tool calls and their results follow one another in a line of a dataset, whatever form the line has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar


class Call(Protocol):
    """A tool call, as far as results name it."""

    id: str


AnyCall = TypeVar("AnyCall", bound=Call)


def faults(
    messages: Iterable[str | Sequence[AnyCall]], check: Callable[[AnyCall], Iterable[str]]
) -> Iterator[str]:
    """What is wrong with a line's calls, the order first. A message is the id that it answers, or the calls it makes.

    `check` says what else is wrong with a call by itself.
    """
    waiting: set[str] = set()
    seen: set[str] = set()
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        if isinstance(message, str):
            if message not in waiting:
                yield f"{where}: answers no open tool call"
            waiting.discard(message)
            continue
        if waiting:
            yield f"{where}: comes before the tool's answer"
            waiting.clear()
        for call in message:
            if call.id in seen:
                yield f"{where}: the tool call id {call.id!r} is used twice"
            yield from (f"{where}: {fault}" for fault in check(call))
            seen.add(call.id)
            waiting.add(call.id)
