"""What stations work with, opened on one storage."""

from __future__ import annotations

from pathlib import Path

from csms.books import open_books
from storage.store import open_storage
from tests.csms.desk import accepted, open_desk
from tests.storage.doubles import ALICE, HandClock


async def test_all_who_want_to_hear_of_an_action_are_told(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        limit = {"chargingLimit": {"chargingLimitSource": "EMS"}}
        await accepted(desk.station("2.0.1"), "NotifyChargingLimit", limit)
        await desk.storage.group.flush()

        assert len(await desk.storage.station_limits.of(ALICE)) == 1


async def test_each_action_is_heard_by_at_least_one(tmp_path: Path) -> None:
    clock = HandClock()
    async with open_storage(tmp_path, clock) as storage:
        hearing = open_books(storage, clock).hearing

        assert {"NotifyChargingLimit", "ClearedChargingLimit"} <= set(hearing)
        assert all(hearing.values())
