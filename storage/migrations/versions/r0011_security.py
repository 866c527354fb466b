"""Who may come in: members, certificates and passwords of chargers, the audit's chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.migrations.ddl import (
    belongs,
    blobs,
    index,
    integers,
    on_postgresql,
    primary_key,
    protect,
    texts,
)

revision = "0011"
down_revision = "0010"

MEMBERS, REQUESTS, ROTATIONS = "members", "idempotent_requests", "password_rotations"
CERTIFICATES, SIGNINGS, CHAINS = "charger_certificates", "certificate_requests", "audit_chains"
TABLES = (MEMBERS, REQUESTS, ROTATIONS, CERTIFICATES, SIGNINGS, CHAINS)
CHARGERS, AUDIT, KEYS = "chargers", "audit", "api_keys"
ORGANIZATION, KEY = ("organization_uuid",), ("organization_uuid", "charge_box_id")
AUDIT_CATEGORY, HEX = "category", "hex_password"
CATEGORIES = (
    "UPDATE audit SET category = CASE WHEN actor LIKE 'target:%' THEN 'target'"
    " WHEN actor LIKE 'key:%' THEN 'api' ELSE 'platform' END"
)


def upgrade() -> None:
    """Make the tables, and say of what is in the audit what kind it is."""
    _chargers()
    _audit()
    op.add_column(KEYS, *texts("name", nullable=True))
    _members()
    _requests()
    _rotations()
    _certificates()
    if on_postgresql():
        for table, column in {AUDIT: AUDIT_CATEGORY, CHARGERS: HEX}.items():
            op.alter_column(table, column, server_default=None)
        for table in TABLES:
            protect(table)


def _chargers() -> None:
    columns: list[sa.Column[Any]] = [
        *texts("last_address", "certificate_name", nullable=True),
        *integers("next_security_profile", nullable=True),
        sa.Column(HEX, sa.Boolean(), server_default=sa.false(), nullable=False),
    ]
    for column in columns:
        op.add_column(CHARGERS, column)


def _audit() -> None:
    (category,) = texts(AUDIT_CATEGORY)
    category.server_default = sa.DefaultClause("platform")
    columns: list[sa.Column[Any]] = [
        category,
        *texts("object", "request_id", nullable=True),
        *integers("place", nullable=True),
        *blobs("seal", nullable=True),
    ]
    for column in columns:
        op.add_column(AUDIT, column)
    op.execute(CATEGORIES)
    index("ix_audit_place", AUDIT, *ORGANIZATION, "place", where="place IS NOT NULL", unique=True)
    index("ix_audit_unsealed", AUDIT, "id", where="place IS NULL")
    index("ix_audit_security", AUDIT, *ORGANIZATION, "id", where="category = 'security'")


def _members() -> None:
    op.create_table(
        MEMBERS,
        *texts(*ORGANIZATION, "identity_id", "role", "created_by"),
        *integers("created_at"),
        primary_key(MEMBERS, *ORGANIZATION, "identity_id"),
        belongs(MEMBERS, ORGANIZATION, "organizations", goes=False),
    )
    index("ix_members_identity_id", MEMBERS, "identity_id")


def _requests() -> None:
    op.create_table(
        REQUESTS,
        *texts(*ORGANIZATION, "route", "idempotency_key"),
        *blobs("body_digest"),
        *texts("record_id"),
        *integers("status", nullable=True),
        *blobs("answer", nullable=True),
        *integers("created_at"),
        primary_key(REQUESTS, *ORGANIZATION, "route", "idempotency_key"),
    )
    index("ix_idempotent_requests_created_at", REQUESTS, "created_at")
    op.create_table(
        CHAINS,
        *texts(*ORGANIZATION),
        *integers("anchor_place"),
        *blobs("anchor_seal"),
        *integers("last_place"),
        *blobs("last_seal", "seal"),
        primary_key(CHAINS, *ORGANIZATION),
    )


def _rotations() -> None:
    op.create_table(
        ROTATIONS,
        *texts(*KEY, "rotation_id", "state"),
        *blobs("next_digest"),
        *texts("requested_by"),
        *integers("requested_at"),
        *integers("expires_at", nullable=True),
        primary_key(ROTATIONS, *KEY, "rotation_id"),
        belongs(ROTATIONS, KEY, CHARGERS),
    )


def _certificates() -> None:
    op.create_table(
        CERTIFICATES,
        *texts(*KEY, "sha256", "subject", "issuer", "serial_number"),
        *integers("not_before", "not_after"),
        *texts("source"),
        *integers("created_at"),
        *integers("revoked_at", nullable=True),
        primary_key(CERTIFICATES, *ORGANIZATION, "sha256"),
    )
    index("ix_charger_certificates_organization_uuid_charge_box_id", CERTIFICATES, *KEY)
    op.create_table(
        SIGNINGS,
        *texts("request_id", *KEY),
        *texts("certificate_type", nullable=True),
        *integers("charger_request_id", nullable=True),
        *texts("csr", "state"),
        *texts("error", "chain", nullable=True),
        *integers("requested_at"),
        *integers("finished_at", nullable=True),
        primary_key(SIGNINGS, "request_id"),
        belongs(SIGNINGS, KEY, CHARGERS),
    )
    by_charger = "ix_certificate_requests_organization_uuid_charge_box_id_requested_at"
    index(by_charger, SIGNINGS, *KEY, "requested_at")


def downgrade() -> None:
    """Forget all of it; chargers come in with the passwords that they had."""
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("ix_audit_place", "ix_audit_unsealed", "ix_audit_security"):
        op.drop_index(name, AUDIT)
    for table, names in {
        AUDIT: ("category", "object", "request_id", "place", "seal"),
        KEYS: ("name",),
        CHARGERS: ("last_address", "certificate_name", "next_security_profile", HEX),
    }.items():
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.drop_column(name)
