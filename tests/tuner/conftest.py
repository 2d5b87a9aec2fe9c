"""What every test of the package wants."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """`main` sets up logging as a process of its own may; other tests are spared it."""
    root = logging.getLogger()
    before = set(root.handlers)
    yield
    for handler in set(root.handlers) - before:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("tuner").setLevel(logging.NOTSET)
