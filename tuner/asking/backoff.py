"""How long to wait before the next try of something that failed in passing."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryCallState
from tenacity.wait import wait_random_exponential

LONGEST = 60.0  # seconds, unless the fault itself asks for more


def backoff(seconds: float) -> Callable[[RetryCallState], float]:
    """Waits that grow from `seconds`, with jitter, and are never shorter than a RetryError asked for."""
    growing = wait_random_exponential(multiplier=seconds, max=LONGEST)

    def wait(state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        return max(growing(state), getattr(fault, "after", None) or 0)

    return wait
