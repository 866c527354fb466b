"""Transactions, newest first, in both halves of the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.records import MeterValue, Transaction
from tests.api.conftest import Api


async def note(api: Api, charge_box_id: str, transaction_id: str, minute: int) -> None:
    started_at = api.clock.now() + timedelta(minutes=minute)
    transaction = Transaction(
        key=api.charger_key(charge_box_id),
        transaction_id=transaction_id,
        evse_id=1,
        connector_id=1,
        id_token="T-1",
        started_at=started_at,
        meter_start_wh=1000.0,
        start_timestamp=started_at.isoformat(),
    )
    await api.storage.transactions.note_started(transaction)


async def end(api: Api, charge_box_id: str, transaction_id: str) -> None:
    found = await api.storage.transactions.get(api.charger_key(charge_box_id), transaction_id)
    assert found
    ended = replace(
        found,
        state="ended",
        stopped_at=api.clock.now() + timedelta(hours=1),
        meter_stop_wh=1500.5,
        energy_wh=500.5,
        stop_reason="Local",
        ended_by="operator",
        stop_asked_at=api.clock.now(),
        doubts=("clock_ahead",),
    )
    await api.storage.transactions.note_changed(ended)


@pytest.fixture
async def ledger(api: Api) -> None:
    for name in ("CP-1", "CP-2"):
        await api.enrol(name)
    for minute, (name, transaction_id) in enumerate(
        [("CP-1", "11"), ("CP-2", "21"), ("CP-1", "12"), ("CP-2", "11")]
    ):
        await note(api, name, transaction_id, minute)
    await end(api, "CP-1", "11")


def ids(body: dict[str, list[dict[str, str]]], name: str = "transaction_id") -> list[str]:
    return [transaction[name] for transaction in body["transactions"]]


@pytest.mark.usefixtures("ledger")
async def test_an_organization_sees_all_of_its_own_newest_first(api: Api) -> None:
    body = await api.get(f"{api.organization}/transactions")

    assert list(body) == ["success", "transactions", "next_cursor"]
    assert ids(body) == ["11", "12", "21", "11"]
    theirs = await api.neighbour()
    assert ids(await theirs.get(f"{theirs.organization}/transactions")) == []


@pytest.mark.usefixtures("ledger")
async def test_they_come_page_by_page_and_by_charger(api: Api) -> None:
    path = f"{api.organization}/transactions"
    first = await api.get(f"{path}?limit=3")
    rest = await api.get(f"{path}?limit=3&cursor={first['next_cursor']}")

    assert (ids(first), ids(rest), rest["next_cursor"]) == (["11", "12", "21"], ["11"], None)
    assert ids(await api.get(f"{path}?charge_box_id=CP-1")) == ["12", "11"]


@pytest.mark.usefixtures("ledger")
async def test_a_cursor_of_something_that_is_not_there_is_refused(api: Api) -> None:
    path = f"{api.organization}/transactions"
    cursor = (await api.get(f"{path}?limit=1"))["next_cursor"]
    theirs = await api.neighbour()

    got = await theirs("GET", f"{theirs.organization}/transactions?cursor={cursor}")
    assert got.fields == {"cursor"}


@pytest.mark.usefixtures("ledger")
async def test_one_is_shown_with_its_meter_values(api: Api) -> None:
    value = MeterValue(
        key=api.charger_key("CP-1"),
        transaction_id="12",
        evse_id=1,
        taken_at=api.clock.now(),
        measurand="Power.Active.Import",
        value=7400.0,
        unit="W",
        phase="L1",
    )
    await api.storage.transactions.note_meter_values([value])
    shown = (await api.get(f"{api.organization}/transactions/12"))["transaction"]

    assert (shown["charge_box_id"], shown["state"]) == ("CP-1", "running")
    assert shown["meter_values"] == [
        {
            "timestamp": "2026-11-21T10:00:00.000Z",
            "measurand": "Power.Active.Import",
            "value": 7400.0,
            "unit": "W",
            "phase": "L1",
            "context": None,
            "location": None,
        }
    ]


@pytest.mark.usefixtures("ledger")
async def test_an_ended_one_says_how_it_ended(api: Api) -> None:
    shown = (await api.get(f"{api.organization}/transactions?charge_box_id=CP-1"))["transactions"][
        1
    ]

    assert (shown["state"], shown["stop_reason"], shown["energy_wh"]) == ("ended", "Local", 500.5)
    assert shown["stopped_at"] == "2026-11-21T11:00:00.000Z"
    assert (shown["ended_by"], shown["doubts"]) == ("operator", ["clock_ahead"])
    assert shown["stop_asked_at"] == "2026-11-21T10:00:00.000Z"


@pytest.mark.usefixtures("ledger")
async def test_an_unknown_transaction_is_not_found(api: Api) -> None:
    got = await api("GET", f"{api.organization}/transactions/99")

    assert got.error == (404, "not_found")


# ---- what is wanted ----


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=running", ["12"]),
        ("state=ended", ["11"]),
        ("state=orphan", []),
        ("since=2026-11-21T10:01:00Z", ["12"]),
        ("until=2026-11-21T10:01:00Z", ["11"]),
        ("since=2026-11-21T10:00:00Z&until=2026-11-21T10:02:00Z", ["11"]),
    ],
)
async def test_only_what_is_wanted_is_listed(api: Api, query: str, expected: list[str]) -> None:
    station = await api.get(f"/api/chargingStations/CP-1/transactions?{query}&evseId=1")
    others = await api.get(f"/api/chargingStations/CP-1/transactions?{query}&evseId=2")
    all_of = await api.get(f"{api.organization}/transactions?{query}&evse_id=1&charge_box_id=CP-1")

    assert ids(station, "transactionId") == ids(all_of) == expected
    assert ids(others, "transactionId") == []


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("query", ["state=over", "since=yesterday", "evse_id=-1"])
async def test_what_cannot_be_wanted_is_refused(api: Api, query: str) -> None:
    got = await api("GET", f"{api.organization}/transactions?{query}")

    assert got.fields == {query.partition("=")[0]}
