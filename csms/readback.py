"""Ask a charger what lies on it, and tell how that differs from our books.

A 2.x station reports its profiles (K09). A 1.6 charger only tells the schedule that it reckons
with: where that is above ours something is missing, and what lies below another is not seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from csms import numbers
from csms.composite import EXTERNAL, Lying, answered, is_above
from csms.errors import AnswerTimeout, BadAnswer, CallRefused, LinkBusy
from csms.readings import items, mapping, whole
from csms.scenes import Place
from csms.schedules import STATION_MAX, TX_DEFAULT, Fields, read
from csms.turns import Urgency
from storage.records import InstalledProfile

if TYPE_CHECKING:
    from csms.station import Station

Books: TypeAlias = Mapping[Place, InstalledProfile]
# Profiles by their EVSE and id.
_Found: TypeAlias = Mapping[tuple[int, int], Fields]

REPORTED = "ReportChargingProfiles"
_OURS = "CSO"  # what a CSMS has set
_PATIENCE = 5.0
_MOST_REPORTED, _MOST_CONNECTORS = 1000, 64
_AHEAD = timedelta(hours=1)
_LEEWAY = 0.01  # of what a 1.6 charger reckons: many do so in whole amperes or watts
_UNABLE = frozenset({"NotImplemented", "NotSupported"})
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class Told(NamedTuple):
    """How what a charger tells differs from the books."""

    missing: frozenset[Place]  # it does not have them, or otherwise
    unseen: frozenset[Place]  # it says nothing of them
    strays: tuple[int, ...] = ()  # it has them, and they are not in the books


class ReadBack:
    """Ask one connected charger; one that cannot tell is not asked again until it has booted."""

    __slots__ = ("_patience", "_reports", "_station", "_unable")

    def __init__(self, station: Station, patience: float = _PATIENCE) -> None:
        """``patience`` is in s, for all the reports of one request."""
        self._station = station
        self._patience = patience
        self._unable = False
        self._reports: _Reports | None = None

    def booted(self) -> None:
        """Ask again: another firmware may be able to tell."""
        self._unable = False

    def heard(self, fields: Any) -> None:
        """Take a report that may be an answer to our request."""
        if self._reports is not None:
            self._reports.take(mapping(fields))

    async def compare(self, books: Books) -> Told:
        """Tell what differs; raise LinkClosed, StorageError.

        What others than a CSMS have installed is never ours to change.
        """
        nothing = Told(frozenset(), unseen=frozenset(books))
        if self._unable:
            return nothing
        asking = self._reported if self._station.reports_profiles else self._reckoned
        try:
            return await asking(books) or nothing
        except CallRefused as refused:
            self._unable = refused.error.code in _UNABLE
        except (AnswerTimeout, BadAnswer, LinkBusy, TimeoutError):
            pass
        return nothing

    # ---- 2.x: the profiles themselves ----

    async def _reported(self, books: Books) -> Told | None:
        reports = self._reports = _Reports(numbers.draw(numbers.OF_THE_PLATFORM))
        fields = {
            "requestId": reports.request_id,
            "chargingProfile": {"chargingLimitSource": [_OURS]},  # one criterion at least
        }
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._call("GetChargingProfiles", fields)
                if answer.get("status") == "NoProfiles":
                    return _compared(books, {})
                if answer.get("status") != "Accepted":
                    return None
                found = await reports.all
        finally:
            self._reports = None
        return None if found is None else _compared(books, found)

    # ---- 1.6: what follows from them ----

    async def _reckoned(self, books: Books) -> Told:
        """Compare on each connector; of what lies there alone it tells all."""
        missing: set[Place] = set()
        seen: set[Place] = set()
        for evse_id, own in await self._connectors(books):
            above = await self._is_above(evse_id, own)
            if above:
                missing.update(own)
            elif above is False and len(own) == 1:
                seen.update(own)
        return Told(frozenset(missing), frozenset(books) - seen - missing)

    async def _connectors(self, books: Books) -> list[tuple[int, Books]]:
        """Return which connectors to ask for, with what of ours they may show."""
        station = self._station
        told = {one.evse_id for one in await station.books.chargers.connectors(station.key)}
        evses = sorted(told | {place.evse_id for place in books})[:_MOST_CONNECTORS]
        shown = [(evse_id, _shown_on(evse_id, books)) for evse_id in evses]
        return [(evse_id, own) for evse_id, own in shown if own]

    async def _is_above(self, evse_id: int, own: Books) -> bool | None:
        station, now = self._station, self._station.books.clock.now()
        fields = {"connectorId": evse_id, "duration": int(_AHEAD.total_seconds())}
        answer = await self._call("GetCompositeSchedule", fields)
        schedule = answered(answer, evse_id, now)
        if answer.get("status") != "Accepted" or schedule is None:
            return None
        running = await station.books.transactions.running(station.key)
        supply = (await station.profiles.abilities(evse_id)).supply
        ours = Lying.of(own.values(), running=running).steps(evse_id, now, _AHEAD, supply)
        if not any(step.holding for step in ours):
            return None
        return is_above(schedule, ours, supply, _LEEWAY)

    async def _call(self, action: str, fields: Fields) -> Fields:
        link, payload = self._station.link, orjson.dumps(fields)
        return mapping((await link.call(action, payload, urgency=Urgency.LIMIT)).fields)


class _Reports:
    """Collect what comes in answer to one request, in parts (K09)."""

    def __init__(self, request_id: int) -> None:
        self.request_id = request_id
        # The profiles by EVSE and id; None: more than any charger has.
        self.all: asyncio.Future[_Found | None] = asyncio.get_running_loop().create_future()
        self._found: dict[tuple[int, int], Fields] = {}

    def take(self, fields: Fields) -> None:
        if fields.get("requestId") != self.request_id or self.all.done():
            return
        if fields.get("chargingLimitSource", _OURS) == _OURS:
            self._found.update(_profiles_in(fields))
        if len(self._found) > _MOST_REPORTED:
            self.all.set_result(None)
        elif fields.get("tbc") is not True:
            self.all.set_result(self._found)


def _profiles_in(report: Fields) -> Iterator[tuple[tuple[int, int], Fields]]:
    evse_id = whole(report.get("evseId"))
    for profile in map(mapping, items(report.get("chargingProfile"))):
        id = whole(profile.get("id"))
        outside = profile.get("chargingProfilePurpose") == EXTERNAL
        if evse_id is not None and id is not None and not outside:
            yield (evse_id, id), profile


def _compared(books: Books, found: _Found) -> Told:
    missing = [
        place
        for place, one in books.items()
        if not _same(one.profile, found.get((place.evse_id, one.profile["id"])))
    ]
    ours = {one.profile["id"] for one in books.values()}
    strays = sorted({id for _, id in found if id not in ours})
    return Told(frozenset(missing), frozenset(), tuple(strays))


def _same(ours: Fields, theirs: Fields | None) -> bool:
    return theirs is not None and _gist(ours) == _gist(theirs)


def _gist(profile: Fields) -> Any:
    """Return what a profile allows and where, however it is spelled."""
    try:
        curve = read(profile, (), _ANY_TIME)
        limits = [(rate.unit, round(rate.value, 1)) for rate in curve.rates]
        purpose, level = profile["chargingProfilePurpose"], profile["stackLevel"]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    until = curve.valid_to and curve.valid_to.replace(microsecond=0)
    # Of a limit that never changes it does not matter when it began.
    start = curve.start.replace(microsecond=0) if len(limits) > 1 else None
    return purpose, level, curve.kind, curve.starts, limits, start, until


def _shown_on(evse_id: int, books: Books) -> Books:
    """Return what decides on the schedule of one connector, but for the station's maximum."""
    return {
        place: one
        for place, one in books.items()
        if (place.purpose == STATION_MAX and not evse_id)
        or (place.purpose != STATION_MAX and evse_id and place.evse_id == evse_id)
        or (place.purpose == TX_DEFAULT and evse_id and not place.evse_id)
    }
