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
    roles: dict[str, int] = field(default_factory=dict)  # named ones → how many people have them
    helpers: list[dict[str, Any]] = field(
        default_factory=list
    )  # those who answer most questions, where asked for
    helping: int = 0  # how many there are

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
        report = {"people": len(self.people), "answers": total, "personas_named": named, "most": most}
        roles = {"roles": dict(sorted(self.roles.items()))} if self.roles else {}
        helpers = {"helpers": {"people": self.helping, "most": list(self.helpers)}} if self.helping else {}
        return report | roles | helpers


def in_words(report: Mapping[str, Any], shown: Callable[[str], str] = str) -> list[str]:
    """Lines about a report: who is learned, and what to set where nobody was named; `shown` makes names harmless."""
    most, people, lines = report["most"], report["people"], _named_in_words(report, shown)
    if not most:
        return lines
    told = [f"{shown(one['name'])} {one['share']:.0%} ({one['answers']:,})" for one in most[:SHOWN]]
    others = _others(people - len(told))
    lines.append(
        f"whose answers are learned, of {counted(report['answers'], 'answer')}: {', '.join(told)}{others}"
    )
    if people > 1 and not report["personas_named"]:
        first = most[0]
        lines.append(
            f"a model learns one voice best: to teach it to be {shown(first['name'])} alone, set "
            f'dataset.personas = ["{first["user_id"]}"]'
        )
    return lines


def _named_in_words(report: Mapping[str, Any], shown: Callable[[str], str]) -> list[str]:
    """Who is meant by the roles and the word that dataset.personas names."""
    roles = [f"{shown(name)} {count:,}" for name, count in report.get("roles", {}).items()]
    lines = [f"people who have the named roles: {', '.join(roles)}"] if roles else []
    if helpers := report.get("helpers"):
        told = [
            f"{shown(one['name'])} {one['answered']:,} of {counted(one['askers'], 'person', 'people')}"
            for one in helpers["most"][:SHOWN]
        ]
        others = _others(helpers["people"] - len(told))
        lines.append(f"helpers, by the questions they answered: {', '.join(told)}{others}")
    return lines


def _others(left: int) -> str:
    return f",{and_others(left)}" if left else ""
