"""How often the rules are wrong on chat of real people. Runs where $SEGBENCH_DATA names the annotated corpora."""

import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuner.screening.kinds import Found
from tuner.screening.scan import scan

DATA = os.environ.get("SEGBENCH_DATA", "")
MOST = 3 / 10_000
_SPOKEN = re.compile(r"^\[[^\]]*\] (?:<[^>]*> |\* )?|^[\w-]+ \d{4}-\d\d-\d\d \[[\d:]*\] (?:<[^>]*>:?\s)?")
_MAIL = re.compile(r"[^\s@]+@[\w.-]+\.[a-z]{2,}|.* ?[(\[]at[)\]] ?.*")


@pytest.mark.skipif(not DATA, reason="needs $SEGBENCH_DATA")
def test_few_hits_are_wrong() -> None:
    """Whatever is no e-mail, no IP and no MAC address beyond doubt counts as wrong, though much of it is not: those
    lines hold test cards, session links and keys, too."""
    lines = wrong = right = 0
    for line in _spoken():
        lines += 1
        for one in scan(line):
            sure = _is_sure(one, line[one.start : one.end])
            right, wrong = right + sure, wrong + (not sure)
    assert lines > 100_000 and right > 100
    assert wrong / lines <= MOST, (wrong, lines)


def _spoken() -> Iterator[str]:
    for path in sorted(Path(DATA).glob("data/*/*.ascii.txt")):
        for line in path.read_text("utf-8", "replace").splitlines():
            if not line.startswith("=== "):
                yield _SPOKEN.sub("", line)


def _is_sure(one: Found, value: str) -> bool:
    if one.kind == "IP address":
        ipaddress.ip_address(value)  # raises where it is none
        return max(map(int, value.split("."))) > 31 if ":" not in value else len(value) > 10
    return one.kind == "MAC address" or (one.kind == "e-mail" and bool(_MAIL.fullmatch(value.lower())))
