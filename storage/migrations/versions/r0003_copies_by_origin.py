"""Copies are found by the message alone: an entry by target cost a page for each message."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import index

revision = "0003"
down_revision = "0002"

NAME, PASSED_ON = "ix_messages_origin", "origin IS NOT NULL"


def upgrade() -> None:
    """Make the index again without the target."""
    op.drop_index(NAME, "messages")
    index(NAME, "messages", "origin", where=PASSED_ON)


def downgrade() -> None:
    """Make it again with the target."""
    op.drop_index(NAME, "messages")
    index(NAME, "messages", "proxy_configuration_id", "origin", where=PASSED_ON)
