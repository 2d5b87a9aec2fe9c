"""How production writes a turn and a tool's result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tuner import render, snowflake
from tuner.models import ChatMessage, Message

TOOL = "retrieve_context"


def user_turn(name: str, text: str) -> ChatMessage:
    """Somebody else's words."""
    return {"role": "user", "content": f"{name} said:\n{text}"}


def assistant_turn(text: str) -> ChatMessage:
    """The persona's own words."""
    return {"role": "assistant", "content": text}


def tool_turns(call_id: str, query: str, result: str) -> list[ChatMessage]:
    """A call of the retrieval tool and what it returned."""
    arguments = json.dumps({"query": query}, ensure_ascii=False)
    call: dict[str, Any] = {
        "id": call_id,
        "type": "function",
        "function": {"name": TOOL, "arguments": arguments},
    }
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    ]


def tool_result(found: Sequence[Message], channel_names: Mapping[int, str]) -> str:
    """Retrieved messages as the production tool returns them, oldest first."""
    lines = (
        f"[{snowflake.moment(m.id):%Y-%m-%d %H:%M}] {m.name}: {render.readable(m, channel_names)}"
        for m in found
    )
    return "\n".join(lines)
