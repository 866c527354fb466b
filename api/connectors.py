"""Data connectors: list, create, show, change, delete, and how they are (seed 000)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api.connector_checks import check_reach, checked
from api.errors import NotFound, Taken, Unavailable
from api.mending import MendingParser, unquoted
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.connectors import (
    ConnectorChange,
    ConnectorRequest,
    Connectors,
    ConnectorTest,
    OneConnector,
    OneConnectorStatus,
)
from storage.errors import Conflict
from storage.records import SinkRecord
from storage.sink_options import SinkOptions

BASE = "/api/orgs/{organization_uuid}/connectors"
ONE = BASE + "/{connector_id}"
TAG = "Data connectors"
MOST = 100  # of an organization: each reads the log for itself


@route("GET", BASE, tag=TAG, scope="read", query=PageQuery(), answer=Connectors())
async def list_connectors(request: Request) -> Mapping[str, Any]:
    """List the organization's data connectors."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    found = await request.parts.storage.sinks.list(request.organization_uuid, limit + 1, after)
    items, next_cursor = page(found, limit, lambda sink: sink.id)
    message = "Connector configurations retrieved successfully"
    return {"connectors": items, "message": message, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="operate",
    body=ConnectorRequest(),
    answer=OneConnector(),
    status=201,
    errors=(409,),
    parser=MendingParser(unquoted),
)
async def create_connector(request: Request) -> Mapping[str, Any]:
    """Stream the message log to a store of your own, from now on or from its beginning."""
    await check_reach(request.body, request.parts.outside)
    sink = _new(request)
    earliest = SinkOptions.of(sink.configuration).start == "earliest"
    stored = request.parts.storage.sinks
    async with request.parts.commissioning.changing:
        if await stored.count(sink.organization_uuid) >= MOST:
            raise Taken(f"There are {MOST} connectors already, which is the most: delete one.")
        try:
            await stored.create(sink, earliest=earliest)
        except Conflict:
            raise _taken() from None
    await request.parts.exports.configure(sink.organization_uuid, sink.id)
    return _told("created", sink)


@route("GET", ONE, tag=TAG, scope="read", answer=OneConnector())
async def get_connector(request: Request) -> Mapping[str, Any]:
    """Show one data connector."""
    return _told("retrieved", await _stored(request))


@route(
    "PUT",
    ONE,
    tag=TAG,
    scope="operate",
    body=ConnectorChange(partial=True),
    answer=OneConnector(),
    errors=(409,),
    parser=MendingParser(unquoted),
)
async def change_connector(request: Request) -> Mapping[str, Any]:
    """Change the fields that are given, each as a whole; the type cannot change.

    It takes effect at once; an object that is begun is finished under its name.
    """
    async with request.parts.commissioning.changing:
        old = await _stored(request)
        given = await checked(request.body, old, request.parts.outside)
        new = replace(old, **given, updated_at=request.parts.clock.now())
        try:
            if not await request.parts.storage.sinks.replace(new):
                raise NotFound  # deleted a moment ago
        except Conflict:
            raise _taken() from None
    await request.parts.exports.configure(new.organization_uuid, new.id)
    return _told("updated", new)


@route("DELETE", ONE, tag=TAG, scope="operate", answer=Done())
async def delete_connector(request: Request) -> Mapping[str, Any]:
    """Delete a data connector, which ends its stream at once; its objects stay where they are."""
    named = request.organization_uuid, request.path["connector_id"]
    if not await request.parts.storage.sinks.delete(*named):
        raise NotFound
    await request.parts.exports.configure(*named)
    return {"message": "Connector configuration deleted successfully"}


@route("GET", ONE + "/status", tag=TAG, scope="read", answer=OneConnectorStatus())
async def get_connector_status(request: Request) -> Mapping[str, Any]:
    """Show how a data connector is: how far it has got, how far it is behind, and why."""
    status = await request.parts.exports.status(await _stored(request))
    done = status.progress
    return {
        "status": {
            "state": status.state,
            "last_delivered_seq": done.position if done.objects else None,
            "last_delivered_at": done.delivered_at,
            "lag_records": status.lag_records,
            "lag_seconds": status.lag_seconds,
            "last_error": status.last_error,
            "last_error_at": status.last_error_at,
            "objects_written": done.objects,
            "records_written": done.records,
            "bytes_written": done.bytes,
        }
    }


@route("POST", ONE + "/test", tag=TAG, scope="operate", answer=ConnectorTest())
async def test_connector(request: Request) -> Mapping[str, Any]:
    """Store one object, remove it, and tell what happened.

    It works also while the connector is disabled. One that is in trouble and can store this object
    goes on at once.
    """
    sink, testing = await _stored(request), request.parts.testing
    if sink.id in testing:
        raise Unavailable("This connector is being tested; wait for what comes of it.")
    testing.add(sink.id)
    try:
        steps = await request.parts.exports.test(sink)
    finally:
        testing.remove(sink.id)
    told = _OUTCOMES[steps[-1].step, steps[-1].ok]
    return {"ok": steps[-1].ok, "message": told.format(steps[-1].detail), "steps": steps}


# What a test comes to, by its last step.
_OUTCOMES: Mapping[tuple[str, bool], str] = {
    ("put", False): "{}",
    ("delete", False): "Records can be stored; only the object of this test is left: {}",
    ("delete", True): "An object was stored and removed.",
}


async def _stored(request: Request) -> SinkRecord:
    found = await request.parts.storage.sinks.get(
        request.organization_uuid, request.path["connector_id"]
    )
    if found is None:
        raise NotFound
    return found


def _new(request: Request) -> SinkRecord:
    now = request.parts.clock.now()
    return SinkRecord(
        id=request.parts.new_id(),
        organization_uuid=request.organization_uuid,
        token_key=secrets.token_hex(32),
        inserted_at=now,
        updated_at=now,
        **request.body,
    )


def _taken() -> Taken:
    told = "A connector of this name exists already."
    return Taken(told, fields_={"name": [told]})


def _told(done: str, sink: SinkRecord) -> Mapping[str, Any]:
    return {"message": f"Connector configuration {done} successfully", "connector": sink}
