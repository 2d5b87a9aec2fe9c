"""What may be kept of a message: all of it, or a stub that says nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.models import Extras, Message
from tuner.people.audience import Audience
from tuner.people.intake import SOMEONE, Incoming, User, admit, admit_page

ANN, BEN = User(100_000_000_000_000_001, "Ann"), User(100_000_000_000_000_002, "Ben")
OZ = User(200_000_000_000_000_001, "Oz")
OZZY = User(100_000_000_000_000_003, "Ozzy")
DICE = User(300_000_000_000_000_001, "Dice", is_bot=True)
SALT = b"0123456789abcdef"
WHITELIST = Audience(frozenset({ANN.id, BEN.id, OZZY.id}), salt=SALT)
EVERYONE = Audience(None, salt=SALT)
FROM_OZ = Incoming(
    id=900,
    author=OZ,
    text="oz text",
    reply_to=800,
    edited_ms=5,
    mentions=(ANN,),
    attachments=("oz.png",),
    stickers=("oz sticker",),
    poll="oz poll",
    forwarded=True,
)


# -- the audience ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "user", "admitted"),
    [
        (EVERYONE, OZ, True),
        (EVERYONE, DICE, False),
        (replace(EVERYONE, bots=frozenset({DICE.id})), DICE, True),
        (replace(EVERYONE, opted_out=frozenset({OZ.id})), OZ, False),
        (WHITELIST, ANN, True),
        (WHITELIST, OZ, False),
        (WHITELIST, replace(ANN, is_bot=True), False),
        (replace(WHITELIST, bots=frozenset({DICE.id}), opted_out=frozenset({DICE.id})), DICE, False),
        (replace(WHITELIST, opted_out=frozenset({ANN.id})), ANN, False),
        (Audience(frozenset(), salt=SALT), ANN, False),
    ],
)
def test_whose_words_are_admitted(audience: Audience, user: User, admitted: bool) -> None:
    assert audience.admits(user.id, is_bot=user.is_bot) is admitted
    speaker = audience.speaker(user.id, is_bot=user.is_bot)
    assert speaker == (user.id if admitted else audience.opaque(user.id))


def test_opaque_numbers_tell_people_apart_within_one_archive_only() -> None:
    assert WHITELIST.opaque(OZ.id) == replace(EVERYONE, opted_out=frozenset({OZ.id})).opaque(OZ.id) < 0
    assert WHITELIST.opaque(OZ.id) != WHITELIST.opaque(DICE.id)
    assert WHITELIST.opaque(OZ.id) != replace(WHITELIST, salt=b"another").opaque(OZ.id)
    assert SALT.decode() not in repr(WHITELIST)


def test_named_people_are_those_on_the_lists_who_have_not_opted_out() -> None:
    audience = Audience(frozenset({1, 2}), bots=frozenset({2, 3}), opted_out=frozenset({1}))
    assert audience.named == {2, 3}
    assert EVERYONE.named == frozenset()


# -- stubs -------------------------------------------------------------------------


def test_a_stub_holds_its_place_and_nothing_else() -> None:
    assert admit(7, FROM_OZ, WHITELIST) == Message(900, 7, WHITELIST.opaque(OZ.id), reply_to=800)


def test_who_opted_out_is_a_stub_to_everyone() -> None:
    audience = replace(EVERYONE, opted_out=frozenset({OZ.id}))
    assert admit(7, FROM_OZ, audience) == Message(900, 7, audience.opaque(OZ.id), reply_to=800)


@pytest.mark.parametrize("author", [ANN, replace(DICE, name="Ann's hook")])
def test_what_a_program_wrote_is_a_stub_whoever_seems_to_be_its_author(author: User) -> None:
    audience = replace(WHITELIST, bots=frozenset({DICE.id}))
    output = Incoming(901, author, "generated", is_output=True)
    assert admit(7, output, audience) == Message(901, 7, audience.opaque(author.id))


def test_a_bot_named_in_the_configuration_speaks() -> None:
    audience = replace(WHITELIST, bots=frozenset({DICE.id}))
    assert admit(7, Incoming(901, DICE, "you rolled 6"), audience).text == "you rolled 6"


# -- the audience's own messages ---------------------------------------------------


def test_an_admitted_message_is_kept_whole() -> None:
    item = replace(FROM_OZ, author=ANN, mentions=(BEN,), text=f"<@{BEN.id}> look", forwarded=False)
    assert admit(7, item, WHITELIST) == Message(
        id=900,
        channel_id=7,
        speaker=ANN.id,
        name="Ann",
        text=f"<@{BEN.id}> look",
        reply_to=800,
        edited_ms=5,
        extras=Extras(((BEN.id, "Ben"),), ("oz.png",), ("oz sticker",), "oz poll"),
    )


@pytest.mark.parametrize(
    ("text", "mentions", "expected"),
    [
        (f"<@{OZ.id}> and <@!{OZ.id}>", (OZ,), f"{SOMEONE} and {SOMEONE}"),
        (f"<@{OZ.id}> is not in the list of mentions", (), f"{SOMEONE} is not in the list of mentions"),
        (f"<@{BEN.id}> stays", (), f"<@{BEN.id}> stays"),
        ("@Oz, as exports write it", (OZ,), f"{SOMEONE}, as exports write it"),
        ("@Ozzy and @Oz", (OZ, OZZY), f"@Ozzy and {SOMEONE}"),
        ("@Oz (not a mention), @Ben", (BEN,), "@Oz (not a mention), @Ben"),
        ("a@b.c", (replace(OZ, name=""),), "a@b.c"),
        ("@O.* @Ox", (replace(OZ, name="O.*"),), f"{SOMEONE} @Ox"),
    ],
)
def test_mentions_of_outsiders_lose_their_names(text: str, mentions: tuple[User, ...], expected: str) -> None:
    kept = admit(7, Incoming(900, ANN, text, mentions=mentions, poll=text), WHITELIST)
    assert kept.text == expected
    assert kept.extras.poll == expected


def test_mentioned_outsiders_are_opaque_and_nameless() -> None:
    kept = admit(7, Incoming(900, ANN, "", mentions=(OZ, BEN)), WHITELIST)
    assert kept.extras.mentions == ((WHITELIST.opaque(OZ.id), ""), (BEN.id, "Ben"))


def test_mention_of_a_bot_is_an_outsider_to_everyone() -> None:
    item = Incoming(900, ANN, f"<@{DICE.id}> roll, <@{OZ.id}>", mentions=(DICE, OZ))
    assert admit(7, item, EVERYONE).text == f"{SOMEONE} roll, <@{OZ.id}>"


def test_a_page_names_only_the_audience() -> None:
    hook = Incoming(903, OZZY, "deployed", is_output=True)
    page = admit_page(7, [FROM_OZ, Incoming(902, BEN, "hi", mentions=(OZ, DICE)), hook], WHITELIST)
    assert page.names == {ANN.id: "Ann", BEN.id: "Ben"}
    assert [m.id for m in page.messages] == [900, 902, 903]


# -- nothing of an outsider gets through -------------------------------------------

secret = st.text("qxzjkvw", min_size=6, max_size=12)  # no such word is in any value's own repr


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(secret, min_size=6, max_size=6, unique=True),
    user_id=st.integers(7 * 10**17, 8 * 10**17),
    edited=st.integers(3 * 10**15, 4 * 10**15),
    is_bot=st.booleans(),
    is_output=st.booleans(),
)
def test_nothing_an_outsider_wrote_is_in_what_is_admitted(
    words: list[str], user_id: int, edited: int, is_bot: bool, is_output: bool
) -> None:
    name, text, attachment, sticker, poll, other = words
    outsider = User(user_id, name, is_bot)
    item = Incoming(
        900,
        outsider,
        text,
        800,
        edited,
        (User(user_id + 1, other),),
        (attachment,),
        (sticker,),
        poll,
        True,
        is_output,
    )
    answer = Incoming(
        901, ANN, f"@{name} <@{user_id}> fine", 900, mentions=(outsider,), poll=f"@{name} or not"
    )
    page = admit_page(7, [item, answer], WHITELIST)
    shown = repr(page)
    assert [piece for piece in (*words, str(user_id), str(edited)) if piece in shown] == []
    assert "fine" in shown
