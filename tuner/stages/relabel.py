"""Relabel: messages into turns, the persona's as the assistant's, everyone else's as the user's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from tuner import render
from tuner.models import Dialogue, Excerpt, Turn


def relabel(excerpt: Excerpt, channel_names: Mapping[int, str]) -> Dialogue | str:
    """The excerpt as turns from somebody else's to the persona's, or why it is no dialogue.

    Bursts of one speaker become one turn. What the persona says before anybody else, and what others say
    after the persona's last word, is left out.
    """
    spoken = [(m, text) for m in excerpt.messages if (text := render.readable(m, channel_names))]
    names = speaker_names({m.speaker: m.name for m, _ in spoken})
    turns = []
    for speaker, burst in groupby(spoken, key=lambda pair: pair[0].speaker):
        said = list(burst)
        text = "\n".join(text for _, text in said)
        turns.append(Turn(speaker, names[speaker], text, tuple(m.id for m, _ in said)))
    while turns and turns[0].speaker == excerpt.persona:
        turns.pop(0)
    while turns and turns[-1].speaker != excerpt.persona:
        turns.pop()
    if not turns:
        return "no answer by the persona"
    last = set(turns[-1].message_ids)
    if not any(render.words(m, channel_names) for m, _ in spoken if m.id in last):
        return "an answer without words"
    return Dialogue(excerpt.channel_id, excerpt.persona, tuple(turns))


def speaker_names(names: Mapping[int, str]) -> dict[int, str]:
    """One line per name, and no two speakers with the same one."""
    unique: dict[int, str] = {}
    taken: set[str] = set()
    for speaker, raw in names.items():
        plain = " ".join(raw.split()) or "someone"
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(name)
        unique[speaker] = name
    return unique
