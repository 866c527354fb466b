"""Charging stations: the chargers, as seed 002 names things."""

from __future__ import annotations

from tests.api.conftest import Api, Connect


async def test_stations_are_listed_in_camel_case(api: Api, connect: Connect) -> None:
    for name in ("CP-1", "CP-2"):
        await api.enrol(name, vendor_name="ABB")
    await connect("CP-2", "2.0.1")
    body = await api.get("/api/chargingStations")

    assert list(body) == ["chargingStations", "nextCursor"]
    assert [(each["stationId"], each["connected"]) for each in body["chargingStations"]] == [
        ("CP-1", False),
        ("CP-2", True),
    ]
    assert body["chargingStations"][0] == {
        "stationId": "CP-1",
        "name": "CP-1",
        "vendorName": "ABB",
        "modelName": None,
        "serialNumber": None,
        "firmwareVersion": None,
        "ocppVersion": None,
        "connected": False,
        "lastSeen": None,
        "lastDisconnect": None,
        "connectors": [],
        "runningTransactions": [],
        "effectiveLimit": None,
        "obeys": "unknown",
        "evses": [],
        "powerLimits": [],
        "reportedLimits": [],
    }


async def test_one_station_is_shown_as_in_the_list(api: Api) -> None:
    await api.enrol()
    one = await api.get("/api/chargingStations/CP-1")

    assert [one["chargingStation"]] == (await api.get("/api/chargingStations"))["chargingStations"]


async def test_stations_come_page_by_page(api: Api) -> None:
    for name in ("CP-1", "CP-2"):
        await api.enrol(name)
    first = await api.get("/api/chargingStations?limit=1")
    rest = await api.get(f"/api/chargingStations?cursor={first['nextCursor']}")

    assert [each["stationId"] for each in rest["chargingStations"]] == ["CP-2"]


async def test_an_unknown_station_is_not_found(api: Api) -> None:
    for path in ("", "/transactions", "/commands/1"):
        got = await api("GET", f"/api/chargingStations/CP-1{path}")
        assert got.error == (404, "not_found")
