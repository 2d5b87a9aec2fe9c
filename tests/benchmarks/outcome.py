"""What cleaner conversations are worth: the same small ranker, trained on equal numbers of reply tokens from each.

    SEGBENCH_DATA=FOLDER python -m tests.benchmarks.outcome [--seeds 0,1,2] [--replies 20] [--names]

Samples are cut from the training channels in three ways: at silences, by Tuner, and as people annotated them. Each
ranker is asked which of 11 messages answers a talk, in the dev channels and in other communities: given the annotated
talk, the same for all, and given the talk as its own way cuts it. Intervals are of 1,000 bootstrap samples of the
questions. The link model was trained on the same training channels, which favours Tuner there, not in the test.

Exit code 0: Tuner's samples are within a point of the annotated ones, 1: they are not, 2: it could not be run.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks import annotated
from tests.benchmarks.annotated import Replies, Segments
from tests.benchmarks.conversation_quality import segmented
from tests.benchmarks.ranker import Array, Pair, Ranker, Words, tokens
from tests.benchmarks.report import table

SILENCE, OURS, ANNOTATED = "silence > 180 s", "ours", "annotated"
WAYS = (SILENCE, OURS, ANNOTATED)
TESTS = {"dev": "dev", "newdomains": "new domains"}
CAP = 20  # messages of a context
LEAST = 2  # words of a reply
OTHERS = 10  # messages beside the true reply
RESAMPLED = 1000
POINT = 1.0  # by which ours may stay behind the annotated ones


@dataclass(frozen=True, slots=True)
class Chat:
    """The channels of a split, cut in each way."""

    channels: Sequence[Any]
    cut: Mapping[str, Segments]

    @classmethod
    def load(cls, split: str, *, hide_names: bool, percent: float) -> Chat:
        channels = annotated.load(split, hide_names=hide_names)
        replies: dict[str, Replies] = {c.name: annotated.annotated_replies(c, percent, 0) for c in channels}
        gap = annotated.segbench("baselines").time_gap
        return cls(
            channels,
            {
                SILENCE: {c.name: gap(c, 180) for c in channels},
                OURS: segmented(channels, replies),
                ANNOTATED: {c.name: [sorted(one) for one in c.full_conversations(True)] for c in channels},
            },
        )

    def pairs(self, way: str) -> dict[tuple[str, int], Pair]:
        """Every annotated message that answers somebody else in its conversation, with what came before it."""
        found = {}
        for channel in self.channels:
            scored = set(channel.annotated)
            for conversation in self.cut[way][channel.name]:
                for place, i in enumerate(conversation):
                    before = conversation[max(0, place - CAP) : place]
                    said = channel.messages
                    answers = any(said[j].author != said[i].author for j in before)
                    if i in scored and answers and len(tokens(said[i].text)) >= LEAST:
                        context = tuple(said[j].text for j in before)
                        found[channel.name, i] = Pair(context, said[i].text)
        return found


@dataclass(frozen=True, slots=True)
class Questions:
    """Which of several messages is the reply: the true one stands first in each row of `choices`."""

    contexts: Mapping[str, Array]  # by the way they were cut
    choices: Sequence[Array]

    @classmethod
    def of(cls, chat: Chat, words: Words) -> Questions:
        """One for each annotated reply; a way that finds no context for it has an empty one."""
        by_way = {way: chat.pairs(way) for way in WAYS}
        asked = sorted(by_way[ANNOTATED])
        dice = random.Random(5)
        pools = {
            c.name: [c.messages[i].text for i in c.annotated if len(tokens(c.messages[i].text)) >= LEAST]
            for c in chat.channels
        }
        true = [by_way[ANNOTATED][key].reply for key in asked]
        others = [
            dice.sample([text for text in pools[name] if text != reply], OTHERS)
            for (name, _), reply in zip(asked, true, strict=True)
        ]
        empty = Pair((), "")
        contexts = {way: words.contexts([by_way[way].get(key, empty) for key in asked]) for way in WAYS}
        rows = [true, *([texts[n] for texts in others] for n in range(OTHERS))]
        return cls(contexts, [words.replies(texts) for texts in rows])

    def right(self, ranker: Ranker, way: str) -> Array:
        """For each question, whether the ranker finds the reply; a tie is none."""
        scores = np.stack([ranker.scores(self.contexts[way], texts) for texts in self.choices])
        return scores[0] > scores[1:].max(axis=0)


def main() -> int:
    arguments = parsed()
    if why := annotated.missing():
        print(why, file=sys.stderr)
        return 2

    def load(split: str) -> Chat:
        return Chat.load(split, hide_names=not arguments.names, percent=arguments.replies)

    train = load("train")
    words = Words([message.text for channel in train.channels for message in channel.messages])
    tests = {split: Questions.of(load(split), words) for split in TESTS}
    found = _answers(train, words, tests, arguments.seeds)
    close = True
    for split, title in TESTS.items():
        shown = found[split]
        print(f"### {title}, {len(shown[OURS, ANNOTATED][0]):,} replies, 1 of {OTHERS + 1}, percent\n")
        print(_accuracies(shown) + "\n", flush=True)
        close &= _difference(shown, OURS, ANNOTATED)[0] >= -POINT
    return int(not close)


Found = dict[tuple[str, str], list[Array]]
"""By training samples and by the context that is shown: which questions are answered, once a seed."""


def _answers(
    train: Chat, words: Words, tests: Mapping[str, Questions], seeds: Sequence[int]
) -> dict[str, Found]:
    samples = {way: list(train.pairs(way).values()) for way in WAYS}
    budget = min(sum(len(tokens(pair.reply)) for pair in pairs) for pairs in samples.values())
    print(f"trained on {budget:,} tokens of replies each, seeds {', '.join(map(str, seeds))}\n", flush=True)
    found: dict[str, Found] = {split: {} for split in tests}
    for seed in seeds:
        for way in ("untrained", *WAYS):
            ranker = Ranker(seed)
            if way in samples:
                chosen = _within(budget, samples[way], seed)
                ranker.train(words.contexts(chosen), words.replies([pair.reply for pair in chosen]))
            for split, questions in tests.items():
                for shown in WAYS:
                    found[split].setdefault((way, shown), []).append(questions.right(ranker, shown))
    return found


def _within(budget: int, pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """Samples in a random order, up to so many tokens of their replies."""
    shuffled = list(pairs)
    random.Random(seed).shuffle(shuffled)
    chosen, spent = [], 0
    for pair in shuffled:
        spent += len(tokens(pair.reply))
        if spent > budget:
            break
        chosen.append(pair)
    return chosen


def _accuracies(found: Found) -> str:
    lines = [
        [
            "trained on samples",
            "given the annotated talk",
            "less than annotated",
            "given the talk as it cuts it",
        ]
    ]
    for way in ("untrained", *WAYS):
        own = "" if way == "untrained" else _interval(_mean(found[way, way]))
        less = _signed(*_difference(found, way, ANNOTATED)) if way != ANNOTATED else ""
        lines.append([way, _interval(_mean(found[way, ANNOTATED])), less, own])
    return table(lines)


def _difference(found: Found, way: str, other: str) -> tuple[float, float, float]:
    return _bootstrapped(_mean(found[way, ANNOTATED]) - _mean(found[other, ANNOTATED]))


def _mean(seeds: Sequence[Array]) -> Array:
    return np.mean(np.stack(seeds).astype(float), axis=0)


def _bootstrapped(values: Array) -> tuple[float, float, float]:
    """Mean in percent, and between what 95 of 100 resampled means lie."""
    dice = np.random.default_rng(7)
    means = [100 * values[dice.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLED)]
    low, high = np.percentile(means, (2.5, 97.5))
    return 100 * float(values.mean()), float(low), float(high)


def _interval(values: Array) -> str:
    mean, low, high = _bootstrapped(values)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def _signed(mean: float, low: float, high: float) -> str:
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.outcome")
    numbers: Callable[[str], list[int]] = lambda text: [int(number) for number in text.split(",")]  # noqa: E731
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="of the rankers and their samples")
    parser.add_argument(
        "--replies", type=float, default=20, help="percent of the messages that are native replies"
    )
    parser.add_argument("--names", action="store_true", help="leave the names of those who are addressed in")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
