"""Whose words may be used. Everybody else is an opaque number from the moment their message is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Audience:
    """The people a run may learn from.

    `allowed` None means everyone who is not a bot; `bots` are admitted by name only. `opted_out` people
    are never used. `salt` keys the opaque numbers, so that they mean nothing outside one archive.
    """

    allowed: frozenset[int] | None
    bots: frozenset[int] = frozenset()
    opted_out: frozenset[int] = frozenset()
    salt: bytes = field(default=b"", repr=False)

    def admits(self, user_id: int, *, is_bot: bool = False) -> bool:
        """Whether this author's words may be stored and shown to a model."""
        if user_id in self.opted_out:
            return False
        if user_id in self.bots:
            return True
        return not is_bot and (self.allowed is None or user_id in self.allowed)

    def speaker(self, user_id: int, *, is_bot: bool = False) -> int:
        """The user id, or the opaque negative number that stands for somebody outside."""
        return user_id if self.admits(user_id, is_bot=is_bot) else self.opaque(user_id)

    def opaque(self, user_id: int) -> int:
        digest = hashlib.blake2b(user_id.to_bytes(8, "big"), digest_size=7, key=self.salt).digest()
        return -int.from_bytes(digest, "big") - 1

    @property
    def named(self) -> frozenset[int]:
        """Ids admitted by name."""
        return ((self.allowed or frozenset()) | self.bots) - self.opted_out
