"""A place to build in, for tests of what is read from Discord."""

import pytest

from tests.support.building import Workplace


@pytest.fixture
def place(work: Workplace) -> Workplace:
    return work
