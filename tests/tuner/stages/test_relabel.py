"""Relabel: messages into turns that end on the persona."""

from dataclasses import replace

import pytest

from tests.support.export_files import at
from tuner.models import Dialogue, Excerpt, Extras, Message, Turn
from tuner.stages.relabel import relabel

ANN, BEN, CAT = 101, 102, 103
NAMES = {ANN: "Ann", BEN: "Ben", CAT: "Cat"}


def said(position: int, speaker: int, text: str = "hello", extras: Extras | None = None) -> Message:
    return Message(at(position), 7, speaker, NAMES[speaker], text, extras=extras or Extras())


def outcome(*messages: Message, persona: int = BEN) -> Dialogue | str:
    return relabel(Excerpt(7, messages, persona), {55: "garden"})


def turns(*messages: Message, persona: int = BEN) -> list[tuple[str, str]]:
    dialogue = outcome(*messages, persona=persona)
    assert isinstance(dialogue, Dialogue)
    return [(turn.name, turn.text) for turn in dialogue.turns]


def test_bursts_are_one_turn_with_all_their_sources() -> None:
    found = outcome(said(0, ANN, "one"), said(1, ANN, "two"), said(2, BEN, "yes"), said(3, BEN, "see <#55>"))
    assert found == Dialogue(
        7,
        BEN,
        (
            Turn(ANN, "Ann", "one\ntwo", (at(0), at(1))),
            Turn(BEN, "Ben", "yes\nsee #garden", (at(2), at(3)), 1.0),
        ),
    )
    assert isinstance(found, Dialogue)
    assert found.message_ids == (at(0), at(1), at(2), at(3))


def test_the_persona_may_begin_and_what_others_say_last_is_left_out() -> None:
    lines = [
        (BEN, "first"),
        (ANN, "ask"),
        (BEN, "answer"),
        (CAT, "and"),
        (BEN, "last"),
        (ANN, "ok"),
        (CAT, "bye"),
    ]
    found = turns(*(said(i, speaker, text) for i, (speaker, text) in enumerate(lines)))
    assert found == [
        ("Ben", "first"),
        ("Ann", "ask"),
        ("Ben", "answer"),
        ("Cat", "and"),
        ("Ben", "last"),
    ]


def test_what_reads_as_nothing_joins_bursts() -> None:
    link = "https://cdn.discordapp.com/attachments/1/2/x.png"
    found = turns(said(0, ANN, "a"), said(1, CAT, link), said(2, ANN, "b"), said(3, BEN, "c"))
    assert found == [("Ann", "a\nb"), ("Ben", "c")]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([said(0, ANN), said(1, CAT)], "no answer by the persona"),
        ([said(0, BEN), said(1, ANN)], "no answer by the persona"),
        ([], "no answer by the persona"),
        ([said(0, ANN), said(1, BEN, "", Extras(attachments=("cat.png",)))], "an answer without words"),
        (
            [said(0, ANN), said(1, BEN, "", Extras(stickers=("Wave",))), said(2, CAT)],
            "an answer without words",
        ),
        ([said(0, ANN), said(1, BEN, "", Extras(forwarded=True))], "an answer without words"),
        ([said(0, ANN), said(1, BEN, " \0 ")], "no answer by the persona"),
        ([said(0, ANN), said(1, BEN, "\u200b")], "no answer by the persona"),
    ],
)
def test_what_is_no_dialogue(messages: list[Message], why: str) -> None:
    assert outcome(*messages) == why


LINK = "https://example.org/kettle?a=1"
ALL = Extras(attachments=("cat.png",), stickers=("Wave",), poll="tea?", forwarded=True)


