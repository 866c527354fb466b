"""When a charger was connected, and how each connection ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from api.chargers import BASE, TAG, stored_charger
from api.pages import foreign_cursor, page, read_cursor
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.connection_history import PastConnections
from csms.registry import Connection
from storage.history_records import Visit

_COUNTED = ("frames_received", "frames_sent", "bytes_received", "bytes_sent")


@route(
    "GET",
    BASE + "/{charge_box_id}/connections",
    tag=TAG,
    scope="read",
    query=PageQuery(),
    answer=PastConnections(),
)
async def list_connections(request: Request) -> Mapping[str, Any]:
    """List a charger's connections, newest first: since when and until, and how each ended.

    The newest thousand are kept, as long as messages are. Who was refused at the door is in
    `security_events`.
    """
    charger = await stored_charger(request)
    limit, before = request.query["limit"], _before(request)
    found = await request.parts.storage.visits.page(charger.key, limit + 1, before)
    visits, next_cursor = page(found, limit, lambda visit: visit.since.isoformat())
    live = request.parts.registry.find(charger.key)
    return {"connections": [_shown(visit, live) for visit in visits], "next_cursor": next_cursor}


def _before(request: Request) -> datetime | None:
    place = read_cursor(request.query["cursor"], str)
    try:
        return None if place is None else datetime.fromisoformat(place).astimezone(UTC)
    except (ValueError, OverflowError):
        raise foreign_cursor() from None


def _shown(visit: Visit, live: Connection | None) -> Mapping[str, Any]:
    shown = asdict(visit)
    if visit.until is None and live is not None and live.since == visit.since:
        traffic = live.link.traffic
        shown |= {name: getattr(traffic, name) for name in _COUNTED}
    return shown
