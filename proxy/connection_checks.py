"""
Judge connection details before they are stored: no charger could ever be linked with the others.

The fields are named as the commissioning API calls them. Switching off needs nothing of what it
comes with, so there a certificate may have expired: whoever sends what was stored before, with
another mode, is heard.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from proxy import tls
from proxy.addresses import AddressGuard, address_in
from proxy.client_certificates import certificates
from proxy.errors import InvalidTarget
from proxy.installing import CHARGE_POINT_ID, OFF, is_id
from storage.commissioning_records import ConnectionDetails

URL = "websocketConnectionArgs.url"
CERTIFICATE = "websocketConnectionArgs.caCertificate"
DOMAIN = "websocketConnectionArgs.caCertificateDomain"

_NEEDED = "This is required with wss://."
_UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)


def faults(details: ConnectionDetails, guard: AddressGuard, now: datetime) -> dict[str, str]:
    """Return what is wrong with a version, by field."""
    found: dict[str, str] = {}
    for check in _CHECKS:
        try:
            check(details, guard, now)
        except InvalidTarget as wrong:
            found[wrong.field] = wrong.reason
    return found


def kept(pem: str) -> str:
    """Return a sound text in PEM as it is stored: nothing stands beside its certificates.

    What is judged is what is trusted: two readers may differ about other things in between.
    """
    found = certificates(pem, CERTIFICATE)
    anew = "".join(each.public_bytes(Encoding.PEM).decode() for each in found)
    return pem if "\n".join(pem.splitlines()).strip() == anew.strip() else anew


def _check_url(details: ConnectionDetails, guard: AddressGuard, _: datetime) -> None:
    if details.url is None:
        if details.connectivity_mode != OFF:
            raise InvalidTarget(URL, "This is required with DualProtocol.")
        return
    if "{" in details.url or "}" in details.url:
        told = "Leave out placeholders: the chargePointId is put at the end of the path."
        raise InvalidTarget(URL, told)
    if _is_secure(details) and _has_address(details.url):
        raise InvalidTarget(URL, "With wss:// the host must be a name, not an IP address.")
    try:
        guard.check_url(details.url)
    except InvalidTarget as wrong:
        raise InvalidTarget(URL, wrong.reason) from None


def _check_certificate(details: ConnectionDetails, _: AddressGuard, now: datetime) -> None:
    pem = details.ca_certificate
    if pem is None:
        if _is_secure(details):
            raise InvalidTarget(CERTIFICATE, _NEEDED)
        return
    if "PRIVATE KEY" in pem:  # what stands here is kept unsealed, and comes back
        raise InvalidTarget(CERTIFICATE, "A private key has no place here.")
    for number, each in enumerate(certificates(pem, CERTIFICATE), 1):
        if each.not_valid_after_utc <= now and details.connectivity_mode != OFF:
            told = f"Certificate {number} expired on {each.not_valid_after_utc:%Y-%m-%d}."
            raise InvalidTarget(CERTIFICATE, told)
        if not _is_authority(each):
            told = (
                f"Certificate {number} is not a certificate authority's (CA:TRUE): give that of "
                "the authority which has issued the server's."
            )
            raise InvalidTarget(CERTIFICATE, told)
    _check_use(pem)


def _check_use(pem: str) -> None:
    try:
        tls.context(kept(pem))
    except (ssl.SSLError, ValueError):
        raise InvalidTarget(CERTIFICATE, "These certificates cannot be used for TLS.") from None


def _check_domain(details: ConnectionDetails, _: AddressGuard, __: datetime) -> None:
    if details.ca_certificate_domain is None and _is_secure(details):
        raise InvalidTarget(DOMAIN, _NEEDED)


def _check_charge_point_id(details: ConnectionDetails, _: AddressGuard, __: datetime) -> None:
    """Find out now that the id, which is the serial number by default, could never be used."""
    name = details.charge_point_id or details.serial_number
    if name is None or (details.charge_point_id is None and details.connectivity_mode == OFF):
        return
    if not is_id(name):
        told = "This serial number cannot be the chargePointId: give another one."
        raise InvalidTarget(CHARGE_POINT_ID, told)


_Check: TypeAlias = Callable[[ConnectionDetails, AddressGuard, datetime], None]
_CHECKS: tuple[_Check, ...] = (
    _check_url,
    _check_certificate,
    _check_domain,
    _check_charge_point_id,
)


def _is_secure(details: ConnectionDetails) -> bool:
    return (details.url or "").lower().startswith("wss:")


def _has_address(url: str) -> bool:
    """Tell whether the dial would read an address in the host, in whatever spelling."""
    with contextlib.suppress(ValueError):  # the guard says what is wrong
        return address_in(urlsplit(url).hostname or "") is not None
    return False


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        extensions = certificate.extensions
        uses = [each.value for each in extensions if isinstance(each.value, x509.KeyUsage)]
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except _UNREADABLE:
        return False
    return constraints.ca and all(use.key_cert_sign for use in uses)
