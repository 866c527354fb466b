"""Charging stations: the same chargers, as the operations API of seed 002 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.chargers import page_of_chargers, shown_charger
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.stations import OneStation, Stations
from api.truth import with_truth

BASE = "/api/chargingStations"
STATION = BASE + "/{stationId}"
TAG = "Charging stations"


@route("GET", BASE, tag=TAG, scope="read", query=PageQuery(), answer=Stations())
async def list_stations(request: Request) -> Mapping[str, Any]:
    """List the charging stations of the key's organization."""
    stations, next_cursor = await page_of_chargers(request)
    shown = await with_truth(request, stations)
    return {"charging_stations": shown, "next_cursor": next_cursor}


@route("GET", STATION, tag=TAG, scope="read", answer=OneStation())
async def get_station(request: Request) -> Mapping[str, Any]:
    """Show a charging station, its connectors, its running transactions and what limits it."""
    (station,) = await with_truth(request, [await shown_charger(request)])
    return {"charging_station": station}
