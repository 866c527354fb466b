"""The tables of what was: a charger's connections, and what was to limit it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from storage.columns import Json, UtcTime, key_columns, metadata, of_charger

# One row for each connection that was let in; of those of one charger the newest are kept.
charger_connections = Table(
    "charger_connections",
    metadata,
    *key_columns(),
    Column("since", UtcTime, nullable=False),
    # NULL while it lasts.
    Column("until", UtcTime),
    Column("remote_address", Text, nullable=False),
    Column("subprotocol", Text, nullable=False),
    Column("security_profile", BigInteger, nullable=False),
    Column("close_code", BigInteger),
    Column("close_reason", Text),
    # What it has carried, once that is known: never where the server was killed.
    Column("frames_received", BigInteger),
    Column("frames_sent", BigInteger),
    Column("bytes_received", BigInteger),
    Column("bytes_sent", BigInteger),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "since"),
    of_charger(),
)
_OPEN = charger_connections.c.until.is_(None)
Index(
    "ix_charger_connections_open",
    charger_connections.c.organization_uuid,
    charger_connections.c.charge_box_id,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
Index(
    "ix_charger_connections_until",
    charger_connections.c.organization_uuid,
    charger_connections.c.until,
)

# What was to limit an EVSE, 0 the whole station, from a moment on; it holds until the next row.
limit_history = Table(
    "limit_history",
    metadata,
    *key_columns(),
    Column("evse_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    # For about a day: [seconds from then on, W or null, source or null], each until the next one.
    Column("steps", Json, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "evse_id", "at"),
    of_charger(),
)
Index("ix_limit_history_at", limit_history.c.organization_uuid, limit_history.c.at)
