"""What a charger tells of limits from outside is noted by source and EVSE."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.records import ChargerKey
from tests.csms.desk import Desk, accepted, open_desk
from tests.storage.doubles import ALICE, BOB

NOTIFY, CLEARED = "NotifyChargingLimit", "ClearedChargingLimit"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as desk:
        yield desk


def limit(source: str = "EMS", **more: Any) -> dict[str, Any]:
    return {"chargingLimit": {"chargingLimitSource": source}, **more}


async def known(desk: Desk, key: ChargerKey = ALICE) -> list[tuple[int, str]]:
    await desk.storage.group.flush()
    return [(one.evse_id, one.source) for one in await desk.storage.station_limits.of(key)]


async def test_limits_come_and_go(desk: Desk) -> None:
    # smart-charging item 16
    station = desk.station("2.0.1")
    await accepted(station, NOTIFY, limit())
    await accepted(station, NOTIFY, limit("SO", evseId=1))
    assert await known(desk) == [(0, "EMS"), (1, "SO")]
    assert await known(desk, BOB) == []
    (first, _) = await desk.storage.station_limits.of(ALICE)
    assert (first.payload, first.updated_at) == (limit(), desk.clock.now())

    await accepted(station, CLEARED, {"chargingLimitSource": "SO", "evseId": 1})
    assert await known(desk) == [(0, "EMS")]
    await accepted(station, CLEARED, {"chargingLimitSource": "EMS"})
    assert await known(desk) == []


async def test_an_evse_that_no_charger_has_is_left_out(desk: Desk) -> None:
    station = desk.station("2.0.1")
    await accepted(station, NOTIFY, limit(evseId=2**30))
    await accepted(station, CLEARED, {"chargingLimitSource": "EMS", "evseId": 2**30})

    assert await known(desk) == []


async def test_of_a_very_long_limit_the_source_is_kept(desk: Desk) -> None:
    period = {"startPeriod": 0, "limit": 1.0}
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [period],
        "customData": {"vendorId": "x" * 99, "text": "x" * (64 << 10)},
    }
    await accepted(desk.station("2.0.1"), NOTIFY, limit(chargingSchedule=[schedule]))
    await desk.storage.group.flush()
    (found,) = await desk.storage.station_limits.of(ALICE)

    assert found.payload == limit()
