"""Runs a loopback server in a background thread, for tests that are synchronous or start a subprocess."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

T = TypeVar("T")


@contextmanager
def in_thread(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Yield what `async with server` yields, its event loop turning in another thread.

    Reading plain attributes from the test's thread is safe. What the server raises on the way in or out is
    raised here.
    """
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(server) as entered:
        yield entered
