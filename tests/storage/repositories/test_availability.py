"""Who wants which connector to be operative, and the reset that waits."""

from __future__ import annotations

from storage.repositories.availability import AvailabilityWish, DeferredReset
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import proxy


async def test_each_owner_has_one_wish_per_connector(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    ours = AvailabilityWish(0, 1, 0, "Inoperative")
    theirs = AvailabilityWish(target.id, 1, 0, "Operative")
    storage.availability.note(ALICE, ours)
    storage.availability.note(ALICE, theirs._replace(type="Inoperative"))
    await storage.availability.note(ALICE, theirs)

    assert await storage.availability.of(ALICE) == [ours, theirs]
    assert await storage.availability.of(BOB) == []


async def test_a_deleted_owner_s_wishes_count_no_more(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    ours = AvailabilityWish(0, 0, 0, "Inoperative")
    storage.availability.note(ALICE, ours)
    await storage.availability.note(ALICE, AvailabilityWish(target.id, 1, 0, "Inoperative"))
    await storage.proxy_configurations.delete(ALICE.organization_uuid, target.id)
    assert await storage.availability.of(ALICE) == [ours]
    assert [wish.owner for wish in await storage.availability.left(ALICE)] == [target.id]

    storage.availability.forget(ALICE, target.id)
    await storage.availability.forget(ALICE, 0)
    assert await storage.availability.left(ALICE) == []

    assert await storage.availability.of(ALICE) == []


async def test_the_last_reset_of_a_target_waits_until_it_is_forgotten(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    storage.deferred_resets.note(target.id, b'{"type":"Hard"}', NOON)
    await storage.deferred_resets.note(target.id, b'{"type":"Soft"}', NOON)
    waiting = DeferredReset(target.id, b'{"type":"Soft"}', NOON)
    assert await storage.deferred_resets.of(ALICE) == waiting

    await storage.deferred_resets.forget(target.id)

    assert await storage.deferred_resets.of(ALICE) is None
