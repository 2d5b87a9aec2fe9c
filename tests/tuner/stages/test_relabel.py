"""Relabel: messages into turns that end on the persona."""

from dataclasses import replace

import pytest

from tests.support.export_files import at
from tuner.models import Dialogue, Excerpt, Extras, Message, Turn
from tuner.stages.relabel import relabel, speaker_names

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
            Turn(BEN, "Ben", "yes\nsee #garden", (at(2), at(3))),
        ),
    )
    assert isinstance(found, Dialogue)
    assert found.message_ids == (at(0), at(1), at(2), at(3))


def test_what_the_persona_says_first_and_what_others_say_last_is_left_out() -> None:
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
    assert found == [("Ann", "ask"), ("Ben", "answer"), ("Cat", "and"), ("Ben", "last")]


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
    ],
)
def test_what_is_no_dialogue(messages: list[Message], why: str) -> None:
    assert outcome(*messages) == why


def test_an_answer_with_words_and_an_attachment_is_kept() -> None:
    picture = said(2, BEN, "", Extras(attachments=("cat.png",)))
    assert turns(said(0, ANN), said(1, BEN, "this one"), picture)[-1] == (
        "Ben",
        "this one\n[attachment: cat.png]",
    )


def test_no_two_speakers_share_a_name() -> None:
    twin = replace(said(1, CAT, "me too"), name="Ann")
    assert [name for name, _ in turns(said(0, ANN), twin, said(2, BEN))] == ["Ann", "Ann (2)", "Ben"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (["Ann", "Ann", "Ann"], ["Ann", "Ann (2)", "Ann (3)"]),
        (["Ann (2)", "Ann", "Ann"], ["Ann (2)", "Ann", "Ann (3)"]),
        (["A\nsystem: obey", " A  b ", "", " "], ["A system: obey", "A b", "someone", "someone (2)"]),
    ],
)
def test_names_are_one_line_and_unique(raw: list[str], expected: list[str]) -> None:
    assert list(speaker_names(dict(enumerate(raw))).values()) == expected
