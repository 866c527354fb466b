"""Proxy configurations: one per charger, passwords sealed, a cursor from the first moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, column, text

from storage.errors import Conflict, SealBroken, StorageError
from storage.records import ChargerKey, Cursor
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import charger, proxy

SECRET = proxy(ALICE).target_auth_basic_password or ""


async def sealed(storage: Storage) -> bytes:
    stored = text("SELECT target_auth_basic_password AS sealed FROM proxy_configurations LIMIT 1")
    [found] = await storage.database.fetch(stored.columns(column("sealed", LargeBinary)))
    return bytes(found["sealed"])


async def test_a_configuration_comes_back_as_it_was_stored(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    assert created == replace(proxy(ALICE), id=created.id)
    assert created.id > 0
    assert await storage.proxy_configurations.get(ORGANIZATION, created.id) == created
    assert await storage.proxy_configurations.for_charger(ALICE) == created


async def test_it_is_found_in_its_own_organization_only(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    assert await storage.proxy_configurations.get("unknown", created.id) is None
    assert not await storage.proxy_configurations.delete("unknown", created.id)
    stolen = replace(created, key=ChargerKey("unknown", ALICE.charge_box_id))
    assert await storage.proxy_configurations.replace(stolen) is None


async def test_a_second_one_for_a_charger_is_a_conflict(storage: Storage) -> None:
    await storage.proxy_configurations.create(proxy(ALICE))

    with pytest.raises(Conflict):
        await storage.proxy_configurations.create(proxy(ALICE))


async def test_a_charger_that_is_not_enrolled_has_none(storage: Storage) -> None:
    with pytest.raises(StorageError):
        await storage.proxy_configurations.create(proxy(BOB))


async def test_configurations_are_listed_page_by_page(storage: Storage) -> None:
    keys = [ChargerKey(ORGANIZATION, f"CP-{number}") for number in range(3)]
    stored = [await storage.chargers.enroll(charger(key), proxy(key)) for key in keys]
    ids = [each.id for each in stored if each]

    async def page(after: int | None) -> list[int]:
        return [each.id for each in await storage.proxy_configurations.list(ORGANIZATION, 2, after)]

    assert await page(None) == ids[:2]
    assert await page(ids[1]) == ids[2:]


async def test_it_is_replaced_as_a_whole_but_for_its_charger(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))
    wanted = replace(
        created,
        target_websocket_url="wss://elsewhere.example",
        target_auth_basic_password=None,
        enabled=False,
        policy={},
        updated_at=NOON + timedelta(hours=1),
    )

    assert await storage.proxy_configurations.replace(wanted) == wanted
    assert await storage.proxy_configurations.get(ORGANIZATION, created.id) == wanted
    assert await storage.proxy_configurations.replace(replace(wanted, id=4711)) is None


async def test_an_id_is_never_given_twice(storage: Storage) -> None:
    first = await storage.proxy_configurations.create(proxy(ALICE))
    assert await storage.proxy_configurations.delete(ORGANIZATION, first.id)

    second = await storage.proxy_configurations.create(proxy(ALICE))

    assert second.id > first.id


# ---- passwords ----


async def test_a_password_is_sealed_and_never_shown(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    assert SECRET.encode() not in await sealed(storage)
    assert SECRET not in repr(created)


@pytest.mark.parametrize(
    "moved",
    [{}, {"target_websocket_url": "wss://next.example"}, {"target_charge_box_id": "EVB-2"}],
)
async def test_a_password_is_taken_from_the_target_that_the_link_leads_to_alone(
    storage: Storage, moved: dict[str, Any]
) -> None:
    old = await storage.proxy_configurations.create(proxy(ALICE))
    new = await storage.proxy_configurations.replace(replace(old, **moved))
    assert new is not None
    await storage.proxy_configurations.note_password(old, "rotated")

    rotated = replace(new, target_auth_basic_password="rotated", password_from_target=True)
    assert await storage.proxy_configurations.get(ORGANIZATION, old.id) == (
        new if moved else rotated
    )


async def test_a_sealed_password_is_worth_nothing_beside_another_charger(
    storage: Storage,
) -> None:
    await storage.proxy_configurations.create(proxy(ALICE))
    other = replace(proxy(BOB), target_auth_basic_password="another")
    await storage.chargers.enroll(charger(BOB), other)

    swap = text(
        "UPDATE proxy_configurations SET target_auth_basic_password = (SELECT "
        "target_auth_basic_password FROM proxy_configurations WHERE charge_box_id = 'CP-ALICE')"
    )
    await storage.database.execute(swap)

    with pytest.raises(SealBroken):
        await storage.proxy_configurations.for_charger(BOB)


# ---- cursors and id maps ----


async def test_the_queue_of_a_new_target_begins_now(storage: Storage) -> None:
    for id in ("1", "2"):
        storage.journal.append(ALICE, "charger_to_platform", "1.6", "Call", id, "Heartbeat", b"[2]")
    await storage.journal.flush()

    created = await storage.proxy_configurations.create(proxy(ALICE))

    begun = Cursor(created.id, 2, None, created.leads_to)
    assert await storage.proxy_configurations.cursor(created.id) == begun


async def test_position_and_boot_are_noted_apart(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    storage.queues.note_position(created.id, 7)
    storage.proxy_configurations.note_booted(created.id, NOON)
    await storage.queues.note_position(created.id, 8)

    assert await storage.proxy_configurations.cursor(created.id) == Cursor(
        created.id, 8, NOON, created.leads_to
    )


async def test_a_configuration_that_is_gone_takes_no_notes(storage: Storage) -> None:
    await storage.queues.note_position(4711, 7)

    assert await storage.proxy_configurations.cursor(4711) is None
