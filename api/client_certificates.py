"""Client certificates: what we show to targets that ask who we are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.errors import Invalid, NotFound, Taken
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.client_certificates import (
    ClientCertificateRequest,
    ClientCertificates,
    OneClientCertificate,
)
from api.schemas.common import Done, PageQuery
from proxy.client_certificates import Credentials, read, warning
from proxy.errors import InvalidTarget
from storage.records import ClientCertificate

BASE = "/api/v1/organizations/{organization_uuid}/client_certificates"
TAG = "Proxy configurations"


@route("GET", BASE, tag=TAG, scope="admin", query=PageQuery(), answer=ClientCertificates())
async def list_client_certificates(request: Request) -> Mapping[str, Any]:
    """List the organization's client certificates."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    found = await request.parts.storage.client_certificates.list(
        request.organization_uuid, limit + 1, after
    )
    items, next_cursor = page(found, limit, lambda certificate: certificate.certificate_id)
    shown = [_shown(request, certificate) for certificate in items]
    return {"client_certificates": shown, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="admin",
    body=ClientCertificateRequest(),
    answer=OneClientCertificate(),
    status=201,
)
async def create_client_certificate(request: Request) -> Mapping[str, Any]:
    """Store a certificate and its key, to be shown to the targets of proxy configurations.

    The key is sealed; it never comes back.
    """
    now = request.parts.clock.now()
    chain, key = request.body["certificate_chain"], request.body["private_key"]
    try:
        credentials = await asyncio.to_thread(read, chain, key, now)
    except InvalidTarget as wrong:
        raise Invalid({wrong.field: [wrong.reason]}) from None
    certificate = _new(request, credentials)
    await request.parts.storage.client_certificates.add(certificate)
    return _told("created", request, certificate)


@route("GET", BASE + "/{certificate_id}", tag=TAG, scope="admin", answer=OneClientCertificate())
async def get_client_certificate(request: Request) -> Mapping[str, Any]:
    """Show one client certificate, without its key."""
    return _told("retrieved", request, await _stored(request))


@route("DELETE", BASE + "/{certificate_id}", tag=TAG, scope="admin", answer=Done(), errors=(409,))
async def delete_client_certificate(request: Request) -> Mapping[str, Any]:
    """Delete a client certificate that no proxy configuration uses."""
    async with request.parts.commissioning.changing:
        certificate = await _stored(request)
        if not await request.parts.storage.client_certificates.delete(
            request.organization_uuid, certificate.certificate_id
        ):
            raise Taken("A proxy configuration uses this client certificate.")
    return {"message": "Client certificate deleted successfully"}


async def _stored(request: Request) -> ClientCertificate:
    found = await request.parts.storage.client_certificates.get(
        request.organization_uuid, request.path["certificate_id"]
    )
    if found is None:
        raise NotFound
    return found


def _new(request: Request, credentials: Credentials) -> ClientCertificate:
    return ClientCertificate(
        certificate_id=request.parts.new_id(),
        organization_uuid=request.organization_uuid,
        name=request.body["name"] or credentials.subject,
        created_at=request.parts.clock.now(),
        **asdict(credentials),
    )


def _shown(request: Request, certificate: ClientCertificate) -> Mapping[str, Any]:
    now = request.parts.clock.now()
    return {**asdict(certificate), "warning": warning(certificate, now)}


def _told(done: str, request: Request, certificate: ClientCertificate) -> Mapping[str, Any]:
    return {
        "message": f"Client certificate {done} successfully",
        "client_certificate": _shown(request, certificate),
    }
