"""TLS towards targets: whom we trust, who we are, and why a handshake came to nothing.

A target is always verified: by name, by the system's authorities or by the one that its
configuration pins, with TLS 1.2 or newer. There is no way around it.
"""

from __future__ import annotations

import secrets
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """What we show to a target that asks who we are: a chain and its key, both PEM."""

    chain: str
    private_key: str = field(repr=False)


@lru_cache(maxsize=256)  # reading the system's authorities costs more than a handshake
def context(ca_certificate: str | None = None, identity: Identity | None = None) -> ssl.SSLContext:
    """Return how we speak TLS; ``ca_certificate`` is the only authority to trust, if one is given.

    Takes a moment: call it in a thread. Raises SSLError or ValueError for what is no PEM.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_certificate is None:
        made.load_default_certs()
    else:
        made.load_verify_locations(cadata=ca_certificate)
        # What is pinned is trusted, whoever signed it.
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if identity is not None:
        _show(made, identity)
    return made


def _show(made: ssl.SSLContext, identity: Identity) -> None:
    # The library reads files only: what lies there for a moment is sealed with a password that
    # nobody keeps.
    password = secrets.token_hex(16)
    key = load_pem_private_key(identity.private_key.encode(), None)
    sealed = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
    with tempfile.NamedTemporaryFile(prefix="ringmain-") as file:
        file.write(identity.chain.encode() + sealed)
        file.flush()
        made.load_cert_chain(file.name, password=password)


def reason(failure: ssl.SSLError) -> str:
    """Say in one sentence why TLS with a target failed."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        why = _DISTRUSTED.get(failure.verify_code, failure.verify_message)
        return f"The target's certificate is not trusted: {why}."
    alert = failure.reason or "no reason given"
    return _ALERTS.get(alert, f"TLS failed: {alert.replace('_', ' ').lower()}.")


# OpenSSL's X509_V_ERR_* numbers.
_DISTRUSTED: Mapping[int, str] = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    **dict.fromkeys((2, 19, 20, 21), "its authority is unknown"),
    **dict.fromkeys((62, 64), "it is for another name"),
}
_WANTED = "The target demands a client certificate."
_REFUSED = "The target refused our client certificate: {}."
_ALERTS: Mapping[str, str] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _WANTED,
    "TLSV1_ALERT_UNKNOWN_CA": _REFUSED.format("it does not know its authority"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSED.format("it has expired"),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _REFUSED.format("it is revoked"),
    **dict.fromkeys(
        (
            "SSLV3_ALERT_BAD_CERTIFICATE",
            "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
            "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
            "TLSV1_ALERT_ACCESS_DENIED",
            "TLSV1_ALERT_DECRYPT_ERROR",
        ),
        _REFUSED.format("it is not accepted there"),
    ),
    **dict.fromkeys(
        ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"),
        "The target speaks no TLS from 1.2 on.",
    ),
    **dict.fromkeys(("WRONG_VERSION_NUMBER", "HTTP_REQUEST"), "The target does not speak TLS."),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        "The target broke off the TLS handshake: it may demand a client certificate, or share no "
        "cipher with us."
    ),
}


def facts(secured: ssl.SSLObject) -> str:
    """Return what there is to know of a TLS connection and the certificate at its far end."""
    shown: dict[str, Any] = secured.getpeercert() or {}
    return (
        f"{secured.version()}, certificate of {_common_name(shown.get('subject'))}, "
        f"issued by {_common_name(shown.get('issuer'))}, valid until {shown.get('notAfter')}."
    )


def _common_name(name: Any) -> str:
    fields = dict(field for part in name or () for field in part)
    found = fields.get("commonName") or fields.get("organizationName") or "nobody in particular"
    return "".join(filter(str.isprintable, found))[:_LONGEST_NAME]
