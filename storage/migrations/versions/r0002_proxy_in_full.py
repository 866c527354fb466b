"""The proxy in full: dead letters, overlays, owners' profiles and wishes, certificates, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _integers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _serial(name: str) -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, number, nullable=False)


def _primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _belongs(
    table: str, columns: tuple[str, ...], owner: str, owned: str | None = None, *, goes: bool = True
) -> sa.ForeignKeyConstraint:
    """Refer to the owner's columns of the same names, and go with it when it is deleted."""
    return sa.ForeignKeyConstraint(
        columns,
        [f"{owner}.{owned or column}" for column in columns],
        name=op.f(f"fk_{table}_{'_'.join(columns)}_{owner}"),
        ondelete="CASCADE" if goes else None,
    )


def _of_target(table: str) -> sa.ForeignKeyConstraint:
    return _belongs(table, (TARGET,), "proxy_configurations", "id")


def _of_queues() -> None:
    op.create_table(
        "dead_letters",
        _serial("id"),
        *_integers(TARGET, "seq"),
        *_texts("action", "reason"),
        *_integers("attempts", "created_at"),
        *_integers("retry_at", nullable=True),
        _primary_key("dead_letters", "id"),
        _unique("dead_letters", TARGET, "seq"),
        _of_target("dead_letters"),
    )
    op.create_table(
        "skipped",
        _serial("id"),
        *_integers(TARGET, "first", "last"),
        *_texts("reason"),
        *_integers("messages"),
        _primary_key("skipped", "id"),
        _of_target("skipped"),
    )
    with op.batch_alter_table("skipped") as batch:
        batch.create_index(op.f("ix_skipped_last"), [TARGET, "last"])


def _of_targets() -> None:
    op.create_table(
        "link_settings",
        *_integers(TARGET),
        *_texts("name", "value"),
        _primary_key("link_settings", TARGET, "name"),
        _of_target("link_settings"),
    )
    op.create_table(
        "deferred_resets",
        *_integers(TARGET),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        *_integers("asked_at"),
        _primary_key("deferred_resets", TARGET),
        _of_target("deferred_resets"),
    )


def _of_chargers() -> None:
    op.create_table(
        "shared_settings",
        *_texts(*KEY),
        *_integers("owner"),
        *_texts("name", "value"),
        _primary_key("shared_settings", *KEY, "owner", "name"),
        _belongs("shared_settings", KEY, "chargers"),
    )
    op.create_table(
        "availability",
        *_texts(*KEY),
        *_integers("owner", "evse_id", "connector_id"),
        *_texts("type"),
        _primary_key("availability", *KEY, "owner", "evse_id", "connector_id"),
        _belongs("availability", KEY, "chargers"),
    )


def _profiles() -> None:
    op.create_table(
        "charging_profiles",
        *_texts(*KEY),
        *_integers("owner", "profile_id", "evse_id"),
        *_texts("purpose"),
        *_integers("stack_level"),
        *_texts("transaction_id", nullable=True),
        *_texts("profile", "meta"),
        *_integers("created_at"),
        _primary_key("charging_profiles", *KEY, "owner", "profile_id"),
        _belongs("charging_profiles", KEY, "chargers"),
    )
    op.create_table(
        "installed_profiles",
        *_texts(*KEY),
        *_integers("evse_id"),
        *_texts("purpose"),
        *_integers("stack_level"),
        *_texts("profile"),
        *_integers("installed_at"),
        _primary_key("installed_profiles", *KEY, "evse_id", "purpose", "stack_level"),
        _belongs("installed_profiles", KEY, "chargers"),
    )


def _client_certificates() -> None:
    table = "client_certificates"
    op.create_table(
        table,
        *_texts("certificate_id", "organization_uuid", "name", "chain"),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        *_texts("sha256", "subject"),
        *_integers("not_before", "not_after", "created_at"),
        _primary_key(table, "certificate_id"),
        _belongs(table, ("organization_uuid",), "organizations", goes=False),
    )
    with op.batch_alter_table(table) as batch:
        batch.create_index(op.f(f"ix_{table}_organization_uuid"), ["organization_uuid"])


def _audit() -> None:
    op.create_table(
        "audit",
        _serial("id"),
        *_integers("timestamp"),
        *_texts("organization_uuid"),
        *_texts("charge_box_id", nullable=True),
        *_texts("actor", "action", "result", "details"),
        _primary_key("audit", "id"),
    )
    with op.batch_alter_table("audit") as batch:
        batch.create_index(op.f("ix_audit_organization"), ["organization_uuid", "id"])
