"""Screen: personal details out of people's words, before a model, a search's result, a transcript or a file holds any.

What is found gives way to a mark, the same for the same value; in a whole sample the marks become numbers. Nothing is
written down about who said it: only how many of a kind there were.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from tuner.models import Channel, Dialogue, Message, Sample, Segment
from tuner.people.aliases import Aliases
from tuner.people.intake import changed_words, words_of
from tuner.progress import Tally
from tuner.screening.kinds import Wanted
from tuner.screening.placeholders import Numbers, Placeholders
from tuner.stages.archive import Archive, Before

STAGE = "screen"


class Screener:
    """Takes what is wanted out of words, and gives people their aliases, where there are any.

    `key` is the archive's own: marks mean nothing elsewhere.
    """

    def __init__(self, wanted: Wanted, key: bytes, aliases: Aliases | None = None) -> None:
        self._wanted = wanted
        self._key = key
        self._aliases = aliases

    def text(self, text: str) -> str:
        """A text with marks in it."""
        return self._covered(self._placeholders().marked(text))

    def bare(self, text: str) -> str:
        """A text that no sample numbers."""
        return self._covered(self._placeholders().bare(text))

    def message(self, message: Message) -> Message:
        """A message with marks in it, and under an alias."""
        return self._named(screened(message, self.text))

    def bare_message(self, message: Message) -> Message:
        return self._named(screened(message, self.bare))

    def _covered(self, text: str) -> str:
        return self._aliases.covered(text) if self._aliases else text

    def _named(self, message: Message) -> Message:
        if self._aliases is None or message.is_stub:
            return message
        mentions = tuple((i, self._aliases.of(i) if name else "") for i, name in message.extras.mentions)
        extras = replace(message.extras, mentions=mentions)
        return replace(message, name=self._aliases.of(message.speaker), extras=extras)

    async def segments(
        self, segments: AsyncGenerator[Segment, None], tally: Tally
    ) -> AsyncGenerator[Segment, None]:
        """The same segments, and counts of what they held."""
        async with aclosing(segments):
            async for segment in segments:
                tally.came(STAGE)
                placeholders = self._placeholders()

                def text(said: str, placeholders: Placeholders = placeholders) -> str:
                    return self._covered(placeholders.marked(said))

                messages = tuple(self._named(screened(message, text)) for message in segment.messages)
                tally.screened[STAGE].update(placeholders.counts)
                tally.went(STAGE)
                yield replace(segment, messages=messages)

    def channel(self, channel: Channel) -> Channel:
        """A channel under a title that may be shown."""
        return replace(channel, name=self.bare(channel.name), topic=self.bare(channel.topic))

    def prompt(self, sample: Sample) -> Sample:
        """A sample in whose prompt, too, everybody has their alias: whoever wrote it may have named people."""
        if self._aliases is None:
            return sample
        header = tuple({**m, "content": self._covered(str(m["content"]))} for m in sample.talk.header)
        return replace(sample, talk=replace(sample.talk, header=header))

    def _placeholders(self) -> Placeholders:
        return Placeholders(self._key, self._wanted)


class ScreenedArchive(Before):
    """An archive whose words are screened. The index it searches in is the archive's own."""

    def __init__(self, archive: Archive, change: Callable[[Message], Message]) -> None:
        super().__init__(archive)
        self._change = change

    async def messages(self, channel_id: int, start: int = 0) -> AsyncGenerator[list[Message], None]:
        async with aclosing(self._archive.messages(channel_id, start)) as batches:
            async for batch in batches:
                yield [self._change(message) for message in batch]

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        return [self._change(message) for message in await self._archive.by_id(ids)]


def screened(message: Message, change: Callable[[str], str]) -> Message:
    """A message with its words, and the names in it, changed; the same one where nothing is."""
    if message.is_stub:
        return message
    names = (message.name, *(name for _, name in message.extras.mentions))
    new = {text: change(text) for text in (*words_of(message), *names) if text}
    if all(text == changed for text, changed in new.items()):
        return message
    mentions = tuple((speaker, new.get(name, name)) for speaker, name in message.extras.mentions)
    message = replace(
        message,
        name=new.get(message.name, message.name),
        extras=replace(message.extras, mentions=mentions),
    )
    return changed_words(message, lambda text: new.get(text, text))


def numbered(dialogue: Dialogue) -> Dialogue:
    """A dialogue in which every value has its number, in turns, names, queries and results alike."""
    numbers = Numbers()
    turns = tuple(
        replace(turn, name=numbers.numbered(turn.name), text=numbers.numbered(turn.text))
        for turn in dialogue.turns
    )
    calls = tuple(
        replace(call, query=numbers.numbered(call.query), result=numbers.numbered(call.result))
        for call in dialogue.tool_calls
    )
    return replace(dialogue, turns=turns, tool_calls=calls)
