"""What a build would take, reckoned from how many messages there are, before any of them is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from tuner.asking.estimate import ANSWER_TOKENS, LINE_TOKENS, LINK_TOKENS, TOOL_ANSWER_TOKENS, Asked, in_all
from tuner.config.settings import RULES, Collect, Dataset, Models

PAGE = 100  # messages in one request
MESSAGES_PER_SEGMENT = 7  # of the embedded sample, where nearly everybody agreed to be read
LINES_PER_SEGMENT = 6
LINKS_PER_REQUEST = 8  # about which a judge is asked, each
TOKENS_PER_LINK = 210  # of the question, all fixed text included
TOKENS_PER_LINE = 23  # of a question, all fixed text included; README says how it was measured
RECALLS_PER_SEGMENT = 0.09  # of the embedded sample, in which people recall more than in most chats
CALLS_PER_RECALL = 2  # whether to search, and whether the answer leans on what was found
TOKENS_PER_TOOL_CALL = 160  # of a question, all fixed text included; of the embedded sample, too


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there is. `usable` are the messages by people whose words may be used."""

    messages: int
    usable: int
    stored: int
    channels: int

    @property
    def mostly_stored(self) -> bool:
        """Whether what is stored tells more than a forecast could: reading the rest is the shorter part."""
        return 2 * self.stored > self.messages


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a build would read and ask, were everything approved. `seconds` is the least that reading takes."""

    messages: int
    usable: int
    to_read: int
    seconds: int
    segments: int
    calls: int
    link_calls: int  # of them, those that judge doubtful links
    tool_calls: int  # of them, those where somebody recalls earlier talk
    prompt_tokens: int
    completion_tokens: int
    cost: float | None  # US dollars, None when something is asked whose price is not known

    def counts(self) -> dict[str, Any]:
        return asdict(self)


def forecast(
    volume: Volume, dataset: Dataset, models: Models, collect: Collect, judge_share: float
) -> Forecast:
    """Rough on purpose: a build, or an estimate that reads, counts exactly.

    `judge_share`: of links that a model is asked about.
    """
    to_read = max(0, volume.messages - volume.stored)
    if dataset.max_messages is not None:
        to_read = min(to_read, dataset.max_messages * volume.channels)
    reachable = min(1.0, (volume.stored + to_read) / volume.messages) if volume.messages else 0.0
    segments = ceil(volume.usable * reachable / MESSAGES_PER_SEGMENT)
    segments = segments if dataset.max_samples is None else min(segments, dataset.max_samples)
    asked, tool = _asked_about(segments, models), _tool(segments, models)
    links = _links(segments, judge_share)
    return Forecast(
        messages=volume.messages,
        usable=volume.usable,
        to_read=to_read,
        seconds=_seconds(to_read, volume.channels, collect),
        segments=segments,
        **in_all(asked, links, tool, models.price(models.segment), models.price(models.tool_trigger)),
    )


def _asked_about(segments: int, models: Models) -> Asked:
    if models.segment == RULES:
        return Asked()
    prompt = segments * LINES_PER_SEGMENT * TOKENS_PER_LINE
    completion = segments * (ANSWER_TOKENS + LINES_PER_SEGMENT * LINE_TOKENS)
    return Asked(ceil(segments / models.segments_per_request), prompt, completion)


def _links(segments: int, share: float) -> Asked:
    links = ceil(segments * MESSAGES_PER_SEGMENT * share)
    return Asked(ceil(links / LINKS_PER_REQUEST), links * TOKENS_PER_LINK, links * LINK_TOKENS)


def _tool(segments: int, models: Models) -> Asked:
    if models.tool_trigger == RULES:
        return Asked()
    calls = ceil(segments * RECALLS_PER_SEGMENT) * CALLS_PER_RECALL
    return Asked(calls, calls * TOKENS_PER_TOOL_CALL, calls * TOOL_ANSWER_TOKENS)


def _seconds(to_read: int, channels: int, collect: Collect) -> int:
    """About a page a second in each channel, and no more in all than is allowed."""
    pages_per_second = min(collect.requests_per_second, collect.concurrency, max(1, channels))
    return ceil(to_read / PAGE / pages_per_second)
