"""The fleet overview: every charger in one row, and what changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from api.errors import NotFound
from api.fleet_rows import FleetRow, FleetRows
from api.fleet_watch import FLEETS
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import NoQuery
from api.schemas.fleet import ChargersEvent, Fleet, FleetQuery
from api.schemas.messages import EndEvent
from api.streams import Source, event, stream

BASE = "/api/v1/organizations/{organization_uuid}/fleet"
TAG = "Fleet"
EVENTS = {"chargers": ChargersEvent(), "end": EndEvent()}


@route("GET", BASE, tag=TAG, scope="read", query=FleetQuery(), answer=Fleet())
async def list_fleet(request: Request) -> Mapping[str, Any]:
    """List the organization's chargers in short: state, power, and the link to the target."""
    rows, named = FleetRows(request.parts), request.query["charge_box_id"]
    if named is not None:
        return {"chargers": await _one(rows, request, named), "next_cursor": None}
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    found = await rows.page(request.organization_uuid, limit + 1, after or "")
    chargers, next_cursor = page(found, limit, lambda row: row["charge_box_id"])
    return {"chargers": chargers, "next_cursor": next_cursor}


@route(
    "GET",
    BASE + "/stream",
    tag=TAG,
    scope="read",
    query=NoQuery(),
    answer=None,
    events=EVENTS,
)
async def stream_fleet(request: Request) -> web.StreamResponse:
    """Tell what changes of the fleet: whole rows, once a second at most.

    The first event comes at once and is empty: from then on nothing is missed, so read the fleet
    after it. Rows of one second may come in several events.
    """
    return await stream(request.http, _changes(request))


async def _changes(request: Request) -> Source:
    async with request.http.app[FLEETS].watch(request.organization_uuid) as watcher:
        async for change in watcher.changes():
            yield event("chargers", change)


async def _one(rows: FleetRows, request: Request, charge_box_id: str) -> list[FleetRow]:
    found = [
        row async for some in rows.among(request.organization_uuid, [charge_box_id]) for row in some
    ]
    if not found:
        raise NotFound
    return found
