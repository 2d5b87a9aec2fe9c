"""The page beside a dataset, `records.md`: what is in it, what was left out, and how to train with it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from tuner.amounts import counted, ranked, word
from tuner.config.settings import RULES, Settings
from tuner.learned import in_words
from tuner.profiles import SHAPES
from tuner.screening.wording import in_words as in_words_screened
from tuner.screening.wording import rules
from tuner.text.names import title

Counts = Mapping[str, Any]

SIGNED = "A chat fine-tuning dataset made of a Discord server's history by Tuner, run"


def card(counts: Counts, settings: Settings) -> str:
    """The page as markdown. `counts` are those of stats.json."""
    sections: tuple[tuple[str, Callable[[Counts, Settings], Iterable[str]]], ...] = (
        ("What is in it", _contents),
        ("What was left out", _left_out),
        ("How it was decided", _decided),
        ("Training and validation", _split),
        ("Whose words these are", _people),
        ("How to train with it", _training),
    )
    lines = [f"# {PurePath(settings.dataset.output_path).name}", ""]
    lines += [f"{SIGNED} {counts['run']}."]
    for heading, section in sections:
        lines += ["", f"## {heading}", "", *section(counts, settings)]
    return "\n".join(lines) + "\n"


def _contents(counts: Counts, settings: Settings) -> Iterable[str]:
    about, tokens = counts["contents"], counts["sample_tokens"]
    roughly = "" if tokens["exact"] else "about "
    people = counted(about["people"], "person", "people")
    yield f"- {counted(counts['samples'], 'sample')} of {about['from']} to {about['to']}, by {people}"
    answers = counted(counts["learned"]["answers"], "answer that is learned", "answers that are learned")
    calls = counted(counts["synthetic_tool_calls"], "tool call")
    yield f"- {answers}; {calls}, made afterwards, which return what was really said"
    learned = 100 * about["learned_tokens"] / max(1, tokens["count"])
    yield f"- {roughly}{counted(tokens['count'], 'token')}, of which {learned:.0f} % are learned"
    if taken := counts.get("taken_out"):
        yield (
            f"- {counted(taken, 'sample')} {word(taken, 'was', 'were')} taken out since it was built, because words in "
            f"{word(taken, 'it', 'them')} were withdrawn; answers, tokens, languages and stages are those of the build"
        )
    told = counts["languages"]
    shares = ", ".join(f"{name} {count:,}" for name, count in told["samples"].items())
    yield f"- samples by {told['by']}: {shares}"
    yield ""
    yield from _table(
        ("channel", "samples"), [(_cell(c["name"]), f"{c['samples']:,}") for c in about["channels"]]
    )


def _left_out(counts: Counts, settings: Settings) -> Iterable[str]:
    rows = [
        (name, f"{stage['in']:,}", f"{stage['out']:,}", _reasons(stage["dropped"]))
        for name, stage in counts["stages"].items()
    ]
    yield from _table(("stage", "in", "out", "left out"), rows)


def _reasons(dropped: Mapping[str, int]) -> str:
    return ranked(dropped, _cell) or "nothing"


def _decided(counts: Counts, settings: Settings) -> Iterable[str]:
    judge = settings.models.segment
    by = "by rules" if judge == RULES else f"by the model {_cell(judge)}"
    yield f"- Which conversations are worth learning was decided {by}."
    confidence = counts["segment_confidence"]
    if confidence["mean"] is not None:
        weak = sum(confidence["tenths"][:5])
        yield (
            f"- Who answers whom was decided by a link model. It is sure of a stretch of talk by "
            f"{confidence['mean']:.2f} on average (0 to 1); by less than 0.5 of {weak:,} of "
            f"{sum(confidence['tenths']):,}."
        )
    yield f"- Screening: {rules(settings.screen.wanted)}"
    if found := in_words_screened(counts["screened"]):
        yield f"- {found[:1].upper()}{found[1:]}."


def _split(counts: Counts, settings: Settings) -> Iterable[str]:
    split = counts["split"]
    if not split["valid"]:
        yield f"{counted(split['train'], 'sample')} for training, none held out."
        return
    yield (
        f"{counted(split['train'], 'sample')} for training, {split['valid']:,} held out: the newest of each "
        "channel, in whole conversations. No held-out answer shares 13 words in a row with the training part, and "
        f"none of its samples is a near copy; {counted(split['kept_back'], 'conversation')} stayed in "
        "training for that."
    )


def _people(counts: Counts, settings: Settings) -> Iterable[str]:
    allowed, consent = len(settings.dataset.allowed_users), settings.people.consent
    if consent == "opt_in":
        yield (
            "- Everybody in it agreed: each pressed a button under version "
            f"{_cell(settings.people.consent_version)} of the text that asks for it."
        )
    elif consent == "opt_out":
        yield "- It is made of the words of everybody who did not decline. **Nobody was asked to agree.**"
    elif allowed:
        listed = counted(allowed, "person is", "people are")
        yield f"- {listed} listed in dataset.allowed_users; whoever keeps that list says that they agreed."
    else:
        yield "- dataset.allowed_users is empty: **it names nobody who agreed**. See to it that everybody did."
    yield "- The words belong to the people who wrote them. Tuner gives no licence for them."
    yield (
        "- Whoever opts out later (`python -m tuner forget`) is taken out of this file, as long as it lies where it "
        "was written. A copy keeps their words: delete it, and copy again."
    )
    yield from (f"- {line[:1].upper()}{line[1:]}" for line in in_words(counts["learned"], _cell))


def _training(counts: Counts, settings: Settings) -> Iterable[str]:
    files = [PurePath(file["path"]).name for file in counts["files"]]
    for profile in settings.export.profiles:
        own = [f"`{name}`" for name in files if f".{profile}." in name]
        if own:
            yield f"- {SHAPES[profile].readers}: {' and '.join(own)}"
    yield ""
    yield (
        "Each is checked as those readers would: `python -m tuner validate FILE`. Serve the tuned model with prompts "
        "of the same shape."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    """Words of others as text that means nothing in markdown."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#|!~" else c for c in title(text))
