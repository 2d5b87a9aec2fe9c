"""The default prompt stack: system prompt, tools announcement, context block.

`prompt.stack` in the configuration may name another callable of the same shape as `build`: the builder of
a production bot, so that training and serving cannot drift apart.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from tuner.config.settings import Dated
from tuner.config.settings import Prompt as PromptSettings
from tuner.errors import UsageError
from tuner.models import Channel, ChatMessage
from tuner.text.inert import inert, visible
from tuner.text.names import quoted

# What foreign code may raise on its way. Not a bare Exception: cancelling and memory are nobody's mistake there.
FOREIGN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemExit,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Assets:
    """Texts and tools of the stack, as configured."""

    system: str  # a string.Template: $persona, $server, $channel
    persona_notes: str
    tools: tuple[dict[str, Any], ...]
    announce_tools: bool
    context: bool
    topics: Mapping[int, tuple[Dated, ...]] = field(default_factory=dict)
    profiles: Mapping[int, tuple[Dated, ...]] = field(default_factory=dict)
    direct: str = ""  # instead of `system` where there is no server: in direct messages


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """For whom and when a prompt is built. `at` is the moment of the answer: nothing later may be used."""

    channel: Channel
    persona: int
    persona_name: str
    participants: Mapping[int, str]  # the others, user id → name
    at: datetime
    assets: Assets


@dataclass(frozen=True, slots=True)
class Header:
    """What comes before the turns, and the tools offered."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[dict[str, Any], ...]


Builder = Callable[[PromptRequest], Header]


def build(request: PromptRequest) -> Header:
    """System prompt with persona notes, tools announcement, context block; only the first is instructions."""
    assets = request.assets
    direct = request.channel.is_direct and assets.direct
    system = Template(direct or assets.system).safe_substitute(
        persona=quoted(request.persona_name),
        server=request.channel.guild_name or "the server",
        channel=quoted(request.channel.name),
    )
    about_persona = [assets.persona_notes.strip(), _known(assets.profiles, request.persona, request.at)]
    parts = [system.strip(), *(text for text in about_persona if text)]
    messages: list[ChatMessage] = [{"role": "system", "content": "\n\n".join(parts)}]
    if assets.tools and assets.announce_tools:
        messages.append(_note(announcement(assets.tools)))
    if assets.context and (context := _context(request)):
        messages.append(_note(context))
    return Header(tuple(messages), assets.tools)


def load_builder(name: str) -> Builder:
    """The callable that `prompt.stack` names, "package.module:callable"."""
    module, _, attribute = name.partition(":")
    try:
        builder: Builder = getattr(importlib.import_module(module), attribute)
        if not callable(builder):
            raise ValueError(f"{attribute} is not callable")
    except FOREIGN as error:  # whatever a module may do while it is imported
        raise UsageError(
            f"prompt.stack = {name!r} cannot be loaded: {error or type(error).__name__}. Write it as "
            "package.module:callable, importable from where Tuner runs."
        ) from error
    return builder


def load_assets(settings: PromptSettings) -> Assets:
    """Read the files that [prompt] names, or the built-in ones."""
    here = resources.files("tuner.prompt")
    system = _file("prompt.system_file", settings.system_file) or (here / "system.md").read_text("utf-8")
    tools = _file("prompt.tools_file", settings.tools_file) or (here / "tools.json").read_text("utf-8")
    return Assets(
        system=system,
        direct="" if settings.system_file else (here / "direct.md").read_text("utf-8"),
        persona_notes=_file("prompt.persona_notes_file", settings.persona_notes_file),
        tools=_tools(tools, settings.tools_file),
        announce_tools=settings.announce_tools,
        context=settings.context,
        topics={int(i): _dated(notes.topic) for i, notes in settings.channels.items()},
        profiles={int(i): _dated(profile.text) for i, profile in settings.profiles.items()},
    )


def _file(key: str, path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{key} = {path!r} cannot be read: {error}.") from error


def _tools(text: str, path: str) -> tuple[dict[str, Any], ...]:
    try:
        tools = json.loads(text)
        names = [str(tool["function"]["name"]) for tool in tools]
    except (json.JSONDecodeError, KeyError, RecursionError, TypeError) as error:
        raise UsageError(
            f"prompt.tools_file = {path!r} should hold a JSON list of "
            f'{{"type": "function", "function": {{"name": …}}}} objects: {error}.'
        ) from error
    if len(set(names)) != len(names):
        raise UsageError(f"prompt.tools_file = {path!r} names a tool twice.")
    return tuple(tools)


def _dated(text: str | tuple[Dated, ...]) -> tuple[Dated, ...]:
    return (Dated(text=text),) if isinstance(text, str) else text


def _known(texts: Mapping[int, tuple[Dated, ...]], key: int, at: datetime) -> str:
    """The newest text that was already true at that time."""
    known = [t for t in texts.get(key, ()) if t.since is None or t.since <= at]
    newest = max(known, key=lambda t: t.since.timestamp() if t.since else 0.0, default=None)
    return inert(visible(newest.text)).strip() if newest else ""


def announcement(tools: tuple[dict[str, Any], ...]) -> str:
    """What the prompt says of the tools, where `prompt.announce_tools` is on."""
    lines = (f"- {t['function']['name']}: {t['function'].get('description', '')}".rstrip(": ") for t in tools)
    return "### Tools\n" + "\n".join(lines)


def _context(request: PromptRequest) -> str:
    assets, channel = request.assets, request.channel
    topic = _known(assets.topics, channel.id, request.at)
    topic = topic or _known(assets.topics, channel.parent_id or 0, request.at)
    if (
        not {channel.id, channel.parent_id} & assets.topics.keys()
    ):  # what is configured wins, also where it is later
        topic = channel.topic
    people = [
        f"- {name}: {profile}"
        for user_id, name in request.participants.items()
        if (profile := _known(assets.profiles, user_id, request.at))
    ]
    parts = [f"#{channel.name}: {topic}"] if topic else []
    parts += ["People here:", *people] if people else []
    return "### Context\n" + "\n".join(parts) if parts else ""


def _note(text: str) -> ChatMessage:
    """A block that production sends as the assistant's, and that must not be learned."""
    return {"role": "assistant", "content": text, "weight": 0}
