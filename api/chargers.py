"""Chargers: list, enrol, show, change and delete."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from api.enrolment import enrolled, new_charger, ocpp_url, subprotocols
from api.errors import NotFound
from api.pages import Page, page, read_cursor
from api.parts import ApiParts
from api.routing import Request, route
from api.schemas.chargers import (
    ChargerChange,
    ChargerRequest,
    Chargers,
    ChargersQuery,
    OneCharger,
    OneNewCharger,
)
from api.schemas.common import Done
from api.security_profiles import check_name, check_profile
from api.sites import check_site
from csms.commands import Ask
from csms.errors import RingmainError
from csms.link import POLICY_VIOLATION
from csms.registry import Connection
from storage.records import Charger, ChargerKey, ConnectorStatus, Transaction

BASE = "/api/v1/organizations/{organization_uuid}/chargers"
TAG = "Chargers"
_PATIENCE = 5.0  # s
_BOOT_AGAIN = Ask("TriggerMessage", {"requestedMessage": "BootNotification"})


@route("GET", BASE, tag=TAG, scope="read", query=ChargersQuery(), answer=Chargers())
async def list_chargers(request: Request) -> Mapping[str, Any]:
    """List the organization's chargers, or those of one site."""
    chargers, next_cursor = await page_of_chargers(request)
    return {"chargers": chargers, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="operate",
    body=ChargerRequest(),
    answer=OneNewCharger(),
    status=201,
    errors=(409,),
)
async def create_charger(request: Request) -> Mapping[str, Any]:
    """Enrol a charger that this platform serves alone, unless connection details wait for it.

    `ocpp_password` is told only this once: it goes into the charger, with `ocpp_url`.
    """
    charger, password = new_charger(request)
    async with request.parts.commissioning.changing:
        await enrolled(request, charger, None)
    await request.parts.provisioning.enrolled(charger.key)
    return {
        "message": "Charger enrolled successfully",
        "charger": {**shown(request.parts, charger, [], []), "ocpp_password": password},
    }


@route("GET", BASE + "/{charge_box_id}", tag=TAG, scope="read", answer=OneCharger())
async def get_charger(request: Request) -> Mapping[str, Any]:
    """Show a charger, its connectors and its running transactions."""
    return {"charger": await shown_charger(request)}


@route(
    "PATCH",
    BASE + "/{charge_box_id}",
    tag=TAG,
    scope="operate",
    body=ChargerChange(partial=True),
    answer=OneCharger(),
)
async def change_charger(request: Request) -> Mapping[str, Any]:
    """Change the fields that are given.

    A charger that is not held back any more is asked to boot again at once. Another security
    profile or certificate name ends its connection: it has to come in with that. What rotates its
    password leaves it alone.
    """
    key, given = request.charger_key, _given(request)
    async with request.parts.commissioning.changing:  # its site is to be there then
        old = await stored_charger(request)
        await check_site(request, given.get("site_id"), old.site_id)
        check_name(
            request, given.get("certificate_name", old.certificate_name), old.certificate_name
        )
        if "security_profile" in given:
            check_profile(request, given["security_profile"], old.security_profile)
            given["next_security_profile"] = None
        if await request.parts.storage.chargers.update(key, **given) is None:
            raise NotFound  # deleted a moment ago
    if any(given.get(name, getattr(old, name)) != getattr(old, name) for name in _PROVES):
        parts = request.parts
        parts.registry.hang_up(key, POLICY_VIOLATION, "come in again with what is configured now")
    connection, let_in = request.parts.registry.find(key), given.get("boot_policy") == "accept"
    if connection is not None and let_in and old.boot_policy == "pending":
        await _let_in(connection)
    if connection is not None and given.keys() & {"supply_phases", "nominal_voltage"}:
        connection.station.profiles.supply_changed()
    return {"charger": await shown_charger(request)}


def _given(request: Request) -> dict[str, Any]:
    """Return the fields of a change as they are stored."""
    given = dict(request.body)
    if "allowed_versions" in given:
        given["allowed_versions"] = subprotocols(given["allowed_versions"])
    if "charger_name" in given:
        given["charger_name"] = given["charger_name"] or request.charger_key.charge_box_id
    return given


