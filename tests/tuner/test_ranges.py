"""Ranges as cursors: whatever happens to a reader, it ends with everything, and asks for nothing twice."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.ranges import Range, merge, reaches, resume_after

PAGE = 5

spans = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: Range(pair[0], pair[0] + pair[1]))


def covered(ranges: list[Range]) -> set[int]:
    return {i for item in ranges for i in range(item.first, item.last + 1)}


@given(st.lists(spans, max_size=8))
def test_merging_keeps_the_coverage_and_leaves_gaps_only(ranges: list[Range]) -> None:
    merged = merge(ranges)
    assert covered(merged) == covered(ranges)
    assert all(a.last + 1 < b.first for a, b in pairwise(merged))
    assert merge(merged) == merged == merge(reversed(ranges))


@given(st.lists(spans, max_size=8), st.integers(0, 60))
def test_reading_goes_on_after_the_range_that_holds_the_start(ranges: list[Range], start: int) -> None:
    held = covered(ranges)
    missing = next(i for i in range(start, 100) if i not in held)
    assert resume_after(ranges, start) == missing - 1
    assert reaches(merge(ranges), start) == (start in held or start - 1 in held)


def test_examples() -> None:
    assert merge([Range(5, 9), Range(1, 4)]) == [Range(1, 9)]
    assert merge([Range(1, 9), Range(2, 3)]) == [Range(1, 9)]
    assert merge([Range(1, 3), Range(5, 9)]) == [Range(1, 3), Range(5, 9)]
    assert resume_after([], 7) == 6
    assert resume_after([Range(7, 9)], 7) == 9
    assert resume_after([Range(8, 9)], 7) == 6
    assert resume_after([Range(1, 6)], 7) == 6
    assert not reaches([], 0)


# -- a reader with a hard life ----------------------------------------------------


@dataclass
class Reader:
    """Reads a channel page by page and stores each page with its range, as `DiscordSource.read` does."""

    channel: list[int]
    stored: set[int] = field(default_factory=set)
    ranges: list[Range] = field(default_factory=list)

    def run(self, start: int, pages: int | None) -> int:
        """Read from `start` on, at most so many pages before it is broken off; how many pages it asked for."""
        asked = 0
        newest = self.channel[-1] if self.channel else 0
        while True:
            after = resume_after(self.ranges, start)
            if newest <= after or asked == pages:
                return asked
            page = [i for i in self.channel if i > after][:PAGE]
            asked += 1
            assert asked <= len(self.channel) + 20, "it would never end"
            self._check(page, after)
            ended = len(page) < PAGE
            last = max([newest, *page]) if ended else page[-1]
            self.stored.update(page)
            self.ranges = merge([*self.ranges, Range(after + 1, last)])
            if ended:
                return asked

    def _check(self, page: list[int], after: int) -> None:
        """What comes is new up to the end of the gap; only its last page may overlap what is stored."""
        gap_end = min((r.first for r in self.ranges if r.first > after), default=1 << 63)
        assert not any(i in self.stored for i in page if i < gap_end)

    def check_claims(self) -> None:
        """Every range tells the truth, and they are kept in order."""
        assert self.ranges == merge(self.ranges)
        for message in self.channel:
            held = any(r.first <= message <= r.last for r in self.ranges)
            assert held == (message in self.stored)


runs = st.tuples(st.just("run"), st.integers(0, 150), st.none() | st.integers(0, 4))
news = st.tuples(st.just("new"), st.lists(st.integers(1, 6), max_size=12), st.none())
ids = st.lists(st.integers(1, 6), max_size=30)


def appended(channel: list[int], steps: list[int]) -> None:
    for step in steps:
        channel.append((channel[-1] if channel else 0) + step)


@settings(max_examples=300, deadline=None)
@given(ids, st.lists(runs | news, max_size=10), st.integers(0, 150))
def test_a_reader_ends_with_everything_from_the_start_on(
    steps: list[int], life: list[tuple[str, object, int | None]], start: int
) -> None:
    reader = Reader([])
    appended(reader.channel, steps)
    for what, value, pages in life:
        if what == "run":
            assert isinstance(value, int)
            reader.run(value, pages)
        else:
            assert isinstance(value, list)
            appended(reader.channel, value)
        reader.check_claims()

    missing = sum(i >= start and i not in reader.stored for i in reader.channel)
    gaps = len(reader.ranges) + 1
    asked = reader.run(start, None)
    reader.check_claims()
    assert {i for i in reader.channel if i >= start} <= reader.stored
    assert asked <= missing // PAGE + gaps
    assert reader.run(start, None) == 0
    newest = reader.channel[-1] if reader.channel else 0
    assert reaches(reader.ranges, start) or start > newest


@given(st.integers(0, 40), st.lists(st.integers(1, 6), min_size=1, max_size=40))
def test_a_start_moved_back_costs_only_the_missing_part(back: int, steps: list[int]) -> None:
    channel: list[int] = []
    appended(channel, steps)
    start = channel[-1] // 2 + 1
    reader, fresh = Reader(channel), Reader(channel)
    reader.run(start, None)
    before = set(reader.stored)
    asked = reader.run(max(0, start - back), None)
    fresh.run(max(0, start - back), None)
    assert reader.stored == fresh.stored
    assert asked <= len(reader.stored - before) // PAGE + 1
