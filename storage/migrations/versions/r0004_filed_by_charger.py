"""Messages are filed by charger in bulk: an entry with each cost a page for each charger."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import index, integers, primary_key, texts

revision = "0004"
down_revision = "0003"

KEY = ("organization_uuid", "charge_box_id")
TABLE, INDEX = "charger_messages", "ix_messages_charger"
# The entry of nobody says how far the log has been filed.
FILE_ALL = """
INSERT INTO charger_messages (organization_uuid, charge_box_id, seq)
SELECT organization_uuid, charge_box_id, seq FROM messages WHERE answers IS NULL
UNION ALL SELECT '', '', max(seq) FROM messages HAVING max(seq) IS NOT NULL
ORDER BY organization_uuid, charge_box_id, seq
"""


def upgrade() -> None:
    """Make the table, file all that is there, and drop the index."""
    op.create_table(
        TABLE,
        *texts(*KEY),
        *integers("seq"),
        primary_key(TABLE, *KEY, "seq"),
        sqlite_with_rowid=False,
    )
    op.execute(FILE_ALL)
    op.drop_index(INDEX, "messages")


def downgrade() -> None:
    """Make the index again."""
    index(INDEX, "messages", *KEY, "seq", where="answers IS NULL")
    op.drop_table(TABLE)
