"""Chargers: enrolled with their proxy or not at all, and what they tell of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import URL

from storage.errors import Conflict, StorageError
from storage.records import ChargerKey, ConnectorStatus
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.postgres import meanwhile_of
from tests.storage.records import charger, proxy, transaction


def status(key: ChargerKey, connector_id: int = 1, said: str = "Available") -> ConnectorStatus:
    return ConnectorStatus(
        key=key,
        evse_id=1,
        connector_id=connector_id,
        status=said,
        error_code="NoError",
        payload=b'{"status":"%s"}' % said.encode(),
        updated_at=NOON,
    )


def note(storage: Storage, said: ConnectorStatus) -> None:
    storage.chargers.note_status(
        said.key, said.evse_id, said.connector_id, said.status, said.payload, said.error_code
    )


async def boot(storage: Storage, vendor: str | None, serial: str | None, payload: bytes) -> None:
    await storage.chargers.note_boot(
        ALICE,
        vendor_name=vendor,
        model_name=None,
        serial_number=serial,
        firmware_version=payload.decode(),
        boot_payload=payload,
    )


# ---- enrolment ----


async def test_a_charger_comes_back_as_it_was_enrolled(storage: Storage) -> None:
    enrolled = replace(
        charger(BOB),
        vendor_name="ABB",
        model_name="Terra AC",
        serial_number="1",
        security_profile=2,
        allowed_versions=("ocpp1.6", "ocpp2.0.1"),
    )

    assert await storage.chargers.enroll(enrolled, None) is None

    assert await storage.chargers.get(BOB) == enrolled


async def test_chargers_are_counted_by_their_security_profile(storage: Storage) -> None:
    before = await storage.chargers.profiles()
    await storage.chargers.enroll(replace(charger(BOB), security_profile=0), None)

    assert await storage.chargers.profiles() == {**before, 0: before.get(0, 0) + 1}


async def test_a_charger_and_its_proxy_are_enrolled_together(storage: Storage) -> None:
    configuration = await storage.chargers.enroll(charger(BOB), proxy(BOB))

    assert configuration is not None
    assert configuration == replace(proxy(BOB), id=configuration.id)
    assert await storage.proxy_configurations.for_charger(BOB) == configuration


async def test_a_charger_that_is_enrolled_already_is_a_conflict(storage: Storage) -> None:
    with pytest.raises(Conflict):
        await storage.chargers.enroll(charger(ALICE), proxy(ALICE))

    assert await storage.proxy_configurations.for_charger(ALICE) is None


async def test_with_a_proxy_that_cannot_be_stored_the_charger_is_not_enrolled(
    storage: Storage,
) -> None:
    with pytest.raises(StorageError):
        await storage.chargers.enroll(charger(BOB), proxy(ChargerKey(ORGANIZATION, "CP-NOBODY")))

    assert await storage.chargers.get(BOB) is None


async def test_chargers_of_an_organization_that_does_not_exist_are_refused(
    storage: Storage,
) -> None:
    with pytest.raises(StorageError):
        await storage.chargers.enroll(charger(ChargerKey("unknown", "CP-1")), None)


async def test_a_charger_is_found_in_its_own_organization_only(storage: Storage) -> None:
    assert await storage.chargers.get(ChargerKey("unknown", ALICE.charge_box_id)) is None


async def test_chargers_are_listed_page_by_page(storage: Storage) -> None:
    names = [f"CP-{number:03}" for number in range(5)]
    for name in reversed(names):
        await storage.chargers.enroll(charger(ChargerKey(ORGANIZATION, name)), None)

    async def page(after: str | None) -> list[str]:
        found = await storage.chargers.list(ORGANIZATION, 3, after)
        return [each.key.charge_box_id for each in found]

    assert await page(None) == names[:3]
    assert await page(names[2]) == [*names[3:], ALICE.charge_box_id]
    assert await page(ALICE.charge_box_id) == []


# ---- changes ----


async def test_named_fields_change_and_the_others_stay(storage: Storage) -> None:
    before = await storage.chargers.get(ALICE)
    assert before

    changed = await storage.chargers.update(
        ALICE, charger_name="Back door", allowed_versions=("ocpp1.6",)
    )

    expected = replace(before, charger_name="Back door", allowed_versions=("ocpp1.6",))
    assert changed == expected
    assert await storage.chargers.get(ALICE) == expected


@pytest.mark.postgresql_only("on SQLite nobody writes meanwhile")
async def test_what_a_charger_tells_while_it_is_changed_stays(
    storage: Storage, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = meanwhile_of(url, monkeypatch)
    meanwhile(lambda: boot(storage, "ABB", "1", b"1.0"))

    await storage.chargers.update(ALICE, charger_name="Front door")
    await storage.group.flush()

    stored = await storage.chargers.get(ALICE)
    assert stored is not None
    assert (stored.charger_name, stored.vendor_name) == ("Front door", "ABB")


@pytest.mark.postgresql_only("on SQLite nobody writes meanwhile")
async def test_a_charger_that_is_deleted_while_it_is_changed_is_gone(
    storage: Storage, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = meanwhile_of(url, monkeypatch)
    deleting = meanwhile(lambda: storage.chargers.delete(ALICE))

    await storage.chargers.update(ALICE, charger_name="Front door")

    assert await deleting()
    assert await storage.chargers.get(ALICE) is None


async def test_a_charger_that_is_not_enrolled_cannot_change(storage: Storage) -> None:
    assert await storage.chargers.update(BOB, charger_name="Back door") is None


async def test_who_a_charger_is_cannot_change(storage: Storage) -> None:
    with pytest.raises(TypeError, match="charge_box_id"):
        await storage.chargers.update(ALICE, charge_box_id="CP-BOB")


async def test_a_deleted_charger_leaves_its_history_only(storage: Storage) -> None:
    configuration = await storage.proxy_configurations.create(proxy(ALICE))
    note(storage, status(ALICE))
    storage.id_pairs.note(configuration.id, "transaction", "1", "9")
    storage.transactions.note_started(transaction(ALICE))
    storage.journal.append(ALICE, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", b"[2]")
    await storage.group.flush()

    assert await storage.chargers.delete(ALICE)

    assert await storage.chargers.get(ALICE) is None
    assert await storage.chargers.connectors(ALICE) == []
    assert await storage.proxy_configurations.for_charger(ALICE) is None
    assert await storage.proxy_configurations.cursor(configuration.id) is None
    assert await storage.id_pairs.theirs(configuration.id, "transaction", "1") is None
    assert await storage.transactions.get(ALICE, "4711") is not None
    assert len(await storage.journal.read_calls(ALICE, 0, 10)) == 1
    assert not await storage.chargers.delete(ALICE)


# ---- what a charger tells ----


async def test_the_first_boot_fills_what_is_empty_and_later_ones_do_not(storage: Storage) -> None:
    await boot(storage, "ABB", None, b"1.0")
    await boot(storage, "Mallory", "4711", b"2.0")

    found = await storage.chargers.get(ALICE)

    assert found
    assert (found.vendor_name, found.serial_number) == ("ABB", "4711")
    assert (found.firmware_version, found.boot_payload) == ("2.0", b"2.0")


async def test_coming_and_going_is_noted(storage: Storage) -> None:
    times = [NOON + timedelta(minutes=number) for number in range(3)]

    storage.chargers.note_connected(ALICE, times[0], "2.0.1")
    storage.chargers.note_seen(ALICE, times[1])
    await storage.group.flush()
    online = await storage.chargers.get(ALICE)
    await storage.chargers.note_disconnected(ALICE, times[2], 1001, "going away")
    offline = await storage.chargers.get(ALICE)

    assert online
    assert (online.ocpp_version, online.last_seen, online.last_disconnect) == (
        "2.0.1",
        times[1],
        None,
    )
    assert offline
    assert (offline.last_seen, offline.last_disconnect) == (times[2], times[2])
    assert (offline.last_close_code, offline.last_close_reason) == (1001, "going away")


async def test_the_latest_status_of_each_connector_counts(storage: Storage) -> None:
    for said in (status(ALICE, 2), status(ALICE, 1), status(ALICE, 2, "Charging")):
        note(storage, said)
    await storage.group.flush()

    assert await storage.chargers.connectors(ALICE) == [
        status(ALICE, 1),
        status(ALICE, 2, "Charging"),
    ]


async def test_the_status_of_a_charger_that_is_gone_is_dropped_in_silence(
    storage: Storage,
) -> None:
    note(storage, status(BOB))
    await storage.group.flush()

    assert await storage.chargers.connectors(BOB) == []


async def test_the_connectors_of_a_page_of_chargers_come_together(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    between = ChargerKey(ORGANIZATION, "CP-AMY")
    await storage.chargers.enroll(charger(between), None)
    for key in (ALICE, BOB, between):
        note(storage, status(key))
    await storage.group.flush()

    found = await storage.chargers.connectors_of(
        ORGANIZATION, [BOB.charge_box_id, ALICE.charge_box_id]
    )

    assert found == {BOB.charge_box_id: [status(BOB)], ALICE.charge_box_id: [status(ALICE)]}
    assert await storage.chargers.connectors_of(ORGANIZATION, []) == {}


async def test_who_was_seen_lately_is_gone_through_page_by_page(storage: Storage) -> None:
    keys = [ChargerKey(ORGANIZATION, f"CP{number}") for number in range(5)]
    for key in keys:
        await storage.chargers.enroll(charger(key), None)
        await storage.chargers.note_connected(key, NOON, "1.6", f"192.0.2.{key.charge_box_id[2:]}")
    await storage.chargers.note_connected(keys[3], NOON - timedelta(days=2), "1.6", "192.0.2.3")
    await storage.chargers.note_connected(BOB, NOON, "1.6", "192.0.2.9")  # nobody's

    found = [seen async for seen in storage.chargers.recently_seen(NOON, page=2)]

    assert found == [(keys[number], f"192.0.2.{number}", NOON) for number in (0, 1, 2, 4)]
