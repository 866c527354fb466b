"""How a charger is connected, or when it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.chargers import BASE, TAG, last_seen, stored_charger
from api.routing import Request, route
from api.schemas.chargers import OneConnection
from csms.registry import Connection
from storage.records import Charger


@route("GET", BASE + "/{charge_box_id}/connection", tag=TAG, scope="read", answer=OneConnection())
async def get_connection(request: Request) -> Mapping[str, Any]:
    """Show a charger's connection: since when, from where, and what it has carried."""
    charger = await stored_charger(request)
    connection = request.parts.registry.find(charger.key)
    seen = last_seen(charger, connection, request.parts.clock.now())
    return {"connection": {**_shown(charger, connection), "last_seen": seen}}


def _shown(charger: Charger, connection: Connection | None) -> Mapping[str, Any]:
    live = {} if connection is None else _live(connection)
    return {
        "connected": connection is not None,
        "security_profile": charger.security_profile,
        "last_disconnect": charger.last_disconnect,
        "last_close_code": charger.last_close_code,
        "last_close_reason": charger.last_close_reason,
        **dict.fromkeys(_LIVE),
        **live,
    }


_LIVE = (
    "since",
    "remote_address",
    "subprotocol",
    "frames_received",
    "frames_sent",
    "bytes_received",
    "bytes_sent",
)


def _live(connection: Connection) -> Mapping[str, Any]:
    return {
        "since": connection.since,
        "remote_address": connection.remote_address,
        "subprotocol": connection.subprotocol,
        **asdict(connection.link.traffic),
    }
