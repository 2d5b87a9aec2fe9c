"""A Discord server's history over REST, through discord.py's own session, token and rate limiter.

Works on any logged-in `discord.Client`, with or without a gateway connection. Every channel object is
fetched, not taken from a cache, so that both ways see the same.

What a page does not show is no proof of anything: pages have come short, empty and in another order. A short
page ends a channel only when it ends where the channel's hint says or a second look shows nothing newer; a stored
message counts as deleted only when a page that was cut differently lacks it too. Messages of one millisecond come
in any order, so a full page settles nothing about its last one: the next page shows that millisecond once more.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import discord

from tuner.adapters.discord_door import (
    BROKEN,
    NOT_UNDERSTOOD,
    ODD,
    PORTAL,
    Door,
    RefusedError,
    as_id,
    sees_content,
    words,
)
from tuner.adapters.discord_listing import Listing
from tuner.adapters.discord_page import read_page
from tuner.adapters.discord_roles import RoleListing
from tuner.config import NO_CHANNELS
from tuner.config.settings import Collect
from tuner.errors import FatalError, RetryError, SkipError, UsageError
from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.intake import Page, admit_page
from tuner.people.roles import Roles, RoleWish
from tuner.people.titles import titled
from tuner.progress import Tally
from tuner.ranges import Range, merge, resume_after
from tuner.snowflake import at_ms, first_of_millisecond, last_of_millisecond
from tuner.stages.source import Batch, Wanted

__all__ = ["PORTAL", "DiscordSource", "rest_client"]

PAGE = 100
LOOKS = 3  # how often an empty page is asked for again while newer messages are shown
MOST_LOOKS = 10  # pages a page's absent messages are looked for in
MOST_IDS = (1 << 63) - 1

Raw = dict[str, Any]
End = Literal["more", "end", "unclear"]


@asynccontextmanager
async def rest_client(token: str) -> AsyncIterator[discord.Client]:
    """A client that is logged in over REST only: no gateway, no presence, nothing cached."""
    # Without a gateway intents mean nothing, but the client warns when guilds are not among them.
    client = discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=60)
    try:
        await _log_in(client, token)
        yield client
    finally:
        await client.close()


async def _log_in(client: discord.Client, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise UsageError(
            f"Discord refused the bot token. Copy a fresh one from {PORTAL} → your application → Bot → "
            "Reset Token, and put it into the environment."
        ) from None
    except (discord.HTTPException, discord.RateLimited, *BROKEN) as error:
        raise FatalError(f"Discord could not be reached: {words(error)}. Try again later.") from error
    except ODD as error:
        raise FatalError(NOT_UNDERSTOOD.format(words(error))) from error


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Messages after some id, whether the channel ends with them, and the newest page when that was looked at."""

    raw: list[Raw]
    end: End
    newest: frozenset[int] = frozenset()


