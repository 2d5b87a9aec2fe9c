"""Ordered results with several items in flight."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.streams import ordered


class Workshop:
    """Work that the test lets finish, and who asked for what."""

    def __init__(self, count: int = 100) -> None:
        self.count = count
        self.pulled: list[int] = []
        self.started: list[int] = []
        self.finished: list[int] = []
        self.cancelled: list[int] = []
        self.closed = False
        self._doors: dict[int, asyncio.Event] = {}

    async def items(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count):
                await asyncio.sleep(0)
                self.pulled.append(number)
                yield number
        finally:
            self.closed = True

    async def work(self, number: int) -> str:
        self.started.append(number)
        try:
            await self.door(number).wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        self.finished.append(number)
        return f"result {number}"

    def door(self, number: int) -> asyncio.Event:
        return self._doors.setdefault(number, asyncio.Event())

    @property
    def running(self) -> set[int]:
        return set(self.started) - {*self.finished, *self.cancelled}


async def settle() -> None:
    """Let everything go on until it waits for the test."""
    for _ in range(50):
        await asyncio.sleep(0)


async def gathered(shop: Workshop, width: int, more: Callable[[], bool] = lambda: True) -> list[str]:
    return [result async for result in ordered(shop.items(), shop.work, width, more)]


async def test_results_come_in_the_order_of_the_items() -> None:
    shop = Workshop(5)
    task = asyncio.create_task(gathered(shop, 5))
    for number in (3, 1, 4, 0, 2):
        await settle()
        shop.door(number).set()
    assert await task == [f"result {n}" for n in range(5)]
    assert shop.finished == [3, 1, 4, 0, 2]


async def test_nothing_in_gives_nothing_out() -> None:
    assert await gathered(Workshop(0), 3) == []


async def test_no_more_than_width_are_in_flight_and_all_seats_are_used() -> None:
    shop = Workshop(10)
    task = asyncio.create_task(gathered(shop, 3))
    for number in range(10):
        await settle()
        assert shop.running == set(range(number, min(10, number + 3)))
        shop.door(number).set()
    assert len(await task) == 10


async def test_a_result_is_handed_on_while_the_next_item_is_slow_to_come() -> None:
    async def slow() -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()
        yield 1

    async def work(number: int) -> int:
        return number

    async with aclosing(ordered(slow(), work, 4)) as results:
        assert await anext(results) == 0


async def test_items_are_only_taken_while_more_are_wanted() -> None:
    shop, wanted = Workshop(), 2
    task = asyncio.create_task(gathered(shop, 8, lambda: len(shop.pulled) < wanted))
    await settle()
    assert shop.pulled == [0, 1]
    wanted = 3
    shop.door(0).set()
    await settle()
    assert shop.pulled == [0, 1, 2]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_when_nothing_is_in_flight_one_more_is_taken_whatever_more_says() -> None:
    """Otherwise a run whose answers were all rejections would end before its input."""
    shop = Workshop(3)
    task = asyncio.create_task(gathered(shop, 8, lambda: False))
    for number in range(3):
        await settle()
        assert shop.pulled == list(range(number + 1))
        shop.door(number).set()
    assert await task == ["result 0", "result 1", "result 2"]


async def test_nothing_is_taken_while_the_consumer_thinks() -> None:
    shop = Workshop()
    for number in range(100):
        shop.door(number).set()
    async with aclosing(ordered(shop.items(), shop.work, 2)) as results:
        await anext(results)
        await settle()
        assert len(shop.pulled) <= 3


async def test_work_in_flight_is_finished_when_the_consumer_stops() -> None:
    shop = Workshop()
    results = ordered(shop.items(), shop.work, 3)
    first = asyncio.create_task(anext(results))
    await settle()
    shop.door(0).set()
    assert await first == "result 0"
    closing = asyncio.create_task(results.aclose())
    await settle()
    assert not closing.done()
    assert shop.running == {1, 2}
    shop.door(2).set()
    shop.door(1).set()
    await closing
    assert (shop.finished, shop.cancelled, shop.started) == ([0, 2, 1], [], [0, 1, 2])


async def test_a_failure_in_flight_does_not_hinder_the_consumer_from_stopping() -> None:
    shop, failed = Workshop(), asyncio.Event()

    async def work(number: int) -> str:
        result = await shop.work(number)
        if number:
            failed.set()
            raise ValueError("late")
        return result

    results = ordered(shop.items(), work, 3)
    first = asyncio.create_task(anext(results))
    await settle()
    shop.door(0).set()
    assert await first == "result 0"
    shop.door(1).set()
    shop.door(2).set()
    await results.aclose()
    assert failed.is_set()


async def test_work_in_flight_is_cancelled_when_the_consumer_is() -> None:
    shop = Workshop()
    task = asyncio.create_task(gathered(shop, 3))
    await settle()
    assert shop.running == {0, 1, 2}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (shop.finished, sorted(shop.cancelled), shop.running) == ([], [0, 1, 2], set())


async def test_a_waiting_source_is_let_go_when_the_consumer_is_cancelled() -> None:
    let_go = asyncio.Event()

    async def stuck() -> AsyncIterator[int]:
        try:
            await asyncio.Event().wait()
            yield 0
        finally:
            let_go.set()

    task = asyncio.create_task(gathered_from(stuck()))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert let_go.is_set()


async def gathered_from(
    items: AsyncIterator[int], work: Callable[[int], Awaitable[str]] | None = None
) -> list[str]:
    return [result async for result in ordered(items, work or Workshop().work, 3)]


async def test_a_failure_comes_at_its_place_and_nothing_goes_on_after_it() -> None:
    shop = Workshop()

    async def work(number: int) -> str:
        if number == 1:
            raise ValueError("broken")
        return await shop.work(number)

    results, seen = ordered(shop.items(), work, 3), []

    async def consume() -> None:
        async for result in results:
            seen.append(result)

    task = asyncio.create_task(consume())
    await settle()
    assert shop.started == [0, 2]
    shop.door(0).set()
    await settle()
    for number in shop.running:  # what was begun is finished, for it may be paid for
        shop.door(number).set()
    with pytest.raises(ValueError, match="broken"):
        await task
    await settle()
    assert seen == ["result 0"]
    assert (shop.running, shop.cancelled) == (set(), [])
    assert shop.finished == shop.started
    assert len(shop.pulled) <= 4


async def test_who_is_cancelled_while_a_failure_is_waited_out_waits_no_longer() -> None:
    shop = Workshop()

    async def work(number: int) -> str:
        if number == 0:
            await shop.door(0).wait()
            raise ValueError("broken")
        return await shop.work(number)

    task = asyncio.create_task(gathered_from(shop.items(), work))
    await settle()
    shop.door(0).set()
    await settle()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (shop.running, shop.finished) == (set(), [])


async def test_work_in_flight_is_cancelled_when_its_consumer_is_cancelled_between_results() -> None:
    """The generator is closed then, as it is when the consumer has enough."""
    shop, thinking = Workshop(), asyncio.Event()
    shop.door(0).set()

    async def consume() -> None:
        async with aclosing(ordered(shop.items(), shop.work, 3)) as results:
            async for _ in results:
                thinking.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(consume())
    await thinking.wait()
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (shop.finished, shop.running) == ([0], set())


async def test_a_failing_source_ends_the_stream() -> None:
    async def source() -> AsyncIterator[int]:
        yield 0
        raise OSError("source")

    async def work(number: int) -> int:
        return number

    with pytest.raises(OSError, match="source"):
        [_ async for _ in ordered(source(), work, 1)]


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 5))
def test_whatever_takes_how_long_everything_comes_once_and_in_order(turns: list[int], width: int) -> None:
    busy = most = 0

    async def work(number: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        for _ in range(turns[number]):
            await asyncio.sleep(0)
        busy -= 1
        return number

    async def run() -> list[int]:
        return [number async for number in ordered(Workshop(len(turns)).items(), work, width)]

    assert asyncio.run(run()) == list(range(len(turns)))
    assert most <= width
