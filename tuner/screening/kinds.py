"""What is looked for, by the words that stand in its place, and where one was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Detail = Literal[
    "e-mail",
    "phone",
    "card",
    "bank account",
    "ID number",
    "IP address",
    "MAC address",
    "wallet",
    "address",
    "birth date",
    "coordinates",
    "link",
    "invite",
]
Kind = Literal["secret"] | Detail

DETAILS: tuple[Detail, ...] = get_args(Detail)
SECRET: Literal["secret"] = "secret"


@dataclass(frozen=True, slots=True)
class Found:
    """One of a kind, and where it stands in a text."""

    kind: Kind
    start: int
    end: int


Rule = Callable[[str], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found; all of it, unless somebody turned a part off."""

    secrets: bool = True
    details: frozenset[str] = frozenset(DETAILS)

    def wants(self, kind: str) -> bool:
        return self.secrets if kind == SECRET else kind in self.details

    def __bool__(self) -> bool:
        return self.secrets or bool(self.details)


ALL = Wanted()
SECRETS_ONLY = Wanted(details=frozenset())
