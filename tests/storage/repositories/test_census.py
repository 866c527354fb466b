from __future__ import annotations

from storage.records import ChargerKey
from storage.repositories.census import totals_of
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import charger, proxy


async def test_all_organizations_are_counted_together(storage: Storage) -> None:
    neighbour = await storage.organizations.create("Neighbour")
    theirs = ChargerKey(neighbour.organization_uuid, "CP-1")
    await storage.chargers.enroll(charger(BOB), proxy(BOB))
    await storage.chargers.enroll(charger(theirs), None)
    for key in (ALICE, theirs):
        await storage.chargers.note_connected(key, NOON, "1.6", "192.0.2.1")
    found = await totals_of(storage.database)

    assert found.chargers == {"1.6": 2, None: 1}
    assert found.configurations == {True: 1}
    assert found.dead_letters == 0
