"""Relabel: messages into turns, the persona's as the assistant's, everyone else's as the user's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tuner import snowflake
from tuner.models import Dialogue, Excerpt, Message, Turn
from tuner.stages.speech import goes_on, says_something, without_placeholders
from tuner.text import render
from tuner.text.names import distinct

TOO_LATE = 12 * 3600  # seconds after which an answer is none that a model could learn to give at once


def relabel(excerpt: Excerpt, channel_names: Mapping[int, str]) -> Dialogue | str:
    """The excerpt as turns from somebody else's to the persona's, or why it is no dialogue.

    What one speaker says without a pause is one turn. What the persona says before anybody else, and all after
    the persona's last answer, is left out. An answer follows somebody else's turn within half a day and has words;
    what else the persona says in between is context, and not learned.
    """
    spoken = [m for m in excerpt.messages if render.readable(m, channel_names)]
    names = distinct({m.speaker: m.name for m in spoken})
    turns: list[Turn] = []
    for burst in _bursts(spoken):
        speaker, before = burst[0].speaker, turns[-1] if turns else None
        if before is None and speaker == excerpt.persona:
            continue
        text, learned = _said(burst, channel_names), True
        if speaker == excerpt.persona:
            answer = _answer(burst, channel_names, excerpt.channel_id)
            text, learned = answer or text, bool(answer and before and before.speaker != speaker)
        pause = burst[0].at - snowflake.at_ms(before.message_ids[-1]) / 1000 if before else 0.0
        if speaker == excerpt.persona and pause >= TOO_LATE:
            learned = False
        turns.append(Turn(speaker, names[speaker], text, tuple(m.id for m in burst), pause, learned))
    return _ending_on_an_answer(turns, excerpt)


def _ending_on_an_answer(turns: Sequence[Turn], excerpt: Excerpt) -> Dialogue | str:
    own = [n for n, turn in enumerate(turns, 1) if turn.speaker == excerpt.persona]
    end = max((n for n in own if turns[n - 1].learned), default=0)
    if not end and any(turns[n - 1].pause >= TOO_LATE for n in own):
        return "an answer half a day later"
    if not end:
        return "an answer without words" if own else "no answer by the persona"
    return Dialogue(excerpt.channel_id, excerpt.persona, tuple(turns[:end]))


def _bursts(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """What one speaker says before another does, or before a pause."""
    burst: list[Message] = []
    for message in messages:
        if burst and not goes_on(burst[-1], message):
            yield burst
            burst = []
        burst.append(message)
    if burst:
        yield burst


def _said(burst: Sequence[Message], channel_names: Mapping[int, str]) -> str:
    return "\n".join(render.readable(message, channel_names) for message in burst)


def _answer(burst: Sequence[Message], channel_names: Mapping[int, str], channel_id: int) -> str:
    """What is learned of the persona's words: no placeholders; nothing at all of a bare link or a title."""
    texts = [without_placeholders(render.words(message, channel_names)) for message in burst]
    text = "\n".join(filter(None, texts))
    titles = (channel_names.get(i) for i in (channel_id, *(message.id for message in burst)))
    return text if says_something(text) and text not in titles else ""
