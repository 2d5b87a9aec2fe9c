"""Whom the model may learn to be in a run: people by id, whoever has a role, whoever helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from tuner import snowflake
from tuner.adapters.sqlite_roles import RoleHolders
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import HELPERS, Settings
from tuner.errors import UsageError
from tuner.learned import MOST
from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.names import plain
from tuner.people.roles import Roles, RoleWish
from tuner.progress import Tally
from tuner.stages.collect import Collection
from tuner.stages.helping import LEAST_ANSWERED, LEAST_ASKERS, Helper, Measured, who_helps
from tuner.stages.segment import calibrated
from tuner.stages.source import Source

PERSONAS = "dataset.personas"
MOST_NAMED = 10


class Personas:
    """Finds the people who are meant, in one run."""

    def __init__(self, store: Store, settings: Settings, audience: Audience, tally: Tally) -> None:
        self._store = store
        self._settings = settings
        self._audience = audience
        self._tally = tally
        self._called = settings.named(PERSONAS)

    async def found(
        self, source: Source, collection: Collection, archive: Measured, channels: Iterable[Channel]
    ) -> frozenset[int]:
        """The people who are meant; empty when nobody was named. Raises UsageError when the named are nobody."""
        named = self._settings.dataset.personas
        if not named:
            return frozenset()
        roles = await self._roles(source, RoleWish.of(one for one in named if one != HELPERS))
        people, faults = self._by_name([one for one in named if one != HELPERS], roles)
        if HELPERS in named:
            names = {channel.id: channel.name for channel in channels}
            helpers, why = await self._helpers(collection, archive, names, roles)
            people |= {helper.user_id for helper in helpers}
            faults += [why] if why else []
        if not people:
            raise UsageError("\n".join(faults))
        for fault in faults:
            self._tally.note(fault, warning=True)
        return people

    # -- people and roles ------------------------------------------------------------

    async def _roles(self, source: Source, wish: RoleWish) -> Roles:
        """The named roles, as the source tells them now, and as it is known from before."""
        if not wish.names and wish.ids <= set(self._settings.dataset.allowed_users):
            return Roles()
        told, stored = await source.roles(wish), RoleHolders(self._store)
        await stored.learn(told, self._audience)
        known = await stored.known(wish, self._audience)
        return Roles({**known.names, **told.names}, known.holders, told.asked, told.obstacle)

    def _by_name(self, named: Sequence[int | str], roles: Roles) -> tuple[frozenset[int], list[str]]:
        """The people of ids and roles, and what is to be said of those who are none."""
        people: set[int] = set()
        faults: list[str] = []
        for one in named:
            meant = roles.meant(RoleWish.of([one]))
            if not meant.names and isinstance(one, int) and self._may_be_a_person(one):
                people.add(one)
                continue
            holders = frozenset[int]().union(*meant.holders.values())
            people |= holders
            if holders:
                self._tally.learned.roles.update({meant.names[i]: len(meant.holders[i]) for i in meant.names})
            else:
                faults.append(self._nobody(one, meant, roles.obstacle))
        return frozenset(people), faults

    def _may_be_a_person(self, user_id: int) -> bool:
        allowed = self._settings.dataset.allowed_users
        return not allowed or user_id in allowed

    def _nobody(self, one: int | str, meant: Roles, obstacle: str) -> str:
        """Why a name stands for nobody who may be learned from."""
        allowed = (
            self._settings.named("dataset.allowed_users") if self._settings.dataset.allowed_users else ""
        )
        if obstacle:
            return f"{self._called} names {_role(one, meant)}, and {obstacle}."
        if meant.names:
            those = f"nobody in {allowed}" if allowed else "nobody whose words may be used"
            return f"{self._called} names {_role(one, meant)}, which {those} has. Name another role, or people by id."
        if isinstance(one, int):
            return (
                f"{self._called}: {one} is not in {allowed}, so nothing by them can be used, and no role that is "
                "known has that id"
            )
        hint = (
            f' (the word for who answers others\' questions is "{HELPERS}")' if _is_like_helpers(one) else ""
        )
        return (
            f'{self._called} names the role "{one}", which nobody is known to have{hint}. Compare the name, or use its '
            "id: Developer Mode on, Server Settings → Roles, right-click → Copy Role ID."
        )

    # -- who helps -----------------------------------------------------------------

    async def _helpers(
        self, collection: Collection, archive: Measured, names: dict[int, str], roles: Roles
    ) -> tuple[list[Helper], str]:
        """Who answers others' questions, of all that the dataset is built from; and what to say when nobody does."""
        for channel in collection.channels:
            await collection.ready(channel)
        rules, earliest = self._settings.segment, self._settings.dataset.earliest
        linking = await calibrated(archive, rules.min_confidence, Tally(), collection)
        start = snowflake.first_id(earliest) if earliest else 0
        helping = await who_helps(archive, collection.channels, linking, rules, names, start)
        helpers = helping.helpers()
        self._tally.learned.helpers = [asdict(helper) for helper in helpers[:MOST]]
        self._tally.learned.helping = len(helpers)
        if helpers:
            return helpers, ""
        most = "; ".join(f"{h.name} {h.answered} of {h.askers}" for h in helping.ranked()[:3])
        return [], (
            f'{self._called} is "{HELPERS}", and nobody answered {LEAST_ANSWERED} questions of {LEAST_ASKERS} people, '
            f"more than were answered for them{f' (most: {most})' if most else ''}. Name people by id, or read more."
        )


def _role(one: int | str, meant: Roles) -> str:
    names = " and ".join(f'"{name}"' for name in dict.fromkeys(meant.names.values()))
    return (
        f"the role {names}"
        if names
        else f'the role "{one}"'
        if isinstance(one, str)
        else f"{one}, maybe a role"
    )


def _is_like_helpers(name: str) -> bool:
    return plain(name).rstrip("s") == HELPERS.rstrip("s")