async def _let_in(connection: Connection) -> None:
    # Otherwise it boots by itself, when its interval is over.
    with contextlib.suppress(RingmainError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await connection.station.perform(_BOOT_AGAIN)


@route("DELETE", BASE + "/{charge_box_id}", tag=TAG, scope="operate", answer=Done())
async def delete_charger(request: Request) -> Mapping[str, Any]:
    """Delete a charger: its password dies, its files go and its connection is closed."""
    key, storage = request.charger_key, request.parts.storage
    job_ids = await storage.jobs.ids_of(key)
    async with request.parts.commissioning.changing:  # nothing is being installed there then
        if not await storage.chargers.delete(key):
            raise NotFound
    for job_id in job_ids:
        storage.files.remove(job_id)
    await request.parts.commissioning.follow(key)
    request.parts.registry.hang_up(key, POLICY_VIOLATION, "charger deleted")
    return {"message": "Charger deleted successfully"}


async def stored_charger(request: Request) -> Charger:
    """Return the charger that the path names."""
    return await charger_of(request, request.charger_key)


async def charger_of(request: Request, key: ChargerKey) -> Charger:
    """Return a charger that was named otherwise."""
    found = await request.parts.storage.chargers.get(key)
    if found is None:
        raise NotFound
    return found


async def shown_charger(request: Request) -> Mapping[str, Any]:
    """Return the charger that the path names, as it is shown."""
    charger = await stored_charger(request)
    (one,) = await _shown(request, [charger])
    return one


async def page_of_chargers(request: Request) -> Page:
    """Return the page of chargers that the query asks for, as they are shown."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    stored, site_id = request.parts.storage.chargers, request.query.get("site_id")
    found = await (
        stored.list(request.organization_uuid, limit + 1, after)
        if site_id is None
        else stored.of_site(request.organization_uuid, site_id, limit + 1, after)
    )
    chargers, next_cursor = page(found, limit, lambda charger: charger.key.charge_box_id)
    return Page(await _shown(request, chargers), next_cursor)


async def _shown(request: Request, chargers: Sequence[Charger]) -> list[Mapping[str, Any]]:
    storage = request.parts.storage
    names = [charger.key.charge_box_id for charger in chargers]
    connectors = await storage.chargers.connectors_of(request.organization_uuid, names)
    running = await storage.transactions.running_of(request.organization_uuid, names)
    newest = await storage.charger_certificates.newest_of(
        request.organization_uuid, names, request.parts.clock.now()
    )
    return [
        shown(request.parts, charger, connectors[name], running[name], newest.get(name))
        for name, charger in zip(names, chargers, strict=True)
    ]


def shown(
    parts: ApiParts,
    charger: Charger,
    connectors: Iterable[ConnectorStatus],
    running: Iterable[Transaction],
    certificate: str | None = None,
) -> Mapping[str, Any]:
    """Return a charger as both halves of the API show it."""
    connection = parts.registry.find(charger.key)
    return {
        **{name: getattr(charger, name) for name in _SHOWN},
        "last_seen": last_seen(charger, connection, parts.clock.now()),
        "charge_box_id": charger.key.charge_box_id,
        "allowed_versions": [name.removeprefix("ocpp") for name in charger.allowed_versions],
        "connected": connection is not None,
        "ocpp_url": ocpp_url(parts, charger.key),
        "client_certificate_sha256": certificate,
        "connectors": connectors,
        "running_transactions": running,
    }


# What a charger proves who it is with.
_PROVES = ("security_profile", "certificate_name")
_SHOWN = (
    "charger_name",
    "vendor_name",
    "model_name",
    "serial_number",
    "firmware_version",
    "ocpp_version",
    "security_profile",
    "next_security_profile",
    "certificate_name",
    "hex_password",
    "boot_policy",
    "supply_phases",
    "nominal_voltage",
    "last_disconnect",
    "site_id",
    "created_at",
)


def last_seen(charger: Charger, connection: Connection | None, now: datetime) -> datetime | None:
    """Tell when a charger was last heard: from its live link, else as it is stored."""
    if connection is None:
        return charger.last_seen
    return connection.last_heard(now)
