"""Explanations as lines for a terminal: who answers whom, why, and which conversations come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from textwrap import wrap

from tuner import snowflake
from tuner.cli.printing import printable
from tuner.linking.explaining.explain import Explanation
from tuner.models import Message
from tuner.text.render import readable

TEXT_LENGTH = 60
QUOTE_LENGTH = 30
LEAST_OTHERWISE = 0.02  # a runner-up less likely is not worth a line
WIDTH = 110  # of the indented lines
READING_HELP = (
    "Messages with one letter are one conversation. The reasons are the facts without which the link would be",
    "least likely; “it” is the message answered, or most likely answered. To address somebody is to mention them,",
    "or to reply to them with the button. How sure: how likely the message belongs to that conversation.",
)
_INDENT = " " * 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Explained messages of one channel, oldest first, and what is needed to show them."""

    explanations: Sequence[Explanation]
    asked: int  # message id
    answered: Mapping[int, Message]  # stored messages by id, at least those that were linked to
    channel_names: Mapping[int, str]


def shown(stretch: Stretch) -> list[str]:
    """The stretch, one message after another. No character in it moves a terminal's cursor."""
    numbers = {e.message.id: n for n, e in enumerate(stretch.explanations, 1)}
    conversations = dict.fromkeys(e.conversation for e in stretch.explanations)
    letters = {conversation: _letter(n) for n, conversation in enumerate(conversations)}
    lines = []
    for explanation in stretch.explanations:
        message = explanation.message
        mark = ">" if message.id == stretch.asked else " "
        margin = f"{mark} {letters[explanation.conversation]:<2} #{numbers[message.id]:<3}"
        text = _text(message, stretch.channel_names, TEXT_LENGTH)
        lines.append(f"{margin} {snowflake.moment(message.id):%Y-%m-%d %H:%M:%S}  {_who(message)}: {text}")
        for line in map(printable, _decision(explanation, stretch, numbers)):
            indent = _INDENT + line[: len(line) - len(line.lstrip())]
            lines += wrap(line.lstrip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
    return [printable(line) for line in lines]


def _decision(explanation: Explanation, stretch: Stretch, numbers: Mapping[int, int]) -> Iterator[str]:
    message, target = explanation.message, explanation.target

    def reference(other: int) -> str:
        return _reference(message, other, stretch, numbers)

    sure = "" if message.reply_to is not None else f" ({_percent(explanation.confidence)} sure)"
    why = "; ".join(reason.text for reason in explanation.reasons) or "many small things"
    if target is None:
        yield f"→ starts something{sure}: {why}"
    else:
        found = stretch.answered.get(target)
        own = found is not None and found.speaker == message.speaker
        yield f"→ {'continues' if own else 'answers'} {reference(target)}{sure}: {why}"
    if explanation.against:
        yield f"  but: {explanation.against.text}"
    if explanation.otherwise and explanation.otherwise[1] >= LEAST_OTHERWISE:
        other, probability = explanation.otherwise
        what = "starts something" if other is None else reference(other)
        yield f"  otherwise: {what} ({_percent(probability)})"


def _reference(message: Message, target: int, stretch: Stretch, numbers: Mapping[int, int]) -> str:
    found = stretch.answered.get(target)
    if found is None:
        return f"message {target}, which is not stored"
    sent, now = snowflake.moment(target), snowflake.moment(message.id)
    date = "" if sent.date() == now.date() else f"{sent:%Y-%m-%d} "
    number = f"#{numbers[target]} " if target in numbers else ""
    text = _text(found, stretch.channel_names, QUOTE_LENGTH)
    return f"{number}{_who(found)} {date}{sent:%H:%M:%S} {text if found.is_stub else f'“{text}”'}"


def _who(message: Message) -> str:
    return message.name or "somebody"


def _text(message: Message, channel_names: Mapping[int, str], most: int) -> str:
    """The beginning of what a message says, on one line."""
    if message.is_stub:
        return "(words not kept)"
    text = " ".join(readable(message, channel_names).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _letter(number: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    rest, last = divmod(number, len(ascii_uppercase))
    return (_letter(rest - 1) if rest else "") + ascii_uppercase[last]


def _percent(probability: float) -> str:
    return f"{probability:.0%}".replace("%", " %")
