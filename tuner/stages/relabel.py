"""Relabel: messages into turns, the persona's as the assistant's, everyone else's as the user's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tuner import snowflake
from tuner.models import Dialogue, Excerpt, Message, Turn
from tuner.stages.questions import asks
from tuner.stages.speech import goes_on, says_something, without_placeholders
from tuner.stages.substance import is_junk, substance
from tuner.text import render
from tuner.text.names import distinct

TOO_LATE = 12 * 3600  # seconds after which an answer is none that a model could learn to give at once
DAY = 24 * 3600
LONGEST_TURN = 3600  # seconds: whoever goes on for longer, in small steps, does not give one answer


def relabel(excerpt: Excerpt, channel_names: Mapping[int, str]) -> Dialogue | str:
    """The excerpt as turns that end on the persona's last answer, or why it is no dialogue.

    What one speaker says without a pause is one turn. What the persona says before anybody else is the first turn,
    and context. An answer follows somebody else's turn within half a day and tells something; what else the persona
    says in between is context, and not learned. Where the persona speaks after a silence of a day or more, which an
    assistant's turn cannot tell of, the dialogue begins anew.
    """
    spoken = [m for m in excerpt.messages if render.readable(m, channel_names)]
    names = distinct({m.speaker: m.name for m in spoken})
    turns: list[Turn] = []
    for burst in _bursts(spoken, excerpt.persona):
        turns.append(_turn(burst, turns[-1] if turns else None, names, excerpt, channel_names))
    return _ending_on_an_answer(turns, excerpt)


def _turn(
    burst: Sequence[Message],
    before: Turn | None,
    names: Mapping[int, str],
    excerpt: Excerpt,
    channel_names: Mapping[int, str],
) -> Turn:
    speaker = burst[0].speaker
    text, learned = _said(burst, channel_names), True
    pause = burst[0].at - snowflake.at_ms(before.message_ids[-1]) / 1000 if before else 0.0
    if speaker == excerpt.persona:
        answer = _answer(burst, channel_names, excerpt.channel_id)
        learned = bool(answer) and before is not None and before.speaker != speaker and pause < TOO_LATE
        learned = learned and (substance(answer) > 0 or (before is not None and asks(before.text)))
        text = answer if learned else text
    return Turn(speaker, names[speaker], text, tuple(m.id for m in burst), pause, learned)


def _ending_on_an_answer(turns: Sequence[Turn], excerpt: Excerpt) -> Dialogue | str:
    own = [n for n, turn in enumerate(turns) if turn.speaker == excerpt.persona]
    replies = [n for n in own if n and any(turn.speaker != excerpt.persona for turn in turns[:n])]
    end = max((n for n in replies if turns[n].learned), default=-1)
    if end < 0:
        return _why_no_answer(turns, replies)
    start = max((n for n in own if n < end and turns[n].pause >= DAY), default=0)
    first = replace(turns[start], pause=0.0)  # nothing that one would see was said before it
    spoken = (first, *turns[start + 1 : end + 1])
    ids = {i for turn in spoken for i in turn.message_ids}
    messages = tuple(message for message in excerpt.messages if message.id in ids)
    return Dialogue(excerpt.channel_id, excerpt.persona, spoken, (), excerpt.conversation, messages)


def _why_no_answer(turns: Sequence[Turn], replies: Sequence[int]) -> str:
    if any(turns[n].pause >= TOO_LATE for n in replies):
        return "an answer half a day later"
    return "an answer without words" if replies else "no answer by the persona"


def _bursts(messages: Sequence[Message], persona: int) -> Iterator[list[Message]]:
    """What one speaker says before another does, or before a pause; of the persona, no longer than an answer is."""
    burst: list[Message] = []
    for message in messages:
        too_long = message.speaker == persona and bool(burst) and message.at - burst[0].at >= LONGEST_TURN
        if burst and (too_long or not goes_on(burst[-1], message)):
            yield burst
            burst = []
        burst.append(message)
    if burst:
        yield burst


def _said(burst: Sequence[Message], channel_names: Mapping[int, str]) -> str:
    return "\n".join(render.readable(message, channel_names) for message in burst)


def _answer(burst: Sequence[Message], channel_names: Mapping[int, str], channel_id: int) -> str:
    """What is learned of the persona's words: no placeholders, no laughs; nothing at all of a bare link or a title."""
    texts = [without_placeholders(render.words(message, channel_names)) for message in burst]
    telling = [
        text for text in texts if text and not is_junk(text)
    ] or texts  # a laugh behind an answer is none of it
    text = "\n".join(filter(None, telling))
    titles = (channel_names.get(i) for i in (channel_id, *(message.id for message in burst)))
    return text if says_something(text) and not is_junk(text) and text not in titles else ""
