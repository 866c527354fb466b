"""Client certificates of chargers: which a charger may come in with, and what it had signed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from api.chargers import BASE as CHARGERS
from api.chargers import TAG, stored_charger
from api.errors import Invalid, NotFound, Taken
from api.routing import Request, route
from api.schemas.charger_certificates import (
    CertificateRequests,
    ChargerCertificates,
    OneChargerCertificate,
    PinRequest,
)
from csms.certificates import MOST_CERTIFICATES
from csms.errors import NotTrusted
from csms.link import POLICY_VIOLATION
from csms.signing_rules import Facts, certificates, check_use, facts
from storage.errors import Conflict
from storage.security_records import ChargerCertificate

BASE = CHARGERS + "/{charge_box_id}/certificates"


@route("GET", BASE, tag=TAG, scope="read", answer=ChargerCertificates())
async def list_charger_certificates(request: Request) -> Mapping[str, Any]:
    """List a charger's client certificates, newest first, those that are revoked too.

    Expired ones go when a newer one comes.
    """
    await stored_charger(request)
    stored = request.parts.storage.charger_certificates
    return {"certificates": await stored.of_charger(request.charger_key)}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="admin",
    body=PinRequest(),
    answer=OneChargerCertificate(),
    status=201,
    errors=(409,),
)
async def pin_charger_certificate(request: Request) -> Mapping[str, Any]:
    """Pin a client certificate to a charger.

    From then on it comes in with a pinned certificate, or one that is issued to it, and with no
    other one.
    """
    await stored_charger(request)
    now = request.parts.clock.now()
    try:
        found = await asyncio.to_thread(_read, request.body["certificate"], now)
    except NotTrusted as wrong:
        raise Invalid({"certificate": [str(wrong)]}) from None
    pinned = ChargerCertificate(
        key=request.charger_key, source="pinned", created_at=now, **asdict(found)
    )
    async with request.parts.commissioning.changing:  # the charger is still there then
        await _pin(request, pinned)
    return {"message": "Certificate pinned successfully", "certificate": pinned}


@route("DELETE", BASE + "/{sha256}", tag=TAG, scope="admin", answer=OneChargerCertificate())
async def revoke_charger_certificate(request: Request) -> Mapping[str, Any]:
    """Refuse a client certificate from now on, and close a connection that came in with it."""
    key, sha256 = request.charger_key, request.path["sha256"]
    await request.parts.storage.charger_certificates.revoke(key, sha256, request.parts.clock.now())
    certificate = await _stored(request, sha256)
    connection = request.parts.registry.find(key)
    if connection is not None and connection.certificate_sha256 == sha256:
        request.parts.registry.hang_up(key, POLICY_VIOLATION, "client certificate revoked")
    return {"message": "Certificate revoked successfully", "certificate": certificate}


@route(
    "GET",
    CHARGERS + "/{charge_box_id}/certificate_requests",
    tag=TAG,
    scope="read",
    answer=CertificateRequests(),
)
async def list_certificate_requests(request: Request) -> Mapping[str, Any]:
    """List what a charger has asked the certificate authority to sign, newest first."""
    await stored_charger(request)
    found = await request.parts.storage.certificate_requests.of_charger(request.charger_key)
    return {"certificate_requests": found}


async def _pin(request: Request, pinned: ChargerCertificate) -> None:
    await stored_charger(request)
    stored = request.parts.storage.charger_certificates
    own = await stored.of_charger(pinned.key)
    if sum(each.not_after > pinned.created_at for each in own) >= MOST_CERTIFICATES:
        raise Taken(f"The charger has {MOST_CERTIFICATES} certificates that have not expired.")
    try:
        await stored.add(pinned)
    except Conflict:
        raise await _taken(request, pinned.sha256) from None


def _read(pem: str, now: datetime) -> Facts:
    """Return what the certificate of a charger says; raise NotTrusted where it would not do."""
    certificate = certificates(pem)[0]
    check_use(certificate, now)
    return facts(certificate)


async def _stored(request: Request, sha256: str) -> ChargerCertificate:
    stored = request.parts.storage.charger_certificates
    found = await stored.find(request.organization_uuid, sha256)
    if found is None or found.key != request.charger_key:
        raise NotFound
    return found


async def _taken(request: Request, sha256: str) -> Taken:
    """Say whose a certificate is already."""
    stored = request.parts.storage.charger_certificates
    found = await stored.find(request.organization_uuid, sha256)
    if found is not None and found.revoked_at is not None:
        return Taken("This certificate was revoked: the charger needs another one.")
    if found is None or found.key != request.charger_key:
        return Taken("Another charger has this certificate.")
    return Taken("The charger has this certificate already.")
