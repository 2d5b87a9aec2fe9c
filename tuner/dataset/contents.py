"""What a dataset holds, counted while it is made. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner import snowflake


@dataclass(slots=True)
class Contents:
    """Whose words are in the samples, of which channels, from when to when, and how many tokens are learned."""

    people: set[int] = field(default_factory=set)
    channels: Counter[int] = field(default_factory=Counter)
    first: int = 0  # ids of messages
    last: int = 0
    learned_tokens: int = 0

    def add(self, channel_id: int, people: Iterable[int], message_ids: Iterable[int], learned: int) -> None:
        """Count a sample."""
        self.people.update(people)
        self.channels[channel_id] += 1
        ids = [*message_ids, *filter(None, (self.first, self.last))]
        self.first, self.last = min(ids), max(ids)
        self.learned_tokens += learned

    def report(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Plain values; `names` are the channels', by id."""
        ranked = sorted(self.channels.items(), key=lambda item: (-item[1], item[0]))
        return {
            "people": len(self.people),
            "from": f"{snowflake.moment(self.first):%Y-%m-%d}" if self.first else None,
            "to": f"{snowflake.moment(self.last):%Y-%m-%d}" if self.last else None,
            "channels": [{"id": i, "name": names.get(i, str(i)), "samples": n} for i, n in ranked],
            "learned_tokens": self.learned_tokens,
        }
