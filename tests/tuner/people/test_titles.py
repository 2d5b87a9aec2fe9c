"""Whose title a thread bears, and whether it may be kept."""

from dataclasses import replace

import pytest

from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.titles import thread_author, title_of, titled

ANN, OZ = 101, 201
EVERYONE, WHITELIST = Audience(None), Audience(frozenset({ANN}))
FORGOTTEN = replace(EVERYONE, opted_out=frozenset({OZ}))
THREAD = Channel(7, "my secret", 1, "Tests", parent_id=6)


@pytest.mark.parametrize(
    ("audience", "author", "writers", "kept"),
    [
        (EVERYONE, OZ, (), True),
        (EVERYONE, None, (OZ,), True),
        (WHITELIST, ANN, (), True),
        (WHITELIST, OZ, (), False),
        (WHITELIST, None, (ANN,), False),
        (FORGOTTEN, OZ, (), False),
        (FORGOTTEN, ANN, (OZ,), True),
        (FORGOTTEN, None, (OZ, ANN), False),
        (FORGOTTEN, None, (ANN,), True),
    ],
)
def test_a_title_is_kept_as_its_authors_words_are(
    audience: Audience, author: int | None, writers: tuple[int, ...], kept: bool
) -> None:
    found = titled(replace(THREAD, author=author), audience, writers)
    assert found.name == ("my secret" if kept else "thread")
    assert found.author == (author and audience.speaker(author))


def test_a_channels_name_is_nobodys_words() -> None:
    assert titled(Channel(6, "general", 1, "Tests"), WHITELIST).name == "general"


def test_a_topic_names_nobody_unless_everyone_may_be_used() -> None:
    channel = Channel(6, "general", topic="Ask @Stranger or <@999>; a@b.example")
    assert titled(channel, WHITELIST).topic == "Ask @someone or @someone; [e-mail]"
    assert titled(channel, EVERYONE).topic == "Ask @Stranger or <@999>; [e-mail]"


def test_a_direct_message_is_named_after_nobody() -> None:
    direct = Channel(8, "Oz, Ann", 0, "Direct Messages", topic="of Oz")
    assert titled(direct, EVERYONE) == Channel(8, "direct-message", 0, "Direct Messages")


@pytest.mark.parametrize("raw", [{}, {"owner_id": None}, {"owner_id": "x"}, {"owner_id": "9" * 30}])
def test_a_thread_without_an_owner_has_no_known_author(raw: dict[str, object]) -> None:
    assert thread_author(raw) is None
    assert title_of({**raw, "name": "my secret"}, EVERYONE) == "thread"
