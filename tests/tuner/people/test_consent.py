"""Whose words may be used by what people decided."""

import pytest

from tuner.people.audience import DELETED_USER, Audience
from tuner.people.consent import Decided, Mode, by_consent

ANN, BEN, OZ, BOT = 101, 102, 201, 900


def admitted(mode: Mode, decided: Decided, allowed: frozenset[int] | None = None, *bots: int) -> set[int]:
    audience = by_consent(Audience(allowed, (allowed or frozenset()) | frozenset(bots)), mode, decided)
    return {i for i in (ANN, BEN, OZ, DELETED_USER) if audience.admits(i)}


@pytest.mark.parametrize("mode", ["listed", "opt_in", "opt_out"])
def test_who_declined_is_out_whatever_is_configured(mode: Mode) -> None:
    decided = Decided(agreed=frozenset({ANN}), declined=frozenset({OZ}))
    assert OZ not in admitted(mode, decided)
    assert OZ not in admitted(mode, decided, frozenset({ANN, OZ}), OZ)


def test_opting_in_takes_agreeing() -> None:
    assert admitted("opt_in", Decided()) == set()
    assert admitted("opt_in", Decided(frozenset({ANN, DELETED_USER}))) == {ANN}
    assert admitted("opt_in", Decided(frozenset({ANN, BEN})), frozenset({BEN, OZ})) == {BEN}
    assert admitted("opt_in", Decided(frozenset({ANN, BEN}), gone=frozenset({BEN}))) == {ANN}


def test_a_persona_has_to_agree_unless_it_is_a_bot() -> None:
    audience = by_consent(Audience(None, frozenset({OZ, BOT})), "opt_in", Decided(frozenset({ANN})))
    assert not audience.admits(OZ)
    assert audience.admits(BOT, is_bot=True)


def test_opting_out_takes_declining() -> None:
    assert admitted("opt_out", Decided(declined=frozenset({BEN}))) == {ANN, OZ, DELETED_USER}


def test_a_list_is_as_it_was() -> None:
    assert admitted("listed", Decided(), frozenset({ANN})) == {ANN}
