"""What the link model's inputs say about a message and a candidate, in words.

A fact without a subject is one of the message itself; "it" is the message answered. To address somebody is to
mention them or to press the reply button. A fact that has nothing to say is empty.
"""

from __future__ import annotations

from tuner.linking.explaining.scene import Scene, span
from tuner.linking.window import REACH


def _first_words(name: str, position: int) -> str:
    """For somebody who has not spoken as far back as the linker sees."""
    return (
        f"{name}'s first message"
        if position < REACH
        else f"{name} had not written in the last {REACH} messages"
    )


def naming(s: Scene) -> str:
    if s.of("pair", "names the author first") or s.of("pair", "names the author too"):
        return f"mentions {s.them}, who wrote it"
    if not s.named:
        return ""
    other = s.name(s.named[0])
    if s.of("structure", "addressed is in conversation"):
        return f"mentions {other}, who is in its conversation"
    return f"mentions {other}" if s.is_own else f"mentions {other}, not {s.them}"


def naming_there(s: Scene) -> str:
    if s.of("pair", "author named the speaker first") or s.of("pair", "author named the speaker too"):
        return f"it mentions {s.me}" if s.message.speaker in s.named_there else f"it replies to {s.me}"
    if s.named_there:
        return f"it mentions {s.name(s.named_there[0])}"
    return "it replies to somebody else" if s.of("pair", "author named somebody else") else ""


def author(s: Scene) -> str:
    if not s.is_own:
        return ""
    if s.distance == 1:
        return "the same author goes on"
    return f"{s.me}'s own last message" if s.of("pair", "own last") else "same author"


def near(s: Scene) -> str:
    if s.distance == 1:
        return f"the message just before, {span(s.seconds)} earlier"
    return f"{s.distance} messages and {span(s.seconds)} earlier"


def words(s: Scene) -> str:
    if not s.of("pair", "shares words"):
        return "its conversation has held the same rare words" if s.of("structure", "its rare words") else ""
    words = " and ".join(f"“{word}”" for word in s.shared[:2])
    return f"both say {words}" if words else "shares rare words"


def words_to_come(s: Scene) -> str:
    return "its conversation takes up the same words" if s.of("structure", "its words to come") else ""


def author_since(s: Scene) -> str:
    if s.of("pair", "author is quiet and uncalled since"):
        return f"{s.them} has written nothing since"
    spoke = s.of("pair", "author spoke once since") or s.of("pair", "author spoke more since")
    return f"{s.them} has written again since" if spoke else f"{s.them} was addressed since"


def speaker_since(s: Scene) -> str:
    if s.of("pair", "speaker spoke once since") or s.of("pair", "speaker spoke more since"):
        return f"{s.me} has written since, too"
    if s.of("pair", "right after own last"):
        return f"it is the first message after {s.me}'s last"
    return f"it came after {s.me}'s last message" if s.of("pair", "messages after own last") else ""


def answered(s: Scene) -> str:
    if s.of("structure", "answered by the speaker"):
        return f"{s.me} has answered it before"
    if s.of("structure", "answered") or s.of("pair", "was replied to"):
        return "it has an answer already"
    return "nobody has answered it yet"


def answering(s: Scene) -> str:
    if s.of("structure", "answers own last") or s.of("pair", "answered the speaker's last"):
        return f"it answers {s.me}'s last message"
    return f"it answers {s.me}" if s.of("structure", "answers the speaker") else ""


def member(s: Scene) -> str:
    if s.of("structure", "in own last's conversation"):
        return f"it is in the conversation {s.me} was in last"
    if s.of("structure", "speaker is in conversation"):
        return f"{s.me} has been in its conversation, but spoke elsewhere since"
    return f"{s.me} was last in another conversation" if s.of("structure", "spoke elsewhere last") else ""


def newest(s: Scene) -> str:
    if s.of("structure", "newest of its conversation"):
        return "it is the last message of its conversation so far"
    return "its conversation went on since"


def speakers_next(s: Scene) -> str:
    there = s.of("structure", "speaker's next is there") >= 0.3
    return f"{s.me}'s next message belongs there" if there else ""


def answerer(s: Scene) -> str:
    if s.of("structure", "who answers this is the author") >= 0.3:
        return f"{s.them} seems to answer in turn"
    there = s.of("structure", "who answers this was there") >= 0.3
    return "who seems to answer this was in its conversation" if there else ""


def soon(s: Scene) -> str:
    if s.of("pair", "author will call the speaker"):
        return f"{s.them} is the next to address {s.me}"
    return f"{s.me} addresses {s.them} soon after" if s.of("pair", "speaker will call the author") else ""


def talk(s: Scene) -> str:
    there, back = s.of("pair", "speaker called author lately"), s.of("pair", "author called speaker lately")
    if there and back:
        return f"{s.me} and {s.them} have been addressing one another"
    if there:
        return f"{s.me} has addressed {s.them} before"
    return f"{s.them} has addressed {s.me} before" if back else ""


def opening(s: Scene) -> str:
    return "it starts something" if s.of("structure", "starts its conversation") else ""


def asking_there(s: Scene) -> str:
    asks = s.of("candidate", "asks") or s.of("candidate", "begins like a question")
    return "it asks something" if asks and not s.is_own else ""


def new_there(s: Scene) -> str:
    if s.is_own:
        return ""
    if s.of("candidate", "first words here"):
        return _first_words(s.them, s.position - s.distance)
    return f"{s.them} had been silent for long" if s.of("candidate", "spoke after long") else ""


def asking(s: Scene) -> str:
    if s.of("message", "asks"):
        return "asks something"
    return "begins like a question" if s.of("message", "begins like a question") else ""


def past(s: Scene) -> str:
    if s.of("message", "first words here"):
        return _first_words(s.me, s.position)
    if s.own_at is None:
        return ""
    ago = s.message.at - s.own_at
    return f"{s.me} has not written for {span(ago)}" if ago >= 120 else f"{s.me} wrote {span(ago)} earlier"


def silence(s: Scene) -> str:
    if s.before_at is None:
        return ""
    seconds = s.message.at - s.before_at
    return (
        f"nobody has written for {span(seconds)}"
        if seconds >= 120
        else f"{span(seconds)} after the message before"
    )


def called(s: Scene) -> str:
    if s.of("message", "was called since own last"):
        return f"somebody addressed {s.me} since they wrote last"
    return "" if s.of("message", "was called before own last") else f"nobody has addressed {s.me} lately"


def going_on(s: Scene) -> str:
    if s.of("message", "goes on at once"):
        return f"{s.me} goes on in the next message"
    return f"{s.me} writes again soon" if s.of("situation", "speaker goes on soon") else ""


def taken_up(s: Scene) -> str:
    if s.of("message", "is replied to soon"):
        return "somebody replies to it soon"
    if s.of("situation", "answers to this") >= 0.5:
        return "somebody seems to answer it"
    return "nobody seems to answer it" if s.of("situation", "answers to this") < 0.1 else ""


def long(s: Scene) -> str:
    if s.message.is_stub:
        return "is by somebody whose words are not kept"
    if s.length <= 2:
        return f"is only {s.length} word{'' if s.length == 1 else 's'} long" if s.length else "has no words"
    return f"is {s.length} words long" if s.length > 18 else ""
