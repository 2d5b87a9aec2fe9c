"""Roles of a server as far as a source tells them, and which of them somebody named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tuner.people.names import plain


@dataclass(frozen=True, slots=True)
class RoleWish:
    """Roles by id or by name, as somebody named them; an id may be a person's."""

    ids: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()  # as they are compared

    @classmethod
    def of(cls, named: Iterable[int | str]) -> RoleWish:
        named = list(named)
        ids = frozenset(one for one in named if isinstance(one, int))
        return cls(ids, frozenset(plain(one) for one in named if isinstance(one, str)))

    def means(self, role_id: int, name: str) -> bool:
        return role_id in self.ids or plain(name) in self.names

    def __bool__(self) -> bool:
        return bool(self.ids or self.names)


@dataclass(frozen=True, slots=True)
class Roles:
    """What a source tells of roles: their names by id, and who has them.

    `holders` are people, no bots: those have to be named. `asked` are the people whose roles are known by it, None
    for everybody's. `obstacle` says why nobody could be listed, where that is so.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    holders: Mapping[int, Collection[int]] = field(default_factory=dict)
    asked: Collection[int] | None = frozenset()
    obstacle: str = ""

    def meant(self, wish: RoleWish) -> Roles:
        """Those of the roles that somebody named."""
        names = {i: name for i, name in self.names.items() if wish.means(i, name)}
        holders = {i: frozenset(self.holders.get(i, ())) for i in names}
        return Roles(names, holders, self.asked, self.obstacle)
