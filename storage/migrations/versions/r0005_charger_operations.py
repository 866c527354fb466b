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
    ("availability", "reason", sa.Text, None),
    ("commands", "batch_id", sa.Text, None),
    ("commands", "request_id", sa.BigInteger, None),
    ("commands", "progress", sa.Text, None),
)


def upgrade() -> None:
    """Add the columns, and make the tables."""
    for table, name, kind, default in COLUMNS:
        column = sa.Column(name, kind(), server_default=default, nullable=default is None)
        op.add_column(table, column)
    index("ix_commands_newest", "commands", *KEY, "created_at", "command_id")
    index("ix_commands_batch", "commands", "batch_id", where="batch_id IS NOT NULL")
    index("ix_commands_collecting", "commands", *KEY, "request_id", where="state = 'collecting'")
    _commands()
    _tokens()
    _of_chargers()
    _jobs()


def downgrade() -> None:
    """Drop the tables and the columns with all that is in them."""
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("newest", "batch", "collecting"):
        op.drop_index(f"ix_commands_{name}", "commands")
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)


def _commands() -> None:
    op.create_table(
        "command_parts",
        serial("id"),
        *texts("command_id", "action"),
        *blobs("payload"),
        *integers("received_at"),
        primary_key("command_parts", "id"),
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


def _tokens() -> None:
    op.create_table(
        "known_tokens",
        *texts("organization_uuid", "id_token", "type", "status"),
        *texts("group_id_token", "comment", nullable=True),
        *integers("expires_at", nullable=True),
        *integers("created_at"),
        primary_key("known_tokens", "organization_uuid", "id_token"),
        belongs("known_tokens", ("organization_uuid",), "organizations", goes=False),
    )


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
        *integers("request_id", nullable=True),
        *texts("command_id", nullable=True),
        *texts("request", "state", "statuses"),
        *blobs("upload_digest", nullable=True),
        *texts("file_name", nullable=True),
        *integers("file_size", nullable=True),
        *texts("file_sha256", nullable=True),
        *integers("created_at"),
        *integers("expires_at", "finished_at", nullable=True),
        primary_key("jobs", "job_id"),
        unique("jobs", "upload_digest"),
        belongs("jobs", KEY, "chargers"),
    )
    index("ix_jobs_newest", "jobs", *KEY, "created_at", "job_id")
