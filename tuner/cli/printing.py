"""What may be written to a terminal: nothing in chat moves its cursor or turns its writing around."""

from __future__ import annotations

import json
from typing import Any


def printable(line: str) -> str:
    """Without what would steer a terminal, or turn its writing around."""
    return "".join(character if character.isprintable() else " " for character in line)


def printable_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(value: Any) -> str:
    """JSON that says the same and steers no terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
