"""Work out where a configuration leads, and as whom we go there: anew before every dial."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from proxy import client_certificates
from proxy.addresses import DEFAULT_PORTS
from proxy.dial import Destination
from proxy.errors import InvalidTarget
from proxy.template import render
from proxy.tls import Identity
from proxy.wishes import Wishes

if TYPE_CHECKING:
    from datetime import datetime

    from proxy.parts import RelayParts
    from storage.records import ClientCertificate, ProxyConfiguration


async def destination(
    configuration: ProxyConfiguration, subprotocol: str, parts: RelayParts
) -> Destination:
    """Return where a configuration leads now; raise a ProxyError where it may not or cannot."""
    url = render(
        configuration.target_websocket_url, *configuration.key, configuration.target_charge_box_id
    )
    parts.guard.check_url(url)
    now = parts.clock.now()
    certificate = await _certificate(configuration, parts, now)
    at = urlsplit(url)
    port = at.port or DEFAULT_PORTS[at.scheme]
    name_there = configuration.target_charge_box_id or configuration.key.charge_box_id
    return Destination(
        url=url,
        endpoints=await parts.guard.resolve(at.hostname or "", port),
        subprotocol=subprotocol,
        username=configuration.target_auth_basic_username or name_there,
        password=_password(configuration),
        identity=Identity(certificate.chain, certificate.private_key) if certificate else None,
        ca_certificate=configuration.target_ca_certificate,
        server_name=configuration.target_ca_certificate_domain,
        max_bytes=parts.limits.max_bytes,
        allow_missing_subprotocol=Wishes.of(configuration.policy).allow_missing_subprotocol,
        warning=client_certificates.warning(certificate, now) if certificate else None,
    )


def _password(configuration: ProxyConfiguration) -> bytes | None:
    if configuration.target_authentication_method != "Basic":
        return None
    # A target may set bytes that are no text (OCPP 1.6): each is a lone surrogate here (PEP 383).
    return (configuration.target_auth_basic_password or "").encode(errors="surrogateescape")


async def _certificate(
    configuration: ProxyConfiguration, parts: RelayParts, now: datetime
) -> ClientCertificate | None:
    if configuration.target_authentication_method != "ClientCertificate":
        return None
    certificate = await parts.storage.client_certificates.get(
        configuration.key.organization_uuid, configuration.target_auth_client_cert_id or ""
    )
    if certificate is None:
        raise InvalidTarget(client_certificates.NAMED, "The client certificate is not there.")
    client_certificates.check(certificate, now)
    return certificate
