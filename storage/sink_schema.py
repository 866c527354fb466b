"""
The tables of exports: where each goes, how far it has got, and the object that is being stored.

Cursor and batch go with their sink.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from storage.columns import Json, UtcTime, metadata, sink_id

sinks = Table(
    "sinks",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("configuration", Json, nullable=False),
    Column("credentials", LargeBinary, nullable=False),  # sealed
    Column("token_key", LargeBinary, nullable=False),  # sealed
    Column("inserted_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("organization_uuid", "name"),
)

# Everything up to the position is stored.
sink_cursors = Table(
    "sink_cursors",
    metadata,
    sink_id(),
    Column("organization_uuid", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("objects", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("delivered_at", UtcTime),
)

# Written before the object is, gone when it is stored: what is tried again is the same.
sink_batches = Table(
    "sink_batches",
    metadata,
    sink_id(),
    Column("organization_uuid", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("hash_tokens", Boolean, nullable=False),
)
