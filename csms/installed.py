"""Know what we have put on one charger, and bring it in line with a plan by the least frames."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from csms.commands import ClearChargingProfile, Outcome, SetChargingProfile
from csms.errors import BadAnswer, CallRefused, CommandError
from csms.plans import Planned
from csms.readback import ReadBack
from csms.scenes import Place
from csms.schedules import STATION_MAX, TX_DEFAULT, Fields
from storage.records import InstalledProfile

if TYPE_CHECKING:
    from csms.station import Station

log = structlog.get_logger("ringmain.profiles")

# Why the charger would not have a plan; None: it has it.
Refusal: TypeAlias = Outcome | CallRefused | CommandError | None
_ACCEPTED = "Accepted"
_SEVERAL = 2  # connectors, of which one may lose what another gets


class Installed:
    """Hold what lies on one charger at each EVSE, purpose and level, here and on disk."""

    __slots__ = (
        "_highest",
        "_lying",
        "_raised",
        "_station",
        "_stored",
        "_unconvinced",
        "_unread",
        "put_back",
        "readback",
        "unsaid",
    )

    def __init__(self, station: Station) -> None:
        self._station = station
        self._stored = station.books.profiles
        self._lying: dict[Place, InstalledProfile] | None = None
        self.readback = ReadBack(station)
        self._unread = True  # it has not told on this link what lies there
        # Of the last change: EVSEs whose profiles the charger lost and got again, and EVSEs
        # whose profiles it does not follow by its own word.
        self.put_back: frozenset[int] = frozenset()
        self.unsaid: frozenset[int] = frozenset()
        self._unconvinced: frozenset[int] = frozenset()  # asking them once more is of no use
        # What is added to the levels on an EVSE, up to the highest that there is.
        self._raised: Mapping[int, int] = {}
        self._highest = 0

    async def read(self) -> Mapping[Place, InstalledProfile]:
        """Return what lies there; raise StorageError."""
        if self._lying is None:
            self._lying = {
                Place(one.evse_id, one.purpose, one.stack_level): one
                for one in await self._stored.installed(self._station.key)
            }
        return self._lying

    async def nothing(self) -> bool:
        """Tell whether nothing of ours lies there."""
        return not await self.read()

    async def bring(self, planned: Sequence[Planned]) -> Refusal:
        """Set what is missing or different, clear what is too much; stop at the first refusal.

        Raises LinkError or StorageError.
        """
        lying = await self.read()
        self.put_back = self.unsaid = frozenset()
        wanted = {one.place: one for one in planned}
        # What is to lie above something comes first, so that nothing lower holds meanwhile.
        above = sorted(planned, key=lambda one: one.place.level, reverse=True)
        missing = [one for one in above if not self._has(one)]
        missing = list(self._with_overwritten(missing, planned))
        for one in missing:
            if refusal := await self._make_room(one) or await self._set(one):
                return refusal
        refusal = await self._clear([place for place in lying if place not in wanted])
        if refusal is None and missing and self._station.replaces_rivals:
            await self._confirm(planned)
        return refusal

    async def check(self, spared: Collection[int] = (), *, booted: bool) -> None:
        """Read back once for each link and boot; raise as ``reconcile``.

        Where nothing of ours lies the charger is not asked.
        """
        if (booted or self._unread) and not await self.nothing():
            await self.reconcile(spared, booted=booted)
            self._unread = False

    async def reconcile(self, spared: Collection[int] = (), *, booted: bool = False) -> bool:
        """Bring the books in line with what the charger tells, and clear what is not in them.

        What is missing is set by the next plan; after a boot so is what the charger says nothing
        of. ``spared`` are ids that may lie there unknown. Returns whether anything differed.
        Raises LinkError or StorageError (smart-charging 16).
        """
        if booted:
            self.readback.booted()
            self._unconvinced = frozenset()
        told = await self.readback.compare(await self.read())
        for place in told.missing:
            self._forget(place)
        for place in told.unseen if booted else ():
            self._doubt(place, self._there[place].profile)
        strays = [id for id in told.strays if id not in spared]
        for id in strays:
            with contextlib.suppress(CallRefused, BadAnswer):
                await self._station.perform(ClearChargingProfile(id))
        if told.missing or strays:
            missing = [list(place) for place in sorted(told.missing)]
            log.warning(
                "profiles_differ", charge_box_id=self._station.id, missing=missing, strays=strays
            )
        return bool(told.missing or strays or (booted and told.unseen))

    async def _confirm(self, planned: Sequence[Planned]) -> None:
        """Put back what a 1.6 charger has lost: some read level and purpose without connector.

        Its connectors' own schedules tell (smart-charging 4). Where one still loses what another
        gets, each has levels of its own from then on, as far as the charger has so many.
        """
        connectors = await self._station.books.chargers.connectors(self._station.key)
        if len({one.evse_id for one in connectors if one.evse_id}) < _SEVERAL:
            return
        first = lost = await self._lost(planned)
        if lost and await self._put_back(lost):
            lost = await self._lost(planned)
            others = [one for one in lost if one not in first]
            apart = await self._apart(planned) if others else []
            if lost and await self._put_back(apart or lost):
                lost = await self._lost(planned)
        self.unsaid = frozenset(one.place.evse_id for one in lost)
        self.put_back = frozenset(one.place.evse_id for one in first) - self.unsaid
        self._unconvinced |= self.unsaid

    async def _put_back(self, lost: Sequence[Planned]) -> bool:
        """Set what was lost once more; tell whether the charger takes it."""
        for one in lost:
            if await self._set(one) is not None:
                return False
        return True

    async def _apart(self, planned: Sequence[Planned]) -> list[Planned]:
        """Give each connector levels that no other has; return what has to be set for that."""
        own = [one for one in planned if one.place.purpose != STATION_MAX]
        evses = sorted({one.place.evse_id for one in own})
        levels = 1 + max((one.place.level for one in own), default=0)
        self._highest = (await self._station.profiles.abilities(0)).max_level
        if levels * len(evses) - 1 > self._highest:
            return []
        raised = {evse_id: n * levels for n, evse_id in enumerate(evses)}
        if raised == self._raised:
            return []
        self._raised = raised
        return own

    async def _lost(self, planned: Sequence[Planned]) -> list[Planned]:
        told = await self.readback.compare(self._there)
        return [
            one
            for one in planned
            if one.place in told.missing and one.place.evse_id not in self._unconvinced
        ]

    def note(self, place: Place, profile: Fields) -> asyncio.Future[None]:
        """Note what lies at a place from now on."""
        installed = InstalledProfile(
            key=self._station.key,
            evse_id=place.evse_id,
            purpose=place.purpose,
            stack_level=place.level,
            profile=profile,
            installed_at=self._station.books.clock.now(),
        )
        self._there[place] = installed
        return self._stored.note_installed(installed)

    @property
    def _there(self) -> dict[Place, InstalledProfile]:
        assert self._lying is not None  # noqa: S101 - read first
        return self._lying

    def _has(self, planned: Planned) -> bool:
        there = self._there.get(planned.place)
        # A start's profile is bound to its transaction by having started it.
        return there is not None and _unbound(there.profile) == _unbound(planned.profile)

    async def _make_room(self, planned: Planned) -> Refusal:
        """Clear a profile of another id from the place of one, unless that is done by itself.

        What comes lies above it first, where there is a level: its place is never empty.
        """
        there = self._there.get(planned.place)
        if self._station.replaces_rivals or there is None:
            return None
        if there.profile["id"] == planned.profile["id"]:
            return None
        above = await self._above(planned)
        refusal = None if above is None else await self._set(above)
        return refusal or await self._clear([planned.place])

    async def _above(self, planned: Planned) -> Planned | None:
        """Return the same above all that lies there, None where there is no such level."""
        abilities = await self._station.profiles.abilities(planned.place.evse_id)
        level = 1 + max(place.level for place in self._there if place[:2] == planned.place[:2])
        if level > abilities.max_level:
            return None
        place = planned.place._replace(level=level)
        return Planned(place, {**planned.profile, "stackLevel": level})

    def _with_overwritten(
        self, missing: Sequence[Planned], planned: Sequence[Planned]
    ) -> Iterable[Planned]:
        """Add what some 1.6 chargers lose: they read level and purpose without the connector."""
        everywhere = any(one.place[:2] == (0, TX_DEFAULT) for one in missing)
        if not (self._station.replaces_rivals and everywhere):
            return missing
        return [one for one in planned if one in missing or one.place.purpose == TX_DEFAULT]

    async def _set(self, planned: Planned) -> Refusal:
        place, profile = planned.place, planned.profile
        before = self._doubt(place, profile)
        try:
            said = self._on_wire(planned)
            outcome = await self._station.perform(SetChargingProfile(place.evse_id, said))
        except BadAnswer as unclear:
            return unclear
        except (CallRefused, CommandError) as refused:
            self._restore(place, before)
            return refused
        if outcome.status != _ACCEPTED:
            self._restore(place, before)
            return outcome
        same = [other for other, one in self._there.items() if one.profile["id"] == profile["id"]]
        for other in same:
            self._forget(other)  # the same id replaces wherever it lay (K01.FR.05)
        await self.note(place, profile)
        return None

    def _on_wire(self, planned: Planned) -> Fields:
        level = planned.place.level + self._raised.get(planned.place.evse_id, 0)
        if planned.place.purpose == STATION_MAX or level > self._highest:
            return planned.profile
        return {**planned.profile, "stackLevel": level}

    async def _clear(self, places: Sequence[Place]) -> Refusal:
        for place in places:
            if place not in self._there:  # its id has come to lie elsewhere
                continue
            profile = self._there[place].profile
            before = self._doubt(place, profile)
            try:
                await self._station.perform(ClearChargingProfile(profile["id"]))
            except (CallRefused, CommandError) as refused:
                if not isinstance(refused, BadAnswer):
                    self._restore(place, before)
                log.warning("profile_not_cleared", charge_box_id=self._station.id, id=profile["id"])
                return refused
            await self._forget(place)
        return None

    def _doubt(self, place: Place, profile: Fields) -> InstalledProfile | None:
        """Note, before it is said, what may lie at a place from now on; return what lies there.

        The answer may be lost, its caller cancelled, or we killed. As nobody wants a profile so,
        the next plan sets things right.
        """
        before = self._there.get(place)
        self.note(place, {**profile, "unsure": True})
        return before

    def _restore(self, place: Place, before: InstalledProfile | None) -> None:
        if before is None:
            self._forget(place)
        else:
            self._there[place] = before
            self._stored.note_installed(before)

    def _forget(self, place: Place) -> asyncio.Future[None]:
        return self._stored.note_cleared(self._there.pop(place))


def _unbound(profile: Fields) -> dict[str, Any]:
    return {key: value for key, value in profile.items() if key != "transactionId"}
