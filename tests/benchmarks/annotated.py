"""Annotated chat for benchmarks: the channels of `segbench`, which $SEGBENCH_DATA names, and what it knows of them."""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Replies = dict[int, int]
"""Native replies of a channel: index of a message → index of the one it answers."""
Segments = dict[str, list[list[int]]]
"""Indices of the messages in each conversation, by channel name."""


def missing() -> str:
    """What keeps the benchmark from running, in a sentence; empty when nothing does."""
    folder = os.environ.get("SEGBENCH_DATA", "")
    if not folder or not (Path(folder) / "segbench" / "__init__.py").is_file():
        return "Set SEGBENCH_DATA to the folder of the segmentation benchmark, the one that holds segbench/."
    if find_spec("numpy") is None or find_spec("scipy") is None:
        return "The scorer of the segmentation benchmark needs numpy and scipy: pip install numpy scipy."
    return ""


def segbench(module: str) -> Any:
    """A module of the benchmark, from a folder that may be read-only."""
    folder = os.environ["SEGBENCH_DATA"]
    if folder not in sys.path:
        sys.dont_write_bytecode = True
        sys.path.insert(0, folder)
    return importlib.import_module(f"segbench.{module}")


def load(split: str, *, hide_names: bool) -> list[Any]:
    channels: list[Any] = segbench("corpus").load(split, not hide_names)
    return channels


def prototype(weights: str) -> Any:
    """The prototype's link model."""
    return segbench("linker").Model.load(Path(os.environ["SEGBENCH_DATA"]) / weights)


def spoken(channels: Sequence[Any]) -> int:
    """How many messages a Discord channel would hold of these; joins and the like are none."""
    return sum(not message.system for channel in channels for message in channel.messages)


def annotated_replies(channel: Any, percent: float, seed: int) -> Replies:
    """That share of the annotated messages, taken for native replies."""
    replies: Replies = segbench("discord").simulate_replies(channel, percent, seed) if percent else {}
    return replies


def replies_throughout(channel: Any, percent: float, seed: int) -> Replies:
    """The same over a whole channel, for volume: hand rules say what is answered where nobody annotated it."""
    rng = random.Random(f"{seed}:{channel.name}")
    links = segbench("baselines").link_rules(channel)
    guessed = {i: j for i, j in links.items() if i != j and rng.random() < percent / 100}
    return {i: j for i, j in guessed.items() if i not in channel.links} | annotated_replies(
        channel, percent, seed
    )


def export(channel: Any, replies: Mapping[int, int]) -> dict[str, Any]:
    """The channel as DiscordChatExporter writes one. The low 22 bits of an id are the message's index."""
    document: dict[str, Any] = segbench("discord").to_export(channel, replies)
    return document


def index_of(message_id: str) -> int:
    index: int = segbench("discord").index_of(message_id)
    return index


def score(channels: Sequence[Any], segments: Segments) -> dict[str, float]:
    """Percent; `per 100`: clean samples of 100 replies, those that lost their context counted in."""
    scores: dict[str, float] = segbench("__main__").evaluate(channels, segments, None, cap=20)
    return scores | {"per 100": scores["yield"] * scores["clean"] / 100}
