"""
Whose client certificate it is: bound to one charger by what is stored, never by what a boot says.

A certificate that is stored for a charger, pinned or issued through it, is that charger's alone.
Where none is pinned the subject of others decides: CN is the charger's name, O its organization
(OCPP security white paper A00.FR.404, 405, 427; S-08). One that is issued comes beside what the
charger came in with before, which it may still have: only a pinned one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from csms.pem import weakness_of
from storage.records import Charger
from storage.security_records import ChargerCertificate


@dataclass(frozen=True, slots=True)
class Binding:
    """What is stored of a charger's certificates; ``organizations`` are the words for its own."""

    own: tuple[ChargerCertificate, ...]
    # Whose this very certificate is.
    holder: ChargerCertificate | None
    organizations: tuple[str, ...]


def sha256_of(certificate: x509.Certificate) -> str:
    """Return how a certificate is told from all others."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def fault_of(
    certificate: x509.Certificate, charger: Charger, binding: Binding, now: datetime
) -> str | None:
    """Return why a charger may not come in with a certificate, as the end of "its certificate"."""
    holder = binding.holder
    if holder is not None and holder.key != charger.key:
        return "is stored as another charger's"
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}, or is not valid yet"
    if weakness := weakness_of(certificate.public_key()):
        return f"has a key that is {weakness}"
    if holder is not None:
        return "was revoked here" if holder.revoked_at is not None else None
    if any(_pinned(each, charger) for each in binding.own):
        return "is none of those that are stored for it"
    return _foreign_subject(certificate, charger, binding.organizations)


def _pinned(stored: ChargerCertificate, charger: Charger) -> bool:
    """Tell whether it was pinned to this charger, and not to one of its name that is gone."""
    return stored.source == "pinned" and stored.created_at >= charger.created_at


def _foreign_subject(
    certificate: x509.Certificate, charger: Charger, organizations: Sequence[str]
) -> str | None:
    wanted = charger.certificate_name or charger.key.charge_box_id
    if _said(certificate, NameOID.COMMON_NAME) != [wanted]:
        return f"is not issued to it: CN has to be {wanted}"
    said = _said(certificate, NameOID.ORGANIZATION_NAME)
    if len(said) != 1 or said[0] not in organizations:
        return f"names another operator: O has to be {' or '.join(organizations)}"
    return None


def _said(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]
