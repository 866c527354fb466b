"""What limits a charger from outside: one of each source, and no more than fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.operation_records import StationLimit
from storage.records import ChargerKey
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import charger


def limit(source: str = "EMS", evse_id: int = 0, key: ChargerKey = ALICE) -> StationLimit:
    payload = {"chargingLimit": {"chargingLimitSource": source}}
    return StationLimit(key=key, evse_id=evse_id, source=source, payload=payload, updated_at=NOON)


async def test_a_source_has_one_limit_on_each_evse(storage: Storage) -> None:
    limits = storage.station_limits
    await storage.chargers.enroll(charger(BOB), None)
    changed = replace(limit(), payload={}, updated_at=NOON + timedelta(seconds=1))
    for one in (limit(), limit("SO"), limit(evse_id=1), limit(key=BOB)):
        limits.note(one)
    await limits.note(changed)

    assert await limits.of(ALICE) == [changed, limit("SO"), limit(evse_id=1)]


async def test_a_limit_is_cleared_by_its_source_and_the_stations_on_every_evse(
    storage: Storage,
) -> None:
    limits = storage.station_limits
    await storage.chargers.enroll(charger(BOB), None)
    for one in (limit(), limit("SO"), limit(evse_id=1), limit(evse_id=2), limit(key=BOB)):
        limits.note(one)
    await limits.note_cleared(ALICE, 1, "EMS")
    assert await limits.of(ALICE) == [limit(), limit("SO"), limit(evse_id=2)]
    await limits.note_cleared(ALICE, 0, "EMS")

    assert await limits.of(ALICE) == [limit("SO")]
    assert await limits.of(BOB) == [limit(key=BOB)]


async def test_of_sources_without_end_the_newest_are_kept(storage: Storage) -> None:
    for n in range(40):
        storage.station_limits.note(
            replace(limit(f"S{n:02}"), updated_at=NOON + timedelta(seconds=n))
        )
    await storage.group.flush()
    kept = [one.source for one in await storage.station_limits.of(ALICE)]

    assert kept == [f"S{n:02}" for n in range(8, 40)]


async def test_the_limits_of_a_page_are_read_at_once(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    for key in (ALICE, BOB):
        storage.station_limits.note(limit(key=key))
    await storage.group.flush()
    names = [ALICE.charge_box_id, BOB.charge_box_id]
    found = await storage.station_limits.of_page(ALICE.organization_uuid, names)

    assert found == {
        ALICE.charge_box_id: [limit()],
        BOB.charge_box_id: [limit(key=BOB)],
    }
