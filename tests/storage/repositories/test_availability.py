"""Who wants which connector to be operative, and the reset that waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage.records import Command
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


SOFT = DeferredReset(ALICE, 0, b'{"type":"Soft"}', NOON, "command-1")


async def test_each_owner_has_one_reset_that_waits_until_it_is_taken(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    theirs = DeferredReset(ALICE, target.id, b'{"type":"Hard"}', NOON - timedelta(hours=1))
    storage.deferred_resets.note(SOFT._replace(command_id="command-0"))
    storage.deferred_resets.note(SOFT)
    await storage.deferred_resets.note(theirs)
    assert await storage.deferred_resets.of(ALICE) == [theirs, SOFT]
    assert await storage.deferred_resets.of(BOB) == []

    assert await storage.deferred_resets.take(ALICE, 0) == SOFT
    assert await storage.deferred_resets.take(ALICE, 0) is None

    assert await storage.deferred_resets.of(ALICE) == [theirs]


async def test_attempts_are_noted_of_what_is_still_there(storage: Storage) -> None:
    tried = SOFT._replace(attempts=2)
    await storage.deferred_resets.note(SOFT)
    assert await storage.deferred_resets.note_attempts(SOFT, 2)
    assert await storage.deferred_resets.of(ALICE) == [tried]

    await storage.deferred_resets.take(ALICE, 0)
    assert not await storage.deferred_resets.note_attempts(tried, 3)

    assert await storage.deferred_resets.of(ALICE) == []


async def test_what_has_taken_the_place_of_a_reset_is_not_taken_for_it(storage: Storage) -> None:
    later = SOFT._replace(asked_at=SOFT.asked_at + timedelta(microseconds=1))
    await storage.deferred_resets.note(later)
    assert not await storage.deferred_resets.note_attempts(SOFT, 1)
    assert not await storage.deferred_resets.end(SOFT)
    assert await storage.deferred_resets.of(ALICE) == [later]

    assert await storage.deferred_resets.end(later)
    assert not await storage.deferred_resets.end(later)


async def test_a_deleted_target_s_reset_goes_out_no_more(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    await storage.deferred_resets.note(SOFT._replace(owner=target.id))
    await storage.proxy_configurations.delete(ALICE.organization_uuid, target.id)

    assert await storage.deferred_resets.of(ALICE) == []


@pytest.mark.parametrize(
    ("action", "state", "minutes", "goes_on"),
    [
        ("UpdateFirmware", "collecting", 0, True),
        ("GetLog", "sent", 0, True),
        ("GetLog", "complete", 0, False),
        ("GetLog", "collecting", 1, False),
        ("GetBaseReport", "collecting", 0, False),
    ],
)
async def test_a_charger_is_at_a_job_until_it_has_told_its_end(
    storage: Storage,
    action: str,
    state: Any,
    minutes: int,
    goes_on: bool,  # noqa: FBT001 - a column of the table
) -> None:
    asked = Command(
        command_id="1",
        key=ALICE,
        action=action,
        request={},
        requested_by="key",
        state=state,
        created_at=NOON,
    )
    await storage.commands.note_begun(asked)
    since = NOON + timedelta(minutes=minutes)

    assert await storage.deferred_resets.awaits_job(ALICE, since) is goes_on
    assert not await storage.deferred_resets.awaits_job(BOB, since)
