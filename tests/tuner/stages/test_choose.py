"""Choose: the best stretches of talk first, where only so many are wanted."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from tests.support.lines import ANN, BEN, CAT, DAN
from tuner import snowflake
from tuner.models import Message, Segment
from tuner.progress import Tally
from tuner.stages import choose
from tuner.stages.choose import LEFT, best_first

TELLING = "the fuse sits behind the left panel under the blue lid"
OTHER = "compost wants two parts of brown cardboard for each part green"


def stretch(
    at: int, answer: str = TELLING, sure: float = 0.9, answerer: int = BEN, asker: int = ANN, channel: int = 1
) -> Segment:
    first = snowflake.first_id(snowflake.moment(0)) + (at << 30)
    messages = (
        Message(first, channel, asker, "Ann", "where is that again"),
        Message(first + (60_000 << 22), channel, answerer, "Ben", answer),
    )
    return Segment(channel, messages, sure, (1.0, sure), (None, first))


async def streamed(segments: Sequence[Segment]) -> AsyncGenerator[Segment, None]:
    for segment in segments:
        yield segment


async def taken(segments: Sequence[Segment], count: int, tally: Tally | None = None) -> list[Segment]:
    found: list[Segment] = []
    async with aclosing(best_first(streamed(segments), count, {}, tally or Tally())) as ranked:
        async for segment in ranked:
            found.append(segment)
            if len(found) == count:
                break
    return found


async def test_sure_links_come_first() -> None:
    unsure, sure = stretch(1, sure=0.3), stretch(2, sure=0.95)
    assert await taken([unsure, sure], 1) == [sure]


async def test_answers_that_tell_something_come_first() -> None:
    trivial, telling = stretch(1, "ok thanks"), stretch(2)
    assert await taken([trivial, telling], 1) == [telling]


@pytest.mark.parametrize(
    "unlike",
    [
        stretch(3, OTHER, 0.8),
        stretch(3, sure=0.8, answerer=DAN),
        stretch(3, OTHER, sure=0.8, channel=2),
    ],
)
async def test_what_is_unlike_comes_before_what_was_had(unlike: Segment) -> None:
    best, alike = stretch(1, sure=0.9), stretch(2, sure=0.89)
    assert await taken([best, alike, unlike], 2) == [best, unlike]


async def test_the_older_of_two_that_are_as_good_comes_first_in_whatever_order_they_come() -> None:
    one, two = stretch(1), stretch(2)
    assert await taken([two, one], 2) == await taken([one, two], 2) == [one, two]


async def test_all_come_when_all_are_taken() -> None:
    segments = [stretch(n, sure=n / 40, answerer=(BEN, CAT, DAN)[n % 3]) for n in range(30)]
    assert sorted(s.messages[0].id for s in await taken(segments, 30)) == [s.messages[0].id for s in segments]


async def test_only_so_many_are_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "SMALLEST_POOL", 5)
    tally = Tally()
    segments = [stretch(n, sure=n / 40) for n in range(30)]
    found = await taken(segments, 2, tally)
    assert max(segments, key=lambda s: s.confidence) in found
    assert tally.stages["refine"].dropped == {LEFT: 28}
    assert tally.stages["refine"].came == 28
