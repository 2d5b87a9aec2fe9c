"""Trains the link model: `python -m tuner.linking.training --data DIR`.

DIR holds the training part of the irc-disentanglement corpus (Kummerfeld et al., ACL 2019; CC-BY-4.0),
NAME.ascii.txt and NAME.annotation.txt. The same files give the same weights, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.errors import TunerError
from tuner.linking import features
from tuner.linking.arrays import Bools, Floats, Ints
from tuner.linking.features import CANDIDATES
from tuner.linking.linker import Look, Looker, Weights
from tuner.linking.network import ONE, Network, probabilities
from tuner.linking.structure import SHORTLIST, SITUATION, STRUCTURE
from tuner.linking.training.corpus import AnnotatedChannel, read_corpus, with_replies, without_names
from tuner.linking.training.fitting import ANSWERED, IN_CONVERSATION, Examples, Plan, fit
from tuner.linking.training.quiet import quiet
from tuner.linking.window import REACH, Window

FIRST = Plan(hidden=32, start_hidden=24, epochs=14, conversation=0.5)
SECOND = Plan(hidden=64, start_hidden=24, epochs=8, conversation=0.95, seeds=(1, 2))
# Shares, widths and seeds were chosen on the dev part, too.
CAUTION = 0.75  # chosen on the dev part: purity and parent* at about the same distance from what is asked
_CHUNK = 512  # messages whose features are made together
_PARTS = ("query", "candidate", "pair", "index", "open", "right")


_NOTHING = Network.silent(
    len(features.MESSAGE) + len(SITUATION), len(features.CANDIDATE), len(STRUCTURE) + len(features.PAIR)
)


def main(argv: Sequence[str] | None = None) -> int:
    """Train and write the weights; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tuner.linking.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the annotated channels")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parents[1] / "weights.json",
        metavar="FILE",
        help="the weights",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help=f"rounds through the data (default: {FIRST.epochs} for the first look, {SECOND.epochs} for the second)",
    )
    arguments = parser.parse_args(argv)
    try:
        channels = read_corpus(arguments.data)
    except TunerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    first, second = (replace(plan, epochs=arguments.epochs or plan.epochs) for plan in (FIRST, SECOND))
    weights = train(channels, first, second, _say)
    arguments.out.write_text(encode(weights), encoding="utf-8")
    _say(f"{arguments.out} written")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def encode(weights: Weights) -> str:
    """The weights file: integers, a row of a matrix a line."""
    document = {
        "caution": weights.caution,
        "usual_start": weights.usual_start,
        "first": weights.first.to_integers(),
        "second": weights.second.to_integers(),
    }
    return json.dumps(document, separators=(",", ":")).replace("],", "],\n").replace(',"', ',\n"') + "\n"


def train(
    channels: Sequence[AnnotatedChannel], first_plan: Plan, second_plan: Plan, say: Callable[[str], None]
) -> Weights:
    """Train both networks: the second on what the first makes of the same channels."""
    variants = [*_variants(channels)]
    first_data = joined(first_examples(channel) for channel in variants)
    say(f"first look: {len(first_data)} messages")
    first = fit(first_data, first_plan, say)
    del first_data
    seen = (*variants, *_more_quiet(channels))
    second_data = joined(second_examples(channel, first) for channel in seen)
    say(f"second look: {len(second_data)} messages")
    second = fit(second_data, second_plan, say)
    weights = Weights(first, second, CAUTION, 0.0)
    return replace(weights, usual_start=usual_start(variants, weights))


def _variants(channels: Sequence[AnnotatedChannel]) -> Iterator[AnnotatedChannel]:
    """Channels as they are, as on Discord (nobody named, the reply button used), with neither, and quiet ones."""
    for number, channel in enumerate(channels):
        nameless = without_names(channel)
        with_button = with_replies(nameless, 20, 1)
        yield from (channel, with_button, nameless)
        yield quiet(channel if number % 2 else with_button, 1)


def _more_quiet(channels: Sequence[AnnotatedChannel]) -> Iterator[AnnotatedChannel]:
    """The other half of the quiet channels: where one talk follows another, only the second look sees them end."""
    for number, channel in enumerate(channels):
        yield quiet(with_replies(without_names(channel), 20, 1) if number % 2 else channel, 2)


def usual_start(channels: Iterable[AnnotatedChannel], weights: Weights) -> float:
    """The mean probability of a start that the model gives to messages that answer something."""
    total = count = 0
    for channel in channels:
        answers = {position for position, answered in _labelled(channel).items() if answered}
        for look in looks(channel, weights):
            chosen = np.array([position in answers for position in look.rows + look.view.start])
            total += int(probabilities(look.scores[chosen])[:, SHORTLIST].sum())
            count += int(chosen.sum())
    return round(total / count / ONE, 4)


