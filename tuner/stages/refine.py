"""Refine: a model, or the rules, keeps and trims segments and chooses the persona.

A rejection is final. A failure is none: it is retried, and then counted as what it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass

from tuner.asking.answers import Answer, Question
from tuner.asking.chat import Asker, NotAskedError
from tuner.asking.decisions import Decisions
from tuner.asking.repeats import Repeats
from tuner.config.settings import RULES, Models
from tuner.errors import SkipError
from tuner.models import Excerpt, Segment
from tuner.progress import Tally
from tuner.stages import verdict
from tuner.stages.verdict import Transcript, Verdict, transcribe
from tuner.streams import ordered

MOST_MESSAGES = 120  # shown in one request
MOST_CHARACTERS = 48_000  # of them, after which no further segment joins
MOST_SEGMENTS = 64  # decided together, the already decided ones included
FORMLESS = ("failed: answer of another form", "failed: empty")  # faults that say little of what was shown
TOO_MANY_UNUSABLE = (
    "So many of the model's answers could not be used that asking again has doubled the requests: nothing more is "
    "asked about twice. Conversations without a verdict are left out and counted; the next run asks about them again. "
    "Fewer in a request (models.segments_per_request) spoil fewer others."
)


@dataclass(slots=True)
class _Pending:
    transcript: Transcript
    key: str
    verdict: Verdict | None
    hopeful: bool  # not rejected by an earlier run
    fault: str = ""
    twin: _Pending | None = None  # an earlier segment of the same words, whose decision this one shares


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that would be made, None where all is decided; and what it would be about.

    `hopeful` segments were not rejected before; `undecided` ones are asked about, showing so many `lines`. `excerpts`
    are what may come of the hopeful ones.
    """

    question: Question | None
    hopeful: int
    undecided: int
    lines: int
    excerpts: tuple[Excerpt, ...] = ()


