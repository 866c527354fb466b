"""Chargers are read for an overview in pages or anywhere, each with what is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from storage.records import Charger, ChargerKey, MeterValue, ProxyConfiguration, Transaction
from storage.repositories import fleet
from storage.repositories.fleet import Seen
from storage.store import Storage, open_storage
from tests.storage.doubles import ADD, NOON, ORGANIZATION, HandClock, row

NAMES = [f"CP-{number:02d}" for number in range(12)]


def key(name: str) -> ChargerKey:
    return ChargerKey(ORGANIZATION, name)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """Twelve chargers, of which every third has a target and the fourth charges."""
    async with open_storage(tmp_path, HandClock()) as storage:
        await storage.database.execute(ADD, row(ORGANIZATION))
        for place, name in enumerate(NAMES):
            known = {"charger_name": name, "password_digest": b"", "created_at": NOON}
            charger = Charger(key=key(name), **known)  # type: ignore[arg-type] # each is its own
            target = _target(name) if place % 3 == 0 else None
            await storage.chargers.enroll(charger, target)
            storage.chargers.note_status(key(name), 1, place, "Available", b"{}", "NoError")
        _charges(storage, NAMES[4])
        await storage.journal.flush()
        yield storage


def _target(name: str) -> ProxyConfiguration:
    return ProxyConfiguration(
        key=key(name),
        target_platform_identifier=f"for {name}",
        target_websocket_url="wss://example.com",
        target_authentication_method="None",
        created_at=NOON,
        updated_at=NOON,
    )


def _charges(storage: Storage, name: str) -> None:
    for id, state in (("old", "ended"), ("new", "running")):
        storage.transactions.note_started(
            Transaction(
                key=key(name),
                transaction_id=id,
                evse_id=1,
                started_at=NOON,
                start_timestamp="",
                state=state,  # type: ignore[arg-type] # one of its words
            )
        )
    for minute in range(6):
        at = NOON + timedelta(minutes=minute)
        value = MeterValue(key(name), "new", 1, at, "Voltage", float(minute), "V")
        storage.transactions.note_meter_values([value])


def check(found: Sequence[Seen]) -> list[str]:
    """Assert that each has what is its own, and return their names."""
    for seen in found:
        name = seen.charger["charge_box_id"]
        place = NAMES.index(name)
        assert [plug["connector_id"] for plug in seen.connectors] == [place]
        target = seen.charger["target_platform_identifier"]
        assert target == (None if place % 3 else f"for {name}")
        running = [each["transaction_id"] for each in seen.running]
        assert running == (["new"] if place == 4 else [])
    return [seen.charger["charge_box_id"] for seen in found]


@pytest.mark.parametrize(
    ("limit", "after", "expected"),
    [(100, "", NAMES), (5, "", NAMES[:5]), (4, "CP-05", NAMES[6:10]), (9, "CP-99", [])],
)
async def test_a_page_is_in_order(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, limit: int, after: str, expected: list[str]
) -> None:
    monkeypatch.setattr(fleet, "_AT_ONCE", 3)
    pages = [page async for page in storage.fleet.page(ORGANIZATION, limit, after)]

    assert all(len(page) <= 3 for page in pages)
    assert check([seen for page in pages for seen in page]) == expected


async def test_some_are_read_wherever_they_are(storage: Storage) -> None:
    wanted = {"CP-00", "CP-04", "CP-11", "CP-99"}
    [found] = [some async for some in storage.fleet.among(ORGANIZATION, wanted)]

    assert sorted(check(found)) == ["CP-00", "CP-04", "CP-11"]


async def test_what_was_measured_last_comes_along(storage: Storage) -> None:
    [[seen]] = [some async for some in storage.fleet.among(ORGANIZATION, ["CP-04"])]
    [running] = seen.running
    [in_full] = (await storage.fleet.in_full(ORGANIZATION, ["CP-04"]))["CP-04"]

    assert [[one["value"] for one in samples] for samples in running["newest"]] == [[5.0]]
    assert [samples[0]["value"] for samples in in_full["newest"]] == [5.0, 4.0, 3.0, 2.0]


async def test_another_organization_sees_nothing(storage: Storage) -> None:
    assert [page async for page in storage.fleet.page("another", 10)] == []
    assert [some async for some in storage.fleet.among("another", NAMES)] == [[]]
