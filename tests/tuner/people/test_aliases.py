"""Other names for everybody: wherever a name stands, stable within a dataset, others in another."""

import pytest

from tuner.people.aliases import Aliases
from tuner.people.audience import name_digest
from tuner.people.names import plain

SALT = b"salt"
NAMES = [
    (1, "Ann Smith"),
    (2, "BenTheGreat"),
    (3, "太郎"),
    (4, "Will"),
    (5, "the"),
    (6, "Оля"),
    (7, "zoë.k_9"),
    (8, "dark lord"),
]
FORMER = {name_digest(plain(name), SALT): i for i, name in ((1, "annie1990"), (-9, "Stranger"))}


@pytest.fixture
def aliases() -> Aliases:
    return Aliases(NAMES, FORMER, b"one", SALT)


@pytest.mark.parametrize(
    ("text", "speaker", "left"),
    [
        ("ask Ann Smith about it", 1, "ask {} about it"),
        ("ask ann smith about it", 1, "ask {} about it"),
        ("@Ann Smith hi", 1, "@{} hi"),
        ("Ann's lamp", 1, "{}'s lamp"),
        ("thanks annie1990!", 1, "thanks {}!"),
        ("benthegreat, BENTHEGREAT", 2, "{}, {}"),
        ("太郎さんに聞いて", 3, "{}さんに聞いて"),
        ("Will will do", 4, "{} will do"),
        ("@will will do", 4, "@{} will do"),
        ("the lamp of @the", 5, "the lamp of @{}"),
        ("спроси оля потом", 6, "спроси {} потом"),
        ("is zoë.k_9 there", 7, "is {} there"),
        ("(dark lord)", 8, "({})"),
        ("stranger came", -9, "{} came"),
        ("the [phone 1] of Ann", 1, "the [phone 1] of {}"),
    ],
)
def test_a_name_is_covered_wherever_it_stands(aliases: Aliases, text: str, speaker: int, left: str) -> None:
    assert aliases.covered(text) == left.replace("{}", aliases.of(speaker))


@pytest.mark.parametrize(
    "text", ["anniversary", "a banner", "that will do", "the end", "dark room", "<@123>", ""]
)
def test_words_are_no_names(aliases: Aliases, text: str) -> None:
    assert aliases.covered(text) == text


def test_aliases_are_stable_and_another_datasets_are_others(aliases: Aliases) -> None:
    again, other = Aliases(NAMES, FORMER, b"one", SALT), Aliases(NAMES, FORMER, b"two", SALT)
    assert [aliases.of(i) for i in range(50)] == [again.of(i) for i in range(50)]
    assert sum(aliases.of(i) == other.of(i) for i in range(50)) < 3
    assert len({aliases.of(i) for i in range(1000)}) > 990


def test_nobody_gets_the_name_of_somebody(aliases: Aliases) -> None:
    taken = aliases.of(77)
    assert Aliases([*NAMES, (9, taken)], FORMER, b"one", SALT).of(77) != taken
