"""
Say what is remembered of who may come in: members, passwords and certificates of chargers.

All moments are aware and in UTC. Secrets are left out of every repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from storage.records import ChargerKey, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person, by the identity of their sessions, and what they may do in an organization."""

    organization_uuid: str
    identity_id: str
    role: Scope
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with an Idempotency-Key; without a status it is not known how it ended."""

    organization_uuid: str
    route: str
    idempotency_key: str
    body_digest: bytes
    # Of the command, batch or job that it makes, if it makes one.
    record_id: str
    status: int | None = None
    # Clear in memory, sealed in the database.
    answer: str | None = field(default=None, repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRotation:
    """A password that a charger may come in with beside its old one, until it is used.

    Asked: the charger was asked to take it, and no answer is known, so it may have it or not. At
    restart: it takes it at its next restart. By hand: a person takes it there.
    """

    key: ChargerKey
    rotation_id: str
    state: Literal["asked", "at_restart", "by_hand"]
    next_digest: bytes = field(repr=False)
    requested_by: str
    requested_at: datetime
    # None: it does not run out.
    expires_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Tell whether the charger may come in with it at a moment."""
        return self.expires_at is None or at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerCertificate:
    """A client certificate that a charger may come in with, unless it is revoked.

    ``sha256`` is that of its DER in lower case hex, the subject and issuer as RFC 4514 writes them.
    """

    key: ChargerKey
    sha256: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    source: Literal["pinned", "issued"]
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A CSR of a charger (SignCertificate) on its way to a certificate authority and back."""

    request_id: str
    key: ChargerKey
    certificate_type: str | None = None
    # What a 2.1 charger calls it.
    charger_request_id: int | None = None
    csr: str
    state: Literal["asking", "sending", "installed", "failed"]
    error: str | None = None
    # The PEM chain that the authority has answered with.
    chain: str | None = None
    requested_at: datetime
    finished_at: datetime | None = None
