"""What was: the connections of chargers, and what was to limit them."""

from __future__ import annotations

from alembic import op

from storage.migrations.ddl import (
    belongs,
    index,
    integers,
    on_postgresql,
    primary_key,
    protect,
    texts,
)

revision = "0012"
down_revision = "0011"

CONNECTIONS, LIMITS = "charger_connections", "limit_history"
KEY = ("organization_uuid", "charge_box_id")


def upgrade() -> None:
    """Make the tables; what was before is not known."""
    op.create_table(
        CONNECTIONS,
        *texts(*KEY),
        *integers("since"),
        *integers("until", nullable=True),
        *texts("remote_address", "subprotocol"),
        *integers("security_profile"),
        *integers("close_code", nullable=True),
        *texts("close_reason", nullable=True),
        *integers("frames_received", "frames_sent", "bytes_received", "bytes_sent", nullable=True),
        primary_key(CONNECTIONS, *KEY, "since"),
        belongs(CONNECTIONS, KEY, "chargers"),
    )
    index("ix_charger_connections_open", CONNECTIONS, *KEY, where="until IS NULL")
    index("ix_charger_connections_until", CONNECTIONS, "organization_uuid", "until")
    op.create_table(
        LIMITS,
        *texts(*KEY),
        *integers("evse_id", "at"),
        *texts("steps"),
        primary_key(LIMITS, *KEY, "evse_id", "at"),
        belongs(LIMITS, KEY, "chargers"),
    )
    index("ix_limit_history_at", LIMITS, "organization_uuid", "at")
    if on_postgresql():
        for table in (CONNECTIONS, LIMITS):
            protect(table)


def downgrade() -> None:
    """Forget what was."""
    op.drop_table(LIMITS)
    op.drop_table(CONNECTIONS)
