"""
The tables of who may come in: members, certificates and passwords of chargers, stored answers.

What is a charger's goes with it, but for the certificates that were revoked.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from storage.columns import UtcTime, key_columns, metadata, of_charger

# Whose sessions (Ory Kratos identities) may do what in an organization.
members = Table(
    "members",
    metadata,
    Column("organization_uuid", Text, nullable=False),
    Column("identity_id", Text, nullable=False),
    Column("role", Text, nullable=False),  # a scope: read, operate, admin
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "identity_id"),
    ForeignKeyConstraint(["organization_uuid"], ["organizations.organization_uuid"]),
    Index(None, "identity_id"),
)

# Requests with an Idempotency-Key, and how they were answered.
idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("organization_uuid", Text, nullable=False),
    Column("route", Text, nullable=False),  # method and path
    Column("idempotency_key", Text, nullable=False),
    Column("body_digest", LargeBinary, nullable=False),
    # Of the command, batch or job that it makes, if it makes one.
    Column("record_id", Text, nullable=False),
    # NULL while it is not known how it ended.
    Column("status", BigInteger),
    Column("answer", LargeBinary),  # sealed
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "route", "idempotency_key"),
    Index(None, "created_at"),
)

# A password that a charger may have taken over or not: beside its old one it is let in with it.
password_rotations = Table(
    "password_rotations",
    metadata,
    *key_columns(),
    Column("rotation_id", Text, nullable=False),
    Column("state", Text, nullable=False),  # asked, at_restart, by_hand
    Column("next_digest", LargeBinary, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    # From then on only the old one counts; NULL: the charger will take it, whenever it restarts.
    Column("expires_at", UtcTime),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "rotation_id"),
    of_charger(),
)

# Client certificates that a charger may come in with. Revoked ones stay, so that they stay refused,
# also where the charger is deleted and enrolled again: so the table is not tied to chargers.
charger_certificates = Table(
    "charger_certificates",
    metadata,
    *key_columns(),
    Column("sha256", Text, nullable=False),  # of its DER, as lower case hex
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("not_after", UtcTime, nullable=False),
    Column("source", Text, nullable=False),  # pinned, issued
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    PrimaryKeyConstraint("organization_uuid", "sha256"),
    Index(None, "organization_uuid", "charge_box_id"),
)

# What a charger has asked a certificate authority to sign (SignCertificate).
certificate_requests = Table(
    "certificate_requests",
    metadata,
    Column("request_id", Text, primary_key=True),
    *key_columns(),
    Column("certificate_type", Text),
    Column("charger_request_id", BigInteger),  # 2.1
    Column("csr", Text, nullable=False),
    Column("state", Text, nullable=False),  # asking, sending, installed, failed
    Column("error", Text),
    Column("chain", Text),
    Column("requested_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    of_charger(),
    Index(None, "organization_uuid", "charge_box_id", "requested_at"),
)

# How far the chain of each organization's audit has got, and where its oldest row joins it.
audit_chains = Table(
    "audit_chains",
    metadata,
    Column("organization_uuid", Text, primary_key=True),
    # The last row that was removed for its age, 0 where none was.
    Column("anchor_place", BigInteger, nullable=False),
    Column("anchor_seal", LargeBinary, nullable=False),
    Column("last_place", BigInteger, nullable=False),
    Column("last_seal", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),  # of this row
)
