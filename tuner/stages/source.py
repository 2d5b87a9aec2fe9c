"""Where history comes from: what a run wants of a channel, what the source gives, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuner.errors import SkipError, UsageError
from tuner.models import Channel
from tuner.people.intake import Page
from tuner.people.roles import Roles, RoleWish
from tuner.ranges import Range


class UnreachableError(SkipError):
    """A SkipError because the source does not answer: it may, another time."""


class NoneReadableError(UsageError):
    """Nothing of what is wanted can be read, and the source says why.

    Exit code 2 as long as it is the set-up that is wrong, 1 when channels are gone.
    """

    def __init__(self, message: str, *, gone: bool) -> None:
        super().__init__(message)
        self.exit_code = 1 if gone else 2


async def _nothing_kept(within: Range) -> Sequence[int]:
    return ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run wants of a channel: everything from id `start` on that `ranges` do not hold.

    `limit` is how many messages it will take at most, None for all. `kept` tells which messages of a range are
    stored with their text, so that the source can tell which of them are gone; `held`, which are stored at all.
    """

    start: int
    ranges: tuple[Range, ...]
    limit: int | None
    kept: Callable[[Range], Awaitable[Sequence[int]]] = _nothing_kept
    held: Callable[[Range], Awaitable[Sequence[int]]] = _nothing_kept


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of messages, and the range it completes (None: no claim).

    `share` says how far into the wanted time window this is, 0 to 1; `more`, that the source ends here because
    the limit is reached, and that there is more to read. `gone` are stored messages of that range which the
    source, asked twice, does not show any more.
    """

    page: Page
    covered: Range | None
    share: float
    more: bool = False
    gone: frozenset[int] = frozenset()


class Source(Protocol):
    """Where history comes from: a Discord server, or exports of one."""

    @property
    def repeatable(self) -> bool:
        """Whether reading again may show edits and deletions."""

    @property
    def live(self) -> bool:
        """Whether edits and deletions are told as they happen."""

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The channels to read, in the order of the dataset; none wanted means all there are."""

    async def roles(self, wish: RoleWish) -> Roles:
        """The named roles and who has them, as far as this tells; once the channels are known."""

    def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """What is missing of a channel, oldest first; a SkipError gives this channel up."""


def in_order(channels: Iterable[Channel], wanted: Sequence[int]) -> list[Channel]:
    """Channels in the order of the dataset: as wanted, each followed by its threads."""
    places: dict[int | None, int] = {}
    for place, channel_id in enumerate(wanted):
        places.setdefault(channel_id, place)
    last = len(wanted)

    def key(channel: Channel) -> tuple[int, bool, int]:
        own = places.get(channel.id, last)
        place = min(own, places.get(channel.parent_id, last))
        return place, own != place, channel.id

    return sorted(channels, key=key)
