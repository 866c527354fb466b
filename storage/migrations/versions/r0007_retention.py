"""How long each organization keeps what, and how far it has been removed."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import index, integers

revision = "0007"
down_revision = "0006"

ORGANIZATIONS, READINGS = "organizations", "meter_readings"
RECEIVED = "ix_meter_readings_received"
COLUMNS = ("keep_messages", "keep_meter_values", "keep_commands", "keep_audit", "swept_at")


def upgrade() -> None:
    """Add what organizations may set, and find their readings by age."""
    for column in integers(*COLUMNS, nullable=True):
        op.add_column(ORGANIZATIONS, column)
    index(RECEIVED, READINGS, "organization_uuid", "received_at")


def downgrade() -> None:
    """Keep everything again."""
    op.drop_index(RECEIVED, READINGS)
    with op.batch_alter_table(ORGANIZATIONS) as batch:
        for name in COLUMNS:
            batch.drop_column(name)