class Refiner:
    """Decides about segments in their order, asking only as many as are wanted."""

    def __init__(
        self,
        settings: Models,
        asker: Asker | None,
        decisions: Decisions,
        tally: Tally,
        personas: Collection[int],
        concurrency: int,
    ) -> None:
        self._settings = settings
        self._asker = asker
        self._decisions = decisions
        self._tally = tally
        self._personas = frozenset(personas)
        self._concurrency = concurrency
        self._undecided: dict[str, _Pending] = {}
        self._repeats = Repeats(settings.segments_per_request)
        self._ahead = 0  # segments taken that may still become samples and have not been handed on

    async def refine(
        self,
        segments: AsyncIterator[Segment],
        channel_names: Mapping[int, str],
        still_wanted: Callable[[], int | None],
    ) -> AsyncGenerator[Excerpt, None]:
        """The approved excerpts. `still_wanted` says how many more the run can use, None for all."""
        if self._settings.segment == RULES:
            async for segment in segments:
                self._tally.came("refine")
                if excerpt := self._ruled(segment, channel_names):
                    yield excerpt
            return

        def room() -> int:
            wanted = still_wanted()
            if wanted is None:
                return self._settings.segments_per_request
            return max(0, min(self._settings.segments_per_request, wanted - self._ahead))

        batches = self._batches(segments, channel_names, room)
        decisions = ordered(batches, self._decide, self._concurrency, lambda: room() > 0)
        async with aclosing(batches), aclosing(decisions):
            async for batch in decisions:
                for pending in batch:
                    self._ahead -= pending.hopeful
                    if excerpt := self._settled(pending, channel_names):
                        yield excerpt

    @asynccontextmanager
    async def refining(
        self,
        segments: AsyncIterator[Segment],
        channel_names: Mapping[int, str],
        still_wanted: Callable[[], int | None],
    ) -> AsyncIterator[AsyncIterator[Excerpt]]:
        """The approved excerpts, for as long as the block lasts. Where it fails, what was asked still arrives."""
        async with aclosing(self.refine(segments, channel_names, still_wanted)) as excerpts:
            with self._until_a_fault():
                yield excerpts

    async def plan(
        self, segments: AsyncIterator[Segment], channel_names: Mapping[int, str], wanted: int | None
    ) -> AsyncGenerator[Planned, None]:
        """What would be asked about the segments, were all approved, up to as many as `wanted` (None: all)."""
        planned = 0

        def room() -> int:
            most = self._settings.segments_per_request
            return most if wanted is None else min(most, wanted - planned)

        async with aclosing(self._batches(segments, channel_names, room)) as batches:
            async for batch in batches:
                planned += sum(pending.hopeful for pending in batch)
                for pending in batch:
                    self._undecided.pop(pending.key, None)
                for group in _companies(batch):
                    asked = [pending.transcript for pending in group]
                    yield Planned(self._question(asked), 0, len(asked), sum(len(t.labels) for t in asked))
                likely = tuple(self._likely(p, channel_names) for p in batch if p.hopeful)
                yield Planned(None, len(likely), 0, 0, likely)

    def _likely(self, pending: _Pending, channel_names: Mapping[int, str]) -> Excerpt:
        """What comes of a segment: as it was decided, or as the rules would, or all of it."""
        segment, decided = pending.transcript.segment, (pending.twin or pending).verdict
        if decided:
            applied = verdict.apply(decided, pending.transcript)
        else:
            applied = verdict.by_rules(segment, channel_names, self._personas)
        if isinstance(applied, Excerpt):
            return applied
        return Excerpt(segment.channel_id, segment.messages, segment.messages[-1].speaker)

    def _ruled(self, segment: Segment, channel_names: Mapping[int, str]) -> Excerpt | None:
        decided = verdict.by_rules(segment, channel_names, self._personas)
        if isinstance(decided, Excerpt):
            self._tally.went("refine")
            return decided
        self._tally.dropped("refine", f"rejected: {decided}")
        return None

    async def _batches(
        self, segments: AsyncIterator[Segment], channel_names: Mapping[int, str], room: Callable[[], int]
    ) -> AsyncGenerator[list[_Pending], None]:
        """Segments to be decided together: as many as there is room for, not counting those rejected before.

        What an earlier run approved counts as what it will be, a sample: a re-run asks about nothing that
        the first run did not need.
        """
        batch: list[_Pending] = []
        size, hopeful = max(1, room()), 0
        with self._until_a_fault():
            async for segment in segments:
                self._tally.came("refine")
                pending = await self._looked_up(transcribe(segment, channel_names, self._personas))
                batch.append(pending)
                if pending.hopeful:
                    self._ahead += 1
                    hopeful += 1
                if hopeful >= size or _is_full(batch):
                    yield batch
                    batch = []
                    size, hopeful = max(1, room()), 0
        if batch:
            yield batch

    async def _looked_up(self, transcript: Transcript) -> _Pending:
        key = transcript.key(self._settings.segment)
        if twin := self._undecided.get(key):
            hopeful = twin.verdict is None or twin.verdict.keep
            return _Pending(transcript, key, None, hopeful, twin=twin)
        stored = (await self._decisions.find([key])).get(key)
        decided = None if stored is None else verdict.read_stored(stored, transcript)
        if decided is None:
            pending = self._undecided[key] = _Pending(transcript, key, None, hopeful=True)
            return pending
        self._tally.spending.reused += 1
        return _Pending(transcript, key, decided, hopeful=decided.keep)

    def _question(self, transcripts: Sequence[Transcript]) -> Question:
        shown = sum(len(t.labels) for t in transcripts)
        return Question(
            model=self._settings.segment,
            system=verdict.INSTRUCTIONS,
            user=verdict.question(transcripts),
            schema=verdict.SCHEMA,
            longest_answer=1024 + 64 * len(transcripts) + 8 * shown,
        )

    async def _decide(self, batch: list[_Pending]) -> list[_Pending]:
        """Ask about what is undecided: together first, and each alone in the end: one segment spoils no other."""
        groups, attempts = _companies(batch), self._settings.attempts
        self._repeats.needed += len(groups)
        with self._until_a_fault():
            for attempt in range(1, attempts + 1):
                answered = [group for group in groups if await self._ask(group)]
                if attempt < attempts:
                    last = attempt == attempts - 1
                    groups = [again for group in answered for again in self._again(group, last)]
        return batch

    def _again(self, group: Sequence[_Pending], last: bool) -> list[list[_Pending]]:
        """How those of a group that got no verdict are asked about once more.

        An answer of no form may be the model's own fault: then together, for the price of one request, and alone
        only as the `last` try. Together also where that is all that may be spent on bad answers.
        """
        undecided = [pending for pending in group if pending.verdict is None]
        together = [] if last else [p for p in undecided if p.fault in FORMLESS]
        groups = [together] * bool(together) + [[p] for p in undecided if last or p.fault not in FORMLESS]
        if not groups or self._repeats.take(len(groups)):
            return groups
        if self._repeats.take(1):
            return [undecided]
        self._tally.note(TOO_MANY_UNUSABLE, warning=True)
        return []

    def _until_a_fault(self) -> AbstractContextManager[None]:
        return self._asker.until_a_fault() if self._asker else nullcontext()

    async def _ask(self, group: list[_Pending]) -> bool:
        """Ask about segments together; whether there was an answer at all, if only a bad one."""
        assert self._asker is not None  # built with one whenever a model is named
        transcripts = [pending.transcript for pending in group]
        try:
            answer = await self._asker.ask(
                self._question(transcripts), lambda answer: _is_useful(answer, transcripts)
            )
        except SkipError as error:
            why = str(error) if isinstance(error, NotAskedError) else "failed: no answer"
            for pending in group:
                pending.fault = why
            return False
        outcomes = _outcomes(answer, transcripts)
        if verdict.is_doubtful(outcomes):  # before rejections become final, each is asked for by itself
            self._repeats.needed += len(group)
            return any([await self._ask([pending]) for pending in group])
        for pending, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Verdict):
                pending.verdict = outcome
            else:
                pending.fault = outcome
        fresh = {p.key: p.verdict.model_dump() for p in group if p.verdict}
        if fresh:
            await self._decisions.keep(fresh, quotes=False)
        return True

    def _settled(self, pending: _Pending, channel_names: Mapping[int, str]) -> Excerpt | None:
        source = pending.twin or pending
        self._undecided.pop(source.key, None)
        decided = source.verdict
        if decided is None:
            if self._settings.on_failure == RULES:
                self._tally.note(
                    "Some segments were decided by the rules, because the model gave no usable answer."
                )
                return self._ruled(pending.transcript.segment, channel_names)
            self._tally.dropped("refine", source.fault)
            return None
        if not decided.keep:
            self._tally.dropped("refine", f"rejected: {decided.reason}")
            return None
        applied = verdict.apply(decided, pending.transcript)
        if isinstance(applied, str):
            self._tally.dropped("refine", applied)
            return None
        self._tally.went("refine")
        return applied


