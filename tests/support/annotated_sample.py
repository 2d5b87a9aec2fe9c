"""The conversations of the embedded sample as a careful reader sees them, and how near to them a separation comes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from statistics import fmean
from typing import Any

CONTEXT = 20  # messages before a reply that are looked at
CLEAN_AT = 0.8  # of the context is from the reply's own conversation
FLOORS = {"purity": 90.0, "parent*": 85.0, "clean": 90.0, "clean samples": 90.0}
"""What the product must reach on its own sample, in percent; `clean samples`: of the dataset's lines."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """Of messages, oldest first: which conversation they belong to, and which message they answer, if any."""

    conversation: Mapping[str, int]
    answers: Mapping[str, str]
    author: Mapping[str, str]

    def replies(self) -> list[str]:
        """Messages that answer somebody else."""
        return [i for i, target in self.answers.items() if self.author[i] != self.author[target]]

    def interrupted(self, reply: str) -> bool:
        """Whether another talk's message stands between a reply and what it answers."""
        between = (i for i in self.conversation if int(self.answers[reply]) < int(i) < int(reply))
        return any(self.conversation[i] != self.conversation[reply] for i in between)

    def fits(self, reply: str, context: Sequence[str]) -> bool:
        """Whether a reply may be learned with this context: what it answers is there, and little else is."""
        return self.answers.get(reply) in context and self.share(reply, context) >= CLEAN_AT

    def share(self, reply: str, context: Sequence[str]) -> float:
        """How much of a context is from the reply's conversation."""
        return fmean(self.conversation[i] == self.conversation[reply] for i in context)

    def only(self, people: Iterable[str]) -> Annotation:
        """The part that these people wrote. A reply to anybody else answers nothing."""
        allowed = set(people)
        kept = {i for i in self.conversation if self.author[i] in allowed}
        return Annotation(
            {i: number for i, number in self.conversation.items() if i in kept},
            {i: target for i, target in self.answers.items() if i in kept and target in kept},
            self.author,
        )


def exports() -> list[dict[str, Any]]:
    folder = resources.files("tuner.sample") / "export"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def annotations() -> dict[str, Annotation]:
    """By channel name."""
    text = (resources.files("tuner.sample") / "conversations.json").read_text(encoding="utf-8")
    truth: dict[str, dict[str, Any]] = json.loads(text)
    authors = {m["id"]: m["author"]["id"] for export in exports() for m in export["messages"]}
    return {
        name: Annotation(
            {i: note["conversation"] for i, note in notes.items()},
            {i: note["answers"] for i, note in notes.items() if note["answers"]},
            {i: authors[i] for i in notes},
        )
        for name, notes in truth.items()
    }


def score(
    truth: Mapping[str, Annotation], conversations: Mapping[str, Sequence[Sequence[str]]]
) -> dict[str, float]:
    """Percent, as the benchmark of conversations counts them.

    Each message that answers somebody else is taken for the assistant's; its context is what came last before
    it in its conversation. `purity`: the context's share that belongs with it. `parent*`: of all such messages,
    those whose context holds what they answer. `clean`: of those with any context, the ones that fit theirs.
    """
    shares, found, fitting, count = [], 0, 0, 0
    for name, annotation in truth.items():
        before = dict(_contexts(conversations[name]))
        for reply in annotation.replies():
            count += 1
            context = [i for i in before.get(reply, ()) if i in annotation.conversation][-CONTEXT:]
            if context:
                shares.append(annotation.share(reply, context))
                found += annotation.answers[reply] in context
                fitting += annotation.fits(reply, context)
    made = len(shares)
    return {
        "purity": 100 * fmean(shares),
        "parent*": 100 * found / count,
        "clean": 100 * fitting / made,
        "clean per 100 replies": 100 * fitting / count,
    }


def _contexts(conversations: Sequence[Sequence[str]]) -> Iterable[tuple[str, Sequence[str]]]:
    for messages in conversations:
        for place, message in enumerate(messages):
            yield message, messages[:place]


def mixed(truth: Mapping[str, Annotation], records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines of a dataset whose answer does not fit what comes before it."""
    whole = merged(truth.values())
    return [r for r in records if not whole.fits(*_last(r, whole))]


def _last(record: Mapping[str, Any], whole: Annotation) -> tuple[str, Sequence[str]]:
    """The message that a line teaches, or of a burst the first one, and what comes before it."""
    messages = record["metadata"]["message_ids"]
    start = len(messages) - 1
    for place, (before, message) in reversed(list(enumerate(pairwise(messages), 1))):
        if whole.author[before] != whole.author[message]:
            start = place
            break
    return messages[start], messages[:start]


def merged(annotations: Iterable[Annotation]) -> Annotation:
    """Channels as one: conversations get numbers of their own."""
    conversation: dict[str, int] = {}
    answers: dict[str, str] = {}
    author: dict[str, str] = {}
    for annotation in annotations:
        first = len(conversation)  # more than there are conversations before
        conversation |= {i: first + number for i, number in annotation.conversation.items()}
        answers |= annotation.answers
        author |= annotation.author
    return Annotation(conversation, answers, author)
