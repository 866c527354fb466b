"""What really limits a station, and whether it obeys, as its page shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from csms.limits import limit_profile
from csms.schedules import STATION_MAX, TX_DEFAULT, Rate
from storage.operation_records import StationLimit
from storage.records import ChargingProfile, InstalledProfile, MeterValue, Transaction
from tests.api.conftest import Api

STATION = "/api/chargingStations/CP-1"


class Told:
    """Writes into the books of one charger what would come about by messages."""

    def __init__(self, api: Api, name: str = "CP-1") -> None:
        self.api = api
        self.key = api.charger_key(name)

    async def limits(self, watts: float, evse_id: int = 1, id: int = 3006) -> None:
        now = self.api.clock.now()
        purpose = TX_DEFAULT if evse_id else STATION_MAX
        profile = limit_profile(id, purpose, Rate(watts, "W"), now)
        place: dict[str, Any] = {
            "key": self.key,
            "evse_id": evse_id,
            "purpose": purpose,
            "stack_level": 0,
            "profile": profile,
        }
        profiles = self.api.storage.charging_profiles
        profiles.note_installed(InstalledProfile(**place, installed_at=now))
        meta = {"limit": {"acMaxPowerKw": watts / 1000}}
        wish = ChargingProfile(owner=0, profile_id=id, meta=meta, created_at=now, **place)
        await profiles.note_put(wish)

    async def charges(self, transaction_id: str = "T", evse_id: int = 1) -> None:
        await self.api.storage.transactions.note_started(
            Transaction(
                key=self.key,
                transaction_id=transaction_id,
                evse_id=evse_id,
                started_at=self.api.clock.now(),
                start_timestamp="",
            )
        )

    async def takes(self, watts: float, transaction_id: str = "T", evse_id: int = 1) -> None:
        value = MeterValue(
            key=self.key,
            transaction_id=transaction_id,
            evse_id=evse_id,
            taken_at=self.api.clock.now(),
            measurand="Power.Active.Import",
            value=watts,
            unit="W",
        )
        await self.api.storage.transactions.note_meter_values([value])

    async def station(self) -> Any:
        return (await self.api.get(STATION))["chargingStation"]


LIMIT = {
    "value": 6000.0,
    "unit": "W",
    "kw": 6.0,
    "source": "platform",
    "chargingProfileId": 3006,
    "until": None,
}


async def test_a_station_shows_what_limits_it_and_whether_it_obeys(api: Api) -> None:
    await api.enrol()
    told = Told(api)
    await told.limits(6000)
    await told.limits(9000, 0, 3000)
    await told.charges()
    await told.charges("U", 2)
    api.clock.forward(seconds=90)
    await told.takes(5900)
    await told.takes(9400, "U", 2)
    station = await told.station()

    mains = {**LIMIT, "value": 9000.0, "kw": 9.0, "chargingProfileId": 3000}
    assert (station["effectiveLimit"], station["obeys"]) == (mains, False)
    assert station["evses"] == [
        {"evseId": 1, "effectiveLimit": LIMIT, "obeys": True},
        {"evseId": 2, "effectiveLimit": mains, "obeys": True},
    ]


async def test_a_charger_that_ignores_its_limit(api: Api) -> None:
    await api.enrol()
    told = Told(api)
    await told.limits(6000)
    await told.charges()
    await told.takes(11_000)
    assert (await told.station())["evses"][0]["obeys"] == "unknown"  # the limit is new

    api.clock.forward(seconds=61)
    await told.takes(11_000)
    assert (await told.station())["evses"][0]["obeys"] is False
    await told.takes(6000)
    assert (await told.station())["evses"][0]["obeys"] is True
    api.clock.forward(minutes=16)
    assert (await told.station())["evses"][0]["obeys"] == "unknown"


async def test_without_a_limit_there_is_none(api: Api) -> None:
    await api.enrol()
    told = Told(api)
    await told.charges()
    await told.takes(11_000)
    station = await told.station()

    assert (station["effectiveLimit"], station["obeys"]) == (None, "unknown")
    assert station["evses"] == [{"evseId": 1, "effectiveLimit": None, "obeys": "unknown"}]
    assert station["reportedLimits"] == []


async def test_what_the_station_has_told_is_shown(api: Api) -> None:
    await api.enrol()
    told = Told(api)
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "numberPhases": 1}],
    }
    outside = StationLimit(
        key=told.key,
        evse_id=0,
        source="EMS",
        payload={
            "chargingLimit": {"chargingLimitSource": "EMS"},
            "chargingSchedule": [schedule],
        },
        updated_at=api.clock.now(),
    )
    sun = replace(
        outside,
        source="Roof",
        payload={"chargingLimit": {"isLocalGeneration": True}},
    )
    api.storage.station_limits.note(sun)
    await api.storage.station_limits.note(outside)
    station = await told.station()

    assert station["effectiveLimit"] == {
        "value": 16.0,
        "unit": "A",
        "phases": 1,
        "kw": 3.68,
        "source": "EMS",
        "chargingProfileId": None,
        "until": None,
    }
    when = "2026-11-21T10:00:00.000Z"
    assert station["reportedLimits"] == [
        {"evseId": 0, "source": "EMS", "isLocalGeneration": False, "updatedAt": when},
        {"evseId": 0, "source": "Roof", "isLocalGeneration": True, "updatedAt": when},
    ]


async def test_the_list_shows_the_same_and_mixes_no_chargers(api: Api) -> None:
    for name in ("CP-1", "CP-2", "CP-3"):
        await api.enrol(name)
    for name, watts in (("CP-1", 5000), ("CP-3", 6000)):
        told = Told(api, name)
        await told.limits(6000)
        await told.charges()
        api.clock.forward(seconds=61)
        await told.takes(watts)
    listed = (await api.get("/api/chargingStations"))["chargingStations"]

    assert listed[0] == await Told(api).station()
    assert [[one["obeys"] for one in each["evses"]] for each in listed] == [[True], [], [True]]
