"""A charger has one list, which is the last that was put there."""

from __future__ import annotations

from dataclasses import replace

from storage.operation_records import LocalList
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

LIST = LocalList(key=ALICE, version=3, entries=[{"idToken": "04E91A2B"}], updated_at=NOON)


async def test_the_last_list_stays(storage: Storage) -> None:
    lists = storage.local_lists
    assert await lists.get(ALICE) is None
    await lists.note_put(LIST)
    await lists.note_put(replace(LIST, version=4, entries=[]))

    assert await lists.get(ALICE) == replace(LIST, version=4, entries=[])
    assert await lists.get(BOB) is None


async def test_it_goes_with_its_charger(storage: Storage) -> None:
    await storage.local_lists.note_put(LIST)
    await storage.chargers.delete(ALICE)

    assert await storage.local_lists.get(ALICE) is None
