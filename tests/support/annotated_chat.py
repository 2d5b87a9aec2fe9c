"""Annotated chat in the files of the irc-disentanglement corpus."""

import random
from pathlib import Path


def annotated(folder: Path, count: int = 240) -> Path:
    """A channel of two talks at once, each between two people who take turns and name one another at times."""
    dice = random.Random(5)
    pairs = [("anna", "bernd"), ("cleo", "doris")]
    last: list[int | None] = [None, None]
    said, links = [], []
    for number in range(count):
        talk = dice.randrange(2)
        speaker, other = dice.sample(pairs[talk], 2)
        named = f"{other}: " if dice.random() < 0.5 else ""
        said.append(f"[{number // 60:02}:{number % 60:02}] <{speaker}> {named}well {dice.randrange(100)}")
        before = last[talk]
        links.append(f"{number if before is None else before} {number} -")
        last[talk] = number
    (folder / "2016-03-04.ascii.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    (folder / "2016-03-04.annotation.txt").write_text("\n".join(links) + "\n", encoding="utf-8")
    return folder