def _labelled(channel: AnnotatedChannel) -> dict[int, frozenset[int]]:
    """Position of a message that is no native reply → positions of what it answers."""
    place = {message.id: position for position, message in enumerate(channel.messages)}
    return {
        place[child]: frozenset(place[parent] for parent in parents)
        for child, parents in channel.parents.items()
        if channel.messages[place[child]].reply_to is None
    }


def _homes(channel: AnnotatedChannel) -> dict[int, int]:
    """Position of a message in an annotated conversation → the position of the conversation's first message."""
    place = {message.id: position for position, message in enumerate(channel.messages)}
    home: dict[int, int] = {}

    def first(position: int) -> int:
        while home.setdefault(position, position) != position:
            position = home[position]
        return position

    for child, parents in channel.parents.items():
        for parent in parents:
            one, other = sorted((first(place[child]), first(place[parent])))
            home[other] = one
    return {position: first(position) for position in home}


def first_examples(channel: AnnotatedChannel) -> Examples:
    """What the first network learns from a channel."""
    window = Window()
    for message in channel.messages:
        window.add(message)
    view = window.view(0, window.end)
    query, candidate = features.messages(view), features.candidates(view)
    answers, homes = _labelled(channel), _homes(channel)
    parts = []
    for start in range(min(answers), max(answers) + 1, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, max(answers) + 1))
        pairs = features.pairs(view, rows)
        by_row = pairs.values.reshape(-1, len(rows), CANDIDATES).transpose(1, 2, 0)
        chosen = np.array([row in answers for row in rows])
        parts.append(
            _examples(
                answers,
                homes,
                rows[chosen],
                query[rows[chosen]],
                by_row[chosen],
                pairs.candidates[chosen],
                pairs.open[chosen],
            )
        )
    return _stacked(parts, candidate)


def second_examples(channel: AnnotatedChannel, first: Network) -> Examples:
    """What the second network learns from a channel, after the first has looked."""
    answers, homes = _labelled(channel), _homes(channel)
    parts = []
    candidate = np.zeros((len(channel.messages), len(features.CANDIDATE)), np.float32)
    for look in looks(channel, Weights(first, _NOTHING, 0.0, 0.0)):
        at = look.rows + look.view.start
        sure = (
            REACH if look.view.start else 0
        )  # before that, the view does not see all that the features need
        seen = slice(look.view.start + sure, look.view.start + look.view.size)
        candidate[seen] = look.candidates[sure:]
        values = look.second.values.reshape(-1, len(at), SHORTLIST).transpose(1, 2, 0)
        chosen = np.array([position in answers for position in at])
        index = look.second.candidates + look.view.start
        parts.append(
            _examples(
                answers,
                homes,
                at[chosen],
                look.situation[chosen],
                values[chosen],
                index[chosen],
                look.second.open[chosen],
            )
        )
    return _stacked(parts, candidate)


def looks(channel: AnnotatedChannel, weights: Weights) -> Iterator[Look]:
    """The looks at a whole channel."""
    looker = Looker(weights)
    for message in channel.messages:
        if look := looker.add(message):
            yield look
    if look := looker.finish():
        yield look


def _examples(
    answers: dict[int, frozenset[int]],
    homes: dict[int, int],
    at: Ints,
    query: Floats,
    pair: Floats,
    index: Ints,
    is_open: Bools,
) -> dict[str, NDArray[np.generic]]:
    right = np.zeros((len(at), index.shape[1] + 1), dtype=np.uint8)
    for row, position in enumerate(at.tolist()):
        home, answered = homes.get(position, -1), answers[position]
        right[row, :-1] = [
            ANSWERED if place in answered else IN_CONVERSATION * (homes.get(place) == home)
            for place in index[row].tolist()
        ]
        right[row, -1] = 0 if answered else ANSWERED
    right[:, :-1] *= is_open & (right[:, -1:] == 0)
    useful = (right == ANSWERED).any(1)
    return {
        "query": query[useful].astype(np.float16),
        "pair": pair[useful].astype(np.float16),
        "index": index[useful].astype(np.int32),
        "open": is_open[useful],
        "right": right[useful],
    }


def _stacked(parts: Sequence[dict[str, NDArray[np.generic]]], candidate: Floats) -> Examples:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Examples(candidate=candidate.astype(np.float16), **whole)


def joined(examples: Iterable[Examples]) -> Examples:
    """The examples of several channels as one."""
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _PARTS}
    offset = 0
    for one in examples:
        for name in _PARTS:
            parts[name].append(getattr(one, name) + offset if name == "index" else getattr(one, name))
        offset += len(one.candidate)
    return Examples(*(np.concatenate(parts[name]) for name in _PARTS))


if __name__ == "__main__":
    sys.exit(main())
