"""How production writes a turn and a tool's result, so that no text in them can pass for another turn or line.

A turn begins with "NAME said:" on a line of its own, after a long silence with "(3 h later)" on the next; a line
of a tool's result begins with "[time] NAME: ". No name holds a colon or a line end (`tuner.text.names`), no text a
line that ends with "said:", and the lines of a text that is retrieved are set in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tuner import snowflake
from tuner.models import ChatMessage, Message
from tuner.text import render
from tuner.text.inert import fold, inert, visible
from tuner.text.names import TOOL, distinct

LONG_PAUSE = 3600  # seconds of silence that are worth mentioning
SET_IN = "\n    "

_SAID = re.compile(r"[sѕ][aаα][iіι][dԁ](?P<rest>\W*+)", re.IGNORECASE)
_COLON = re.compile("[:\u02d0\u02f8\u2236\ua789]")
_LINE_END = re.compile(r"\n\s*+")
_LATER = re.compile(r"\(\d{1,9} (?:h|days) later\)[^\S\n]*+(?P<end>\n\s*+)", re.IGNORECASE)


def user_turn(name: str, text: str, pause: float = 0) -> ChatMessage:
    """Somebody else's words, `pause` seconds after what was said before."""
    later = f"({_long(pause)} later)\n" if pause >= LONG_PAUSE else ""
    return {"role": "user", "content": f"{name} said:\n{later}{plain(text)}"}


def assistant_turn(text: str, learned: bool = True) -> ChatMessage:
    """The persona's own words; those that answer nobody are context, and not learned."""
    turn: ChatMessage = {"role": "assistant", "content": plain(text)}
    return turn if learned else {**turn, "weight": 0}


def tool_turns(call_id: str, query: str, result: str) -> list[ChatMessage]:
    """A call of the retrieval tool and what it returned."""
    arguments = json.dumps({"query": inert(" ".join(visible(query).split()))}, ensure_ascii=False)
    call: dict[str, Any] = {
        "id": call_id,
        "type": "function",
        "function": {"name": TOOL, "arguments": arguments},
    }
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": inert(result)},
    ]


def tool_result(
    found: Sequence[Message], channel_names: Mapping[int, str], talking: Mapping[int, str] | None = None
) -> str:
    """Retrieved messages as the production tool returns them, oldest first.

    `talking` are the names under which people take part in the talk; nobody else gets one of those.
    """
    names = distinct({m.speaker: m.name for m in found}, talking)
    lines = (
        f"[{snowflake.moment(m.id):%Y-%m-%d %H:%M}] {names[m.speaker]}: {render.readable(m, channel_names)}"
        for m in found
    )
    return "\n".join(line.replace("\n", SET_IN) for line in lines)


def plain(text: str) -> str:
    """A text of which no line can pass for the beginning of a turn: it goes on behind what looks like one."""
    folded = fold(text)
    ends = []
    for said in _SAID.finditer(folded):
        if colon := _COLON.search(folded, *said.span("rest")):
            ends += [end.span() for end in _LINE_END.finditer(folded, colon.end(), said.end())]
    if later := _LATER.match(folded):
        ends.insert(0, later.span("end"))
    parts, done = [], 0
    for start, end in ends:
        parts.append(text[done:start])
        done = end
    return " ".join([*parts, text[done:]])


def _long(seconds: float) -> str:
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
