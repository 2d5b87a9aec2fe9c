"""Fits a network to annotated links, with the same result on every machine.

Gradient descent (Adam) on the likelihood of the annotated answers. What machines add up in different orders,
products of matrices, is kept on grids on which 64-bit sums are exact; the rest are single operations that
IEEE 754 defines; random numbers are raw PCG64 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tuner.linking.arrays import Bools, Doubles, Floats, Ints
from tuner.linking.features import GRID
from tuner.linking.network import STEPS, TOP, WEIGHT_GRID, Network

BATCH = 512
IN_CONVERSATION, ANSWERED = 1, 2  # what a candidate is that is not wrong; something that starts is ANSWERED
_RATE = 3e-3
_DECAY = 0.03
_MEAN_RATE = 1 / 512  # the network is the running mean of the weights over about so many steps
_SCORE_GRADIENT = 2.0**20  # gradients are rounded to these parts
_HIDDEN_GRADIENT = 2.0**22
_WEIGHTS_OF_GAP = np.array(
    [round(2.718281828459045 ** (-k / STEPS) * 2**30) for k in range(20 * STEPS)], float
)


@dataclass(frozen=True, slots=True)
class Examples:
    """Messages whose answers are known. C candidates each; float16 holds the features' grid exactly."""

    query: NDArray[np.float16]  # [messages, features of a message]
    candidate: NDArray[np.float16]  # [all messages, features of a candidate]
    pair: NDArray[np.float16]  # [messages, C, features of a pair]
    index: NDArray[np.int32]  # rows of `candidate`, [messages, C]
    open: Bools  # [messages, C]
    # What each candidate is; last, whether it starts something, or 0: [messages, C + 1].
    right: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is trained."""

    hidden: int  # units for pairs,
    start_hidden: int  # and for starts
    epochs: int
    conversation: float  # share of finding the right conversation among the aims; the rest: what is answered
    seeds: tuple[int, ...] = (0,)  # of the first weights; several give several networks, and their mean

    @property
    def aims(self) -> tuple[tuple[int, float], ...]:
        """What counts as right, and its share."""
        return (ANSWERED, 1 - self.conversation), (IN_CONVERSATION, self.conversation)


def random_bits(seed: int, count: int) -> NDArray[np.uint64]:
    bits = np.random.PCG64(seed).random_raw(count)
    return np.asarray(bits, dtype=np.uint64)


def fit(examples: Examples, plan: Plan, say: Callable[[str], None]) -> Network:
    """Train a network, or the mean of several."""
    return mean([_fit(examples, plan, seed, say) for seed in plan.seeds])


def mean(networks: Sequence[Network]) -> Network:
    """One network whose scores are the mean of the others': it has the hidden units of all of them."""
    if len(networks) == 1:
        return networks[0]

    def beside(name: str) -> Floats:
        return np.concatenate([getattr(network, name) for network in networks], -1)

    def share(array: Doubles) -> Floats:
        return (np.rint(array * (WEIGHT_GRID / len(networks))) / WEIGHT_GRID).astype(np.float32)

    inner = ("query", "candidate", "pair", "bias", "start", "start_bias")
    outer = {name: share(beside(name).astype(np.float64)) for name in ("output", "start_output")}
    direct = share(np.sum([network.direct.astype(np.float64) for network in networks], 0))
    network = Network(**{name: beside(name) for name in inner}, **outer, direct=direct)
    network.check()
    return network


