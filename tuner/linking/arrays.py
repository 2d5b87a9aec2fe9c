"""The kinds of arrays the link model works with, and how they are multiplied."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Ints = NDArray[np.int64]
SmallInts = NDArray[np.int32]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep numpy to one thread: for small matrices more of them wait for one another, busily."""
    with threadpool_limits(1, "blas"):
        yield