def _is_full(batch: Sequence[_Pending]) -> bool:
    shown = [pending.transcript for pending in batch if pending.hopeful]
    return (
        len(batch) >= MOST_SEGMENTS
        or sum(len(transcript.labels) for transcript in shown) >= MOST_MESSAGES
        or sum(len(transcript.text) for transcript in shown) >= MOST_CHARACTERS
    )


def _companies(batch: Sequence[_Pending]) -> list[list[_Pending]]:
    """The undecided segments of a batch as they are asked about: what may talk the model into something, alone."""
    undecided = [p for p in batch if p.verdict is None and p.twin is None]
    together = [p for p in undecided if not p.transcript.addresses_judge]
    alone = [[p] for p in undecided if p.transcript.addresses_judge]
    return [together, *alone] if together else alone


def _outcomes(answer: Answer, transcripts: Sequence[Transcript]) -> list[Verdict | str]:
    """A verdict for each segment, or why there is none."""
    if answer.fault:
        return [f"failed: {answer.fault}"] * len(transcripts)
    outcomes = verdict.read_reply(answer.text, transcripts)
    return [f"failed: {outcome}" if isinstance(outcome, str) else outcome for outcome in outcomes]


def _is_useful(answer: Answer, transcripts: Sequence[Transcript]) -> bool:
    return any(isinstance(outcome, Verdict) for outcome in _outcomes(answer, transcripts))
