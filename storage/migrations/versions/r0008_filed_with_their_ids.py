"""What is filed by charger is filed with its id: to look for one, the log need not be read."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import index, on_postgresql, texts

revision = "0008"
down_revision = "0007"

TABLE, COLUMN = "charger_messages", "message_id"
INDEX = "ix_charger_messages_id"
FILL = """
UPDATE charger_messages SET message_id = (
    SELECT message_id FROM messages WHERE messages.seq = charger_messages.seq)
"""


def upgrade() -> None:
    """Add the ids, also those of what was filed without them."""
    op.add_column(TABLE, *texts(COLUMN, nullable=True))
    op.execute(FILL)
    if on_postgresql():
        index(INDEX, TABLE, "organization_uuid", "charge_box_id", COLUMN)


def downgrade() -> None:
    """File positions alone."""
    if on_postgresql():
        op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, COLUMN)
