"""
Where a connection comes from: the peer itself, or what a trusted proxy says of whom it serves.

What others say of themselves in the same headers is not read (S-22).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol, TypeAlias
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from csms.setting_values import Network

Address: TypeAlias = IPv4Address | IPv6Address

_SECURE = {"https", "wss"}
_LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Headers(Protocol):
    """The headers of a request, each with all its lines."""

    def get_all(self, key: str, /) -> list[str]:
        """Return the values of one header."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is at the other end: the address, whether TLS leads there, and its certificate as DER.

    ``forwarded`` tells that it is a proxy who says so, and who has verified the certificate.
    """

    address: str
    tls: bool = False
    certificate: bytes | None = None
    forwarded: bool = False


def origin_of(
    peer: Origin,
    headers: Headers,
    trusted: Sequence[Network],
    certificate_header: str | None = None,
) -> Origin:
    """Return who is behind a peer: itself, unless it is a trusted proxy that speaks for others.

    Only the header of that name (RINGMAIN_CLIENT_CERT_HEADER) tells of a client certificate.
    A proxy that does not say whether it was reached by TLS counts as reached without.
    """
    if not is_among(peer.address, trusted):
        return peer
    chain, protocols = _values(headers, "X-Forwarded-For"), _values(headers, "X-Forwarded-Proto")
    if not chain and not protocols:
        return peer
    tls = bool(protocols) and {each.lower() for each in protocols} <= _SECURE
    return Origin(
        address=_farthest(chain, trusted) or peer.address,
        tls=tls,
        certificate=_certificate(headers, certificate_header) if tls else None,
        forwarded=True,
    )


def _values(headers: Headers, name: str) -> list[str]:
    return [each.strip() for line in headers.get_all(name) for each in line.split(",")]


def _farthest(chain: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """Return the first from the right that is no trusted proxy: to its left anything may stand."""
    farthest = None
    for text in reversed(chain):
        address = _address(text)
        if address is None:
            break
        farthest = str(address)
        if not is_among(farthest, trusted):
            break
    return farthest


def _address(text: str) -> Address | None:
    """Read an address, which some proxies write with the port."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_among(text: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address is in one of these networks."""
    address = _address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # of a listener for both
    return address is not None and any(address in network for network in networks)


def told_address(headers: Headers, trusted: Sequence[Network]) -> str | None:
    """Return whom trusted proxies say that they serve, None where that is no address."""
    return _farthest(_values(headers, "X-Forwarded-For"), trusted)


def is_loopback(text: str) -> bool:
    """Tell whether an address is this machine's own."""
    return is_among(text, _LOOPBACK)


def _certificate(headers: Headers, name: str | None) -> bytes | None:
    """Return the certificate that the proxy has verified, as it is known to tell of it.

    What else tells of certificates may have come through from anybody.
    """
    said = [each for each in headers.get_all(name or "") if each]  # nginx sends an empty one
    if name is None or len(said) != 1:
        return None
    try:
        return _READERS[name](said[0], headers)
    except (ValueError, binascii.Error, x509.InvalidVersion):
        return None


def _structured(value: str, _: Headers) -> bytes:
    """Read a byte sequence of RFC 8941, which is base64 between colons."""
    value = value.strip()
    if len(value) < 3 or value[0] != ":" or value[-1] != ":":
        raise ValueError(value[:1])
    octets = base64.b64decode(value[1:-1], validate=True)
    return x509.load_der_x509_certificate(octets).public_bytes(Encoding.DER)


def _escaped(value: str, headers: Headers) -> bytes | None:
    """Read PEM as nginx writes it in a URL, which says beside it whether it has verified it."""
    if headers.get_all("X-SSL-Client-Verify") != ["SUCCESS"]:
        return None
    return x509.load_pem_x509_certificate(unquote_to_bytes(value)).public_bytes(Encoding.DER)


_READERS: Mapping[str, Callable[[str, Headers], bytes | None]] = {
    "client-cert": _structured,
    "x-ssl-client-cert": _escaped,
}