class DiscordSource:
    """A Discord server as a source of history."""

    repeatable = True

    def __init__(self, client: discord.Client, audience: Audience, settings: Collect, tally: Tally) -> None:
        self._client = client
        self._audience = audience
        self._tally = tally
        self._door = Door(settings, tally)
        self._listing = Listing(client, self._door, tally)
        self._guild_ids: list[int] = []

    @property
    def live(self) -> bool:
        """Whether the gateway tells of edits and deletions as they happen."""
        return self._client.is_ready()

    async def channels(self, wanted: Sequence[int]) -> list[Channel]:
        """The wanted channels that can be read, each followed by its threads or posts.

        Raises UsageError when the bot is not set up to read, NoneReadableError when nothing can be read.
        """
        if not wanted:
            raise UsageError(NO_CHANNELS)
        self._check_message_content()
        found = await self._listing.channels(wanted)
        self._guild_ids = list(dict.fromkeys(channel.guild_id for channel in found))
        return [titled(channel, self._audience) for channel in found]

    async def roles(self, wish: RoleWish) -> Roles:
        """The named roles of the channels' servers, and who has them now."""
        return await RoleListing(self._client, self._door).roles(self._guild_ids, wish)

    def _check_message_content(self) -> None:
        if not sees_content(self._client):
            raise UsageError(
                "The Message Content intent is off: Discord would hand out every message empty. Turn it on at "
                f"{PORTAL} → your application → Bot → Privileged Gateway Intents → Message Content Intent."
            )

    async def read(self, channel: Channel, wanted: Wanted) -> AsyncGenerator[Batch, None]:
        """Pages of what is not stored yet. A channel that ends where its hint says costs no request."""
        ranges, taken, start = list(wanted.ranges), 0, max(wanted.start, 0)
        reached: int | None = None  # where the last page ended: a full one is never an end
        shown: dict[int, Raw] = {}  # by the last page, of the millisecond that the next one shows once more
        while True:
            after = resume_after(ranges, start)
            if after != reached and _is_settled(channel, ranges, after, start):
                return
            before = shown.keys() if shown else await _held_at(wanted, after)
            limit = PAGE if wanted.limit is None else min(PAGE, wanted.limit - taken + len(before))
            stretch = await self._stretch(channel, limit, max(after, 0), wanted, ranges)
            covered = _covered(channel, after, stretch)
            page = self._admitted(channel, [raw for raw in stretch.raw if shown.get(as_id(raw["id"])) != raw])
            gone = (
                await self._gone(channel, stretch, await wanted.kept(covered))
                if covered
                else frozenset[int]()
            )
            taken += sum(message.id not in before for message in page.messages)
            reached = covered.last if covered else after
            shown = {i: raw for raw in stretch.raw if (i := as_id(raw["id"])) > reached}
            full = wanted.limit is not None and taken >= wanted.limit
            more = full and stretch.end == "more" and channel.last_message_id != max(shown, default=reached)
            yield Batch(page, covered, _share(channel, start, reached), more, gone)
            if stretch.end != "more" or full:
                return
            ranges = merge([*ranges, *([covered] if covered else [])])

    def _admitted(self, channel: Channel, raw: list[Raw]) -> Page:
        page = admit_page(channel.id, read_page(raw, self._tally), self._audience)
        return replace(page, unread=frozenset(_ids(raw)) - {m.id for m in page.messages})

    # -- where a channel ends --------------------------------------------------

    async def _stretch(
        self, channel: Channel, limit: int, after: int, wanted: Wanted, ranges: Sequence[Range]
    ) -> _Stretch:
        """The next messages. A page that is cut short is looked at again, and so is the end it seems to be."""
        raw = await self._page(channel, limit, after=after)
        for _ in range(LOOKS):
            last = max(_ids(raw), default=after)
            if len(raw) >= limit:
                return self._advanced(channel, raw, after)
            if not await _may_go_on(channel, last, wanted, ranges, shown=bool(raw)):
                return _Stretch(raw, "end")
            known = bool(raw or await _is_known(channel, wanted, ranges))
            newest = await self._newest(channel, known=known)
            if not newest:
                return _Stretch([], self._nothing_shown(channel, known=known))
            # The newest page has to show at least what was just shown, or it was cut short itself.
            ends = max(newest) == last or (not raw and max(newest) < last)
            if ends and not _is_cut_short(newest, after, ranges):
                return _Stretch(raw, "end", newest)
            # What is asked for again after an end that is doubted is cut differently.
            again = {
                as_id(m["id"]): m for m in await self._page(channel, limit, after=last if ends else after)
            }
            if ends and not again:
                return _Stretch(raw, "end", newest)
            raw = list(({as_id(item["id"]): item for item in raw} | again).values())
            if raw:
                return self._advanced(channel, raw, after)
        raise SkipError(
            f"#{channel.name} ({channel.id}): Discord shows newer messages, but an empty page where they begin. "
            "What was read is kept; the next run asks again."
        )

    async def _newest(self, channel: Channel, *, known: bool) -> frozenset[int]:
        """The ids of the newest page; an empty one is asked for again where there are messages."""
        newest = frozenset(_ids(await self._page(channel, PAGE)))
        if known and not newest:
            newest = frozenset(_ids(await self._page(channel, PAGE)))
        return newest

    def _advanced(self, channel: Channel, raw: list[Raw], after: int) -> _Stretch:
        if max(_ids(raw)) <= after:
            raise SkipError(
                f"#{channel.name} ({channel.id}): Discord shows the same page again and again. What was read is "
                "kept; the next run asks again."
            )
        return _Stretch(raw, "more")

    def _nothing_shown(self, channel: Channel, *, known: bool) -> End:
        """A channel that shows no message at all. Raises SkipError when it has some."""
        if known:
            raise SkipError(
                f"#{channel.name} ({channel.id}) shows no messages any more: the bot lost Read Message History "
                "there, or all were deleted. What was read is kept; grant it, and the next run goes on."
            )
        return "unclear"

    # -- what is no longer there -----------------------------------------------

    async def _gone(self, channel: Channel, stretch: _Stretch, stored: Sequence[int]) -> frozenset[int]:
        """Which of the messages that are stored there neither these pages nor one cut around them show."""
        shown = set(_ids(stretch.raw))
        left = sorted(set(stored) - shown - stretch.newest)
        gone = {i for i in left if stretch.newest and i > min(stretch.newest)}
        left = [i for i in left if i not in gone]
        for _ in range(MOST_LOOKS):
            if not left:
                break
            around = set(_ids(await self._page(channel, PAGE, around=left[0])))
            judged = {i for i in left if _is_shown_around(i, left[0], around)}
            gone |= judged - around
            left = [i for i in left[1:] if i not in judged]
        return frozenset(gone)

    # -- pages -----------------------------------------------------------------

    async def _page(
        self, channel: Channel, limit: int, *, after: int | None = None, around: int | None = None
    ) -> list[Raw]:
        where = f"#{channel.name}"

        async def ask() -> list[Raw]:
            page: object = await self._client.http.logs_from(channel.id, limit, after=after, around=around)
            return self._identified(page)

        try:
            return await self._door.asked(ask, where)
        except RefusedError as error:
            if error.gone:
                raise SkipError(
                    f"{where} ({channel.id}) is gone: {error.words}. What was read is kept; take it out of "
                    f"{self._tally.named('dataset.channels')}."
                ) from error
            if error.hidden:
                raise SkipError(
                    f"{where} ({channel.id}) is forbidden to the bot since this run began: {error.words}. What was "
                    "read is kept; grant View Channel and Read Message History, and the next run goes on."
                ) from error
            raise

    def _identified(self, page: object) -> list[Raw]:
        """The messages of a page that have an id. Raises RetryError when it is no page of messages."""
        if not isinstance(page, list):
            raise RetryError("an answer that is no page of messages")
        found = [item for item in page if isinstance(item, dict) and as_id(item.get("id"))]
        if page and not found:
            raise RetryError("an answer that is no page of messages")
        if len(found) < len(page):
            self._tally.dropped("collect", "malformed message", len(page) - len(found))
        return found


