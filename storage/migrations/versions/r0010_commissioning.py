"""Commissioning: sites, stored connection details, and what of them is installed where."""

from __future__ import annotations

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
    serial,
    texts,
    unique,
)

revision = "0010"
down_revision = "0009"

SITES, DETAILS, INSTALLATIONS = "sites", "connection_details", "installations"
NEWCOMERS, ROLLOUTS, STEPS = "newcomers", "rollouts", "rollout_steps"
CHARGERS, PROXIES, CURSORS = "chargers", "proxy_configurations", "cursors"
ORGANIZATION, KEY = ("organization_uuid",), ("organization_uuid", "charge_box_id")
TABLES = (SITES, DETAILS, INSTALLATIONS, NEWCOMERS, ROLLOUTS, STEPS)
FLAG = "password_from_target"
# Chargers are found by these in order, where they are known.
FOUND_BY = {"ix_chargers_site": "site_id", "ix_chargers_serial": "serial_number"}
FILL = (
    "INSERT INTO newcomers SELECT organization_uuid, charge_box_id FROM chargers"
    " WHERE boot_payload IS NULL"
)

# Until now nobody has said of which target a cursor is.
LEADS_TO = (
    "UPDATE cursors SET target = (SELECT target_websocket_url || ' '"
    " || coalesce(target_charge_box_id, charge_box_id) FROM proxy_configurations"
    " WHERE id = proxy_configuration_id)"
)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    """Make the tables; who has not booted yet is a newcomer."""
    op.add_column(CHARGERS, *texts("site_id", nullable=True))
    for name, column in FOUND_BY.items():
        in_order = (*ORGANIZATION, column, "charge_box_id")
        index(name, CHARGERS, *in_order, where=f"{column} IS NOT NULL")
    op.add_column(PROXIES, *texts("target_ca_certificate_domain", nullable=True))
    no = sa.false()
    op.add_column(PROXIES, sa.Column(FLAG, sa.Boolean(), server_default=no, nullable=False))
    op.add_column(CURSORS, *texts("target", nullable=True))
    _stored()
    _installed()
    _rollouts()
    op.execute(FILL)
    op.execute(LEADS_TO)
    if on_postgresql():
        op.alter_column(PROXIES, FLAG, server_default=None)
        for table in TABLES:
            protect(table)


def _stored() -> None:
    op.create_table(
        SITES,
        *texts("site_id", "organization_uuid", "name"),
        *integers("created_at", "updated_at"),
        primary_key(SITES, "site_id"),
        belongs(SITES, ORGANIZATION, "organizations", goes=False),
    )
    index("ix_sites_organization_uuid_site_id", SITES, *ORGANIZATION, "site_id")
    op.create_table(
        DETAILS,
        serial("number"),
        *texts("version", "organization_uuid"),
        *texts("serial_number", "charge_point_id", nullable=True),
        *texts("connectivity_mode"),
        *texts("url", "ca_certificate", "ca_certificate_domain", nullable=True),
        *blobs("basic_auth_password", nullable=True),
        _flag("apply_to_new_devices"),
        *texts("created_by"),
        *integers("created_at"),
        primary_key(DETAILS, "number"),
        unique(DETAILS, *ORGANIZATION, "version"),
        belongs(DETAILS, ORGANIZATION, "organizations", goes=False),
    )
    by_serial = "ix_connection_details_organization_uuid_serial_number_number"
    index(by_serial, DETAILS, *ORGANIZATION, "serial_number", "number")


def _installed() -> None:
    op.create_table(
        INSTALLATIONS,
        *texts(*KEY),
        *texts("wanted_version", "applied_version", "charge_point_id", nullable=True),
        *texts("state"),
        *texts("error", nullable=True),
        *texts("claim", "requested_by"),
        *integers("requested_at"),
        *integers("applied_at", nullable=True),
        primary_key(INSTALLATIONS, *KEY),
        belongs(INSTALLATIONS, KEY, CHARGERS),
    )
    op.create_table(
        NEWCOMERS, *texts(*KEY), primary_key(NEWCOMERS, *KEY), belongs(NEWCOMERS, KEY, CHARGERS)
    )


def _rollouts() -> None:
    op.create_table(
        ROLLOUTS,
        serial("number"),
        *texts("rollout_id", "organization_uuid", "site_id"),
        *texts("version", "takes_back", nullable=True),
        *integers("canary_chargers", "canary_seconds", nullable=True),
        *texts("state"),
        *texts("error", nullable=True),
        *texts("requested_by"),
        *integers("created_at"),
        *integers("finished_at", nullable=True),
        primary_key(ROLLOUTS, "number"),
        unique(ROLLOUTS, "rollout_id"),
        belongs(ROLLOUTS, ("site_id",), SITES),
    )
    index("ix_rollouts_site_id", ROLLOUTS, "site_id")
    op.create_table(
        STEPS,
        *texts("rollout_id"),
        *integers("place"),
        *texts(*KEY),
        *texts("wanted_version", nullable=True),
        *texts("state"),
        *texts("error", nullable=True),
        *blobs("before", nullable=True),
        *integers("finished_at", nullable=True),
        primary_key(STEPS, "rollout_id", "place"),
        belongs(STEPS, ("rollout_id",), ROLLOUTS),
    )


def downgrade() -> None:
    """Forget sites and stored details; what is installed stays."""
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in FOUND_BY:
        op.drop_index(name, CHARGERS)
    for table, names in (
        (CHARGERS, ("site_id",)),
        (PROXIES, ("target_ca_certificate_domain", FLAG)),
        (CURSORS, ("target",)),
    ):
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.drop_column(name)
