"""Which of the link model's inputs say one thing together, and the fact that each group states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuner.linking.explaining import wording
from tuner.linking.explaining.scene import Group, Neutral
from tuner.linking.network import logs

_LOG_OF_NOTHING = float(logs(np.zeros(1, dtype=np.int64))[0])


def _zero(*names: str) -> dict[str, Neutral]:
    return dict.fromkeys(names, 0.0)


def _none_or(value: float) -> Callable[[float], float]:
    """Nothing where there is something, and this where there is nothing."""
    return lambda current: 0.0 if current else value


def _opposite(value: float) -> float:
    return 0.0 if value else 1.0


# -- of a pair ---------------------------------------------------------------------


_LATER = {
    "distance": 2.0,
    "time": 1.25,
    "time in the channel's rhythm": 1.0,
    "changes of speaker between": 1.0,
}
_PAIRS = (
    Group(
        "named",
        wording.naming,
        message=_zero("names someone", "names several"),
        structure=_zero("addressed is in conversation"),
        pair=_zero("names the author first", "names the author too", "names somebody else"),
    ),
    Group(
        "named there",
        wording.naming_there,
        structure=_zero("last in it names the speaker", "last in it names another"),
        candidate=_zero("names someone"),
        pair=_zero(
            "author named the speaker first",
            "author named the speaker too",
            "author named somebody else",
            "called the speaker last",
        ),
    ),
    Group(
        "author",
        wording.author,
        structure=_zero("last in it is own", "last in it is the author's"),
        pair=_zero(
            "same author", "own last", "own just before", "own within minutes", "is own last, far back"
        ),
    ),
    Group(
        "near",
        wording.near,
        structure={"conversation idle": 1.0},
        pair={
            **_LATER,
            **_zero("just before", "one between", "at most three between", "longest silence between"),
        },
    ),
    Group(
        "words",
        wording.words,
        structure=_zero("its words", "its rare words", "its words lately", "most words", "others' words"),
        pair=_zero("shares words", "word overlap"),
    ),
    Group("words to come", wording.words_to_come, structure=_zero("its words to come")),
    Group(
        "author since",
        wording.author_since,
        pair={
            "author is quiet and uncalled since": _opposite,
            "author spoke once since": _opposite,
            **_zero(
                "author spoke more since", "author was called once since", "author was called more since"
            ),
        },
    ),
    Group(
        "speaker since",
        wording.speaker_since,
        pair={
            "speaker spoke once since": _opposite,
            **_zero("speaker spoke more since", "right after own last", "messages after own last"),
        },
    ),
    Group(
        "answered",
        wording.answered,
        structure={"answered": _none_or(0.5), "answered by the speaker": 0.0},
        pair=_zero("was replied to"),
    ),
    Group(
        "answers",
        wording.answering,
        structure=_zero("answers the speaker", "answers own last"),
        pair=_zero("answered the speaker's last"),
    ),
    Group(
        "member",
        wording.member,
        structure={
            "since own last in it": lambda _: 3.5,
            **_zero(
                "in own last's conversation",
                "speaker is in conversation",
                "speaker was in it lately",
                "in it, but spoke elsewhere last",
                "spoke elsewhere last",
                "last but one in it is own",
            ),
        },
    ),
    Group(
        "newest",
        wording.newest,
        structure={
            "newest of its conversation": _opposite,
            "three to five after it": _opposite,
            "conversation went on since": _none_or(0.5),
            "messages since last in it": 0.75,
            **_zero("one after it", "two after it", "six or more after it"),
        },
    ),
    Group(
        "next",
        wording.speakers_next,
        structure={
            "log of that": _LOG_OF_NOTHING,
            **_zero("speaker's next is there", "goes on with the speaker"),
        },
    ),
    Group(
        "answerer",
        wording.answerer,
        structure=_zero("who answers this was there", "who answers this is the author"),
    ),
    Group(
        "soon",
        wording.soon,
        message=_zero("will be called", "how soon called", "will call someone"),
        pair=_zero(
            "author will call the speaker",
            "author will call the speaker soon",
            "speaker will call the author",
        ),
    ),
    Group(
        "talk",
        wording.talk,
        pair=_zero("speaker called author lately", "author called speaker lately", "latest partner"),
    ),
    Group(
        "opening",
        wording.opening,
        structure={"starts its conversation": 0.0, "nothing else in it": 0.0, "conversation's length": 0.5},
    ),
    Group(
        "asked",
        wording.asking_there,
        structure=_zero("last in it asks"),
        candidate=_zero("asks", "begins like a question"),
    ),
    Group("new there", wording.new_there, candidate=_zero("first words here", "spoke after long")),
)


# -- of the message itself ---------------------------------------------------------


def _kind(name: str, text: str) -> Group:
    return Group(name, lambda s: text if s.of("message", name) else "", message=_zero(name))


_MESSAGE = (
    Group("asks", wording.asking, message=_zero("asks", "begins like a question")),
    _kind("thanks", "says thanks"),
    _kind("agrees", "begins like a yes or no"),
    _kind("greets", "greets"),
    _kind("goes on", "begins like a continuation"),
    _kind("speaks to everyone", "speaks to everyone"),
    _kind("shows something", "shows a link or a file"),
    _kind("shows code", "shows code"),
    _kind("is a command", "looks like a command"),
    Group(
        "my past",
        wording.past,
        message={
            "since own last": 1.0,
            "times spoken": 2.0,
            "messages since own last": 1.0,
            **_zero("has not spoken", "spoke just before", "first words here"),
        },
    ),
    Group("silence", wording.silence, message={"gap before": 0.0}),
    Group(
        "length",
        wording.long,
        message={
            "length": 0.5,
            "has up to 10 words": 1.0,
            "has up to 18 words": 1.0,
            **_zero("is a stub", "has no words", "has up to 2 words", "has up to 5 words"),
        },
    ),
    Group(
        "going on",
        wording.going_on,
        message=_zero("goes on at once"),
        situation=_zero(
            "speaker goes on soon",
            "speaker's next is somewhere",
            "speaker's next, found",
            "speaker's next starts",
        ),
    ),
)

LINK = (*_PAIRS, *_MESSAGE)
START = (
    *_MESSAGE,
    Group(
        "mentions",
        lambda s: f"mentions {s.name(s.named[0])}" if s.named else "mentions nobody",
        message={"names someone": _opposite, "names several": 0.0},
    ),
    Group(
        "called",
        wording.called,
        message={"was called since own last": _opposite, "was called before own last": 0.0},
    ),
    Group(
        "taken up",
        wording.taken_up,
        message=_zero("is replied to soon"),
        situation={"answers to this": _none_or(1.0), "likeliest answer to this": _none_or(0.9)},
    ),
)
