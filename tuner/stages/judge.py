"""Judge: a model decides the links that are most likely wrong, before conversations close.

What it can't decide stays as the link model has it: an answer is welcome and not needed. Answers are kept as they
arrive, so that a link of the same words is asked about once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from tuner.asking.answers import Answer, Question
from tuner.asking.chat import Aside, Asker, BudgetError, NotAskedError
from tuner.asking.decisions import Decisions
from tuner.config.settings import Models
from tuner.errors import SkipError
from tuner.linking.doubt import Doubt
from tuner.linking.linker import Link
from tuner.models import Channel, Message
from tuner.progress import Tally
from tuner.stages import belonging
from tuner.stages.belonging import Case
from tuner.streams import is_cancelled, ordered

MOST_CASES = 8  # asked about in one request
MOST_LINKS = 1024  # held back until there are so many cases
MOST_SAMPLES = 640  # that come of them, those included that wait to be approved
HALF = 0.5  # of the budget may be spent when a link is asked about, so that approving segments has the rest
ASIDE = Aside("about doubtful links", "The link model decides alone", HALF)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next links of a channel, and those of them that are doubtful. `waits`: more will take a while to come."""

    channel: Channel
    links: tuple[Link, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    ends: bool = False  # the channel
    waits: bool = False


@dataclass(slots=True)
class _Pending:
    case: Case
    key: str
    talk: int | None = None  # what was decided
    fault: str = ""  # "unasked" or "failed"
    reused: bool = False
    twin: _Pending | None = None  # an earlier case of the same words, whose decision this one shares


@dataclass(slots=True)
class _Batch:
    """Stretches that are decided together, each with its cases: those decided before count, so that it ends alike."""

    stretches: list[tuple[Stretch, list[_Pending]]] = field(default_factory=list)
    links: int = 0
    cases: int = 0

    def add(self, stretch: Stretch, cases: list[_Pending]) -> None:
        self.stretches.append((stretch, cases))
        self.links += max(1, len(stretch.links))
        self.cases += len(cases)

    @property
    def is_full(self) -> bool:
        return self.links >= MOST_LINKS or self.cases >= MOST_CASES

    def undecided(self) -> list[_Pending]:
        cases = (pending for _, cases in self.stretches for pending in cases)
        return [pending for pending in cases if pending.talk is None and pending.twin is None]


class Judge:
    """Decides doubtful links in their order, as far ahead as is certain to be needed.

    Without an `asker` nothing is asked, and `planned` hears what would be: the question, and about how many links.
    """

    def __init__(
        self,
        settings: Models,
        share: float,
        asker: Asker | None,
        decisions: Decisions,
        tally: Tally,
        channel_names: Mapping[int, str],
        concurrency: int,
        shown: Callable[[Message], Message],
        planned: Callable[[Question, int], None] | None = None,
    ) -> None:
        self.share = share
        self._settings = settings
        self._asker = asker
        self._decisions = decisions
        self._tally = tally
        self._names = channel_names
        self._concurrency = concurrency
        self._shown = shown
        self._planned = planned
        self._undecided: dict[str, _Pending] = {}
        self._asking: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        """However the block ends, what was asked in it still arrives and is kept; unless it is cancelled."""
        try:
            yield
        finally:
            asking = list(self._asking)
            if asking and not is_cancelled():
                await asyncio.wait(asking)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def judge(self, stretches: AsyncIterator[Stretch]) -> AsyncGenerator[Stretch, None]:
        """The stretches in their order, each as soon as it is decided.

        A re-run that wants as many samples asks about no link that the first run did not need.
        """
        batches = self._batches(stretches)
        decided = ordered(batches, self._decide, self._concurrency, self._all_needed)
        async with aclosing(batches), aclosing(decided):
            async for batch in decided:
                for stretch, cases in batch.stretches:
                    yield self._settled(stretch, cases)

    def _all_needed(self) -> bool:
        wanted = self._tally.still_wanted()
        return wanted is None or wanted > self._concurrency * MOST_SAMPLES

    async def _batches(self, stretches: AsyncIterator[Stretch]) -> AsyncGenerator[_Batch, None]:
        """Stretches of several channels together only where all are needed, and none has to wait for another."""
        batch = _Batch()
        async for stretch in stretches:
            cases = [belonging.described(doubt, self._names, self._shown) for doubt in stretch.doubts]
            batch.add(stretch, await self._looked_up(cases))
            if batch.is_full or stretch.waits or (stretch.ends and not self._all_needed()):
                yield batch
                batch = _Batch()
        yield batch

    async def _looked_up(self, cases: Sequence[Case]) -> list[_Pending]:
        found = [_Pending(case, case.key(self._settings.segment)) for case in cases]
        stored = await self._decisions.find([pending.key for pending in found]) if found else {}
        for pending in found:
            decision = stored.get(pending.key)
            pending.talk = None if decision is None else belonging.read_stored(decision, pending.case)
            pending.reused = pending.talk is not None
            if pending.talk is None:
                first = self._undecided.setdefault(pending.key, pending)
                pending.twin = None if first is pending else first
        return found

    async def _decide(self, batch: _Batch) -> _Batch:
        """Whoever waits for it may have enough: what is asked then arrives all the same."""
        for company in _companies(batch.undecided()):
            cases = [pending.case for pending in company]
            if self._asker:
                asking = asyncio.create_task(self._ask(self._asker, company, cases))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
                await asyncio.shield(asking)
            elif self._planned:
                self._planned(self._question(cases), len(cases))
        return batch

    async def _ask(self, asker: Asker, company: Sequence[_Pending], cases: Sequence[Case]) -> None:
        """Ask about links together, once: what has no answer then stays as it is."""
        with asker.until_a_fault():
            await self._asked(asker, company, cases)

    async def _asked(self, asker: Asker, company: Sequence[_Pending], cases: Sequence[Case]) -> None:
        try:
            question = self._question(cases)
            answer = await asker.ask(question, lambda answer: _is_useful(answer, cases), ASIDE)
        except SkipError as error:
            self._without_answer(company, error)
            return
        for pending, talk in zip(company, _talks(answer, cases), strict=True):
            pending.talk, pending.fault = talk, "" if talk is not None else "failed"
        fresh = {pending.key: {"talk": pending.talk} for pending in company if pending.talk is not None}
        if fresh:
            await self._decisions.keep(fresh, quotes=False)

    def _without_answer(self, company: Sequence[_Pending], error: SkipError) -> None:
        for pending in company:
            pending.fault = "unasked" if isinstance(error, NotAskedError) else "failed"
        if isinstance(error, BudgetError):
            self._tally.note(
                "Half of the budget is spent: the link model decides the rest of the doubtful links alone, so that "
                "what is left of the budget goes into approving conversations."
            )

    def _question(self, cases: Sequence[Case]) -> Question:
        return Question(
            model=self._settings.segment,
            system=belonging.INSTRUCTIONS,
            user=belonging.question(cases),
            schema=belonging.SCHEMA,
            longest_answer=1024 + 32 * len(cases),
        )

    def _settled(self, stretch: Stretch, cases: Sequence[_Pending]) -> Stretch:
        """The stretch as judged, counted."""
        judged = {}
        for pending in cases:
            source = pending.twin or pending
            self._undecided.pop(source.key, None)
            self._count(source)
            if source.talk is not None:
                link = belonging.applied(source.talk, pending.case.doubt)
                judged[link.message.id] = link
                self._count_change(pending.case.doubt.link, link)
        links = tuple(judged.get(link.message.id, link) for link in stretch.links)
        return Stretch(stretch.channel, links, (), stretch.ends, stretch.waits)

    def _count(self, decided: _Pending) -> None:
        judge, spending = self._tally.judge, self._tally.spending
        judge.doubtful += 1
        judge.reused += decided.reused
        spending.reused += decided.reused
        judge.asked += decided.talk is not None and not decided.reused
        judge.asked += decided.fault == "failed"
        judge.failed += decided.fault == "failed"
        judge.unasked += decided.fault == "unasked"

    def _count_change(self, before: Link, after: Link) -> None:
        judge = self._tally.judge
        if before.target == after.target:
            return
        judge.split += after.target is None
        judge.joined += before.target is None
        judge.moved += before.target is not None and after.target is not None


def _companies(undecided: Sequence[_Pending]) -> list[Sequence[_Pending]]:
    """Cases as they are asked about: what may talk the model into something, alone."""
    together = [pending for pending in undecided if not pending.case.addresses_judge]
    alone = [[pending] for pending in undecided if pending.case.addresses_judge]
    return [*(together[i : i + MOST_CASES] for i in range(0, len(together), MOST_CASES)), *alone]


def _talks(answer: Answer, cases: Sequence[Case]) -> list[int | None]:
    return [None] * len(cases) if answer.fault else belonging.read_reply(answer.text, cases)


def _is_useful(answer: Answer, cases: Sequence[Case]) -> bool:
    return any(talk is not None for talk in _talks(answer, cases))
