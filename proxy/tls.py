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
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
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
    # The common name counts where a certificate bears no DNS name besides: many an operator's own
    # authority issues such, and it is by that name that commissioning speaks of them.
    made.hostname_checks_common_name = True
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


def server_name(host: str, domain: str | None = None) -> str:
    """Return the name that is asked for and that the certificate has to bear: only this one.

    ``host`` is the URL's; where a ``domain`` is given it holds, wherever that leads.
    """
    return (domain or host).removesuffix(".")  # no certificate has the dot (RFC 6066 §3)


def reason(failure: ssl.SSLError, name: str = "", ca_certificate: str | None = None) -> str:
    """Say in one sentence why TLS failed with a target that was to bear this name.

    ``ca_certificate`` is what was trusted, None for the system's authorities.
    """
    if isinstance(failure, ssl.SSLCertVerificationError):
        why = _distrust(failure, name, ca_certificate)
        return f"The target's certificate is not trusted: {why}."
    alert = failure.reason or "no reason given"
    return _ALERTS.get(alert, f"TLS failed: {alert.replace('_', ' ').lower()}.")


def _distrust(failure: ssl.SSLCertVerificationError, name: str, ca_certificate: str | None) -> str:
    code = failure.verify_code
    if code in _OF_NAME:
        return f"it is for another name than {name}"
    if ca_certificate is None:
        return _DISTRUSTED.get(code, failure.verify_message)
    if code in _OF_TIME:  # the library does not tell whose time it is
        return _untimely(ca_certificate) or _DISTRUSTED[code]
    return _OF_PINNED.get(code) or _DISTRUSTED.get(code, failure.verify_message)


def _untimely(ca_certificate: str) -> str | None:
    """Say what is wrong with pinned authorities none of which is valid now."""
    now = datetime.now(UTC)  # as the library reads the time
    pinned = x509.load_pem_x509_certificates(ca_certificate.encode())
    if all(one.not_valid_after_utc < now for one in pinned):
        return "the authority that is pinned has expired"
    if all(one.not_valid_before_utc > now for one in pinned):
        return "the authority that is pinned is not valid yet"
    return None


# OpenSSL's X509_V_ERR_* numbers.
_OF_TIME = frozenset({9, 10})
_OF_NAME = frozenset({62, 64})
_NO_ISSUER = (2, 7, 19, 20, 21)
_DISTRUSTED: Mapping[int, str] = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    26: "it is not for servers",
    **dict.fromkeys(_NO_ISSUER, "its authority is unknown"),
    **dict.fromkeys((24, 79), "what has issued it is no authority"),
}
_OF_PINNED: Mapping[int, str] = {
    18: "it is self-signed, and not the one that is pinned",
    **dict.fromkeys(_NO_ISSUER, "its authority is not the one that is pinned"),
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
