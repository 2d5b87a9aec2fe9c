"""The archived threads and posts below a channel, found by every way that Discord offers.

Its lists page by the moment of archiving and skip equal moments at a page's edge; they show only threads of the
type that the channel would make now, so that those from before it became an announcement channel, or from after,
are missing. The search finds both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import discord
from discord.http import Route

from tuner.adapters.discord_door import Door, RefusedError, an_object, as_id, objects
from tuner.errors import RetryError, SkipError
from tuner.progress import Tally
from tuner.text.names import title

PAGE, FOUND = 100, 25  # threads in a page of a list, and of the search
FARTHEST = 9975  # the search's largest offset
SEARCH_ATTEMPTS = 2  # it is a second way to what the lists mostly show
TEXT, ANNOUNCEMENT, PRIVATE = 0, 5, 12
OVERLAP = timedelta(milliseconds=1)

JsonObject = dict[str, Any]
Listing = Callable[..., Awaitable[Any]]


class ArchivedThreads:
    """Lists archived threads, one parent channel after another."""

    def __init__(self, client: discord.Client, door: Door, tally: Tally) -> None:
        self._http = client.http
        self._door = door
        self._tally = tally
        self._can_search = True

    async def below(self, parent: JsonObject, manages: bool) -> dict[int, JsonObject]:
        """The archived threads of a channel that the bot may see, by id. What fails is said and passed over."""
        found: dict[int, JsonObject] = {}
        stalled = failed = False
        for threads in self._lists(parent, manages):
            try:
                async for raw in threads:
                    if raw is None:
                        stalled = True
                    else:
                        found.setdefault(as_id(raw["id"]), raw)
            except SkipError as error:
                failed = True
                self._say_unlisted(parent, error)
        if parent.get("type") in (TEXT, ANNOUNCEMENT) or stalled or failed:
            searched = await self._search(parent, found)
            if stalled and not searched:
                self._say_stalled(parent)
        return found

    def _lists(self, parent: JsonObject, manages: bool) -> list[AsyncIterator[JsonObject | None]]:
        channel_id = as_id(parent["id"])
        lists = [self._by_time(self._http.get_public_archived_threads, channel_id)]
        if parent.get("type") == TEXT:
            if manages:
                lists.append(self._by_time(self._http.get_private_archived_threads, channel_id))
            else:
                lists.append(self._joined(channel_id))
        return lists

    def _say_unlisted(self, parent: JsonObject, error: SkipError) -> None:
        why = error.words if isinstance(error, RefusedError) else str(error)
        self._tally.note(
            f"{_place(parent)}: its archived threads could not be listed: {why}. Check "
            "that the channel still exists and that the bot may read it; the next run asks again.",
            warning=True,
        )

    def _say_stalled(self, parent: JsonObject) -> None:
        self._tally.note(
            f"{_place(parent)}: more than {PAGE} of its threads were archived in one moment, and "
            "Discord's list shows no more of them than that. Name those that are missing in "
            f"{self._tally.named('dataset.channels')}.",
            warning=True,
        )

    async def _by_time(self, listing: Listing, channel_id: int) -> AsyncIterator[JsonObject | None]:
        """Threads by the moment of archiving, newest first; None where more have one moment than a page holds."""
        seen: set[int] = set()
        before: datetime | None = None
        while True:
            threads, more = await self._page(listing, channel_id, before.isoformat() if before else None)
            new = [raw for raw in threads if as_id(raw["id"]) not in seen]
            for raw in new:
                seen.add(as_id(raw["id"]))
                yield raw
            last = _archived_at(threads[-1]) if threads else None
            if not more or last is None:
                if more:
                    yield None
                return
            if new:
                before = (
                    last + OVERLAP
                )  # once more those of the last moment: the next page may begin among them
            elif before == last:
                return
            else:
                yield None
                before = last

    async def _joined(self, channel_id: int) -> AsyncIterator[JsonObject | None]:
        """Private threads that the bot is a member of; the one list that pages by id."""
        before: int | None = None
        while True:
            listing = self._http.get_joined_private_archived_threads
            threads, more = await self._page(listing, channel_id, before)
            for raw in threads:
                yield raw
            last = min((as_id(raw["id"]) for raw in threads), default=0)
            if not more or not threads or (before is not None and last >= before):
                return
            before = last

    async def _page(
        self, listing: Listing, channel_id: int, before: str | int | None
    ) -> tuple[list[JsonObject], bool]:
        async def ask() -> JsonObject:
            return _page_of_threads(await listing(channel_id, before=before, limit=PAGE))

        page = await self._door.asked(ask, f"Archived threads of channel {channel_id}")
        return page["threads"], page.get("has_more") is True

    async def _search(self, parent: JsonObject, found: dict[int, JsonObject]) -> bool:
        """Add what the search finds to `found`; whether it could be asked."""
        public = sum(raw.get("type") != PRIVATE for raw in found.values())
        offset = 0
        while self._can_search and offset <= FARTHEST:
            try:
                page = await self._searched(as_id(parent["id"]), offset)
            except RefusedError as error:
                self._can_search = error.hidden  # otherwise this server has no such search
                return False
            except SkipError:
                return False
            threads = page["threads"]
            unknown = {as_id(raw["id"]): raw for raw in threads}.keys() - found.keys()
            found.update((i, raw) for raw in threads if (i := as_id(raw["id"])) in unknown)
            offset += len(threads)
            total = page.get("total_results")
            settled = not unknown and isinstance(total, int) and total <= public
            if settled or not threads or page.get("has_more") is not True:
                return True
        return self._can_search

    async def _searched(self, channel_id: int, offset: int) -> JsonObject:
        route = Route("GET", "/channels/{channel_id}/threads/search", channel_id=channel_id)
        order = {"archived": "true", "sort_by": "creation_time", "sort_order": "asc"}

        async def ask() -> JsonObject:
            params = {**order, "limit": FOUND, "offset": offset}
            return _page_of_threads(await self._http.request(route, params=params))

        return await self._door.asked(ask, f"Thread search in channel {channel_id}", SEARCH_ATTEMPTS)


def _page_of_threads(answer: object) -> JsonObject:
    page = an_object(answer)
    if "threads" not in page:
        raise RetryError("an answer that is no list of threads")
    return page | {"threads": [raw for raw in objects(page["threads"]) if as_id(raw.get("id"))]}


def _archived_at(raw: JsonObject) -> datetime | None:
    metadata = raw.get("thread_metadata")
    try:
        return datetime.fromisoformat(str(metadata["archive_timestamp"])) if metadata else None
    except (KeyError, TypeError, ValueError):
        return None


def archived_ms(raw: JsonObject) -> int:
    """When a thread was archived, in Unix milliseconds; 0 for one that is open, or that doesn't say."""
    metadata = raw.get("thread_metadata")
    moment = _archived_at(raw) if isinstance(metadata, dict) and metadata.get("archived") is True else None
    return int(moment.timestamp() * 1000) if moment and moment.tzinfo else 0


def _place(channel: JsonObject) -> str:
    """A channel in a sentence."""
    return f"#{title(str(channel.get('name')))} ({channel['id']})"
