"""The proxy in full: dead letters, overlays, owners' profiles and wishes, certificates, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.migrations.ddl import belongs, integers, primary_key, serial, texts, unique

revision = "0002"
down_revision = "0001"

KEY = ("organization_uuid", "charge_box_id")
TARGET = "proxy_configuration_id"
TABLES = (
    "dead_letters",
    "skipped",
    "link_settings",
    "deferred_resets",
    "shared_settings",
    "availability",
    "charging_profiles",
    "installed_profiles",
    "client_certificates",
    "audit",
)


def upgrade() -> None:
    """Make the tables."""
    _of_queues()
    _of_targets()
    _of_chargers()
    _profiles()
    _client_certificates()
    _audit()


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _of_target(table: str) -> sa.ForeignKeyConstraint:
    return belongs(table, (TARGET,), "proxy_configurations", "id")


def _of_queues() -> None:
    op.create_table(
        "dead_letters",
        serial("id"),
        *integers(TARGET, "seq"),
        *texts("action", "reason"),
        *integers("attempts", "created_at"),
        *integers("retry_at", nullable=True),
        primary_key("dead_letters", "id"),
        unique("dead_letters", TARGET, "seq"),
        _of_target("dead_letters"),
    )
    op.create_table(
        "skipped",
        serial("id"),
        *integers(TARGET, "first", "last"),
        *texts("reason"),
        *integers("messages"),
        primary_key("skipped", "id"),
        _of_target("skipped"),
    )
    with op.batch_alter_table("skipped") as batch:
        batch.create_index(op.f("ix_skipped_last"), [TARGET, "last"])


def _of_targets() -> None:
    op.create_table(
        "link_settings",
        *integers(TARGET),
        *texts("name", "value"),
        primary_key("link_settings", TARGET, "name"),
        _of_target("link_settings"),
    )
    op.create_table(
        "deferred_resets",
        *integers(TARGET),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        *integers("asked_at"),
        primary_key("deferred_resets", TARGET),
        _of_target("deferred_resets"),
    )


def _of_chargers() -> None:
    op.create_table(
        "shared_settings",
        *texts(*KEY),
        *integers("owner"),
        *texts("name", "value"),
        primary_key("shared_settings", *KEY, "owner", "name"),
        belongs("shared_settings", KEY, "chargers"),
    )
    op.create_table(
        "availability",
        *texts(*KEY),
        *integers("owner", "evse_id", "connector_id"),
        *texts("type"),
        primary_key("availability", *KEY, "owner", "evse_id", "connector_id"),
        belongs("availability", KEY, "chargers"),
    )


def _profiles() -> None:
    op.create_table(
        "charging_profiles",
        *texts(*KEY),
        *integers("owner", "profile_id", "evse_id"),
        *texts("purpose"),
        *integers("stack_level"),
        *texts("transaction_id", nullable=True),
        *texts("profile", "meta"),
        *integers("created_at"),
        primary_key("charging_profiles", *KEY, "owner", "profile_id"),
        belongs("charging_profiles", KEY, "chargers"),
    )
    op.create_table(
        "installed_profiles",
        *texts(*KEY),
        *integers("evse_id"),
        *texts("purpose"),
        *integers("stack_level"),
        *texts("profile"),
        *integers("installed_at"),
        primary_key("installed_profiles", *KEY, "evse_id", "purpose", "stack_level"),
        belongs("installed_profiles", KEY, "chargers"),
    )


def _client_certificates() -> None:
    table = "client_certificates"
    op.create_table(
        table,
        *texts("certificate_id", "organization_uuid", "name", "chain"),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        *texts("sha256", "subject"),
        *integers("not_before", "not_after", "created_at"),
        primary_key(table, "certificate_id"),
        belongs(table, ("organization_uuid",), "organizations", goes=False),
    )
    with op.batch_alter_table(table) as batch:
        batch.create_index(op.f(f"ix_{table}_organization_uuid"), ["organization_uuid"])


def _audit() -> None:
    op.create_table(
        "audit",
        serial("id"),
        *integers("timestamp"),
        *texts("organization_uuid"),
        *texts("charge_box_id", nullable=True),
        *texts("actor", "action", "result", "details"),
        primary_key("audit", "id"),
    )
    with op.batch_alter_table("audit") as batch:
        batch.create_index(op.f("ix_audit_organization"), ["organization_uuid", "id"])
