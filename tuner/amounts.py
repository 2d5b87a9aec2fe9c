"""Money, time and numbers of things as people read them, in a terminal as in Discord."""

from __future__ import annotations


def money(dollars: float | None) -> str:
    return "cost unknown (no price configured)" if dollars is None else f"${dollars:.4f}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def percent(share: float) -> str:
    """A share of 0 to 1. Rounded down: only what is done is 100 %."""
    return f"{int(share * 100 + 1e-9)} %"


def counted(count: int, thing: str) -> str:
    """So many of a thing whose plural ends in s."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
