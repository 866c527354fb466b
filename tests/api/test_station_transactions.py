"""A station's transactions, and one with its meter values, in camelCase."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.records import MeterValue
from tests.api.conftest import Api
from tests.api.test_transactions import ids, ledger

__all__ = ["ledger"]  # a fixture


@pytest.mark.usefixtures("ledger")
async def test_a_station_shows_its_own_in_camel_case(api: Api) -> None:
    body = await api.get("/api/chargingStations/CP-1/transactions?limit=1")
    rest = await api.get(
        f"/api/chargingStations/CP-1/transactions?limit=1&cursor={body['nextCursor']}"
    )

    assert body["transactions"] == [
        {
            "transactionId": "12",
            "evseId": 1,
            "connectorId": 1,
            "idToken": "T-1",
            "startedAt": "2026-11-21T10:02:00.000Z",
            "stoppedAt": None,
            "meterStartWh": 1000.0,
            "meterStopWh": None,
            "energyWh": None,
            "state": "running",
            "stopReason": None,
            "endedBy": None,
            "stopAskedAt": None,
            "doubts": [],
        }
    ]
    assert (ids(rest, "transactionId"), rest["nextCursor"]) == (["11"], None)


# ---- one of a station ----


async def measure(api: Api, count: int) -> None:
    for number in range(count):
        value = MeterValue(
            key=api.charger_key("CP-1"),
            transaction_id="12",
            evse_id=1,
            taken_at=api.clock.now(),
            measurand="Power.Active.Import",
            value=float(number),
            unit="W",
        )
        await api.storage.transactions.note_meter_values([value, value])


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("half", ["/api/v1", "/api/chargingStations"])
async def test_its_meter_values_come_message_by_message(api: Api, half: str) -> None:
    await measure(api, 5)
    v1 = half == "/api/v1"
    base = f"{api.organization}/transactions/12" if v1 else f"{half}/CP-1/transactions/12"
    values, following = ("meter_values", "next_cursor") if v1 else ("meterValues", "nextCursor")

    seen: list[list[int]] = []
    cursor: str | None = ""
    while cursor is not None:
        body = await api.get(f"{base}?limit=2{cursor and f'&cursor={cursor}'}")
        seen.append([int(one["value"]) for one in body["transaction"][values]])
        cursor = body[following]

    assert seen == [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4]]


@pytest.mark.usefixtures("ledger")
async def test_it_shows_what_came_along_with_its_start(api: Api) -> None:
    found = await api.storage.transactions.get(api.charger_key("CP-1"), "12")
    assert found
    asked = {
        "contractId": "DE-ABC",
        "authorizationReference": "REF-1",
        "emspCountryCode": "DE",
        "ocpiConnectionProfileId": "7",
        "vehicleIdentification": {"vin": "X"},
    }
    await api.storage.transactions.note_changed(replace(found, remote_start=asked))

    shown = (await api.get("/api/chargingStations/CP-1/transactions/12"))["transaction"]

    assert {name: shown[name] for name in asked} == asked
    assert (shown["emspPartyId"], shown["transactionId"], shown["energyWh"]) == (None, "12", None)
    plain = (await api.get(f"{api.organization}/transactions/12"))["transaction"]
    assert plain["authorization_reference"] == "REF-1"


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("path", ["CP-1/transactions/21", "CP-9/transactions/12"])
async def test_another_station_s_is_not_found(api: Api, path: str) -> None:
    assert (await api("GET", f"/api/chargingStations/{path}")).error == (404, "not_found")
