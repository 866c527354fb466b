"""What is filed by charger is filed with its id: to look for one, the log need not be read."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import texts

revision = "0008"
down_revision = "0007"

TABLE, COLUMN = "charger_messages", "message_id"
FILL = """
UPDATE charger_messages SET message_id = (
    SELECT message_id FROM messages WHERE messages.seq = charger_messages.seq)
"""


def upgrade() -> None:
    """Add the ids, also those of what was filed without them."""
    op.add_column(TABLE, *texts(COLUMN, nullable=True))
    op.execute(FILL)


def downgrade() -> None:
    """File positions alone."""
    op.drop_column(TABLE, COLUMN)
