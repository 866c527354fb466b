"""Connection details (seed 001): store a version for all chargers or for one, and show it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from api.errors import Invalid, NotFound, Taken, about
from api.mending import MendingParser, without_comments
from api.routing import Request, route
from api.schemas.connection_details import (
    ChargerConnectionDetails,
    ChargerConnectionDetailsRequest,
    ConnectionDetails,
    ConnectionDetailsRequest,
    StoredVersion,
    VersionQuery,
)
from api.schemas.organizations import SCOPES
from api.serials import charger_of
from proxy.connection_checks import faults, kept
from storage import commissioning_records as records

TAG = "Commissioning"
OF_OPERATOR = "/local-ocpp/v1/operators/{operatorId}/connection-details"
OF_CHARGER = OF_OPERATOR + "/{serialNumber}"
# Without an operator the key says which one is meant.
OF_OWN_CHARGER = "/local-ocpp/v1/connection-details/{serialNumber}"
_PARSER = MendingParser(without_comments)


@route(
    "POST",
    OF_OPERATOR,
    tag=TAG,
    scope="operate",
    body=ConnectionDetailsRequest(),
    answer=StoredVersion(),
    parser=_PARSER,
)
async def store_default_details(request: Request) -> Mapping[str, Any]:
    """Store a version of connection details for all chargers of the operator.

    Nothing changes for a charger until the version is applied, but that with `applyToNewDevices`
    the latest version is applied to new chargers. A version never changes: what is stored later is
    another one. A `version` in the query is passed over.
    """
    return await _store(request, None)


@route(
    "GET",
    OF_OPERATOR,
    tag=TAG,
    scope="read",
    query=VersionQuery(),
    answer=ConnectionDetails(),
)
async def get_default_details(request: Request) -> Mapping[str, Any]:
    """Show the operator's connection details: the latest version, or the one that is named."""
    details = await _found(request, (None,))
    return _shown(request, details)


@route(
    "POST",
    OF_CHARGER,
    tag=TAG,
    scope="operate",
    body=ChargerConnectionDetailsRequest(),
    answer=StoredVersion(),
    parser=_PARSER,
)
async def store_charger_details(request: Request) -> Mapping[str, Any]:
    """Store a version of connection details for one charger.

    The charger may be unknown as yet: what is stored waits for it, and is applied when it is
    enrolled or boots for the first time.
    """
    return await _store(request, request.path["serialNumber"])


@route(
    "GET",
    OF_CHARGER,
    tag=TAG,
    scope="read",
    query=VersionQuery(),
    answer=ChargerConnectionDetails(),
)
async def get_charger_details(request: Request) -> Mapping[str, Any]:
    """Show a charger's own connection details: the latest version, or the one that is named."""
    return await _shown_of_charger(request)


@route(
    "POST",
    OF_OWN_CHARGER,
    tag=TAG,
    scope="operate",
    body=ChargerConnectionDetailsRequest(),
    answer=StoredVersion(),
    parser=_PARSER,
)
async def store_own_charger_details(request: Request) -> Mapping[str, Any]:
    """Store a version of connection details for one charger of the key's operator."""
    return await _store(request, request.path["serialNumber"])


@route(
    "GET",
    OF_OWN_CHARGER,
    tag=TAG,
    scope="read",
    query=VersionQuery(),
    answer=ChargerConnectionDetails(),
)
async def get_own_charger_details(request: Request) -> Mapping[str, Any]:
    """Show the own connection details of a charger of the key's operator."""
    return await _shown_of_charger(request)


async def _store(request: Request, serial_number: str | None) -> Mapping[str, Any]:
    details = await asyncio.to_thread(_checked, request, _described(request, serial_number))
    return {"version": (await request.parts.storage.connection_details.add(details)).version}


def _described(request: Request, serial_number: str | None) -> records.ConnectionDetails:
    given = dict(request.body)
    del given["version"]
    arguments = given.pop("websocket_connection_args") or {}
    return records.ConnectionDetails(
        version=request.parts.new_id(),
        organization_uuid=request.organization_uuid,
        serial_number=serial_number,
        **given,
        **arguments,
        created_by=request.caller.id,
        created_at=request.parts.clock.now(),
    )


class _Known(NamedTuple):
    """What the charger of a path is called; it may not be there yet."""

    names: tuple[str, ...]
    serial_number: str | None = None


async def _known(request: Request) -> _Known:
    name = request.path["serialNumber"]
    try:
        charger = await charger_of(request)
    except (NotFound, Taken):
        return _Known((name,))
    names = {name, charger.key.charge_box_id, charger.serial_number or name}
    return _Known(tuple(names), charger.serial_number)


def _checked(request: Request, details: records.ConnectionDetails) -> records.ConnectionDetails:
    """Return a version as it is stored; raise Invalid."""
    wrong = faults(details, request.parts.guard, request.parts.clock.now())
    if wrong:
        raise Invalid({name: [reason] for name, reason in wrong.items()})
    pem = details.ca_certificate
    return replace(details, ca_certificate=pem and kept(pem))


async def _found(request: Request, names: Iterable[str | None]) -> records.ConnectionDetails:
    """Return the version that the query asks for, of an operator or of a charger's names."""
    stored, version = request.parts.storage.connection_details, request.query["version"]
    if version is not None:
        named = await stored.get(request.organization_uuid, version)
        if named is None or named.serial_number not in names:
            raise about(
                NotFound, "version", "There are no connection details of this version here."
            )
        return named
    latest = [await stored.latest(request.organization_uuid, name) for name in names]
    if not any(latest):
        raise NotFound("No connection details are stored here yet.")
    return max(filter(None, latest), key=lambda each: each.number)


async def _shown_of_charger(request: Request) -> Mapping[str, Any]:
    known = await _known(request)
    details = await _found(request, known.names)
    used = details.charge_point_id or known.serial_number or details.serial_number
    return {**_shown(request, details), "charge_point_id": used}


def _shown(request: Request, details: records.ConnectionDetails) -> Mapping[str, Any]:
    is_admin = request.caller.scope == SCOPES[-1]
    return {
        **asdict(details),
        "websocket_connection_args": details if details.url is not None else None,
        "basic_auth_password": details.basic_auth_password if is_admin else None,
    }
