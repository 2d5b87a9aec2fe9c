"""The archive: deletions and edits of what is stored and of what is on its way, and what is read again when."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.export_files import at
from tuner.adapters.sqlite_changes import DAY, FEWEST
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import Store, open_store
from tuner.models import Channel, Message
from tuner.people.intake import Page
from tuner.ranges import Range, without
from tuner.stages.collect import Taken

CHANNEL, THREAD, OTHER = 7, 8, 9
ANN = 101
SECRET = "zanzibarquartz"
NOW = 2_000_000_000.0
HOUR = 3600


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "tuner.db") as store:
        yield store


@pytest.fixture
async def history(store: Store) -> History:
    return History(store)


def message(
    message_id: int, text: str | None = SECRET, edited_ms: int = 0, channel: int = CHANNEL
) -> Message:
    return Message(message_id, channel, ANN, "Ann", text, edited_ms=edited_ms)


async def keep(
    history: History, *messages: Message, covered: Range | None = None, gone: frozenset[int] = frozenset()
) -> None:
    channel = messages[0].channel_id if messages else CHANNEL
    await history.store_page(channel, Page(messages, {ANN: "Ann"}), covered, gone)


async def texts(history: History, channel: int = CHANNEL) -> list[str | None]:
    return [m.text async for batch in history.messages(channel) for m in batch]


# Deletions that are told while a page is on the way


@pytest.mark.parametrize("first", ["page", "deletion"])
async def test_a_deletion_and_a_page_in_either_order(store: Store, history: History, first: str) -> None:
    if first == "page":
        await keep(history, message(1), message(2), covered=Range(0, 2))
    await history.erase([1, 99])
    await keep(history, message(1), message(2, "kept"), covered=Range(0, 2))
    await keep(history, message(1, edited_ms=5), covered=Range(0, 2))
    await history.purge()
    assert (await texts(history))[0] is None
    assert await history.ranges(CHANNEL) == [Range(0, 2)]
    if first == "deletion":
        assert SECRET.encode() not in store.path.read_bytes()
        assert await history.search(CHANNEL, SECRET, 99, 5) == []


@pytest.mark.parametrize("gone", [CHANNEL, THREAD])
async def test_a_deleted_channel_keeps_nothing_that_still_arrives(history: History, gone: int) -> None:
    await history.save_channel(Channel(CHANNEL, "general"))
    await history.save_channel(Channel(THREAD, "planning", parent_id=CHANNEL))
    await keep(history, message(at(1), channel=THREAD))
    await history.erase_channel(gone)
    await keep(history, message(at(2), channel=THREAD), message(at(3), channel=THREAD))
    assert await texts(history, THREAD) == [None, None, None]
    await keep(history, message(at(4), "elsewhere", channel=OTHER))
    assert await texts(history, OTHER) == ["elsewhere"]


async def test_a_deletion_is_for_good_also_of_what_was_only_missing(history: History) -> None:
    await keep(history, message(1), message(2), covered=Range(0, 2))
    await keep(history, message(2), covered=Range(0, 2), gone=frozenset({1}))
    assert await history.settle(CHANNEL, 1) == Taken(1, 0)
    await history.erase([1])
    await keep(history, message(1), message(2), covered=Range(0, 2))
    assert await texts(history) == [None, SECRET]


async def test_a_stub_that_was_deleted_never_gets_words(history: History) -> None:
    await keep(history, Message(1, CHANNEL, -5))
    assert await history.erase([1]) == 0
    await keep(history, message(1))
    assert await texts(history) == [None]


# Edits that are told while a page is on the way


async def test_an_outdated_page_leaves_the_place_of_an_edited_message_open(history: History) -> None:
    assert not await history.await_edit(5, 700)
    assert not await history.await_edit(5, 600)
    await keep(history, message(4, "four"), message(5), message(6, "six"), covered=Range(0, 6))
    assert await texts(history) == ["four", None, "six"]
    assert await history.ranges(CHANNEL) == [Range(0, 4), Range(6, 6)]
    await keep(history, message(5, "edited", edited_ms=700), message(6, "six"), covered=Range(5, 6))
    assert await texts(history) == ["four", "edited", "six"]
    assert await history.ranges(CHANNEL) == [Range(0, 6)]
    assert await history.await_edit(5, 800)


async def test_a_deletion_outlives_an_edit(history: History) -> None:
    await history.erase([5])
    assert not await history.await_edit(5, 700)
    await keep(history, message(5, edited_ms=800), covered=Range(0, 5))
    assert await texts(history) == [None]


async def test_notes_about_messages_that_never_came_are_dropped(store: Store, history: History) -> None:
    await history.erase([5])
    await history.await_edit(6, 700)
    await history.attend(NOW * 2)
    assert await store.fetch("SELECT * FROM tombstones") == []


# What is missing


async def test_people_who_leave_may_return_but_their_missing_messages_stay_reversible(
    history: History,
) -> None:
    await keep(history, message(1), message(2), covered=Range(0, 2))
    await keep(history, message(2), covered=Range(0, 2), gone=frozenset({1}))
    await history.settle(CHANNEL, 1)
    nobody, everyone = await history.audience([5]), await history.audience([])
    await history.adopt(nobody)
    await history.adopt(everyone)
    await keep(history, message(1), message(2), covered=Range(0, 2))
    assert await texts(history) == [SECRET, SECRET]
    await history.forget([ANN], everyone)
    await keep(history, message(1), message(2), covered=Range(0, 2))
    assert await texts(history) == [None, None]


@pytest.mark.parametrize(
    ("gone", "most", "erased"), [(20, 0.0, True), (21, 0.2, False), (21, 0.21, True), (100, 1.0, True)]
)
async def test_a_share_of_a_channel_is_erased_at_most(
    history: History, gone: int, most: float, erased: bool
) -> None:
    await keep(history, *(message(i) for i in range(1, 101)), covered=Range(0, 100))
    left = [message(i) for i in range(gone + 1, 101)]
    await keep(history, *left, covered=Range(0, 100), gone=frozenset(range(1, gone + 1)))
    assert await texts(history) == [SECRET] * 100  # until the channel has been read
    assert await history.settle(CHANNEL, most) == (Taken(gone, 0) if erased else Taken(0, gone))
    assert (await texts(history)).count(None) == gone * erased
    assert await history.settle(OTHER, most) == Taken(0, 0)
    assert FEWEST == 20


# What is read again


async def test_looking_back_begins_where_changes_were_last_attended_to(history: History) -> None:
    def moment(hours: float) -> int:
        return at(0) + (int(hours * HOUR * 1000) << 22)

    begin = (at(0) >> 22) / 1000 + 1_420_070_400
    await keep(history, covered=Range(0, moment(100)))
    await history.look_back(24, begin + 100 * HOUR)
    assert await history.ranges(CHANNEL) == [Range(0, moment(76) - 1)]
    await keep(history, covered=Range(0, moment(400)))
    await history.look_back(24, begin + 500 * HOUR)
    assert await history.ranges(CHANNEL) == [Range(0, moment(76) - 1)]
    await keep(history, covered=Range(0, moment(400)))
    await history.look_back(24, begin + 600 * HOUR)
    assert await history.ranges(CHANNEL) == [Range(0, moment(400))]


async def test_small_portions_are_read_again_after_some_time(store: Store, history: History) -> None:
    async def portion(days: float, pages: int = 2) -> list[Range]:
        await keep(history, covered=Range(0, 500))
        await keep(history, message(1000, channel=OTHER), covered=Range(0, 1000))
        await history.recheck([CHANNEL], 0, pages, 30, NOW + days * DAY)
        assert await history.ranges(OTHER) == [Range(0, 1000)]
        return await history.ranges(CHANNEL)

    await keep(history, *(message(i) for i in range(1, 451)), covered=Range(0, 500))
    whole = [Range(0, 500)]
    assert await portion(0) == whole
    assert await portion(29) == whole
    assert await portion(30) == [Range(0, 0), Range(199, 500)]
    assert await portion(30) == [Range(0, 198), Range(397, 500)]
    assert await portion(30) == [Range(0, 396), Range(451, 500)]
    assert await portion(30) == whole
    assert await portion(59) == whole
    assert await portion(60, pages=1) == [Range(0, 0), Range(100, 500)]


async def test_reading_again_forgets_ranges_and_keeps_words(history: History) -> None:
    await keep(history, message(1), covered=Range(0, 5))
    await keep(history, message(9, channel=OTHER), covered=Range(0, 9))
    await history.read_again([CHANNEL])
    assert (await history.ranges(CHANNEL), await history.ranges(OTHER)) == ([], [Range(0, 9)])
    assert await texts(history) == [SECRET]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        (Range(3, 4), [Range(0, 2), Range(5, 9), Range(20, 29)]),
        (Range(0, 9), [Range(20, 29)]),
        (Range(5, 24), [Range(0, 4), Range(25, 29)]),
        (Range(10, 19), [Range(0, 9), Range(20, 29)]),
        (Range(-5, 99), []),
        (Range(5, 4), [Range(0, 9), Range(20, 29)]),
    ],
)
def test_ranges_without_one(taken: Range, left: list[Range]) -> None:
    assert without([Range(20, 29), Range(0, 9)], taken) == left


async def test_an_edit_of_a_stored_message_is_no_note(store: Store, history: History) -> None:
    await keep(history, message(1))
    assert await history.await_edit(1, 5)
    assert await store.fetch("SELECT * FROM tombstones") == []
    await keep(history, replace(message(1), text="new", edited_ms=5))
    assert await texts(history) == ["new"]
