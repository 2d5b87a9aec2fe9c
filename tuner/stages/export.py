"""Export: dialogues into checked lines of the dataset. Pure; the files are `tuner.adapters.dataset_files`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuner import snowflake
from tuner.models import Channel, ChatMessage, Dialogue, Message, Origin, Sample, Talk
from tuner.people.intake import words_of
from tuner.profiles import ExportProfile
from tuner.prompt.shapes import shaped
from tuner.prompt.stack import Assets, Builder, PromptRequest
from tuner.prompt.turns import assistant_turn, tool_turns, user_turn
from tuner.text import render
from tuner.text.inert import inert
from tuner.text.names import TOOL, title

LONGEST_TOPIC = 300  # characters; a forum's guidelines may be a page


def assemble(
    dialogue: Dialogue,
    channel: Channel,
    builder: Builder,
    assets: Assets,
    channels: Mapping[int, Channel] | None = None,
) -> Sample:
    """The production prompt and the turns, as one sample. `channels` are those that a topic may name, by id."""
    target = dialogue.turns[-1]
    names = {turn.speaker: turn.name for turn in dialogue.turns}
    header = builder(
        PromptRequest(
            channel=_presentable(channel, channels or {}),
            persona=dialogue.persona,
            persona_name=names[dialogue.persona],
            participants={i: name for i, name in names.items() if i != dialogue.persona},
            at=snowflake.moment(target.message_ids[0]),
            assets=assets,
        )
    )
    turns: list[ChatMessage] = []
    offered = any(tool["function"]["name"] == TOOL for tool in header.tools)
    calls = {call.before: call for call in dialogue.tool_calls if offered}
    for position, turn in enumerate(dialogue.turns):
        if call := calls.get(position):
            call_id = _call_id(turn.message_ids[0], call.query)
            turns += tool_turns(call_id, call.query, call.result)
        own = turn.speaker == dialogue.persona
        turns.append(
            assistant_turn(turn.text, turn.learned) if own else user_turn(turn.name, turn.text, turn.pause)
        )
    metadata = {
        "channel_id": dialogue.channel_id,
        "message_ids": [str(i) for i in dialogue.message_ids],
        "assistant_user_id": dialogue.persona,
        "synthetic_tool_calls": len(calls),
        "target_message_id": target.message_ids[-1],
    }
    prompt = tuple(map(_unlearned, header.messages))
    talk = Talk(prompt, tuple(turns), header.tools, names[dialogue.persona])
    return Sample(
        talk, metadata, dialogue.conversation, tuple(names), origin(dialogue, channel, channels or {})
    )


def origin(dialogue: Dialogue, channel: Channel, channels: Mapping[int, Channel]) -> Origin:
    """What a sample is made of. A call that is not offered counts too: rather too much than too little."""
    quoted = (message for call in dialogue.tool_calls for message in call.found)
    messages = [message for message in (*dialogue.messages, *quoted) if not message.is_stub]
    texts = [text for message in messages for text in words_of(message)]
    speakers = {s for m in messages for s in (m.speaker, *(who for who, _ in m.extras.mentions)) if s > 0}
    mentioned = {int(i) for text in texts for i in render.USER_MENTION.findall(text)}
    parent = channels.get(channel.parent_id or 0, channel)
    spoken = (*texts, channel.topic or parent.topic)
    named = {int(i) for text in spoken for i in render.CHANNEL_MENTION.findall(text)}
    places = (channel, *(channels[i] for i in named if i in channels))
    return Origin(
        {message.id: message.edited_ms for message in messages},
        frozenset(speakers | mentioned | {dialogue.persona}),
        {place.id: place.name for place in places if place.parent_id is not None},
    )


def _presentable(channel: Channel, channels: Mapping[int, Channel]) -> Channel:
    """The channel as a prompt may name it: anybody can open a thread and call it what they like.

    A thread has the topic of what it was opened in. It is as Discord shows it now: nobody knows since when.
    """
    parent = channels.get(channel.parent_id or 0, channel)
    return replace(
        channel,
        name=title(channel.name),
        guild_name=title(channel.guild_name),
        topic=_topic(channel.topic or parent.topic, channels),
    )


def _topic(raw: str, channels: Mapping[int, Channel]) -> str:
    """A topic on one line, so that no line of it can pass for another, without who is mentioned in it."""
    names = {i: channel.name for i, channel in channels.items()}
    line = " ".join(render.words(Message(0, 0, 0, text=raw), names).split())
    return line if len(line) <= LONGEST_TOPIC else inert(line[: LONGEST_TOPIC - 1].rstrip() + "…")


def upload_line(sample: Sample, profile: ExportProfile = "openai") -> dict[str, Any]:
    """The line as a profile's readers take it: no keys but the format's own."""
    return shaped(sample.talk, profile)


def record_line(sample: Sample) -> dict[str, Any]:
    """The line as Tuner keeps it: the upload's, and where it comes from."""
    return {**upload_line(sample), "metadata": sample.metadata}


def encode(line: dict[str, Any]) -> bytes:
    """One line of JSONL."""
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _unlearned(message: ChatMessage) -> ChatMessage:
    """Scaffolding is never trained on, whatever a custom builder says."""
    return {**message, "weight": 0} if message.get("role") == "assistant" else message


def _call_id(message_id: int, query: str) -> str:
    """Nine letters and digits, as the strictest reader wants them."""
    return hashlib.sha256(f"{message_id}\0{query}".encode()).hexdigest()[:9]
