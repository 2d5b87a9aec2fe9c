"""Which links are most likely wrong, and what a judge has to see to decide them. Pure and streaming.

A link is doubtful as far as the link model holds another conversation than the chosen one, or a start, for
possible; more so where more messages follow in its conversation, whose context it may spoil. Taking a message for a
start costs a context and spoils none: that is doubted less. A native reply never is. Conversations are those of
the model's own links, whatever judges made of earlier ones: so what is shown of a link depends on the channel
alone, and not on any answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tuner.linking.linker import Link
from tuner.linking.network import ONE
from tuner.linking.window import AHEAD, REACH
from tuner.models import Message
from tuner.people.audience import may_be_persona

MOST_OFFERED = 4  # conversations a message may belong to, besides a start
LAST_LINES = 4  # shown of each
NEXT_LINES = 2  # shown of what the speaker says next,
SOON = 3600.0  # within so many seconds
_LEAST_DOUBT = ONE // 20  # below, no link is doubtful, whatever the others are
_LEAST_LIKELY = ONE // 50  # below, no conversation is offered
_FOLLOWING = 128  # messages after a link among which those of its conversation are counted,
_FEWEST_KNOWN = 16  # or as if there were so many,
_MOST_FOLLOWING = 20  # up to as many as one sample's context
_STAKES = [(10 + n) * ONE // (10 + _MOST_FOLLOWING) for n in range(_MOST_FOLLOWING + 1)]  # parts of ONE
_START_STAKE = 12 * ONE // 25  # more gives replies what they answer, less keeps conversations unmixed
_USUAL = [0] * 13 + [
    int(parts) for parts in "29 39 49 59 69 80 92 105 118 131 146 161 178 196 218 248 296 362 431".split()
]
"""How doubtful links of #ubuntu are, as many of them as doubtful as each of these."""
_USUAL_WEIGHT = 8  # links that each counts for, before a channel has shown its own


@dataclass(frozen=True, slots=True)
class Offer:
    """A conversation that a message may belong to: whom it would answer there, and what was said there last."""

    target: int  # message id
    lines: tuple[Message, ...]  # oldest first; stubs only between others, and never two in a row
    is_chosen: bool  # by the link model


@dataclass(frozen=True, slots=True)
class Doubt:
    """A link that a judge may decide: the message may belong to one of the offers, or start something."""

    link: Link
    offers: tuple[Offer, ...]
    """By their last line, oldest first. One is the chosen one, unless the link is a start."""
    after: tuple[Message, ...] = ()  # what its speaker says soon after


@dataclass(slots=True, eq=False)
class _Talk:
    """A conversation as the model's links make it."""

    lines: deque[Message] = field(default_factory=deque)
    """The last ones, a stub for those that nobody may see."""
    speakers: set[int] = field(default_factory=set)  # of the audience
    _spoken: int = 0  # lines that are none of a stub

    def add(self, message: Message) -> None:
        if message.is_stub:
            if self.lines and not self.lines[-1].is_stub:
                self.lines.append(message)
            return
        self.lines.append(message)
        self.speakers.add(message.speaker)
        self._spoken += 1
        while self._spoken > LAST_LINES or self.lines[0].is_stub:
            self._spoken -= not self.lines.popleft().is_stub

    @property
    def shown(self) -> tuple[Message, ...]:
        """What may be shown, up to the last line that may."""
        lines = tuple(self.lines)
        return lines[:-1] if lines and lines[-1].is_stub else lines


@dataclass(frozen=True, slots=True)
class _Possible:
    """A link that may be doubted: how far, in parts of ONE; where it leads, and what else is possible."""

    doubt: int
    talk: _Talk
    offers: dict[_Talk, Offer]


