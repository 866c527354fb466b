"""What was to limit chargers: found at any moment, kept as long as it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.history_records import LimitRecord, LimitStep
from storage.operation_records import StationLimit
from storage.records import InstalledProfile
from storage.statements.limit_history import drop_limits
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import charger

HOUR = timedelta(hours=1)
STEPS = (LimitStep(0.0, 6000.0, "platform"), LimitStep(3600.5, None, None))


def record(evse_id: int = 1, hours: float = 0, **more: object) -> LimitRecord:
    found = LimitRecord(key=ALICE, evse_id=evse_id, at=NOON + hours * HOUR, steps=STEPS)
    return replace(found, **more)  # type: ignore[arg-type]  # as the record has them


async def noted(storage: Storage, *records: LimitRecord) -> None:
    for one in records:
        storage.limit_records.note(one)
    await storage.group.flush()


async def test_the_newest_of_each_evse_holds(storage: Storage) -> None:
    records = [record(evse, hours) for evse in (0, 1, 7, 100) for hours in (0, 1, 2)]
    await noted(storage, *records)
    kept = storage.limit_records

    assert await kept.at(ALICE) == [one for one in records if one.at == NOON + 2 * HOUR]
    assert await kept.at(ALICE, NOON + 1.5 * HOUR) == [
        one for one in records if one.at == NOON + HOUR
    ]
    assert await kept.at(ALICE, NOON - HOUR) == []
    assert await kept.at(BOB) == []


async def test_what_was_noted_in_a_span_is_told_in_order(storage: Storage) -> None:
    records = [record(hours=hours) for hours in range(4)]
    await noted(storage, *reversed(records))

    found = await storage.limit_records.within(ALICE, NOON, NOON + 2 * HOUR)
    assert list(found) == records[1:3]


async def test_a_moment_has_one_record(storage: Storage) -> None:
    await noted(storage, record(), record(steps=STEPS[:1]))

    assert await storage.limit_records.at(ALICE) == [record(steps=STEPS[:1])]


async def test_who_was_deleted_has_none(storage: Storage) -> None:
    await noted(storage, record())
    await storage.chargers.delete(ALICE)
    await noted(storage, record(hours=1))

    assert await storage.limit_records.at(ALICE) == []


async def test_what_holds_still_is_kept_however_old_it_is(storage: Storage) -> None:
    await noted(storage, *(record(evse, hours) for evse in (1, 2) for hours in (0, 1, 5)))
    values = {"organization_uuid": ORGANIZATION, "before": NOON + 3 * HOUR}

    assert len(await storage.database.execute(drop_limits, {**values, "limit": 1})) == 1
    assert len(await storage.database.execute(drop_limits, {**values, "limit": 9})) == 1
    assert await storage.database.execute(drop_limits, {**values, "limit": 9}) == []
    assert [one.at for one in await storage.limit_records.at(ALICE, NOON + 3 * HOUR)] == [
        NOON + HOUR,
        NOON + HOUR,
    ]


async def test_who_is_limited_is_known(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    assert await storage.limit_records.limited() == []
    storage.charging_profiles.note_installed(
        InstalledProfile(
            key=ALICE, evse_id=1, purpose="", stack_level=0, profile={}, installed_at=NOON
        )
    )
    for source in ("EMS", "SO"):
        storage.station_limits.note(
            StationLimit(key=BOB, evse_id=0, source=source, payload={}, updated_at=NOON)
        )
    await storage.group.flush()

    assert sorted(await storage.limit_records.limited()) == [ALICE, BOB]
