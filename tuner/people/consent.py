"""Whose words may be used by what people decided themselves. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tuner.people.audience import DELETED_USER, Audience

Mode = Literal["listed", "opt_in", "opt_out"]


@dataclass(frozen=True, slots=True)
class Decided:
    """People by what they decided last; `gone` are those who left the server."""

    agreed: frozenset[int] = frozenset()
    declined: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()


def by_consent(audience: Audience, mode: Mode, decided: Decided) -> Audience:
    """The audience of a list, as far as the people in it agree.

    "opt_in": whoever agreed and is still there, and nobody whose account is gone: many people share that one id.
    Otherwise: whoever did not decline. Bots that are named are asked nothing.
    """
    if mode != "opt_in":
        return replace(audience, opted_out=audience.opted_out | decided.declined)
    agreed = decided.agreed - {DELETED_USER}
    return replace(
        audience,
        allowed=agreed if audience.allowed is None else agreed & audience.allowed,
        bots=audience.bots - {DELETED_USER},
        opted_out=audience.opted_out | decided.declined | decided.gone,
        strict=True,
    )
