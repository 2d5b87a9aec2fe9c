"""What a judge of doubtful links is worth, where it is right so often. It is simulated: nothing is asked."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import annotated
from tests.benchmarks.annotated import Replies, Segments
from tests.benchmarks.conversation_archive import fitted
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.cli.archive import import_exports
from tuner.config.settings import Settings
from tuner.dataset.tokens import token_counter
from tuner.linking.doubt import Doubt, Doubts
from tuner.stages import belonging
from tuner.stages.judge import Stretch
from tuner.stages.segment import joined, read_stretches


@dataclass(frozen=True, slots=True)
class Judge:
    """How good, and asked about how much. Wrong answers are any of the others that are offered."""

    share: float
    right: float
    seed: int = 0


@dataclass(slots=True)
class Asked:
    """What it cost."""

    links: int = 0
    doubtful: int = 0
    changed: int = 0
    right: int = 0  # the link model, where it is known who is
    known: int = 0
    tokens: int = 0
    offers: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.links:,} links, asked about {self.doubtful:,} ({100 * self.doubtful / self.links:.1f} %), with "
            f"{self.tokens / max(1, self.doubtful):.0f} tokens each besides the instructions; the link model was right "
            f"about {self.right} of {self.known} of them; changed {self.changed:,}"
        )


class Gold:
    """Which conversation the annotated messages of a channel belong to."""

    def __init__(self, channel: Any) -> None:
        talks = channel.full_conversations(with_context=True)
        self._talk = {index: number for number, talk in enumerate(talks) for index in talk}
        self._parents = channel.links

    def answer(self, doubt: Doubt) -> int | None:
        """The talk that a message belongs to, among those offered; None where nobody annotated that."""
        own = annotated.index_of(str(doubt.link.message.id))
        if own not in self._parents:
            return None
        found = [
            number
            for number, offer in enumerate(doubt.offers, 1)
            if self._talk.get(annotated.index_of(str(offer.target))) == self._talk[own]
        ]
        return found[-1] if found else belonging.NEW


def judged(channels: Sequence[Any], replies: Mapping[str, Replies], judge: Judge) -> tuple[Segments, Asked]:
    """What a build makes of the channels' exports with that judge."""
    return asyncio.run(_judged(channels, replies, judge))


async def _judged(
    channels: Sequence[Any], replies: Mapping[str, Replies], judge: Judge
) -> tuple[Segments, Asked]:
    asked, segments = Asked(), Segments()
    with tempfile.TemporaryDirectory(prefix="tuner-judge-") as name:
        folder = Path(name)
        for channel in channels:
            document = annotated.export(channel, replies[channel.name])
            path = folder / f"{document['channel']['id']}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
        async with open_store(folder / "archive.db") as store:
            await import_exports(store, Settings(), [str(folder)])
            history = History(store)
            linking, _ = await fitted(history)
            stored = {channel.name: channel for channel in await history.channels()}
            for channel in channels:
                doubts = Doubts(judge.share)
                stretches = read_stretches(history, stored[channel.name], linking, doubts)
                segments[channel.name] = [
                    [annotated.index_of(str(message.id)) for message in conversation.messages]
                    async for conversation in joined(_decided(stretches, Gold(channel), judge, asked))
                ]
    return segments, asked


async def _decided(
    stretches: AsyncGenerator[Stretch, None], gold: Gold, judge: Judge, asked: Asked
) -> AsyncGenerator[Stretch, None]:
    length = token_counter().length
    async for stretch in stretches:
        asked.links += sum(bool(link.options) and not link.message.is_stub for link in stretch.links)
        links = {link.message.id: link for link in stretch.links}
        for doubt in stretch.doubts:
            asked.doubtful += 1
            asked.offers[len(doubt.offers)] += 1
            asked.tokens += length(belonging.question([belonging.described(doubt, {})]))
            answer = gold.answer(doubt)
            if answer is not None:
                asked.known += 1
                asked.right += answer == belonging.chosen(doubt)
                talk = _said(answer, doubt, judge)
                asked.changed += talk != belonging.chosen(doubt)
                links[doubt.link.message.id] = belonging.applied(talk, doubt)
        yield Stretch(stretch.channel, tuple(links.values()), (), stretch.ends)


def _said(answer: int, doubt: Doubt, judge: Judge) -> int:
    dice = random.Random(f"{judge.seed}:{doubt.link.message.id}")
    others = [talk for talk in range(len(doubt.offers) + 1) if talk != answer]
    return answer if dice.random() < judge.right else dice.choice(others)
