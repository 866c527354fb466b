"""Know what we have put on one charger, and bring it in line with a plan by the least frames."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from csms.commands import ClearChargingProfile, Outcome, SetChargingProfile
from csms.errors import BadAnswer, CallRefused, CommandError
from csms.plans import Place, Planned
from csms.schedules import TX_DEFAULT, Fields
from storage.records import InstalledProfile

if TYPE_CHECKING:
    from csms.station import Station

log = structlog.get_logger("ringmain.profiles")

# Why the charger would not have a plan; None: it has it.
Refusal: TypeAlias = Outcome | CallRefused | CommandError | None
_ACCEPTED = "Accepted"


class Installed:
    """Hold what lies on one charger at each EVSE, purpose and level, here and on disk."""

    __slots__ = ("_lying", "_station", "_stored")

    def __init__(self, station: Station) -> None:
        self._station = station
        self._stored = station.books.profiles
        self._lying: dict[Place, InstalledProfile] | None = None

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

    async def bring(self, planned: Sequence[Planned], *, afresh: bool) -> Refusal:
        """Set what is missing or different, clear what is too much; stop at the first refusal.

        ``afresh`` sets everything. Raises LinkError or StorageError.
        """
        lying = await self.read()
        wanted = {one.place: one for one in planned}
        rivals = [place for place in lying if place in wanted and self._rivals(wanted[place])]
        if not self._station.replaces_rivals and (refusal := await self._clear(rivals)):
            return refusal
        missing = [one for one in planned if afresh or not self._has(one)]
        for one in self._with_overwritten(missing, planned):
            if refusal := await self._set(one):
                return refusal
        return await self._clear([place for place in lying if place not in wanted])

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

    def _rivals(self, planned: Planned) -> bool:
        return bool(self._there[planned.place].profile["id"] != planned.profile["id"])

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
            outcome = await self._station.perform(SetChargingProfile(place.evse_id, profile))
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
