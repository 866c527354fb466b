from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from csms.security_events import SecurityEvents
from storage.records import ChargerKey
from storage.store import Storage, open_storage
from tests.storage.doubles import HandClock

KEY = ChargerKey("A", "CP-1")
STRANGER = "address:192.0.2.7"


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, HandClock()) as storage:
        yield storage


async def told(storage: Storage) -> list[tuple[str, object]]:
    await storage.group.flush()
    entries = reversed(await storage.audit.list("A"))
    return [(entry.action, entry.details.get("left_out")) for entry in entries]


async def test_an_event_is_a_row_of_the_audit(storage: Storage) -> None:
    SecurityEvents(storage.audit, HandClock()).note(KEY, "InvalidCredentials", STRANGER, why="user")

    await storage.group.flush()
    (entry,) = await storage.audit.list("A")

    assert (entry.category, entry.actor, entry.result) == ("security", STRANGER, "refused")
    assert (entry.charge_box_id, entry.details) == ("CP-1", {"why": "user"})


async def test_who_repeats_himself_is_counted(storage: Storage) -> None:
    seconds = [0.0]
    events = SecurityEvents(
        storage.audit, HandClock(), rows_per_window=2, monotonic=lambda: seconds[0]
    )

    for _ in range(5):
        events.note(KEY, "InvalidCredentials", STRANGER)
    events.note(KEY, "SettingSystemTime", "charger:CP-1")
    seconds[0] = 61.0
    events.note(KEY, "InvalidCredentials", STRANGER)

    refused = "InvalidCredentials"
    expected = [(refused, None), (refused, None), ("SettingSystemTime", None), (refused, 3)]
    assert await told(storage) == expected


async def test_made_up_names_are_counted_as_one_and_real_ones_are_not(storage: Storage) -> None:
    events = SecurityEvents(storage.audit, HandClock(), rows_per_window=2, monotonic=lambda: 0.0)

    for number in range(5):
        events.note_stranger(ChargerKey("A", f"X-{number}"), "UnknownCharger", f"address:{number}")
    events.note(KEY, "UnknownCharger", STRANGER)

    await storage.group.flush()
    entries = reversed(await storage.audit.list("A"))
    assert [(entry.charge_box_id, entry.actor) for entry in entries] == [
        ("X-0", "address:0"),
        ("X-1", "address:1"),
        ("CP-1", STRANGER),
    ]


async def test_as_many_addresses_as_a_stranger_has_fill_no_disk(storage: Storage) -> None:
    seconds = [0.0]
    events = SecurityEvents(storage.audit, HandClock(), rows_of_all=3, monotonic=lambda: seconds[0])

    for number in range(5):
        events.note(KEY, "InvalidCredentials", f"address:{number}")
    events.note(ChargerKey("A", "CP-2"), "InvalidCredentials", STRANGER)
    seconds[0] = 61.0
    events.note(KEY, "InvalidCredentials", STRANGER)

    assert [left_out for _, left_out in await told(storage)] == [None, None, None, None, 2]


async def test_as_many_names_as_a_stranger_likes_take_no_more_room(storage: Storage) -> None:
    events = SecurityEvents(storage.audit, HandClock(), most_kept=3)

    for number in range(10):
        events.note(ChargerKey("A", f"CP-{number}"), "InvalidCredentials", STRANGER)

    assert (len(events._each), len(events._all)) == (3, 3)
