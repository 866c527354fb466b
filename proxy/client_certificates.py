"""Judge the certificates that we show to targets: when they are handed in, and before each use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from proxy.errors import InvalidTarget

if TYPE_CHECKING:
    from storage.records import ClientCertificate

CHAIN, KEY, NAMED = "certificate_chain", "private_key", "target_auth_client_cert_id"

_MOST = 10
_RSA_BITS, _EC_BITS = 2048, 224  # A00.FR.501-511
_WARNED_BEFORE = timedelta(days=30)

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A chain and its key, both PEM and nothing else in them, and what the certificate says."""

    chain: str
    private_key: str = field(repr=False)
    sha256: str
    subject: str
    not_before: datetime
    not_after: datetime


def read(certificate_chain: str, private_key: str, now: datetime) -> Credentials:
    """Read a chain, the certificate first, and its key; raise InvalidTarget naming the culprit.

    Takes a moment with long keys: call it in a thread.
    """
    chain = _chain(certificate_chain)
    if any(each.not_valid_after_utc <= now for each in chain):
        raise InvalidTarget(CHAIN, "A certificate of the chain has expired.")
    key, certificate = _key(private_key), chain[0]
    if _spki(certificate) != _spki(key):
        raise InvalidTarget(KEY, "This is not the key of the first certificate.")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Credentials(
        # Written anew, because other things may stand between: a key, for one, unsealed.
        chain="".join(each.public_bytes(Encoding.PEM).decode() for each in chain),
        private_key=pem.decode(),
        sha256=certificate.fingerprint(SHA256()).hex(),
        subject=_printable(certificate.subject.rfc4514_string()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def check(certificate: ClientCertificate, now: datetime) -> None:
    """Raise InvalidTarget where a certificate cannot be shown now."""
    if certificate.not_after <= now:
        raise InvalidTarget(
            NAMED, f"The client certificate expired on {certificate.not_after:%Y-%m-%d}."
        )
    if certificate.not_before > now:
        raise InvalidTarget(
            NAMED, f"The client certificate is not valid before {certificate.not_before:%Y-%m-%d}."
        )


def warning(certificate: ClientCertificate, now: datetime) -> str | None:
    """Say that a certificate has less than 30 days to live, or has none left."""
    left = certificate.not_after - now
    if left <= timedelta():
        return f"The client certificate expired on {certificate.not_after:%Y-%m-%d}."
    if left > _WARNED_BEFORE:
        return None
    days = "less than a day" if not left.days else f"{left.days} day{'s' * (left.days > 1)}"
    return f"The client certificate expires in {days}."


def certificates(pem: str, field: str) -> list[x509.Certificate]:
    """Return the certificates of a text in PEM, 1 to 10; raise InvalidTarget naming the field."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        for each in found:
            _ = each.subject, each.not_valid_after_utc  # decoded only now
    except (ValueError, TypeError, x509.InvalidVersion):
        raise InvalidTarget(field, _unreadable("certificate", pem)) from None
    if len(found) > _MOST:
        raise InvalidTarget(field, f"This holds more than {_MOST} certificates.")
    return found


def _unreadable(what: str, pem: str) -> str:
    """Say that a text holds none, and why where it was escaped twice on its way into JSON."""
    hint = r": line breaks are \n in JSON, not \\n" if r"\n" in pem else ""
    return f"This holds no {what} in PEM{hint}."


def _chain(pem: str) -> list[x509.Certificate]:
    chain = certificates(pem, CHAIN)
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise InvalidTarget(
                CHAIN, "Each certificate must be followed by its issuer's."
            ) from None
    return chain


def _key(pem: str) -> PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise InvalidTarget(KEY, "The key must not be encrypted.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidTarget(KEY, _unreadable("private key", pem)) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size >= _EC_BITS:
        return key
    raise InvalidTarget(
        KEY, f"The key must be RSA of {_RSA_BITS} bits or EC of {_EC_BITS} bits, or more."
    )


def _spki(holder: x509.Certificate | PrivateKey) -> bytes | None:
    """Return the public key, None where it is of a kind that nobody here can read."""
    try:
        public_key = holder.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:1000]
