"""How often bad answers may be asked for again, in a whole run: they double the price at most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Repeats:
    """As many requests again as were `needed`, and a few to `spare`: one bad answer among few is made up for."""

    spare: int
    needed: int = 0
    made: int = 0

    def take(self, count: int) -> bool:
        """Whether so many more requests may be made; then they count."""
        if self.made + count > self.needed + self.spare:
            return False
        self.made += count
        return True
