"""Whose words may be used. Everybody else is an opaque number from the moment their message is read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from tuner.people.names import plain
from tuner.screening.kinds import ALL, Wanted

DELETED_USER = 456226577798135808
"""The one id under which Discord shows all whose accounts are gone: many people, so nobody."""


@dataclass(frozen=True, slots=True)
class Audience:
    """The people a run may learn from.

    `allowed` None means everyone who is not a bot; `bots` are admitted by name only; with `strict` people need to be
    in `allowed` all the same. `opted_out` people are never used. `salt` keys the opaque numbers, so that they mean
    nothing outside one archive. `screened` says what of anybody's words is not kept.
    """

    allowed: frozenset[int] | None
    bots: frozenset[int] = frozenset()
    opted_out: frozenset[int] = frozenset()
    strict: bool = False
    salt: bytes = field(default=b"", repr=False)
    screened: Wanted = ALL

    def admits(self, user_id: int, *, is_bot: bool = False) -> bool:
        """Whether this author's words may be stored and shown to a model."""
        if user_id in self.opted_out:
            return False
        if user_id in self.bots and (is_bot or not self.strict):
            return True
        return not is_bot and (self.allowed is None or user_id in self.allowed)

    def speaker(self, user_id: int, *, is_bot: bool = False) -> int:
        """The user id, or the opaque negative number that stands for somebody outside."""
        return user_id if self.admits(user_id, is_bot=is_bot) else self.opaque(user_id)

    def opaque(self, user_id: int) -> int:
        return -_keyed(user_id.to_bytes(8, "big"), self.salt) - 1

    def digest(self, name: str) -> int:
        """What is kept of a name: enough to know it again, in whatever case, and to say nothing else."""
        return name_digest(plain(name), self.salt)

    @property
    def named(self) -> frozenset[int]:
        """Ids admitted by name."""
        return ((self.allowed or frozenset()) | self.bots) - self.opted_out


def name_digest(plain_name: str, salt: bytes) -> int:
    """The digest of a name as it is compared (`tuner.people.names.plain`)."""
    return _keyed(plain_name.encode("utf-8", "surrogatepass"), salt)


def may_be_persona(speaker: int, personas: Collection[int]) -> bool:
    """Whether a model may learn to be this speaker; no `personas` means anyone."""
    return speaker != DELETED_USER and (not personas or speaker in personas)


def _keyed(value: bytes, salt: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=7, key=salt).digest(), "big")
