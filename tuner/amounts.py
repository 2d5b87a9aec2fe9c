"""Money, time and numbers of things as people read them, in a terminal as in Discord."""

from __future__ import annotations


def money(dollars: float | None) -> str:
    return "cost unknown (no price configured)" if dollars is None else f"${dollars:.4f}"


def dry_run(calls: int, cost: float | None) -> str:
    """What a dry run came to, in a terminal as in Discord."""
    known = "an unknown sum (no price configured)" if cost is None else money(cost)
    return f"this dry run spent {known if calls else 'nothing'} on models and wrote no dataset"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def percent(share: float) -> str:
    """A share of 0 to 1. Rounded down: only what is done is 100 %."""
    return f"{int(share * 100 + 1e-9)} %"


def word(count: int, one: str, more: str = "") -> str:
    """The form of a noun or a verb that goes with a number; `more` where no s makes the plural."""
    return one if count == 1 else more or f"{one}s"


def counted(count: int, one: str, more: str = "") -> str:
    """So many of a thing: every number that meets a noun before people goes through here, or through `word`."""
    return f"{count:,} {word(count, one, more)}"


def and_others(count: int) -> str:
    """What follows a list that leaves so many out; nothing where it leaves out none."""
    return f" and {counted(count, 'other')}" if count > 0 else ""
