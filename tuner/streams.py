"""Work on a stream with several items in flight, results in the order of the items."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def ordered(
    items: AsyncIterator[Item],
    work: Callable[[Item], Awaitable[Result]],
    width: int,
    more: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[Result, None]:
    """`work` on each item, at most `width` at once, asked for lazily: a further item is only taken while
    `more()` holds or nothing is in flight.

    When the consumer stops early, or something fails, work in flight is finished, for it may be paid for. When
    whoever consumes is cancelled, it is cancelled at once.
    """
    pending: deque[asyncio.Task[Result]] = deque()
    pull: asyncio.Task[Item | None] | None = None
    exhausted = False
    try:
        while True:
            if pull is None and not exhausted and len(pending) < width and (not pending or more()):
                pull = asyncio.create_task(_next(items))
            waiting: set[asyncio.Task[Result] | asyncio.Task[Item | None]] = {*list(pending)[:1]}
            if pull:
                waiting.add(pull)
            if not waiting:
                return
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if pending and pending[0].done():
                yield pending.popleft().result()
            elif pull and pull.done():
                item, pull = pull.result(), None
                if item is None:
                    exhausted = True
                else:
                    pending.append(asyncio.create_task(_run(work, item)))
    finally:
        try:
            if pending and not is_cancelled():
                await asyncio.wait(pending)
        finally:
            rest = [task for task in (pull, *pending) if task]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)


def is_cancelled() -> bool:
    """Whether the task that runs this is to end; also where it closes a generator on its way out."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _next(items: AsyncIterator[Item]) -> Item | None:
    return await anext(items, None)


async def _run(work: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    return await work(item)
