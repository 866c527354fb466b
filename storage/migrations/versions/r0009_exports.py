"""Sinks: where an organization's log is exported to, and how far that has got."""

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
    texts,
    unique,
)

revision = "0009"
down_revision = "0008"

SINKS, CURSORS, BATCHES = "sinks", "sink_cursors", "sink_batches"
LOG, BY_ORGANIZATION = "messages", "ix_messages_organization"


def _boolean(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    """Make the tables, and find an organization's messages by position."""
    _make_tables()
    index(BY_ORGANIZATION, LOG, "organization_uuid", "seq")
    if on_postgresql():
        op.execute("CREATE SEQUENCE claims")
        for table in (SINKS, CURSORS, BATCHES):
            protect(table)


def _make_tables() -> None:
    op.create_table(
        SINKS,
        *texts("id", "organization_uuid", "name", "type"),
        _boolean("enabled"),
        *texts("configuration"),
        *blobs("credentials", "token_key"),
        *integers("inserted_at", "updated_at"),
        primary_key(SINKS, "id"),
        unique(SINKS, "organization_uuid", "name"),
        belongs(SINKS, ("organization_uuid",), "organizations", goes=False),
    )
    op.create_table(
        CURSORS,
        *texts("sink_id", "organization_uuid"),
        *integers("position", "objects", "records", "bytes"),
        *integers("delivered_at", nullable=True),
        primary_key(CURSORS, "sink_id"),
        belongs(CURSORS, ("sink_id",), SINKS, "id"),
    )
    op.create_table(
        BATCHES,
        *texts("sink_id", "organization_uuid"),
        *integers("first", "last", "records"),
        *texts("object_name"),
        _boolean("hash_tokens"),
        primary_key(BATCHES, "sink_id"),
        belongs(BATCHES, ("sink_id",), SINKS, "id"),
    )


def downgrade() -> None:
    """Forget every sink."""
    if on_postgresql():
        op.execute("DROP SEQUENCE claims")
    op.drop_index(BY_ORGANIZATION, LOG)
    for table in (BATCHES, CURSORS, SINKS):
        op.drop_table(table)
