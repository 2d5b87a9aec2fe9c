"""What a search of earlier talk finds: the messages that hold a query's words, and what answered those that ask.

An answer repeats few words of its question, so that a search for them misses it. It is looked for around each
question that is found, by the links of the shipped model; what else merely shares a word is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Protocol

from tuner.linking.conversations import Linking, conversations
from tuner.linking.linker import Weights
from tuner.models import Conversation, Dialogue, Message
from tuner.stages.questions import asks, asks_for_help, begins_asking
from tuner.stages.recall import best, keywords, stray, terms
from tuner.stages.substance import substance
from tuner.text import render
from tuner.text.terms import beginnings

DEPTH = 200  # newest hits looked at per word
BEFORE, AFTER = 15, 30  # messages around one that was found, in which its conversation is looked for
SURE = 0.5  # how sure a link has to be
MOST_ANSWERS = 2  # beside the messages that a search finds


class Searched(Protocol):
    """Stored messages that can be searched."""

    async def search(
        self, channel_id: int, word: str, before: int, limit: int, beginnings: Sequence[str] = ()
    ) -> list[int]:
        """Ids of the newest messages of a channel, older than id `before`, that hold `word` or what begins so."""

    async def around(self, channel_id: int, message_id: int, before: int, after: int) -> list[int]:
        """The id and those of the messages next to it."""

    async def by_id(self, ids: Sequence[int]) -> list[Message]:
        """The stored messages with these ids, oldest first."""


class Retrieval:
    """Searches what is older than a dialogue, in its channel."""

    def __init__(self, archive: Searched) -> None:
        self._archive = archive

    async def found(self, dialogue: Dialogue, query: str, language: str) -> list[Message]:
        """What a query finds, oldest first."""
        hits = {}
        for term in terms(keywords(query, (), language)):
            if found := await self.holding(dialogue, term, language):
                hits[term] = found
        ids = best(hits)
        doubtful = stray(hits, ids)
        kept, answers, akin = set(ids) - doubtful, dict[int, None](), set[int]()
        for message_id in sorted(kept):
            conversation = await self._conversation(dialogue, message_id)
            akin |= {message.id for message in conversation.messages}
            if not _is_answered(conversation, message_id, kept):
                answers |= dict.fromkeys(_answers(conversation, message_id))
        kept |= doubtful & akin
        more = [i for i in answers if i not in kept][:MOST_ANSWERS]
        return await self._archive.by_id([*kept, *more])

    async def holding(self, dialogue: Dialogue, term: str, language: str) -> list[int]:
        """The newest messages that hold a term."""
        return await self._archive.search(
            dialogue.channel_id, term, _oldest(dialogue), DEPTH, beginnings(term, language)
        )

    async def _conversation(self, dialogue: Dialogue, message_id: int) -> Conversation:
        """The conversation of a message, as far as it is near and older than the dialogue."""
        near = await self._archive.around(dialogue.channel_id, message_id, BEFORE, AFTER)
        messages = await self._archive.by_id([i for i in near if i < _oldest(dialogue)])
        return _holder(conversations(messages, _shipped()), message_id, dialogue.channel_id)


def _holder(found: Iterable[Conversation], message_id: int, channel_id: int) -> Conversation:
    return next(
        (one for one in found if any(message.id == message_id for message in one.messages)),
        Conversation(channel_id, (), ()),
    )


def _is_answered(conversation: Conversation, message_id: int, found: Collection[int]) -> bool:
    """Whether what somebody else says later in a conversation is found already."""
    speakers = {message.id: message.speaker for message in conversation.messages}
    asker = speakers.get(message_id)
    return any(i > message_id and i in found and speaker != asker for i, speaker in speakers.items())


def _answers(conversation: Conversation, message_id: int) -> list[int]:
    """What somebody else tells to a message of a conversation, if that asks something."""
    asked = next((message for message in conversation.messages if message.id == message_id), None)
    if asked is None or not _asks(render.words(asked, {})):
        return []
    linked = zip(conversation.messages, conversation.targets, conversation.confidences, strict=True)
    return [
        message.id
        for message, target, sure in linked
        if target == message_id and sure >= SURE and message.speaker != asked.speaker and _tells(message)
    ]


def _asks(text: str) -> bool:
    """Whether a text asks: outright and little else, or, where nothing marks it, by its words."""
    return asks_for_help(text) or (asks(text) and not begins_asking(text))


def _tells(message: Message) -> bool:
    text = "" if message.is_stub else render.words(message, {})
    return substance(text) > 0 and not asks(text)


def _oldest(dialogue: Dialogue) -> int:
    return min(dialogue.message_ids)


@cache
def _shipped() -> Linking:
    return Linking(Weights.shipped())
