"""READMEs as their readers use them: what to type and what it shows, names to look up, links to follow."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "README.md"
PAGES = (
    MAIN,
    *sorted(page for room in ("bot", "tuner", "tests") for page in (ROOT / room).rglob("README.md")),
)

_BLOCK = re.compile(r"^[ \d.]*```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)  # also as an item of a list
_REST = "…"  # in a line: any text; alone in one: any lines, or none


@dataclass(frozen=True, slots=True)
class Typed:
    """A command and what the page shows of its output; nothing shown says nothing about it."""

    command: str
    shown: tuple[str, ...]

    def fits(self, printed: str) -> bool:
        """Whether this is what was printed, line by line."""
        whole = (r"(?:.*\n)*?" if line == _REST else _in_line(line) for line in self.shown)
        return not self.shown or re.fullmatch("".join(whole), printed) is not None


def _in_line(line: str) -> str:
    return ".*".join(map(re.escape, line.split(_REST))) + r"\n"


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, without the indent of the list they are in."""
    found = _BLOCK.findall(page.read_text("utf-8"))
    return [textwrap.dedent(body) for written, body in found if written == language]


def consoles(page: Path) -> Iterator[tuple[Typed, ...]]:
    """What each console block has people type, in order."""
    for block in blocks(page, "console"):
        _, *typed = re.split(r"^\$ ", block, flags=re.MULTILINE)
        yield tuple(Typed(lines[0], tuple(lines[1:])) for lines in map(str.splitlines, typed))


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return _BLOCK.sub("", page.read_text("utf-8"))


def quoted(page: Path) -> list[str]:
    """What stands in backticks within the prose."""
    return re.findall(r"`([^`]+)`", prose(page))


def links(page: Path) -> list[str]:
    """Targets within the project: files, and headings of pages."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if "://" not in target]


def headings(page: Path) -> set[str]:
    """The headings as links name them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def rows(page: Path) -> list[str]:
    """The lines of a page's tables, titles and rules included."""
    return re.findall(r"^ *\|.*$", prose(page), re.MULTILINE)


def tree() -> list[str]:
    """The paths that the main page's tree names."""
    found, folder = [], ""
    (drawn,) = blocks(MAIN, "text")
    for line in drawn.splitlines():
        names = re.split(r" {2,}", line.strip())[0].split()
        folder = folder if line.startswith(" ") else ""
        found += [folder + name for name in names]
        folder = folder or names[0]
    return found
