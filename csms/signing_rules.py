"""
Judge what a charger wants to have signed, and what an authority has signed.

OCPP security white paper A00.FR.404, 405, 501 to 511 and A02; OCPP 2.0.1 A02 and A03: the
certificate of a charger names the charger and its operator, has a strong key, and is for the very
key that the charger has shown to have. All of it takes a moment: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from csms.errors import NotTrusted

LONGEST_CHAIN = 10_000  # characters, in every OCPP version
_LONGEST_REQUEST = 5_500  # in every OCPP version
_MOST_CERTIFICATES = 10
_RSA_BITS, _EC_BITS = 2048, 224
_HASHES = frozenset({"sha256", "sha384", "sha512"})
_AHEAD = timedelta(minutes=5)  # an authority's clock may be

_Signed: TypeAlias = x509.Certificate | x509.CertificateSigningRequest


class Door(Protocol):
    """What judges client certificates at the listener."""

    def fault_of(self, _certificate: x509.Certificate, _now: datetime, /) -> str | None:
        """Return what is wrong with a certificate, as the end of "its certificate …"."""


@dataclass(frozen=True, slots=True)
class Names:
    """Whom a certificate has to name: the charger as CN, its operator by one of its names as O."""

    common_name: str
    organizations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is remembered of a certificate."""

    sha256: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime


def check_request(pem: str, names: Names) -> None:
    """Raise NotTrusted, in words for the charger's owner, where a CSR is not to be signed."""
    request = _request(pem)
    _check_key(request)
    _check_names(request, names)
    if _hash_of(request) not in _HASHES:
        raise NotTrusted("The request is not signed with SHA-256 or better.")
    if not _proves_its_key(request):
        raise NotTrusted("The request is not signed with its own key.")


def check_chain(
    pem: str, request_pem: str, names: Names, door: Door | None, now: datetime
) -> tuple[str, Facts]:
    """Return a chain anew, nothing else in it, and what its certificate says.

    Raises NotTrusted where it is not the answer to this request, or would not be let in by the
    ``door`` of a listener that looks at certificates itself.
    """
    chain = certificates(pem)
    certificate = chain[0]
    if _spki(certificate) != _spki(_request(request_pem)):
        raise NotTrusted("The certificate is not for the key of the request.")
    _check_names(certificate, names)
    check_use(certificate, now)
    _check_links(chain, now)
    begins = max(now, certificate.not_valid_before_utc)  # by a clock that may be ahead of ours
    if door is not None and (fault := door.fault_of(certificate, begins)):
        raise NotTrusted(f"The charger could not come in with the certificate: it {fault}.")
    # Written anew, because other things may stand between.
    text = "".join(each.public_bytes(Encoding.PEM).decode() for each in chain)
    if len(text) > LONGEST_CHAIN:
        raise NotTrusted(f"The chain is longer than the {LONGEST_CHAIN} characters OCPP allows.")
    return text, facts(certificate)


def check_use(certificate: x509.Certificate, now: datetime) -> None:
    """Raise NotTrusted where a charger must not come in with a certificate."""
    _check_key(certificate)
    if certificate.not_valid_after_utc <= now:
        raise NotTrusted("The certificate has expired.")
    if certificate.not_valid_before_utc > now + _AHEAD:
        raise NotTrusted("The certificate is not yet valid.")
    if _is_authority(certificate):
        raise NotTrusted("The certificate is an authority's own: with it others could be made.")


def certificates(pem: str) -> list[x509.Certificate]:
    """Return the certificates of a text in PEM; raise NotTrusted."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        for each in found:  # decoded only now
            _ = each.subject, each.issuer, each.not_valid_after_utc, each.not_valid_before_utc
    except (ValueError, TypeError, x509.InvalidVersion):
        hint = r" Line breaks are \n in JSON, not \\n." if r"\n" in pem else ""
        raise NotTrusted(f"This holds no certificate in PEM.{hint}") from None
    if len(found) > _MOST_CERTIFICATES:
        raise NotTrusted(f"This holds more than {_MOST_CERTIFICATES} certificates.")
    return found


def facts(certificate: x509.Certificate) -> Facts:
    """Return what is remembered of a certificate."""
    return Facts(
        sha256=certificate.fingerprint(SHA256()).hex(),
        subject=_printable(certificate.subject),
        issuer=_printable(certificate.issuer),
        serial_number=f"{certificate.serial_number:x}"[:64],
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _request(pem: str) -> x509.CertificateSigningRequest:
    if len(pem) > _LONGEST_REQUEST:
        raise NotTrusted("The request is too long.")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        _ = request.subject  # decoded only now
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise NotTrusted("This holds no certificate signing request in PEM.") from None
    return request


def _hash_of(request: x509.CertificateSigningRequest) -> str | None:
    try:
        algorithm = request.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return algorithm.name if algorithm else None


def _proves_its_key(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False


def _check_key(signed: _Signed) -> None:
    try:
        key = signed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _EC_BITS:
        return
    raise NotTrusted(f"The key must be RSA of {_RSA_BITS} bits or EC of {_EC_BITS} bits, or more.")


def _check_names(signed: _Signed, names: Names) -> None:
    common_name = _only(signed.subject, NameOID.COMMON_NAME)
    if common_name != names.common_name:
        raise NotTrusted(f"Its CN must be {names.common_name!r}, as the charger is called here.")
    if _only(signed.subject, NameOID.ORGANIZATION_NAME) not in names.organizations:
        allowed = " or ".join(repr(name) for name in sorted(names.organizations))
        raise NotTrusted(f"Its O must be the organization: {allowed}.")


def _only(subject: x509.Name, kind: ObjectIdentifier) -> str | None:
    """Return the one value of a kind, None where there is none or are several."""
    found = subject.get_attributes_for_oid(kind)
    value = found[0].value if len(found) == 1 else None
    return value if isinstance(value, str) else None


def _check_links(chain: Sequence[x509.Certificate], now: datetime) -> None:
    for certificate, issuer in pairwise(chain):
        if not _is_issued_by(certificate, issuer):
            raise NotTrusted("Each certificate must be followed by its issuer's.")
        if not _is_authority(issuer) or issuer.not_valid_after_utc <= now:
            raise NotTrusted("An issuer in the chain is no authority, or has expired.")


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise NotTrusted("An extension of the certificate cannot be read.") from None
    return constraints.value.ca


def _spki(signed: _Signed) -> bytes | None:
    """Return the public key, None where it is of a kind that nobody here can read."""
    try:
        key = signed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _printable(name: x509.Name) -> str:
    text = name.rfc4514_string()
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:1000]