def test_the_personas_placeholders_are_not_learned() -> None:
    picture, typed = said(2, BEN, "", ALL), said(3, BEN, "[attachment: x.png]\nand that\n[sticker: Hi]")
    found = turns(said(0, ANN, "see", ALL), said(1, BEN, f"this one {LINK}", ALL), picture, typed)
    assert found == [
        ("Ann", "see\n[attachment: cat.png]\n[sticker: Wave]\n[poll: tea?]\n[forwarded message]"),
        ("Ben", f"this one {LINK}\nand that"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *(
            LINK,
            f"<{LINK}>",
            f"{LINK} {LINK}",
            f"||{LINK}||",
            f"- {LINK}\n",
            "garden",
            "the starter",
            "ㅤ",
            "⠀",
        ),
        *("example.org/page", "www.example.org", "<example.org/page>", "discord.com/channels/1/2/3"),
        *("[look](https://a.b)", "[sticker: wave]", "[image]\nexample.org"),
    ],
)
def test_what_is_no_answer(text: str) -> None:
    names = {7: "garden", at(1): "the starter"}
    assert relabel(Excerpt(7, (said(0, ANN), said(1, BEN, text)), BEN), names) == "an answer without words"


def test_what_is_no_answer_ends_no_sample_but_stays_as_context() -> None:
    talk = [said(0, ANN, "look?"), said(1, BEN, "yes"), said(2, ANN, "how?"), said(3, BEN, "", ALL)]
    assert turns(*talk) == [("Ann", "look?"), ("Ben", "yes")]
    found = outcome(*talk, said(4, CAT, "nice"), said(5, BEN, "isn't it"))
    assert isinstance(found, Dialogue)
    assert [(t.name, t.learned) for t in found.turns] == [
        ("Ann", True),
        ("Ben", True),
        ("Ann", True),
        ("Ben", False),
        ("Cat", True),
        ("Ben", True),
    ]
    assert found.turns[3].text.startswith("[attachment: cat.png]")


# -- pauses ------------------------------------------------------------------------

HOUR = 3600


def test_an_answer_ends_at_a_pause() -> None:
    talk = [
        said(0, ANN, "how?"),
        said(60, BEN, "like this"),
        said(70, BEN, "see"),
        said(5 * HOUR, BEN, "lunch"),
    ]
    assert turns(*talk) == [("Ann", "how?"), ("Ben", "like this\nsee")]


def test_what_the_persona_says_to_nobody_is_context() -> None:
    talk = [said(0, ANN, "how?"), said(60, BEN, "like this"), said(5 * HOUR, BEN, "lunch?")]
    found = outcome(*talk, said(5 * HOUR + 60, ANN, "yes"), said(5 * HOUR + 70, BEN, "good"))
    assert isinstance(found, Dialogue)
    assert [(t.text, t.learned) for t in found.turns] == [
        ("how?", True),
        ("like this", True),
        ("lunch?", False),
        ("yes", True),
        ("good", True),
    ]


def test_a_pause_separates_the_turns_of_one_speaker_and_is_known() -> None:
    found = outcome(
        said(0, ANN, "a"), said(599, ANN, "b"), said(599 + 600, ANN, "c"), said(2 * HOUR, BEN, "d")
    )
    assert isinstance(found, Dialogue)
    assert [(t.text, t.pause) for t in found.turns] == [("a\nb", 0), ("c", 600), ("d", 2 * HOUR - 1199)]


def test_hours_of_small_steps_are_one_turn() -> None:
    found = turns(*(said(500 * i, ANN, "on") for i in range(20)), said(10_000, BEN, "stop"))
    assert found == [("Ann", "\n".join(["on"] * 20)), ("Ben", "stop")]


def test_no_two_speakers_share_a_name() -> None:
    twin = replace(said(1, CAT, "me too"), name="Ann")
    assert [name for name, _ in turns(said(0, ANN), twin, said(2, BEN, "two"))] == ["Ann", "Ann (2)", "Ben"]


def test_an_answer_half_a_day_later_is_not_learned() -> None:
    late = said(60 + 13 * 3600, BEN, "it is free now, come along")
    assert outcome(said(0, ANN, "tell me when it is free"), late) == "an answer half a day later"
    found = outcome(
        said(0, ANN, "is it free?"), said(60, BEN, "not yet"), said(90, ANN, "tell me then"), late
    )
    assert isinstance(found, Dialogue)
    assert [turn.text for turn in found.turns] == ["is it free?", "not yet"]


