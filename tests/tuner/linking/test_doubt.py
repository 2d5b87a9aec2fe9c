"""Which links are doubtful: how many, in what order, and that nothing but the channel decides it."""

from dataclasses import replace

import pytest

from tests.support.chat import chatter
from tests.support.lines import LINKING
from tuner.linking.doubt import LAST_LINES, MOST_OFFERED, NEXT_LINES, Doubt, Doubts, portions
from tuner.linking.linker import BLOCK, Link, Linker
from tuner.models import Message
from tuner.people.audience import DELETED_USER

CHAT = chatter(2 * BLOCK, seed=3)


def links_of(messages: list[Message]) -> list[tuple[list[Link], list[Message]]]:
    """The links, a block at a time, each with the messages that follow."""
    linker = Linker(LINKING.weights, with_options=True)
    blocks = [(links, list(linker.undecided)) for message in messages if (links := linker.add(message))]
    return [*blocks, (linker.finish(), [])]


BLOCKS = links_of(CHAT)
LINKS = [link for links, _ in BLOCKS for link in links]


def doubtful(
    share: float, messages: list[Message] | None = None, personas: tuple[int, ...] = ()
) -> list[Doubt]:
    doubts = Doubts(share, personas)
    return [doubt for block in (links_of(messages) if messages else BLOCKS) for doubt in doubts.among(*block)]


def test_links_made_with_options_are_the_same_links() -> None:
    linker = Linker(LINKING.weights)
    plain = [link for message in CHAT for link in linker.add(message)] + linker.finish()
    assert [link._replace(options=()) for link in LINKS] == plain
    for link in LINKS:
        assert bool(link.options) is (link.message.reply_to is None)
        if link.options:
            assert link.target in dict(link.options)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_about_that_share_is_doubtful(share: float) -> None:
    decided = sum(bool(link.options) and not link.message.is_stub for link in LINKS)
    assert 0.5 * share < len(doubtful(share)) / decided < 1.5 * share


def test_the_more_is_wanted_the_more_are_the_same() -> None:
    few, many, every = ({doubt.link.message.id for doubt in doubtful(share)} for share in (0.05, 0.3, 1.0))
    assert len(few & many) > 0.9 * len(few)
    assert few | many < every


def test_later_history_changes_nothing_about_earlier_blocks() -> None:
    shorter = doubtful(0.1, CHAT[: BLOCK + 40])
    end = CHAT[BLOCK - 40].id
    assert [d for d in shorter if d.link.message.id < end] == [
        d for d in doubtful(0.1) if d.link.message.id < end
    ]


def test_a_doubt_shows_little_and_no_stub_first_or_last() -> None:
    found = doubtful(0.3)
    for doubt in found:
        assert doubt.link.message.reply_to is None and not doubt.link.message.is_stub
        assert 1 <= len(doubt.offers) <= MOST_OFFERED and len(doubt.after) <= NEXT_LINES
        assert sum(offer.is_chosen for offer in doubt.offers) == (doubt.link.target is not None)
        for offer in doubt.offers:
            spoken = [line for line in offer.lines if not line.is_stub]
            assert 1 <= len(spoken) <= LAST_LINES + 1
            assert not offer.lines[0].is_stub and not offer.lines[-1].is_stub
            assert max(line.id for line in offer.lines) < doubt.link.message.id
        assert all(line.speaker == doubt.link.message.speaker for line in doubt.after)
    assert any(line.is_stub for doubt in found for offer in doubt.offers for line in offer.lines)


def test_nothing_is_doubted_that_can_t_become_a_sample() -> None:
    alone = [replace(m, speaker=5, name="Eve") for m in CHAT if not m.is_stub]
    assert doubtful(0.5, alone) == []
    gone = [replace(m, speaker=-abs(m.speaker), text=None) for m in CHAT]
    assert doubtful(0.5, gone) == []
    assert doubtful(0.5, personas=(99,)) == []
    assert doubtful(0.5, personas=(DELETED_USER,)) == []
    assert 0 < len(doubtful(0.5, personas=(1, 2))) < len(doubtful(0.5))


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_portions_hold_every_link_once_and_few_doubts(most: int) -> None:
    doubts = Doubts(0.3)
    for links, following in BLOCKS:
        found = doubts.among(links, following)
        parts = list(portions(links, found, most))
        assert [link for some, _ in parts for link in some] == links
        assert [doubt for _, some in parts for doubt in some] == found
        for some, doubted in parts:
            assert len(doubted) <= most and {d.link.message.id for d in doubted} <= {
                k.message.id for k in some
            }
    assert list(portions([], [], most)) == []


def test_no_short_channel_has_more_than_its_share() -> None:
    """As threads have few messages each, and may be harder than usual."""
    for length in (20, 60, 200):
        assert len(doubtful(0.1, CHAT[:length])) <= 0.1 * length + 1
