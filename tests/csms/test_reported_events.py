"""Security events that chargers report are rows of the audit, and critical ones are marked."""

from __future__ import annotations

import pytest

from csms.books import open_books
from csms.reported_events import CRITICAL, UNKNOWN, hearing
from csms.security_events import SecurityEvents
from storage.records import AuditEntry
from storage.store import Storage
from tests.csms.desk import Desk, accepted
from tests.storage.doubles import ALICE, ORGANIZATION

pytestmark = pytest.mark.one_of_each("the row is the same")
AT = "2026-03-01T11:59:59Z"


def reporting(desk: Desk) -> Desk:
    """Return a desk where what is reported is noted."""
    events = SecurityEvents(desk.storage.audit, desk.clock)
    return Desk(
        desk.storage, desk.clock, open_books(desk.storage, desk.clock, hearing=hearing(events))
    )


async def noted(storage: Storage) -> list[AuditEntry]:
    await storage.group.flush()
    return (await storage.audit.list(ORGANIZATION))[::-1]


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_what_is_reported_is_noted(version: str, desk: Desk) -> None:
    fields = {"type": "InvalidMessages", "timestamp": AT, "techInfo": "x" * 255}
    answer = await accepted(reporting(desk).station(version), "SecurityEventNotification", fields)
    (event,) = await noted(desk.storage)

    assert answer == {}
    assert (event.category, event.action, event.result) == (
        "security",
        "InvalidMessages",
        "reported",
    )
    assert event.actor == f"charger:{ALICE.charge_box_id}"
    assert event.charge_box_id == ALICE.charge_box_id
    assert event.details == {"timestamp": AT, "techInfo": "x" * 255}


@pytest.mark.sqlite_only("the row is the same")
async def test_critical_ones_of_the_list_are_marked_and_no_others(desk: Desk) -> None:
    station = reporting(desk).station("2.1")
    for kind in CRITICAL:
        fields = {"type": kind, "timestamp": AT}
        await accepted(station, "SecurityEventNotification", fields)
    rows = await noted(desk.storage)

    assert {row.action: row.details.get("critical", False) for row in rows} == CRITICAL
    assert sum(CRITICAL.values()) == 9


async def test_a_type_that_is_on_no_list_is_noted_under_one_name(desk: Desk) -> None:
    fields = {"type": "Vendor\nEvent", "timestamp": "yesterday", "techInfo": "\x1b[2J"}
    await accepted(reporting(desk).station("2.0.1"), "SecurityEventNotification", fields)
    (event,) = await noted(desk.storage)

    assert event.action == UNKNOWN
    assert event.details == {
        "type": "Vendor\nEvent",
        "timestamp": "yesterday",
        "techInfo": "\x1b[2J",
    }


async def test_who_breaks_the_schema_is_cut_and_noted_all_the_same(desk: Desk) -> None:
    fields = {"type": "T" * 300, "timestamp": 5, "techInfo": "x" * 1000}
    await accepted(reporting(desk).station("2.0.1"), "SecurityEventNotification", fields)
    (event,) = await noted(desk.storage)

    assert event.details == {"type": "T" * 50, "timestamp": "5", "techInfo": "x" * 255}


@pytest.mark.sqlite_only("the rows are counted before they are stored")
async def test_a_flood_with_names_of_its_own_fills_no_audit(desk: Desk) -> None:
    station = reporting(desk).station("1.6")
    for number in range(200):
        fields = {"type": f"Mine-{number}", "timestamp": AT}
        await accepted(station, "SecurityEventNotification", fields)

    assert len(await noted(desk.storage)) == 10