def _fit(examples: Examples, plan: Plan, seed: int, say: Callable[[str], None]) -> Network:
    """Train a network.

    What is returned is a running mean of the weights, which errs less than the last of them.
    """
    weights = _initial(examples, plan, seed)
    optimizer = _Adam(weights)
    running = {name: array.copy() for name, array in weights.items()}
    steps = max(1, len(examples) // BATCH)
    for epoch in range(plan.epochs):
        order = np.argsort(random_bits(seed + 1 + epoch, len(examples)), kind="stable")
        total = 0.0
        for step in range(steps):
            batch = order[step * BATCH : (step + 1) * BATCH]
            loss, gradient = _gradient(examples, np.sort(batch), _on_grid(weights), plan)
            done = (epoch * steps + step) / (plan.epochs * steps)
            optimizer.step(gradient, _RATE * (1 - done) + _RATE / 100)
            for name, array in weights.items():
                running[name] += (array - running[name]) * _MEAN_RATE
            total += loss
        say(f"  round {epoch + 1} of {plan.epochs}: loss {total / steps:.4f}")
    final = _on_grid(running)
    network = Network(**{f.name: final[f.name].astype(np.float32) for f in fields(Network)})
    network.check()
    return network


def _initial(examples: Examples, plan: Plan, seed: int) -> dict[str, Doubles]:
    queries, candidates = examples.query.shape[1], examples.candidate.shape[1]
    pairs, hidden, start_hidden = examples.pair.shape[2], plan.hidden, plan.start_hidden
    shapes: dict[str, tuple[tuple[int, ...], float]] = {
        "query": ((queries, hidden), 0.15),
        "candidate": ((candidates, hidden), 0.15),
        "pair": ((pairs, hidden), 0.3),
        "bias": ((hidden,), 0.0),
        "output": ((hidden,), 0.3),
        "direct": ((pairs,), 0.0),
        "start": ((queries, start_hidden), 0.3),
        "start_bias": ((start_hidden,), 0.0),
        "start_output": ((start_hidden,), 0.1),
    }
    result = {}
    for number, (name, (shape, width)) in enumerate(shapes.items()):
        size = int(np.prod(shape))
        uniform = (random_bits(1000 * seed + number, size) >> np.uint64(11)).astype(np.float64) / 2.0**53
        result[name] = ((uniform - 0.5) * (2 * width)).reshape(shape)
    return result


def _on_grid(weights: dict[str, Doubles]) -> dict[str, Doubles]:
    return {name: np.rint(array * WEIGHT_GRID) / WEIGHT_GRID for name, array in weights.items()}


def _gradient(
    examples: Examples, batch: Ints, w: dict[str, Doubles], plan: Plan
) -> tuple[float, dict[str, Doubles]]:
    """The mean loss of a batch, and its gradient."""
    query = examples.query[batch].astype(np.float64)
    pair = examples.pair[batch].astype(np.float64)
    count, wide, _ = pair.shape
    pair = pair.reshape(count * wide, -1)
    candidate = examples.candidate[examples.index[batch].ravel()].astype(np.float64)
    raw = pair @ w["pair"]
    raw += candidate @ w["candidate"]
    by_query = raw.reshape(count, wide, -1)
    by_query += (query @ w["query"] + w["bias"])[:, None]
    active = _activated(raw)
    raw_start = query @ w["start"] + w["start_bias"]
    active_start = _activated(raw_start)
    is_open = examples.open[batch]
    scores = np.where(is_open, (active @ w["output"] + pair @ w["direct"]).reshape(count, wide), -1e6)
    options = np.concatenate([scores, (active_start @ w["start_output"])[:, None]], 1)
    loss, slope = _slopes(options, examples.right[batch], plan)
    pair_slope, start_slope = (slope[:, :-1] * is_open).ravel(), slope[:, -1]
    inner = _inner(pair_slope, w["output"], raw)
    per_query = inner.reshape(count, wide, -1).sum(1)
    inner_start = _inner(start_slope, w["start_output"], raw_start)
    gradient = {
        "query": query.T @ per_query,
        "candidate": candidate.T @ inner,
        "pair": pair.T @ inner,
        "bias": per_query.sum(0),
        "output": active.T @ pair_slope,
        "direct": pair.T @ pair_slope,
        "start": query.T @ inner_start,
        "start_bias": inner_start.sum(0),
        "start_output": active_start.T @ start_slope,
    }
    return loss, {name: array / count for name, array in gradient.items()}


def _activated(raw: Doubles) -> Doubles:
    return np.floor(np.clip(raw, 0, TOP) * GRID) / GRID


def _inner(slope: Doubles, output: Doubles, raw: Doubles) -> Doubles:
    """The gradient at the hidden units."""
    inner = slope[:, None] * output
    inner[(raw <= 0) | (raw >= TOP)] = 0
    return np.rint(inner * _HIDDEN_GRADIENT) / _HIDDEN_GRADIENT


def _slopes(options: Doubles, right: NDArray[np.uint8], plan: Plan) -> tuple[float, Doubles]:
    """The mean loss, and the gradient of each message's loss at its options' scores."""
    found = [(share, *_slope(options, right >= least)) for least, share in plan.aims]
    loss = sum(share * one for share, one, _ in found)
    slope = sum((share * one for share, _, one in found), np.zeros_like(options))
    return loss, np.rint(slope * _SCORE_GRADIENT) / _SCORE_GRADIENT


def _slope(options: Doubles, right: Bools) -> tuple[float, Doubles]:
    """The mean loss where these options are right, and its gradients."""
    gaps = (options.max(1, keepdims=True) - options) * STEPS
    weights = _WEIGHTS_OF_GAP[np.minimum(gaps, len(_WEIGHTS_OF_GAP) - 1).astype(np.int64)]
    total = weights.sum(1, keepdims=True)
    among = np.where(right, weights + 1, 0)
    wanted = among.sum(1, keepdims=True)
    loss = float(np.log(total / wanted).mean())
    return loss, np.rint((weights / total - among / wanted) * _SCORE_GRADIENT) / _SCORE_GRADIENT


class _Adam:
    """Adam with decoupled weight decay (Kingma and Ba, 2015; Loshchilov and Hutter, 2019); works in place."""

    def __init__(self, weights: dict[str, Doubles]) -> None:
        self._weights = weights
        self._mean = {name: np.zeros_like(array) for name, array in weights.items()}
        self._square = {name: np.zeros_like(array) for name, array in weights.items()}
        self._first, self._second = 1.0, 1.0  # running powers of the two rates of forgetting

    def step(self, gradient: dict[str, Doubles], rate: float) -> None:
        self._first *= 0.9
        self._second *= 0.99
        for name, array in self._weights.items():
            mean, square = self._mean[name], self._square[name]
            mean += (gradient[name] - mean) * 0.1
            square += (gradient[name] * gradient[name] - square) * 0.01
            change = (mean / (1 - self._first)) / (np.sqrt(square / (1 - self._second)) + 1e-7)
            array -= rate * change + rate * _DECAY * array