class Doubts:
    """Feed the links of a channel in their order, made `with_options`; out come those that are doubtful.

    `share`: how many of the links that the model decides about people's words, 0 to 1.
    """

    def __init__(self, share: float, personas: Collection[int] = ()) -> None:
        self._rank = _Rank(share)
        self._personas = personas
        self._talks: dict[int, _Talk] = {}  # message id → its conversation
        self._messages: dict[int, Message] = {}  # those in reach, oldest first

    def among(self, links: Sequence[Link], following: Sequence[Message]) -> list[Doubt]:
        """The doubtful ones among the next links; `following` are the messages after them, as far as they are known.

        Without those that can't matter for a sample: where no two people talk, or nobody who may be the persona.
        """
        places: dict[_Talk, list[int]] = {}  # numbers of the links that lead into a conversation
        possible = [self._considered(number, link, places) for number, link in enumerate(links)]
        messages = [*(link.message for link in links), *islice(following, AHEAD)]
        found = []
        for number, (link, one) in enumerate(zip(links, possible, strict=True)):
            if one:
                matters = one.offers and self._can_matter(link, one.offers)
                stake = _stake(link, places[one.talk], number, len(links)) if matters else 0
                if self._rank.is_high(one.doubt * stake // ONE):
                    after = _next_lines(link, messages[number + 1 : number + 1 + AHEAD])
                    found.append(Doubt(link, tuple(one.offers.values()), after))
        return found

    def _considered(self, number: int, link: Link, places: dict[_Talk, list[int]]) -> _Possible | None:
        """What is to be known of a link before those after it join; None where there is nothing to decide."""
        masses = self._masses(link)
        chosen = None if link.target is None else self._talks.get(link.target)
        doubt = sum(masses.values()) - masses.get(chosen, 0)
        offers = self._offered(link, masses, chosen) if doubt >= _LEAST_DOUBT else {}
        talk = self._join(link)
        places.setdefault(talk, []).append(number)
        return _Possible(doubt, talk, offers) if masses else None

    def _masses(self, link: Link) -> dict[_Talk | None, int]:
        """How likely each conversation is, in parts of ONE; nothing where there is nothing to decide."""
        masses: dict[_Talk | None, int] = {}
        if not link.message.is_stub:
            for target, parts in link.options:
                talk = None if target is None else self._talks.get(target)
                masses[talk] = masses.get(talk, 0) + parts
        return masses

    def _offered(
        self, link: Link, masses: dict[_Talk | None, int], chosen: _Talk | None
    ) -> dict[_Talk, Offer]:
        """The likeliest conversations; nothing where the chosen one can't be shown, or no other."""
        best: dict[_Talk, tuple[int, int]] = {}  # of each conversation the likeliest target
        for target, parts in link.options:
            talk = None if target is None else self._talks.get(target)
            if target is not None and talk and parts > best.get(talk, (0, 0))[0]:
                best[talk] = (parts, target)
        likely = sorted(best, key=lambda talk: (talk is chosen, masses[talk]), reverse=True)
        offers = {
            talk: Offer(best[talk][1], self._lines(talk, best[talk][1]), talk is chosen)
            for talk in likely[:MOST_OFFERED]
            if talk.speakers and (talk is chosen or masses[talk] >= _LEAST_LIKELY)
        }
        if not offers or not (chosen is None or chosen in offers):
            return {}
        return dict(sorted(offers.items(), key=lambda item: item[1].lines[-1].id))

    def _lines(self, talk: _Talk, target: int) -> tuple[Message, ...]:
        answered = self._messages[target]
        older = () if answered.is_stub or answered.id >= talk.lines[0].id else (answered,)
        return (*older, *talk.shown)

    def _can_matter(self, link: Link, talks: Iterable[_Talk]) -> bool:
        speakers = {link.message.speaker}.union(*(talk.speakers for talk in talks))
        return len(speakers) > 1 and any(may_be_persona(speaker, self._personas) for speaker in speakers)

    def _join(self, link: Link) -> _Talk:
        message = link.message
        talk = self._talks.get(link.target or 0) or _Talk()
        self._talks[message.id], self._messages[message.id] = talk, message
        talk.add(message)
        if len(self._messages) > REACH:
            oldest = next(iter(self._messages))
            del self._talks[oldest], self._messages[oldest]
        return talk


def _stake(link: Link, places: Sequence[int], number: int, end: int) -> int:
    """How much hangs on a link, in parts of ONE: `places` are the links of its conversation, `number` is its own.

    Where fewer links follow before the `end` of those that are known, these speak for the others.
    """
    if link.target is None:
        return _START_STAKE
    following = bisect_right(places, number + _FOLLOWING) - bisect_right(places, number)
    known = max(_FEWEST_KNOWN, min(_FOLLOWING, end - 1 - number))
    return _STAKES[min(following * _FOLLOWING // known, _MOST_FOLLOWING)]


class _Rank:
    """Tells whether a doubt is among the highest `share` of those so far, in parts of ONE.

    A channel begins as if it had shown what is usual, so that its first links are not all among the highest. Where
    it is more doubtful than usual, no more than the share of its links are. Only what came before counts: later
    history changes nothing about earlier links.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._counts = [0] * (ONE + 1)
        for doubt in _USUAL:
            self._counts[doubt] += _USUAL_WEIGHT
        self._seen = _USUAL_WEIGHT * len(_USUAL)
        self._passed, self._high = 0, 0  # links of this channel, and the doubtful ones among them
        self._limit, self._above = ONE, 0  # how many lie above the limit

    def is_high(self, doubt: int) -> bool:
        """Whether this one is; it counts for those that follow."""
        self._settle()
        self._passed += 1
        high = doubt > self._limit and self._high < self._share * self._passed
        self._high += high
        self._counts[doubt] += 1
        self._seen += 1
        self._above += doubt > self._limit
        return high

    def _settle(self) -> None:
        """Find the lowest limit above which there is no more than the share."""
        most = self._share * self._seen
        while self._above > most:
            self._limit += 1
            self._above -= self._counts[self._limit]
        while self._limit >= 0 and self._above + self._counts[self._limit] <= most:
            self._above += self._counts[self._limit]
            self._limit -= 1


def _next_lines(link: Link, after: Sequence[Message]) -> tuple[Message, ...]:
    """What the speaker says soon, no native reply: that may be about anything."""
    speaker = link.message.speaker
    late = link.message.at + SOON
    own = (m for m in after if m.speaker == speaker and m.at < late and not m.is_stub and m.reply_to is None)
    return tuple(islice(own, NEXT_LINES))


def portions(
    links: Sequence[Link], doubts: Sequence[Doubt], most: int
) -> Iterator[tuple[tuple[Link, ...], tuple[Doubt, ...]]]:
    """Links and their doubtful ones, so many of these together: each portion ends at the last of its own."""
    start = 0
    place = {link.message.id: number for number, link in enumerate(links)} if doubts else {}
    for first in range(0, len(doubts), most):
        some = tuple(doubts[first : first + most])
        end = place[some[-1].link.message.id] + 1 if len(some) == most else len(links)
        yield tuple(links[start:end]), some
        start = end
    if start < len(links):
        yield tuple(links[start:]), ()
