"""
Whose client certificates count: the authorities of a file, and the revocation lists beside them.

OpenSSL verifies the signatures of a chain before anything is read, and whoever has none is cut off
there. What can happen to a charger that was once let in, that its certificate expires or is
revoked, is found here instead: there is a charger to name then, and its owner is told what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from csms.pem import UnusableTls, blocks_of, read_file, weakness_of

VARIABLE = "RINGMAIN_TLS_CLIENT_CA"
_DEEPEST = 8  # authorities above each other


@dataclass(frozen=True, slots=True)
class Authorities:
    """Authorities of chargers, and what they have revoked."""

    certificates: tuple[x509.Certificate, ...]
    revoked: tuple[x509.CertificateRevocationList, ...] = ()

    def fault_of(self, certificate: x509.Certificate, now: datetime) -> str | None:
        """Return what is wrong with a certificate now, as the end of "its certificate …"."""
        for _ in range(_DEEPEST):
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                return f"is valid from {_span(certificate)} only"
            if certificate.issuer == certificate.subject and certificate in self.certificates:
                return None
            issuer = self._issuer_of(certificate)
            if issuer is None:  # one that is trusted by itself
                known = certificate in self.certificates
                return None if known else f"has an issuer that {VARIABLE} does not name"
            if fault := self._revocation(certificate, issuer, now):
                return fault
            certificate = issuer
        return "has too many authorities above each other"

    def _issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        return next((each for each in self.certificates if _issued(certificate, each)), None)

    def _revocation(
        self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> str | None:
        lists = [each for each in self.revoked if each.issuer == issuer.subject]
        for each in lists:
            if each.get_revoked_certificate_by_serial_number(certificate.serial_number):
                return "was revoked by its authority"
        if lists and not any(_is_fresh(each, now) for each in lists):
            return f"cannot be checked, because the revocation list in {VARIABLE} is out of date"
        return None


def read_authorities(paths: Sequence[Path], now: datetime) -> Authorities:
    """Read authorities and revocation lists; raise UnusableTls where they would not do."""
    text = b"".join(read_file(VARIABLE, path) + b"\n" for path in paths)
    named = ", ".join(str(path) for path in paths)
    try:
        certificates = tuple(
            x509.load_pem_x509_certificate(each) for each in blocks_of(text, "CERTIFICATE")
        )
        lists = tuple(x509.load_pem_x509_crl(each) for each in blocks_of(text, "X509 CRL"))
    except ValueError:
        raise UnusableTls(f"{VARIABLE}: {named} cannot be read as PEM.") from None
    if not certificates:
        raise UnusableTls(f"{VARIABLE}: {named} holds no certificate of an authority.")
    for fault in (*_faults(certificates, now), *_orphans(lists, certificates)):
        raise UnusableTls(f"{VARIABLE}: {fault}.")
    return Authorities(certificates, lists)


def _faults(certificates: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    for each in certificates:
        name = each.subject.rfc4514_string()
        if not each.not_valid_before_utc <= now <= each.not_valid_after_utc:
            yield f"{name} is valid from {_span(each)} only"
        if weakness := weakness_of(each.public_key()):
            yield f"the key of {name} is {weakness}"
        if not _may_sign(each):
            yield f"{name} is no authority, because its basic constraints do not say CA"


def _orphans(
    lists: Sequence[x509.CertificateRevocationList], certificates: Sequence[x509.Certificate]
) -> Iterator[str]:
    for each in lists:
        signers = [one for one in certificates if one.subject == each.issuer]
        if not any(_signed(each, one) for one in signers):
            yield f"no authority in it has signed the list of {each.issuer.rfc4514_string()}"


def _signed(revoked: x509.CertificateRevocationList, by: x509.Certificate) -> bool:
    try:
        return revoked.is_signature_valid(by.public_key())  # type: ignore[arg-type]  # weak ones are refused before
    except (TypeError, ValueError):
        return False


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.value.ca


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_fresh(revoked: x509.CertificateRevocationList, now: datetime) -> bool:
    return revoked.next_update_utc is None or now <= revoked.next_update_utc


def _span(certificate: x509.Certificate) -> str:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC"