def _ids(raw: Iterable[Raw]) -> Iterable[int]:
    return (as_id(item["id"]) for item in raw)


def _is_settled(channel: Channel, ranges: Sequence[Range], after: int, start: int) -> bool:
    """Whether nothing needs asking: what is stored ends exactly where the hint says, or the thread is older."""
    if any(item.first > after for item in ranges):
        return False
    hint = channel.last_message_id
    if hint is not None and hint < start and 0 < channel.archived_ms < at_ms(start):
        return True
    return hint is not None and hint == max(after, 0)


async def _may_go_on(
    channel: Channel, last: int, wanted: Wanted, ranges: Sequence[Range], *, shown: bool
) -> bool:
    """Whether there may be something after this id, which a short page ends with.

    Not when the hint says so and nothing speaks against it: a hint below what was `shown`, or stored, is wrong.
    """
    hint = channel.last_message_id
    known = shown or any(item.last >= last for item in ranges)
    if hint is None or hint > last or (hint < last and known) or any(item.first > last for item in ranges):
        return True
    return bool(await wanted.kept(Range(last + 1, MOST_IDS)))


def _is_cut_short(newest: Set[int], after: int, ranges: Sequence[Range]) -> bool:
    """Whether a newest page seems to lack messages: it is not full, and older ones than it shows are stored."""
    return len(newest) < PAGE and bool(ranges) and min(newest) > after


async def _is_known(channel: Channel, wanted: Wanted, ranges: Sequence[Range]) -> bool:
    """Whether a channel has messages by what is stored of it; an archive of emptied ones is no proof alone."""
    if channel.last_message_id is not None:
        return bool(ranges)
    return bool(ranges and await wanted.kept(Range(0, MOST_IDS)))


async def _held_at(wanted: Wanted, after: int) -> Set[int]:
    """What is stored of the millisecond in which reading goes on: an earlier run ended within it."""
    if wanted.limit is None:
        return frozenset()
    return frozenset(await wanted.held(Range(after + 1, last_of_millisecond(after + 1))))


def _covered(channel: Channel, after: int, stretch: _Stretch) -> Range | None:
    """What may be called stored once these messages are."""
    if stretch.end == "more":
        return Range(after + 1, _settled_until(stretch.raw, after))
    last = max(_ids(stretch.raw), default=after)
    if stretch.end == "end":
        last = max(last, channel.last_message_id or 0)
    return Range(after + 1, last) if last > after and stretch.end != "unclear" else None


def _settled_until(raw: Iterable[Raw], after: int) -> int:
    """The id up to which a full page shows all that there is: of its last millisecond it may have cut off any.

    Where that one fills the page, half of it: the next page still overlaps, and reading goes on.
    """
    ids = sorted(i for i in _ids(raw) if i > after)
    below = first_of_millisecond(ids[-1]) - 1
    return below if below > after else ids[len(ids) // 2]


def _is_shown_around(message_id: int, middle: int, page: set[int]) -> bool:
    """Whether a page that was cut around `middle` would show this later message, were it there."""
    below = sum(i < middle for i in page)
    if not page or below > PAGE // 2 or len(page) - below > PAGE // 2 + 1:
        return False  # it was cut elsewhere
    return message_id == middle or message_id <= max(page)


def _share(channel: Channel, start: int, position: int) -> float:
    first = max(start, channel.id)
    window = (channel.last_message_id or 0) - first
    return min(1.0, max(0.0, (position - first) / window)) if window > 0 else 1.0
