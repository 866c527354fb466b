"""Who knocks: the charger in the path, the password in the header, the certificate of TLS."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from storage.records import ChargerKey

# OCPP identifierString without the colon, which Basic auth cannot carry (A00.FR.204).
CHARGE_BOX_ID = re.compile(r"[A-Za-z0-9*_=+|@. -]{1,48}")
# What is raised where a certificate is damaged, or of a kind that nobody here knows.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_PATH = re.compile(r"/([0-9a-f-]{36})/ocpp(?:_proxy)?/([^/?#]+)")


def charger_of(path: str) -> ChargerKey | None:
    """Read the charger from the request path, its id percent-decoded once; None if malformed."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    charge_box_id = unquote_to_bytes(match[2]).decode("ascii", "replace")
    if CHARGE_BOX_ID.fullmatch(charge_box_id) is None:
        return None
    return ChargerKey(match[1], charge_box_id)


def presented_password(headers: Sequence[str], key: ChargerKey | None) -> bytes | None:
    """Return the Basic password where the user name is the id in the path, else None.

    Passwords are bytes: a 1.6 AuthorizationKey may be 20 bytes that are no text at all, and may
    hold colons, so only the first one separates. Two headers are as good as none.
    """
    if key is None or len(headers) != 1:
        return None
    scheme, _, encoded = headers[0].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon and user == key.charge_box_id.encode() else None


def certificate_of(der: bytes | None) -> x509.Certificate | None:
    """Read a client certificate; one that cannot be read is as good as none."""
    if not der:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Decoded only now, all that anybody asks for later.
        _ = certificate.subject, certificate.issuer, certificate.extensions
        _ = certificate.public_key(), certificate.signature_hash_algorithm
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE:
        return None
    return certificate