# -- what the persona says first ---------------------------------------------------


def test_an_opening_of_the_persona_is_context() -> None:
    offer = said(0, BEN, "8 kilos of coffee grounds, who wants some?", Extras(attachments=("bag.jpg",)))
    more = said(700, BEN, "they are by the gate")
    found = outcome(offer, more, said(800, ANN, "me me me"), said(810, BEN, "take all of it"))
    assert isinstance(found, Dialogue)
    assert [(t.text, t.learned) for t in found.turns] == [
        ("8 kilos of coffee grounds, who wants some?\n[attachment: bag.jpg]", False),
        ("they are by the gate", False),
        ("me me me", True),
        ("take all of it", True),
    ]


def test_an_opening_that_reads_as_nothing_is_none() -> None:
    assert turns(said(0, BEN, "\u200b"), said(1, ANN, "so?"), said(2, BEN, "later")) == [
        ("Ann", "so?"),
        ("Ben", "later"),
    ]


def test_the_persona_alone_is_no_dialogue() -> None:
    assert outcome(said(0, BEN, "who wants some?"), said(700, BEN, "nobody?")) == "no answer by the persona"


# -- what tells nothing ------------------------------------------------------------


JUNK = """
👍|👍🏽👍🏽|:joy: :wave:|lol|LOOOL|w|哈哈哈|555|ฮ่าๆๆ|ㅋㅋㅋ|хаха|jajaja|kkkkk|ок|Ok!|@Ann|!rank
/play jazz|.help|$price btc
"""


@pytest.mark.parametrize("text", JUNK.strip().replace("\n", "|").split("|"))
def test_junk_is_no_answer_even_to_a_question(text: str) -> None:
    assert outcome(said(0, ANN, "does it fit?"), said(1, BEN, text)) == "an answer without words"
    assert turns(said(0, BEN, text), said(1, ANN, "what?"), said(2, BEN, "nothing")) == [
        ("Ben", text),
        ("Ann", "what?"),
        ("Ben", "nothing"),
    ]


@pytest.mark.parametrize("text", ["thanks!", "谢谢你", "danke dir", "ขอบคุณครับ", "yes", "да", "はい"])
def test_a_courtesy_is_learned_as_an_answer_to_a_question_only(text: str) -> None:
    assert outcome(said(0, ANN, "it fits"), said(1, BEN, text)) == "an answer without words"
    assert turns(said(0, ANN, "want it?"), said(1, BEN, text)) == [("Ann", "want it?"), ("Ben", text)]


# -- days --------------------------------------------------------------------------

DAY = 24 * HOUR


def test_a_silence_of_days_before_the_persona_begins_anew() -> None:
    late = said(3 * DAY, BEN, "found it in the end")
    talk = [said(0, ANN, "where is it?"), said(60, BEN, "I will look"), late]
    found = outcome(
        *talk, said(3 * DAY + 60, ANN, "where was it?"), said(3 * DAY + 90, BEN, "under the bench")
    )
    assert isinstance(found, Dialogue)
    assert [(t.text, t.learned, t.pause) for t in found.turns] == [
        ("found it in the end", False, 0.0),
        ("where was it?", True, 60.0),
        ("under the bench", True, 30.0),
    ]


def test_a_silence_of_days_before_somebody_else_is_told() -> None:
    found = outcome(
        said(0, BEN, "soup?"), said(3 * DAY, ANN, "is there any left?"), said(3 * DAY + 9, BEN, "two bowls")
    )
    assert isinstance(found, Dialogue)
    assert [t.pause for t in found.turns] == [0.0, 3.0 * DAY, 9.0]


def test_an_answer_is_no_longer_than_an_hour() -> None:
    steps = [said(60 + 500 * i, BEN, f"step {i}") for i in range(10)]
    found = outcome(said(0, ANN, "how?"), *steps)
    assert isinstance(found, Dialogue)
    assert found.turns[-1].text == "\n".join(f"step {i}" for i in range(8))
