"""Charger operations: late parts, batches, starts, tokens, reservations, lists, jobs, limits."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.migrations.ddl import (
    belongs,
    blobs,
    index,
    integers,
    primary_key,
    serial,
    texts,
    unique,
)

revision = "0005"
down_revision = "0004"

KEY = ("organization_uuid", "charge_box_id")
TABLES = (
    "command_parts",
    "command_batches",
    "remote_starts",
    "known_tokens",
    "reservations",
    "local_lists",
    "jobs",
    "station_limits",
)
# Columns that older tables get; one with a default says so of the rows that are there.
COLUMNS: tuple[tuple[str, str, type[sa.types.TypeEngine[Any]], str | None], ...] = (
    ("organizations", "authorization", sa.Text, "accept_all"),
    ("chargers", "boot_policy", sa.Text, "accept"),
    ("chargers", "supply_phases", sa.BigInteger, None),
    ("chargers", "nominal_voltage", sa.Double, None),
    ("transactions", "ended_by", sa.Text, None),
    ("transactions", "remote_start", sa.Text, None),
    ("transactions", "stop_asked_at", sa.BigInteger, None),
    ("transactions", "doubts", sa.Text, "[]"),
    ("availability", "reason", sa.Text, None),
    ("commands", "batch_id", sa.Text, None),
    ("commands", "request_id", sa.BigInteger, None),
    ("commands", "progress", sa.Text, None),
)

RESETS = "deferred_resets"
ASIDE_BY_OWNER = """
CREATE TABLE kept_resets AS
SELECT organization_uuid, charge_box_id, id AS owner, payload, asked_at
FROM deferred_resets JOIN proxy_configurations ON id = proxy_configuration_id
"""
ASIDE_BY_TARGET = """
CREATE TABLE kept_resets AS
SELECT owner, payload, asked_at FROM deferred_resets JOIN proxy_configurations ON id = owner
"""
# What was accepted is found by its letters, whatever their case; the last time counts.
FOLDED = """
INSERT INTO id_tokens (organization_uuid, charge_box_id, id_token, source, accepted_at)
SELECT organization_uuid, charge_box_id, lower(id_token), source, max(accepted_at)
FROM id_tokens GROUP BY organization_uuid, charge_box_id, lower(id_token), source
ON CONFLICT (organization_uuid, id_token, source, charge_box_id)
DO UPDATE SET accepted_at = excluded.accepted_at
"""


def upgrade() -> None:
    """Add the columns, and make the tables."""
    for table, name, kind, default in COLUMNS:
        column = sa.Column(name, kind(), server_default=default, nullable=default is None)
        op.add_column(table, column)
    index("ix_commands_newest", "commands", *KEY, "created_at", "command_id")
    index("ix_commands_batch", "commands", "batch_id", where="batch_id IS NOT NULL")
    still_open = "state IN ('sent', 'collecting')"
    index("ix_commands_open", "commands", *KEY, "request_id", where=still_open)
    _commands()
    _tokens()
    _of_chargers()
    _kept_of_chargers()
    _jobs()
    _resets_by_owner()


def downgrade() -> None:
    """Drop the tables and the columns with all that is in them."""
    _resets_by_target()
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("newest", "batch", "open"):
        op.drop_index(f"ix_commands_{name}", "commands")
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)


def _commands() -> None:
    op.create_table(
        "command_parts",
        serial("id"),
        *texts("command_id", "action"),
        *blobs("payload", "digest"),
        *integers("received_at"),
        primary_key("command_parts", "id"),
        unique("command_parts", "command_id", "digest"),
    )
    index("ix_command_parts_command", "command_parts", "command_id", "id")
    op.create_table(
        "command_batches",
        *texts("batch_id", "organization_uuid", "action", "request", "stations", "requested_by"),
        *integers("created_at"),
        *integers("finished_at", nullable=True),
        primary_key("command_batches", "batch_id"),
    )
    index(
        "ix_command_batches_newest",
        "command_batches",
        "organization_uuid",
        "created_at",
        "batch_id",
    )
    index(
        "ix_command_batches_unfinished",
        "command_batches",
        "created_at",
        where="finished_at IS NULL",
    )


def _tokens() -> None:
    op.create_table(
        "known_tokens",
        *texts("organization_uuid", "folded", "id_token", "type", "status"),
        *texts("group_id_token", "comment", nullable=True),
        *integers("expires_at", nullable=True),
        *integers("created_at"),
        primary_key("known_tokens", "organization_uuid", "folded"),
        belongs("known_tokens", ("organization_uuid",), "organizations", goes=False),
    )
    op.execute(FOLDED)
    op.execute("DELETE FROM id_tokens WHERE id_token <> lower(id_token)")


def _of_chargers() -> None:
    op.create_table(
        "remote_starts",
        *texts(*KEY),
        *integers("remote_start_id"),
        *integers("evse_id", nullable=True),
        *texts("id_token", "details"),
        *integers("created_at"),
        *texts("transaction_id", nullable=True),
        primary_key("remote_starts", *KEY, "remote_start_id"),
        belongs("remote_starts", KEY, "chargers"),
    )
    unbound = "transaction_id IS NULL"
    index("ix_remote_starts_unbound", "remote_starts", *KEY, "created_at", where=unbound)
    op.create_table(
        "reservations",
        *texts(*KEY),
        *integers("reservation_id"),
        *integers("evse_id", nullable=True),
        *texts("id_token", "id_token_type"),
        *integers("expires_at"),
        *texts("state"),
        *integers("created_at", "updated_at"),
        primary_key("reservations", *KEY, "reservation_id"),
        belongs("reservations", KEY, "chargers"),
    )


def _kept_of_chargers() -> None:
    op.create_table(
        "local_lists",
        *texts(*KEY),
        *integers("version"),
        *texts("entries"),
        *integers("updated_at"),
        primary_key("local_lists", *KEY),
        belongs("local_lists", KEY, "chargers"),
    )
    op.create_table(
        "station_limits",
        *texts(*KEY),
        *integers("evse_id"),
        *texts("source", "payload"),
        *integers("updated_at"),
        primary_key("station_limits", *KEY, "evse_id", "source"),
        belongs("station_limits", KEY, "chargers"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        *texts("job_id", *KEY, "kind"),
        *blobs("upload_digest", nullable=True),
        *texts("file_name", nullable=True),
        *integers("file_size", nullable=True),
        *texts("file_sha256", nullable=True),
        *integers("created_at"),
        *integers("expires_at", "uploaded_at", nullable=True),
        primary_key("jobs", "job_id"),
        unique("jobs", "upload_digest"),
        belongs("jobs", KEY, "chargers"),
    )
    index("ix_jobs_newest", "jobs", *KEY, "created_at", "job_id")


def _resets_by_owner() -> None:
    op.execute(ASIDE_BY_OWNER)
    op.drop_table(RESETS)
    op.create_table(
        RESETS,
        *texts(*KEY),
        *integers("owner"),
        *blobs("payload"),
        *integers("asked_at"),
        *texts("command_id", nullable=True),
        *integers("attempts"),
        primary_key(RESETS, *KEY, "owner"),
        belongs(RESETS, KEY, "chargers"),
    )
    op.execute(
        "INSERT INTO deferred_resets"
        " (organization_uuid, charge_box_id, owner, payload, asked_at, attempts)"
        " SELECT organization_uuid, charge_box_id, owner, payload, asked_at, 0 FROM kept_resets"
    )
    op.drop_table("kept_resets")


def _resets_by_target() -> None:
    op.execute(ASIDE_BY_TARGET)
    op.drop_table(RESETS)
    op.create_table(
        RESETS,
        *integers("proxy_configuration_id"),
        *blobs("payload"),
        *integers("asked_at"),
        primary_key(RESETS, "proxy_configuration_id"),
        belongs(RESETS, ("proxy_configuration_id",), "proxy_configurations", "id"),
    )
    op.execute(
        "INSERT INTO deferred_resets (proxy_configuration_id, payload, asked_at)"
        " SELECT owner, payload, asked_at FROM kept_resets"
    )
    op.drop_table("kept_resets")
