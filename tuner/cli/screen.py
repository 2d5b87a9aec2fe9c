"""`screen`: show what the rules for secrets and personal details find, masked, so that somebody can judge them."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tuner.adapters.discord_export import find_exports
from tuner.adapters.screened_texts import texts_of_exports, texts_of_file
from tuner.amounts import counted
from tuner.cli.printing import printable
from tuner.cli.running import say, settings_of
from tuner.errors import UsageError
from tuner.progress import Tally
from tuner.screening.kinds import Found, Wanted
from tuner.screening.placeholders import masked
from tuner.screening.scan import scan

EXAMPLES = 5  # different ones of each kind
AROUND = 24  # characters on either side of an example


def run(arguments: argparse.Namespace) -> int:
    exports, file = arguments.from_export or [], arguments.file
    if bool(exports) == (file is not None):
        arguments.wrong("name a FILE, or --from-export PATH, one of them")
    wanted = settings_of(arguments, needed=False).screen.wanted
    if not wanted:
        raise UsageError("[screen] has turned every rule off: there is nothing to look for.")
    for line in report(_texts(exports, file), wanted):
        say(printable(line))
    return 0


def _texts(exports: list[str], file: Path | None) -> Iterator[str]:
    if file is not None:
        return texts_of_file(file)
    return texts_of_exports(found.path for found in find_exports(exports, Tally()))


def report(texts: Iterable[str], wanted: Wanted) -> Iterator[str]:
    """What was found by kind, most frequent first, with masked examples."""
    counts: Counter[str] = Counter()
    examples: defaultdict[str, dict[str, None]] = defaultdict(dict)
    looked = 0
    for text in texts:
        looked += 1
        founds = scan(text, wanted)
        for found in founds:
            counts[found.kind] += 1
            if len(examples[found.kind]) < EXAMPLES:
                examples[found.kind][_example(text, found, founds)] = None
    for kind, count in counts.most_common():
        yield f"{kind}: {counted(count, 'time')}"
        yield from (f"  {example}" for example in examples[kind])
    yield f"{counted(looked, 'text')} looked through, {counted(counts.total(), 'find')}."


def _example(text: str, shown: Found, founds: Sequence[Found]) -> str:
    """What was found among its neighbours, of whom none shows more of itself than it does."""
    parts, done = [], max(0, shown.start - AROUND)
    last = min(len(text), shown.end + AROUND)
    for found in founds:
        if found.end > done and found.start < last:
            parts += [text[done : max(done, found.start)], masked(found, text)]
            done = found.end
    return " ".join("".join([*parts, text[done : max(done, last)]]).split())
