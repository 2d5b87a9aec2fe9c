"""How benchmarks print: aligned markdown tables, and whether a requirement is met."""

from __future__ import annotations

from collections.abc import Sequence


def verdict(met: bool) -> str:
    return "met" if met else "not met"


def table(lines: Sequence[Sequence[str]]) -> str:
    """A markdown table of a head and its rows. Columns that hold numbers are set flush right."""
    columns = list(zip(*lines, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    right = [all(_is_number(cell) for cell in column[1:]) for column in columns]

    def row(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(cells, widths, right, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = row(["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)])
    return "\n".join([row(lines[0]), rule, *map(row, lines[1:])])


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").removesuffix("×").strip().isdigit()
