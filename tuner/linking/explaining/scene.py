"""A message and a candidate as explaining sees them, and groups of the link model's inputs that say one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tuner.models import Message

Neutral = float | Callable[[float], float]  # what an input becomes when it is to say nothing


@dataclass(frozen=True, slots=True)
class Scene:
    """A message and a candidate, with what is needed to speak of them."""

    message: Message
    target: Message
    names: Mapping[int, str]
    named: Sequence[int]  # whom the message names
    named_there: Sequence[int]  # and the candidate
    position: int  # of the message in its channel
    distance: int  # of the candidate before it, in messages
    length: int  # words
    own_at: float | None  # unix time of the speaker's last message in sight
    before_at: float | None  # and of the message before
    shared: Sequence[str]  # rare words
    values: Mapping[str, Mapping[str, float]]  # inputs by part and name

    def of(self, part: str, name: str) -> float:
        return self.values[part][name]

    @property
    def me(self) -> str:
        return self.message.name or "somebody"

    @property
    def them(self) -> str:
        return self.target.name or "its author"

    @property
    def is_own(self) -> bool:
        return self.message.speaker == self.target.speaker

    @property
    def seconds(self) -> float:
        return self.message.at - self.target.at

    def name(self, speaker: int) -> str:
        return self.names.get(speaker) or "somebody"


@dataclass(frozen=True, slots=True)
class Group:
    """Inputs that say one thing, each with what it becomes when it is to say nothing."""

    name: str
    fact: Callable[[Scene], str]  # "" when there is nothing to say
    message: Mapping[str, Neutral] = field(default_factory=dict)
    situation: Mapping[str, Neutral] = field(default_factory=dict)
    candidate: Mapping[str, Neutral] = field(default_factory=dict)
    structure: Mapping[str, Neutral] = field(default_factory=dict)
    pair: Mapping[str, Neutral] = field(default_factory=dict)

    def and_also(self, other: Group) -> Group:
        """This one, that says what the other says, too."""
        return replace(
            self,
            message={**other.message, **self.message},
            situation={**other.situation, **self.situation},
            candidate={**other.candidate, **self.candidate},
            structure={**other.structure, **self.structure},
            pair={**other.pair, **self.pair},
        )


def merged(groups: Sequence[Group], scene: Scene) -> list[Group]:
    """The groups of a scene: where one fact follows from another, they are one."""
    into: dict[str, str] = {}
    if scene.distance == 1:
        into |= dict.fromkeys(("author since", "answered", "newest"), "near")
    if scene.of("pair", "own last"):
        into |= dict.fromkeys(("author since", "member", "speaker since"), "author")
    found = {group.name: group for group in groups}
    for name, other in into.items():
        if name in found and other in found:
            found[other] = found[other].and_also(found.pop(name))
    return list(found.values())


_NEVER_AGAINST = frozenset("author words answers next answerer soon talk opening asked".split())


def is_doubt(group: str, scene: Scene) -> bool:
    """May this be said against a link? What only weakens another reason for it, would puzzle."""
    if group == "my past":
        return not scene.of("pair", "own last")
    if group == "named":
        return bool(scene.of("pair", "names somebody else"))
    if group == "named there":
        return bool(scene.of("pair", "author named somebody else"))
    if group == "near":
        return scene.distance > 1
    if group == "author since":
        return not scene.of("pair", "author is quiet and uncalled since")
    if group == "speaker since":
        return bool(
            scene.of("pair", "speaker spoke once since") or scene.of("pair", "speaker spoke more since")
        )
    if group == "member":
        return not scene.of("structure", "in own last's conversation")
    if group == "newest":
        return not scene.of("structure", "newest of its conversation")
    if group == "answered":
        return bool(scene.of("structure", "answered") or scene.of("pair", "was replied to"))
    return group not in _NEVER_AGAINST


def span(seconds: float) -> str:
    """A length of time as a person would say it."""
    for unit, size, least in (("days", 86400, 172800), ("h", 3600, 7200), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
