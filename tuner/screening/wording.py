"""What was screened in words, for a summary, an embed and a dataset's card. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tuner.amounts import ranked
from tuner.screening.kinds import DETAILS, SECRET, Wanted


def in_words(screened: Mapping[str, Mapping[str, int]]) -> str:
    """How many of a kind were taken out, by the counts of each stage; empty for none."""
    total: Counter[str] = Counter()
    for kinds in screened.values():
        total.update(kinds)
    return f"taken out of what people wrote: {ranked(total)}" if total else ""


def rules(wanted: Wanted) -> str:
    """What was looked for."""
    if not wanted:
        return "none. Nothing looked for secrets, addresses or other personal details in the text."
    off = [kind for kind in (SECRET, *DETAILS) if not wanted.wants(kind)]
    left = f" Not looked for: {', '.join(off)}." if off else ""
    return (
        "by rules, which find what has a form of its own (keys, e-mail addresses, numbers, streets) and no names, nor "
        f"anything that is told in other words.{left}"
    )
