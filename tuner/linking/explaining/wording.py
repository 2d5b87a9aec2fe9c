"""What the link model's inputs say, in words: the fact that each group of inputs states.

A fact without a subject is one of the message itself; "it" is the message answered. To address somebody is to
mention them or to press the reply button.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuner.linking.explaining.scene import Group, Neutral, Scene, span
from tuner.linking.network import logs
from tuner.linking.window import REACH

_LOG_OF_NOTHING = float(logs(np.zeros(1, dtype=np.int64))[0])


def _zero(*names: str) -> dict[str, Neutral]:
    return dict.fromkeys(names, 0.0)


def _none_or(value: float) -> Callable[[float], float]:
    """Nothing where there is something, and this where there is nothing."""
    return lambda current: 0.0 if current else value


def _opposite(value: float) -> float:
    return 0.0 if value else 1.0


def _first_words(name: str, position: int) -> str:
    """For somebody who has not spoken as far back as the linker sees."""
    return (
        f"{name}'s first message"
        if position < REACH
        else f"{name} had not written in the last {REACH} messages"
    )


# -- of a pair ---------------------------------------------------------------------


def _naming(s: Scene) -> str:
    if s.of("pair", "names the author first") or s.of("pair", "names the author too"):
        return f"mentions {s.them}, who wrote it"
    if not s.named:
        return ""
    other = s.name(s.named[0])
    if s.of("structure", "addressed is in conversation"):
        return f"mentions {other}, who is in its conversation"
    return f"mentions {other}" if s.is_own else f"mentions {other}, not {s.them}"


def _naming_there(s: Scene) -> str:
    if s.of("pair", "author named the speaker first") or s.of("pair", "author named the speaker too"):
        return f"it mentions {s.me}" if s.message.speaker in s.named_there else f"it replies to {s.me}"
    if s.named_there:
        return f"it mentions {s.name(s.named_there[0])}"
    return "it replies to somebody else" if s.of("pair", "author named somebody else") else ""


def _author(s: Scene) -> str:
    if not s.is_own:
        return ""
    if s.distance == 1:
        return "the same author goes on"
    return f"{s.me}'s own last message" if s.of("pair", "own last") else "same author"


def _near(s: Scene) -> str:
    if s.distance == 1:
        return f"the message just before, {span(s.seconds)} earlier"
    return f"{s.distance} messages and {span(s.seconds)} earlier"


def _words(s: Scene) -> str:
    if not s.of("pair", "shares words"):
        return ""
    words = " and ".join(f"“{word}”" for word in s.shared[:2])
    return f"both say {words}" if words else "shares rare words"


def _author_since(s: Scene) -> str:
    if s.of("pair", "author is quiet and uncalled since"):
        return f"{s.them} has written nothing since"
    spoke = s.of("pair", "author spoke once since") or s.of("pair", "author spoke more since")
    return f"{s.them} has written again since" if spoke else f"{s.them} was addressed since"


def _speaker_since(s: Scene) -> str:
    if s.of("pair", "speaker spoke once since") or s.of("pair", "speaker spoke more since"):
        return f"{s.me} has written since, too"
    if s.of("pair", "right after own last"):
        return f"it is the first message after {s.me}'s last"
    return f"it came after {s.me}'s last message" if s.of("pair", "messages after own last") else ""


def _answered(s: Scene) -> str:
    if s.of("structure", "answered by the speaker"):
        return f"{s.me} has answered it before"
    if s.of("structure", "answered") or s.of("pair", "was replied to"):
        return "it has an answer already"
    return "nobody has answered it yet"


def _answering(s: Scene) -> str:
    if s.of("structure", "answers own last") or s.of("pair", "answered the speaker's last"):
        return f"it answers {s.me}'s last message"
    return f"it answers {s.me}" if s.of("structure", "answers the speaker") else ""


def _member(s: Scene) -> str:
    if s.of("structure", "in own last's conversation"):
        return f"it is in the conversation {s.me} was in last"
    if s.of("structure", "speaker is in conversation"):
        return f"{s.me} has been in its conversation, but spoke elsewhere since"
    return f"{s.me} was last in another conversation" if s.of("structure", "spoke elsewhere last") else ""


def _newest(s: Scene) -> str:
    if s.of("structure", "newest of its conversation"):
        return "it is the last message of its conversation so far"
    return "its conversation went on since"


def _next(s: Scene) -> str:
    there = s.of("structure", "speaker's next is there") >= 0.3
    return f"{s.me}'s next message belongs there" if there else ""


def _answerer(s: Scene) -> str:
    if s.of("structure", "who answers this is the author") >= 0.3:
        return f"{s.them} seems to answer in turn"
    there = s.of("structure", "who answers this was there") >= 0.3
    return "who seems to answer this was in its conversation" if there else ""


def _soon(s: Scene) -> str:
    if s.of("pair", "author will call the speaker"):
        return f"{s.them} is the next to address {s.me}"
    return f"{s.me} addresses {s.them} soon after" if s.of("pair", "speaker will call the author") else ""


def _talk(s: Scene) -> str:
    there, back = s.of("pair", "speaker called author lately"), s.of("pair", "author called speaker lately")
    if there and back:
        return f"{s.me} and {s.them} have been addressing one another"
    if there:
        return f"{s.me} has addressed {s.them} before"
    return f"{s.them} has addressed {s.me} before" if back else ""


def _opening(s: Scene) -> str:
    return "it starts something" if s.of("structure", "starts its conversation") else ""


def _asking_there(s: Scene) -> str:
    asks = s.of("candidate", "asks") or s.of("candidate", "begins like a question")
    return "it asks something" if asks and not s.is_own else ""


def _new_there(s: Scene) -> str:
    if s.is_own:
        return ""
    if s.of("candidate", "first words here"):
        return _first_words(s.them, s.position - s.distance)
    return f"{s.them} had been silent for long" if s.of("candidate", "spoke after long") else ""


_LATER = {
    "distance": 2.0,
    "time": 1.25,
    "time in the channel's rhythm": 1.0,
    "changes of speaker between": 1.0,
}
_PAIRS = (
    Group(
        "named",
        _naming,
        message=_zero("names someone", "names several"),
        structure=_zero("addressed is in conversation"),
        pair=_zero("names the author first", "names the author too", "names somebody else"),
    ),
    Group(
        "named there",
        _naming_there,
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
        _author,
        pair=_zero(
            "same author", "own last", "own just before", "own within minutes", "is own last, far back"
        ),
    ),
    Group(
        "near",
        _near,
        structure={"conversation idle": 1.0},
        pair={
            **_LATER,
            **_zero("just before", "one between", "at most three between", "longest silence between"),
        },
    ),
    Group("words", _words, pair=_zero("shares words", "word overlap")),
    Group(
        "author since",
        _author_since,
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
        _speaker_since,
        pair={
            "speaker spoke once since": _opposite,
            **_zero("speaker spoke more since", "right after own last", "messages after own last"),
        },
    ),
    Group(
        "answered",
        _answered,
        structure={"answered": _none_or(0.5), "answered by the speaker": 0.0},
        pair=_zero("was replied to"),
    ),
    Group(
        "answers",
        _answering,
        structure=_zero("answers the speaker", "answers own last"),
        pair=_zero("answered the speaker's last"),
    ),
    Group(
        "member",
        _member,
        structure=_zero(
            "in own last's conversation",
            "speaker is in conversation",
            "speaker was in it lately",
            "in it, but spoke elsewhere last",
            "spoke elsewhere last",
        ),
    ),
    Group(
        "newest",
        _newest,
        structure={
            "newest of its conversation": _opposite,
            "three to five after it": _opposite,
            "conversation went on since": _none_or(0.5),
            **_zero("one after it", "two after it", "six or more after it"),
        },
    ),
    Group("next", _next, structure={"speaker's next is there": 0.0, "log of that": _LOG_OF_NOTHING}),
    Group(
        "answerer", _answerer, structure=_zero("who answers this was there", "who answers this is the author")
    ),
    Group(
        "soon",
        _soon,
        message=_zero("will be called", "how soon called", "will call someone"),
        pair=_zero(
            "author will call the speaker",
            "author will call the speaker soon",
            "speaker will call the author",
        ),
    ),
    Group(
        "talk",
        _talk,
        pair=_zero("speaker called author lately", "author called speaker lately", "latest partner"),
    ),
    Group(
        "opening",
        _opening,
        structure={"starts its conversation": 0.0, "nothing else in it": 0.0, "conversation's length": 0.5},
    ),
    Group("asked", _asking_there, candidate=_zero("asks", "begins like a question")),
    Group("new there", _new_there, candidate=_zero("first words here", "spoke after long")),
)


# -- of the message itself ---------------------------------------------------------


def _kind(name: str, text: str) -> Group:
    return Group(name, lambda s: text if s.of("message", name) else "", message=_zero(name))


def _asking(s: Scene) -> str:
    if s.of("message", "asks"):
        return "asks something"
    return "begins like a question" if s.of("message", "begins like a question") else ""


def _past(s: Scene) -> str:
    if s.of("message", "first words here"):
        return _first_words(s.me, s.position)
    if s.own_at is None:
        return ""
    ago = s.message.at - s.own_at
    return f"{s.me} has not written for {span(ago)}" if ago >= 120 else f"{s.me} wrote {span(ago)} earlier"


def _silence(s: Scene) -> str:
    if s.before_at is None:
        return ""
    seconds = s.message.at - s.before_at
    return (
        f"nobody has written for {span(seconds)}"
        if seconds >= 120
        else f"{span(seconds)} after the message before"
    )


def _called(s: Scene) -> str:
    if s.of("message", "was called since own last"):
        return f"somebody addressed {s.me} since they wrote last"
    return "" if s.of("message", "was called before own last") else f"nobody has addressed {s.me} lately"


def _going_on(s: Scene) -> str:
    if s.of("message", "goes on at once"):
        return f"{s.me} goes on in the next message"
    return f"{s.me} writes again soon" if s.of("situation", "speaker goes on soon") else ""


def _taken_up(s: Scene) -> str:
    if s.of("message", "is replied to soon"):
        return "somebody replies to it soon"
    if s.of("situation", "answers to this") >= 0.5:
        return "somebody seems to answer it"
    return "nobody seems to answer it" if s.of("situation", "answers to this") < 0.1 else ""


def _long(s: Scene) -> str:
    if s.message.is_stub:
        return "is by somebody whose words are not kept"
    if s.length <= 2:
        return f"is only {s.length} word{'' if s.length == 1 else 's'} long" if s.length else "has no words"
    return f"is {s.length} words long" if s.length > 18 else ""


_MESSAGE = (
    Group("asks", _asking, message=_zero("asks", "begins like a question")),
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
        _past,
        message={
            "since own last": 1.0,
            "times spoken": 2.0,
            "messages since own last": 1.0,
            **_zero("has not spoken", "spoke just before", "first words here"),
        },
    ),
    Group("silence", _silence, message={"gap before": 0.0}),
    Group(
        "length",
        _long,
        message={
            "length": 0.5,
            "has up to 10 words": 1.0,
            "has up to 18 words": 1.0,
            **_zero("is a stub", "has no words", "has up to 2 words", "has up to 5 words"),
        },
    ),
    Group(
        "going on",
        _going_on,
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
        _called,
        message={"was called since own last": _opposite, "was called before own last": 0.0},
    ),
    Group(
        "taken up",
        _taken_up,
        message=_zero("is replied to soon"),
        situation={"answers to this": _none_or(1.0), "likeliest answer to this": _none_or(0.9)},
    ),
)
