"""Whom a dataset teaches to be: how many answers of whom, and how people are told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.amounts import and_others, counted

MOST = 10  # people that are kept in a report
SHOWN = 5  # and told of in a line


@dataclass(slots=True)
class _Person:
    name: str
    samples: int = 0
    answers: int = 0


@dataclass(slots=True)
class Learned:
    """The people whose answers are learned. Names are kept here and in reports only, not in the archive."""

    people: dict[int, _Person] = field(default_factory=dict)

    def add(self, user_id: int, name: str, answers: int) -> None:
        """Count a sample that teaches so many answers of somebody."""
        person = self.people.setdefault(user_id, _Person(name))
        person.name = name
        person.samples += 1
        person.answers += answers

    def report(self, *, named: bool) -> dict[str, Any]:
        """Plain values, those of whom most is learned first; `named`: dataset.personas says who may be."""
        total = sum(person.answers for person in self.people.values())
        ranked = sorted(self.people.items(), key=lambda item: (-item[1].answers, item[0]))
        most = [
            {
                "user_id": user_id,
                "name": person.name,
                "samples": person.samples,
                "answers": person.answers,
                "share": round(person.answers / total, 4),
            }
            for user_id, person in ranked[:MOST]
        ]
        return {"people": len(self.people), "answers": total, "personas_named": named, "most": most}


def in_words(report: Mapping[str, Any], shown: Callable[[str], str] = str) -> list[str]:
    """Lines about a report: who is learned, and what to set where nobody was named; `shown` makes names harmless."""
    most, people = report["most"], report["people"]
    if not most:
        return []
    told = [f"{shown(one['name'])} {one['share']:.0%} ({one['answers']:,})" for one in most[:SHOWN]]
    left = people - len(told)
    others = f",{and_others(left)}" if left else ""
    lines = [
        f"whose answers are learned, of {counted(report['answers'], 'answer')}: {', '.join(told)}{others}"
    ]
    if people > 1 and not report["personas_named"]:
        first = most[0]
        lines.append(
            f"a model learns one voice best: to teach it to be {shown(first['name'])} alone, set "
            f'dataset.personas = ["{first["user_id"]}"]'
        )
    return lines
